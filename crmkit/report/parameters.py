"""The parameters of a report notebook: what its `parameters` cell declares, and values checked against it.

The cell holds literals only, each as `name: type = default  # help`. The types are `str`, `int`, `float`, `bool`,
`list[str]` and, quoted because nothing is imported there, `"date"`. Values are converted by the declared type, never
by their looks: 00123 for a `str` stays 00123, and the country NO doesn't become False.
"""

from __future__ import annotations

import ast
import datetime as dt
import io
import math
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from crmkit.errors import CrmkitError, UsageError

if TYPE_CHECKING:
    import nbformat

#: Parameters that `crmkit report` sets itself, by options of their own.
RESERVED = {"data": "--data", "period": "--period"}
TYPES = ("str", "int", "float", "bool", "date", "list[str]")
_YES, _NO = ("true", "yes", "1", "on"), ("false", "no", "0", "off")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook.

    Attributes
    ----------
    name : str
    type : {"str", "int", "float", "bool", "date", "list[str]"}
    default : object
        The literal in the notebook.
    help : str
        The comment behind it.
    """

    name: str
    type: str
    default: Any
    help: str


def declared(notebook: nbformat.NotebookNode, *, name: str) -> dict[str, Parameter]:
    """Return the parameters that a notebook declares, in their order.

    Parameters
    ----------
    notebook : NotebookNode
    name : str
        What the notebook is called in messages.

    Raises
    ------
    CrmkitError
        If there is not exactly one cell tagged `parameters`, or a line in it is not `name: type = literal`, or `data`
        or `period` is missing.
    """
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise CrmkitError(
            f"{name} has {len(cells) or 'no'} cells tagged parameters; a report notebook has exactly one."
        )
    try:
        tree = ast.parse(cells[0].source)
    except SyntaxError as error:
        raise CrmkitError(f"{name}: the parameters cell is not Python: {error.msg} in line {error.lineno}.") from None
    comments = _comments(cells[0].source)
    found: dict[str, Parameter] = {}
    for line in tree.body:
        parameter = _parameter(line, comments)
        if parameter is None:
            raise CrmkitError(
                f"{name}: the parameters cell holds `{ast.unparse(line)}`; each line is `name: type = literal  # help` "
                f"with one of the types {', '.join(TYPES)}."
            )
        found[parameter.name] = parameter
    for required in RESERVED:
        if required not in found or found[required].type != "str":
            raise CrmkitError(f"{name}: the parameters cell lacks `{required}: str`.")
    return found


def _comments(source: str) -> dict[int, str]:
    """Return the comments of a source by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _parameter(line: ast.stmt, comments: Mapping[int, str]) -> Parameter | None:
    """Return what one line declares, or None where it is not `name: type = literal`."""
    if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None):
        return None
    hint = line.annotation
    written = hint.value if isinstance(hint, ast.Constant) else ast.unparse(hint)
    try:
        default = ast.literal_eval(line.value)
    except ValueError:
        return None
    if written not in TYPES:
        return None
    return Parameter(line.target.id, written, default, comments.get(line.end_lineno or line.lineno, ""))


def check(settings: Mapping[str, str], notebooks: Sequence[Mapping[str, Parameter]]) -> list[dict[str, Any]]:
    """Convert the settings given by a user, and return for each notebook those that it declares.

    Parameters
    ----------
    settings : mapping of str to str
        As given with `--set NAME=VALUE`.
    notebooks : sequence of mappings
        What `declared` returned for each notebook that is to be run.

    Raises
    ------
    UsageError
        If no notebook declares a name, or a value is not of the declared type.

    Examples
    --------
    >>> region = {"region": Parameter("region", "str", "", "")}
    >>> check({"region": "00123"}, [region, {}])
    [{'region': '00123'}, {}]
    """
    known = sorted({name for parameters in notebooks for name in parameters if name not in RESERVED})
    for name in settings:
        if name in RESERVED:
            raise UsageError(f"--set {name}=… is not for --set: use {RESERVED[name]}.")
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known) or 'none'}."
            raise UsageError(f"No notebook has a parameter {name!r}. {hint}")
    return [
        {name: convert(text, parameters[name]) for name, text in settings.items() if name in parameters}
        for parameters in notebooks
    ]


def convert(text: str, parameter: Parameter) -> Any:
    """Convert what a user typed by the declared type of the parameter.

    Raises
    ------
    UsageError
        If the text is not of that type.

    Examples
    --------
    >>> convert("no", Parameter("censored", "bool", True, ""))
    False
    >>> convert("1e3", Parameter("plan", "str", "", ""))
    '1e3'
    """
    try:
        return _CONVERTERS[parameter.type](text)
    except ValueError:
        wanted = _WANTED[parameter.type]
        raise UsageError(f"--set {parameter.name}={text}: {text!r} is not {wanted}.") from None


def _flag(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in _YES or lowered in _NO:
        return lowered in _YES
    raise ValueError


def _whole(text: str) -> int:
    if "_" in text:
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if "_" in text or not math.isfinite(number):
        raise ValueError
    return number


def _date(text: str) -> str:
    if len(text) != len("2026-11-21"):
        raise ValueError
    return dt.date.fromisoformat(text).isoformat()


def _texts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_CONVERTERS = {"str": str, "int": _whole, "float": _number, "bool": _flag, "date": _date, "list[str]": _texts}
_WANTED = {
    "str": "text",
    "int": "a whole number",
    "float": "a number, such as 0.25",
    "bool": "yes or no (true or false)",
    "date": "a date such as 2026-09-30",
    "list[str]": "a list such as north,south",
}
