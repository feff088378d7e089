"""Commands as one types them in a terminal, in a cell: what crmkit says stands under it, whether it worked or not."""

from __future__ import annotations

import atexit
import io
import shlex
import shutil
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

from crmkit.errors import UsageError


def workplace() -> Path:
    """Return an empty folder to work in; it is gone when Python ends.

    Examples
    --------
    >>> list(workplace().iterdir())
    []
    """
    made = Path(tempfile.mkdtemp(prefix="crmkit-lesson-")).resolve()
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def command(line: str, *, at: str | Path) -> None:
    """Run a command of crmkit as a terminal does that stands in a folder, and print what it says.

    Parameters
    ----------
    line : str
        The whole line, such as "crmkit import auto export".
    at : str or Path
        The folder in which the terminal stands: paths in the line begin there, and are printed as seen from there.

    Raises
    ------
    UsageError
        Where the line is no command of crmkit.

    Examples
    --------
    >>> command("crmkit check --data company", at=workplace())
    crmkit check: There is no folder or file 'company'. Give a folder of <table>.csv or .parquet files.
    """
    from crmkit.cli import main

    program, *options = shlex.split(line)
    if program != "crmkit":
        raise UsageError(f"{program!r} is no command of crmkit; write a line such as 'crmkit check --data company'.")
    said = io.StringIO()
    with chdir(at), redirect_stdout(said), redirect_stderr(said):
        main(options)
    print(said.getvalue().replace(f"{Path(at).resolve()}/", "").rstrip())
