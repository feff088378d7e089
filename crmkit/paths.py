"""Where the report notebooks and the sample company are, wherever crmkit is installed."""

from __future__ import annotations

from pathlib import Path

from crmkit.errors import CrmkitError

_PACKAGE = Path(__file__).resolve().parent


def notebooks() -> Path:
    """Return the folder of the report notebooks.

    In a checkout it stands beside the package, in an installed wheel inside it. The working directory has no say:
    papermill starts kernels in one folder and JupyterLab in another.

    Raises
    ------
    CrmkitError
        If this installation came without its notebooks.

    Examples
    --------
    >>> notebooks().is_dir()  # doctest: +SKIP
    True
    """
    return _find("notebooks", inside="_notebooks", marker="[0-9][0-9]_*.ipynb")


def lessons() -> Path:
    """Return the folder of the lessons' source notebooks.

    Raises
    ------
    CrmkitError
        If this installation came without them.
    """
    return _find("notebooks/training", inside="_notebooks/training", marker="[0-9][0-9]_*.ipynb")


def sample_data() -> Path:
    """Return the folder of the sample company that `--data` defaults to.

    Raises
    ------
    CrmkitError
        If this installation came without the sample.
    """
    return _find("data/sample", inside="_sample_data", marker="customers.*")


def _find(beside: str, *, inside: str, marker: str) -> Path:
    """Return the first of the two homes of a folder that holds a file like `marker`."""
    homes = (_PACKAGE.parent / beside, _PACKAGE / inside)
    # A package in site-packages must not take a stranger's folder `notebooks` beside it for its own.
    if not (_PACKAGE.parent / "pyproject.toml").is_file():
        homes = homes[1:]
    for home in homes:
        if next(home.glob(marker), None) is not None:
            return home
    looked = " and ".join(str(home) for home in homes)
    raise CrmkitError(f"crmkit's own folder {beside} is missing from this installation: no {marker} in {looked}.")
