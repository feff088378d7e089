"""Frames as small accessible HTML tables, with in-cell bars, status marks and spark lines.

Everything that comes from data is escaped: values, index, column names, captions. A table has a caption, its headers
say what they head (`scope`), numbers are set right in figures of equal width, and what is unknown is a dash. The same
cells are also given as plain text, so that a notebook without HTML still reads.

CSS classes: `crm-table` on the table, `num` on cells of numbers, `crm-status` with `good`, `bad` or `flat`, `crm-more`
on the line that says how many rows were left out, `crm-spark` on the spark line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from crmkit.errors import UsageError
from crmkit.marks import Html, mark, missing, safe, spark
from crmkit.numbers import UNKNOWN, as_number, common_digits, grain, say, say_interval, say_period

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Html", "mark", "measured_table", "safe", "spark", "table"]

_FILL = "#d6e6f2"
_MONEY = ("money", "money_per_day")
_LONG = 1e9
_WORDY = 18  # letters from which a row's name gets room, instead of a line for each of its words
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MEASURED = ("metric", "period", "value", "low", "high", "n", "numerator", "denominator", "note", "95% interval")


def table(
    frame: pd.DataFrame | pd.Series,
    *,
    caption: str,
    units: Mapping[str, str | Sequence[str]] | None = None,
    formats: Mapping[str, Callable[[Any], object]] | None = None,
    names: Mapping[str, str] | None = None,
    bars: Sequence[str] = (),
    status: Sequence[str] = (),
    sparks: Sequence[str] = (),
    numbers: Sequence[str] = (),
    currency: str = "",
    lang: str = "en",
    max_rows: int = 60,
) -> Html:
    """Make an accessible HTML table of a frame.

    Parameters
    ----------
    frame : DataFrame or Series
        Small; what lies beyond `max_rows` is counted and said, not shown. The index becomes the row headers; where it
        only counts the rows, the first column of text or periods does.
    caption : str
        What the table says; tables without one can't be found by those who listen to the page.
    units : mapping, optional
        Column to unit (see `numbers.UNITS`), or to one unit a row where a column mixes metrics. Money is written out,
        but from ten digits on it is shortened ("¥1.23B"), with all of its column: nobody reads more.
    formats : mapping, optional
        Column to a function from value to text (escaped) or `Html` (taken as it is). Wins over `units`.
    names : mapping, optional
        Column to the heading that people read.
    bars : sequence of str
        Columns of numbers that get a bar behind the number, on a scale from 0 to the column's largest size.
    status : sequence of str
        Columns that hold a key of `marks.STATUS`, or any word: shown as mark and word.
    sparks : sequence of str
        Columns whose cells are lists of numbers: shown as a line.
    numbers : sequence of str
        Columns of text that are numbers already written out, such as intervals: set right, and never broken.
    currency, lang : str
    max_rows : int

    Returns
    -------
    Html

    Raises
    ------
    UsageError
        If `units`, `formats`, `bars`, `status`, `sparks` or `numbers` name a column that isn't there.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = table(pd.DataFrame({"owner": ["Ewa <1>", "Ken"], "rate": [0.631, None]}), caption="Win rate",
    ...               units={"rate": "share"})
    >>> shown
    Win rate
    owner     rate
    Ewa <1>  63.1%
    Ken          –
    >>> '<th scope="row">Ewa &lt;1&gt;</th><td class="num">63.1%</td>' in shown.html
    True
    """
    frame = frame.to_frame() if hasattr(frame, "to_frame") else frame
    units, formats, names = dict(units or {}), dict(formats or {}), dict(names or {})
    _refuse_unknown(frame, {*units, *formats, *bars, *status, *sparks, *numbers})
    shown = frame.iloc[:max_rows]
    columns = []
    if not _only_counts(frame):
        for level in range(frame.index.nlevels):
            name = frame.index.names[level]
            values = shown.index.get_level_values(level)
            columns.append(_Column(_heading(name, names), "row", [_plain(v, values, lang) for v in values]))
    for at, name in enumerate(frame.columns):
        values, everything = shown.iloc[:, at], frame.iloc[:, at]
        if name in formats:
            cells = [_custom(formats[name](v)) for v in values]
        elif name in sparks:
            cells = [spark(v if _several(v) else (), unit=_one(units.get(name)), lang=lang) for v in values]
        elif name in status:
            cells = [mark(v) for v in values]
        elif _numeric(everything) or name in units:
            unit = units.get(name, "")
            each = [unit] * len(shown) if isinstance(unit, str) else list(unit)[: len(shown)]
            digits = common_digits(everything, unit, currency=currency) if isinstance(unit, str) else None
            shortened = unit in _MONEY and _is_long(everything.abs().max()) if _numeric(everything) else False
            cells = [
                say(v, u, currency=currency, lang=lang)
                if shortened or (u in _MONEY and _is_long(v))
                else say(v, u, currency=currency, lang=lang, compact=False, digits=digits)
                for v, u in zip(values, each, strict=True)
            ]
        else:
            cells = [_plain(v, everything, lang) for v in values]
        kind = "num" if _numeric(everything) or name in numbers or (name in units and name not in sparks) else ""
        style = _bar_styles(everything, values) if name in bars else None
        columns.append(_Column(_heading(name, names), kind, cells, style))
    if columns and not any(c.kind == "row" for c in columns) and columns[0].kind == "":
        columns[0] = _Column(columns[0].heading, "row", columns[0].cells)
    left = len(frame) - len(shown)
    return Html(_as_html(columns, len(shown), caption, left), _as_text(columns, len(shown), caption, left))


def measured_table(
    frame: pd.DataFrame,
    *,
    caption: str,
    unit: str = "",
    currency: str = "",
    lang: str = "en",
    every: str = "",
    names: Mapping[str, str] | None = None,
    max_rows: int = 60,
) -> Html:
    """Make the table twin of a measured frame: periods written out, the interval in one column, empty columns left out.

    `unit` is that of value, low and high. Columns that say the same in all rows (one metric, no notes) are left out.
    """
    shown = frame.copy()
    if "period" in shown and "datetime" in str(shown["period"].dtype):
        every = every or grain(shown["period"])
        shown["period"] = [say_period(start, every) for start in shown["period"]]
    units = {column: unit for column in ("value", "low", "high") if column in shown}
    if {"low", "high"} <= set(shown):
        spans = [
            say_interval(a, b, unit, currency=currency, lang=lang)
            for a, b in zip(shown["low"], shown["high"], strict=True)
        ]
        shown = shown.drop(columns=["low", "high"])
        units = {"value": unit} if "value" in shown else {}
        if any(span != UNKNOWN for span in spans):
            shown.insert(list(shown.columns).index("value") + 1 if "value" in shown else 0, "95% interval", spans)
    for name in [c for c in shown if c not in _MEASURED and shown[c].dtype.kind not in "iuf"]:
        shown[name] = ["(none)" if missing(v) else v for v in shown[name]]
    drop = [c for c in ("metric",) if c in shown and shown[c].nunique() <= 1]
    drop += [c for c in ("note", "period") if c in shown and (shown[c].isna() | shown[c].isin(["", UNKNOWN])).all()]
    drop += [c for c in ("numerator", "denominator") if c in shown and shown[c].isna().all()]
    if "note" in shown and "note" not in drop and len(set(shown["note"])) == 1:  # the same for all: said once
        caption, drop = f"{caption} · {shown['note'].iloc[0]}", [*drop, "note"]
    shown = shown.drop(columns=drop).reset_index(drop=True)
    written = [name for name in ("95% interval",) if name in shown]
    return table(
        shown, caption=caption, units=units, names=names, numbers=written, currency=currency, lang=lang,
        max_rows=max_rows,
    )  # fmt: skip


@dataclass(frozen=True)
class _Column:
    heading: str
    kind: str  # "row" for row headers, "num" for numbers, "" for text
    cells: list[str | Html]
    styles: list[str] | None = None


def _refuse_unknown(frame: pd.DataFrame, asked: set[str]) -> None:
    if unknown := sorted(str(a) for a in asked if a not in frame.columns):
        there = ", ".join(str(c) for c in frame.columns) or "none"
        raise UsageError(f"the table has no column {unknown[0]!r}: its columns are {there}")


def _one(unit: str | Sequence[str] | None) -> str:
    return unit if isinstance(unit, str) else ""


def _only_counts(frame: pd.DataFrame) -> bool:
    """Tell whether the index is nobody's name: unnamed whole numbers."""
    index = frame.index
    return index.nlevels == 1 and index.name is None and index.dtype.kind in "iu"


def _is_long(amount: object) -> bool:
    """Tell whether an amount has ten digits or more."""
    number = as_number(amount)
    return number is not None and abs(number) >= _LONG


def _several(history: object) -> bool:
    """Tell whether a line has two points at least."""
    return history is not None and sum(not missing(value) for value in history) > 1


def _numeric(values: pd.Series) -> bool:
    return values.dtype.kind in "iufc" or str(values.dtype) in ("Int64", "Float64", "Int32", "Float32")


def _heading(name: object, names: Mapping[str, str]) -> str:
    if name is None:
        return ""
    if isinstance(name, tuple):
        return " · ".join(str(part) for part in name if str(part))
    return names.get(name, str(name).replace("_", " ") if str(name).isidentifier() else str(name))


def _custom(made: object) -> str | Html:
    return made if isinstance(made, Html) else str(made)


def _plain(value: object, among: Iterable[object], lang: str) -> str:
    """Write a cell by its own type: flag, date, number or text."""
    if missing(value):
        return UNKNOWN
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return "yes" if value else "no"
    if hasattr(value, "isoformat") and hasattr(value, "year"):
        clock = any(getattr(value, part, 0) for part in ("hour", "minute", "second"))
        return value.strftime("%Y-%m-%d %H:%M") if clock else say_period(value)
    if type(value).__module__ in ("builtins", "numpy", "decimal") and not isinstance(
        value, str | list | tuple | dict | set
    ):
        try:
            return say(value, "", lang=lang)
        except UsageError:
            pass
    return str(value)


def _bar_styles(everything: pd.Series, values: pd.Series) -> list[str]:
    sizes = [abs(as_number(v) or 0.0) for v in everything]
    top = max((s for s in sizes if s != float("inf")), default=0.0)
    styles = []
    for value in values:
        share = 0.0 if not top else min(abs(as_number(value) or 0.0) / top, 1.0) * 100
        styles.append(f"background:linear-gradient(90deg,var(--crm-bar,{_FILL}) {share:.1f}%,transparent 0)")
    return styles


def _as_html(columns: list[_Column], rows: int, caption: str, left: int) -> str:
    out = [f'<table class="crm-table"><caption>{safe(caption)}</caption><thead><tr>']
    out += [f'<th scope="col"{_class(c.kind)}>{safe(c.heading)}</th>' for c in columns]
    out.append("</tr></thead><tbody>")
    days = [c for c in columns if c.kind == "" and _only_days(c.cells)]
    longest = max((len(str(cell)) for cell in columns[0].cells), default=0) if columns else 0
    wordy = ' class="wordy"' if longest > _WORDY else ""
    for i in range(rows):
        out.append("<tr>")
        for c in columns:
            cell = c.cells[i].html if isinstance(c.cells[i], Html) else safe(c.cells[i])
            if c.kind == "row":
                out.append(f'<th scope="row"{wordy if c is columns[0] else ""}>{cell}</th>')
            else:
                style = f' style="{c.styles[i]}"' if c.styles else ""
                out.append(f"<td{_class('day' if c in days else c.kind)}{style}>{cell}</td>")
        out.append("</tr>")
    if not rows:
        out.append(f'<tr><td colspan="{max(len(columns), 1)}">no rows</td></tr>')
    out.append("</tbody>")
    if left:
        out.append(f'<tfoot><tr><td class="crm-more" colspan="{len(columns)}">{_more(left)}</td></tr></tfoot>')
    return "".join(out) + "</table>"


def _only_days(cells: Sequence[str | Html]) -> bool:
    """Tell whether a column of text holds days, which are not to be broken at their hyphens."""
    return any(cell != UNKNOWN for cell in cells) and all(
        cell == UNKNOWN or (isinstance(cell, str) and _DAY.fullmatch(cell)) for cell in cells
    )


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind in ("num", "day") else ""


def _more(left: int) -> str:
    return f"… and {left:,} more {'row' if left == 1 else 'rows'}"


def _as_text(columns: list[_Column], rows: int, caption: str, left: int) -> str:
    lines = [caption] if caption else []
    texts = [[c.heading, *(cell.text if isinstance(cell, Html) else cell for cell in c.cells)] for c in columns]
    wide = [max(map(_width, column)) for column in texts]
    for i in range(rows + 1):
        cells = [
            " " * (wide[j] - _width(column[i])) + column[i]
            if columns[j].kind == "num"
            else column[i] + " " * (wide[j] - _width(column[i]))
            for j, column in enumerate(texts)
        ]
        lines.append("  ".join(cells).rstrip())
    if left:
        lines.append(_more(left))
    return "\n".join(lines)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)
