"""Which notebooks a report is made of, read and checked before any of them is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit.errors import CrmkitError, UsageError
from crmkit.report import parameters

if TYPE_CHECKING:
    import nbformat


@dataclass(frozen=True)
class Chosen:
    """A notebook that is to be run.

    Attributes
    ----------
    name : str
        The file's name without its ending, such as 02_retention.
    notebook : NotebookNode
    declared : mapping
        Its parameters by name.
    values : mapping
        Checked values of those that the user set.
    """

    name: str
    notebook: nbformat.NotebookNode
    declared: Mapping[str, parameters.Parameter]
    values: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Its first heading, for messages about pages that could not be made."""
        for cell in self.notebook.cells:
            for line in cell.source.splitlines():
                if cell.cell_type == "markdown" and line.startswith("# "):
                    return line.lstrip("# ").strip()
        return self.name

    @property
    def settings(self) -> list[tuple[str, str, str]]:
        """Name, value and help of its own parameters, as they are when it runs."""
        return [
            (name, str(self.values.get(name, parameter.default)), parameter.help)
            for name, parameter in self.declared.items()
            if name not in parameters.RESERVED
        ]


def choose(folder: Path, only: Sequence[str], settings: Mapping[str, str]) -> list[Chosen]:
    """Read the notebooks that are wanted, and check all that the user set.

    Parameters
    ----------
    folder : Path
        Holds files NN_name.ipynb.
    only : sequence of str
        Names, numbers, or names without their numbers; all where empty.
    settings : mapping of str to str
        Parameters as the user typed them.

    Raises
    ------
    UsageError
        If there is no such notebook or parameter, or a value is of the wrong type.
    CrmkitError
        If a notebook can't be read or its parameters cell is not as it has to be.
    """
    import nbformat

    found = {path.stem: path for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
    if not found:
        raise UsageError(f"There are no report notebooks (NN_name.ipynb) in {folder}.")
    names = [_match(wanted, list(found)) for wanted in only] or list(found)
    read = {}
    for name in sorted(set(names)):
        try:
            read[name] = nbformat.read(found[name], as_version=4)
        except (OSError, ValueError) as error:
            raise CrmkitError(f"The notebook {found[name]} can't be read: {error}.") from None
    declared = {name: parameters.declared(notebook, name=name) for name, notebook in read.items()}
    values = parameters.check(settings, list(declared.values()))
    return [Chosen(name, read[name], declared[name], given) for name, given in zip(read, values, strict=True)]


def _match(wanted: str, names: Sequence[str]) -> str:
    """Return the one notebook that a user means by its name, number or the name without its number."""
    asked = wanted.removesuffix(".ipynb")
    for name in names:
        if asked in (name, name[:2], name[3:]):
            return name
    near = get_close_matches(asked, [*names, *(name[3:] for name in names)], 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."
    raise UsageError(f"There is no notebook {wanted!r}. {hint}")
