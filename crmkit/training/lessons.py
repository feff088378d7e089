"""From the source of a lesson to the student's copy and the solution.

In a source notebook what stands between `### BEGIN SOLUTION` and `### END SOLUTION`, in code and in prose, is the
solution; nbgrader marks it so, too. The student's copy has a place for an answer there, and no outputs.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from crmkit import paths
from crmkit.errors import CrmkitError, UsageError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
TRAINER = "trainer"
"""The tag of cells that only the solution has."""
_BLOCK = re.compile(rf"^[ \t]*{BEGIN}[ \t]*\n(.*?)^[ \t]*{END}[ \t]*\n?", re.MULTILINE | re.DOTALL)
_MARKER = "lessons.json"
GLOSSARY = "glossary.html"
"""The page of all words, beside the lessons, which link to it."""


@dataclass(frozen=True)
class Built:
    """What `build` wrote: the folder, and the lessons' files in it."""

    folder: Path
    students: tuple[Path, ...]
    solutions: tuple[Path, ...]


def lessons() -> list[Path]:
    """Return the source notebooks of all lessons, in their order.

    Examples
    --------
    >>> [path.stem for path in lessons() if path.stem.startswith("02")]
    ['02_asking_customers']
    """
    return sorted(paths.lessons().glob("[0-9][0-9]_*.ipynb"))


def find_lesson(name: str) -> Path:
    """Return the lesson that is meant by a name or a part of it, such as 02, 2 or asking.

    Raises
    ------
    UsageError
        Where there is none, or several.
    """
    every = lessons()
    wanted = name.zfill(2) if name.isdigit() else name
    found = [path for path in every if path.stem == wanted or path.stem.startswith(f"{wanted}_")]
    found = found or [path for path in every if wanted.casefold() in path.stem.casefold()]
    if len(found) == 1:
        return found[0]
    names = [path.stem for path in every]
    near = get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(f"{'No' if not found else 'More than one'} lesson is called {name!r}.{hint} "
                     f"There are: {', '.join(names)}.")  # fmt: skip


def student(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a student's copy of a lesson: places for answers, no outputs, no cells of the trainer's."""
    made = copy.deepcopy(notebook)
    made["cells"] = [cell for cell in made["cells"] if TRAINER not in _tags(cell)]
    for cell in made["cells"]:
        _set(cell, _without_solution(_source(cell), cell["cell_type"]))
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            _untag(cell)
    return made


def solution(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the solution of a lesson, with its outputs and without the marks."""
    made = copy.deepcopy(notebook)
    for cell in made["cells"]:
        _set(cell, re.sub(rf"^[ \t]*({BEGIN}|{END})[ \t]*\n?", "", _source(cell), flags=re.MULTILINE).rstrip("\n"))
        _untag(cell)
    return made


def _without_solution(source: str, kind: str) -> str:
    if source.count(BEGIN) != source.count(END) or len(_BLOCK.findall(source + "\n")) != source.count(BEGIN):
        raise CrmkitError(f"A lesson has {BEGIN} without its {END}: {source[:60]!r}.")
    if BEGIN not in source:
        return source
    make = _place_for_code if kind == "code" else _place_for_words
    return _BLOCK.sub(make, source + "\n").rstrip("\n")


def _place_for_words(_found: re.Match[str]) -> str:
    return "*Your answer:*\n"


def _place_for_code(found: re.Match[str]) -> str:
    """Return `name = ...` for each name that the solution gives a value, so that the next cells find one."""
    names: dict[str, None] = {}
    for statement in ast.parse(found[1]).body:
        for target in getattr(statement, "targets", [getattr(statement, "target", None)]):
            names |= {node.id: None for node in ast.walk(target) if isinstance(node, ast.Name)} if target else {}
    lines = [f"{name} = ..." for name in names]
    return "\n".join(["# your answer in the place of the dots", *lines]) + "\n"


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def _set(cell: dict[str, Any], text: str) -> None:
    lines = text.split("\n")
    cell["source"] = [f"{line}\n" for line in lines[:-1]] + lines[-1:]


def _tags(cell: dict[str, Any]) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])


def _untag(cell: dict[str, Any]) -> None:
    """Take off the marks that are only for the tests."""
    kept = [tag for tag in _tags(cell) if not tag.startswith("nbval")]
    if kept:
        cell["metadata"]["tags"] = kept
    else:
        cell.get("metadata", {}).pop("tags", None)


def read(path: Path) -> dict[str, Any]:
    """Read a notebook."""
    return json.loads(path.read_text(encoding="utf-8"))


def text_of(notebook: dict[str, Any]) -> str:
    """Return a notebook as the text of its file."""
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def title(path: Path) -> str:
    """Return the title of a lesson: the first heading in it."""
    for cell in read(path)["cells"]:
        for line in _source(cell).splitlines():
            if cell["cell_type"] == "markdown" and line.startswith("# "):
                return line[2:].strip()
    return path.stem


def build(to: str | Path, *, lang: str = "en") -> Built:
    """Write the students' copies and the solutions of all lessons, with the glossary, and the trainer's plan.

    Parameters
    ----------
    to : str or Path
        The folder to write.
    lang : str
        The language of the glossary's meanings and formulas.

    Returns
    -------
    Built

    Raises
    ------
    UsageError
        Where the folder holds something else than former lessons, or lessons that somebody has worked in since, or
        the glossary has no such language.
    """
    target = Path(to)
    _check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as room:
        new = Path(room) / "new"
        for name, make in (("student", student), ("solutions", solution)):
            (new / name).mkdir(parents=True)
            for path in lessons():
                (new / name / path.name).write_text(text_of(make(read(path))), encoding="utf-8", newline="\n")
            _write_glossary(new / name, lang)
        plan = paths.lessons() / "TRAINER.md"
        if plan.is_file():
            shutil.copyfile(plan, new / plan.name)
        marker = {"made_by": "crmkit training build", "files": _prints(new)}
        (new / _MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        new.replace(target)
    found = [tuple(sorted((target / name).glob("*.ipynb"))) for name in ("student", "solutions")]
    return Built(target, *found)


def _check_target(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageError(f"{target} is a file; give a folder.")
    if any(target.iterdir()) and not (target / _MARKER).is_file():
        there = ", ".join(sorted(path.name for path in target.iterdir())[:5])
        raise UsageError(f"{target} holds something else ({there}). Choose an empty or new folder.")
    if any(target.iterdir()):
        made = json.loads((target / _MARKER).read_text(encoding="utf-8")).get("files", {})
        worked = sorted(name for name, mark in _prints(target).items() if made.get(name) != mark)
        if worked:
            raise UsageError(f"{target / worked[0]} was changed since it was built: somebody's work would be lost. "
                             "Choose another folder.")  # fmt: skip


def _prints(folder: Path) -> dict[str, str]:
    """Return a fingerprint of each file of a built folder, by its name in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / _MARKER)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def take(name: str, folder: str | Path, *, lang: str = "en") -> Path:
    """Put a student's copy of a lesson and the glossary into a folder, where they aren't there yet; return its path.

    A copy that is there stays as it is: somebody works in it.
    """
    source = find_lesson(name)
    path = Path(folder) / source.name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(student(read(source))), encoding="utf-8", newline="\n")
    if not (path.parent / GLOSSARY).exists():
        _write_glossary(path.parent, lang)
    return path


def _write_glossary(folder: Path, lang: str) -> None:
    from crmkit.pages.glossary import write

    write(folder / GLOSSARY, lang=lang)
