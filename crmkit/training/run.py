"""Running a lesson as it is read, cell by cell, and keeping its outputs in the source notebook.

python -m crmkit.training.run [LESSON]…     what `make lessons` does
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from crmkit.training.lessons import find_lesson, lessons

COMPARED = "nbval-check-output"
"""The tag of cells whose outputs the tests compare."""
SECONDS = 60


def run(path: Path) -> dict[str, Any]:
    """Run a notebook in a kernel of its own and return it with its outputs, those of numbers marked to be compared.

    Raises
    ------
    CrmkitError
        Where a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    from crmkit.errors import CrmkitError

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", record_timing=False,
                            resources={"metadata": {"path": str(path.parent)}})  # fmt: skip
    try:
        client.execute()
    except CellExecutionError as error:
        raise CrmkitError(f"{path.name}: {error.ename}: {error.evalue}") from None
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            _mark(cell)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def _mark(cell: Any) -> None:
    tags = [tag for tag in cell.metadata.get("tags", []) if tag != COMPARED]
    if cell.outputs and not any(_drawn(output) for output in cell.outputs):
        tags.append(COMPARED)
    cell.metadata.pop("tags", None)
    if tags:
        cell.metadata["tags"] = tags


def _drawn(output: Any) -> bool:
    """Tell whether an output is a figure, whose pixels hang on the fonts of a machine, or a style sheet."""
    text = "".join(output.get("data", {}).get("text/html", ""))
    return "data:image" in text or "image/png" in output.get("data", {}) or "<style" in text


def main(names: list[str]) -> None:
    """Run the lessons named, or all, and keep their outputs."""
    import nbformat

    for path in [find_lesson(name) for name in names] or lessons():
        made = nbformat.writes(run(path))
        path.write_text(f"{made}\n", encoding="utf-8", newline="\n")
        print(path.name)


if __name__ == "__main__":
    main(sys.argv[1:])
