"""The pages around the notebooks' pages: a report's front page, its numbers as a file, and the index of all reports."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit import notebook
from crmkit.report.page import frame

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
#: The numbers that the front page begins with, unless `metrics` in crm.toml names others.
HEADLINES = ("new_revenue", "revenue", "win_rate", "sales_cycle_days", "churn_rate", "nrr", "nps", "csat")
_NEXT = (
    "sales_velocity",
    "average_deal_size",
    "opportunities_created",
    "opportunities_open",
    "leads",
    "new_customers",
    "renewal_rate",
    "repeat_rate",
    "survey_answers",
)
"""What takes the place of headlines that the data cannot answer, before the rest of the scorecard."""
_NOISE = 1e-9  # what is left of two equal sums that were added up in another order
_FORMULA = re.compile(r"[\s\"']*[=+\-@|%\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\Z")


def kpis_csv(scorecard: pd.DataFrame) -> str:
    """Return a scorecard as CSV: numbers to 12 digits, unknown is empty, no cell that a spreadsheet would run.

    A text that begins like a formula gets an apostrophe in front, headers too; negative numbers stay numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> print(kpis_csv(pd.DataFrame({"metric": ["nps"], "value": [-35.9], "note": ["=1+1"]})), end="")
    metric,value,note
    nps,-35.9,'=1+1
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    plain = scorecard.reset_index(drop=True)
    writer.writerow([_safe_cell(str(name)) for name in plain.columns])
    for row in plain.itertuples(index=False, name=None):
        writer.writerow([_cell(value) for value in row])
    return text.getvalue()


def _cell(value: Any) -> str:
    """Write one value: numbers in full, dates in ISO form, texts made safe."""
    if _unknown(value):
        return ""
    if isinstance(value, str):
        return _safe_cell(value)
    if hasattr(value, "isoformat"):
        stamp = value.isoformat()
        return stamp.removesuffix("T00:00:00")
    if isinstance(value, list | tuple | dict) or (hasattr(value, "tolist") and not hasattr(value, "item")):
        return _safe_cell(json.dumps(value, ensure_ascii=False, default=str))
    item = value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value
    return _number(item) if isinstance(item, float) else _safe_cell(str(item))


def _number(value: float) -> str:
    """Write a number to 12 significant digits: the order in which parallel sums are added changes the 15th."""
    return repr(float(f"{value:.12g}")) if abs(value) >= _NOISE else "0.0"


def _unknown(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value  # noqa: PLR0124, only NaN differs from itself


def _safe_cell(text: str) -> str:
    text = re.sub(r"\r\n?", "\n", text)  # the csv module quotes the one, not the other
    if _FORMULA.match(text) and not _NUMBER.match(text):
        return "'" + text
    return text


def cards(scorecard: pd.DataFrame, *, headlines: Sequence[str] = (), currency: str, lang: str) -> str:
    """Return the first numbers of a scorecard as cards.

    Parameters
    ----------
    scorecard : DataFrame
    headlines : sequence of str
        The metrics wanted; by default `HEADLINES`. Where one is unknown in this data, the next of the scorecard is
        taken instead, so that a company with support tickets alone has a front page, too.
    currency, lang : str
    """
    wanted = list(headlines or HEADLINES)
    known = scorecard[scorecard["value"].notna()]
    place = {name: at for at, name in enumerate(dict.fromkeys([*wanted, *_NEXT]))}
    order = known["metric"].map(lambda name: place.get(name, len(place))).sort_values(kind="stable").index
    shown = known.loc[order].head(len(wanted))
    return notebook.cards(shown, currency=currency, lang=lang).html if len(shown) else ""


def all_reports(out: Path, *, lang: str) -> str:
    """Return the index of all reports in a folder, made from their run.json files alone, latest data first."""
    reports = []
    for path in sorted(out.glob("*/*/run.json")):
        try:
            run = json.loads(path.read_text(encoding="utf-8"))
            results = run["notebooks"]
            entry = {
                "href": f"{path.parent.parent.name}/{path.parent.name}/index.html",
                "company": str(run.get("company") or ""),
                "period": str(run["period"]),
                "as_of": str(run["as_of"]),
                "made": sum(result["status"] == "ok" for result in results),
                "failed": [str(result["name"]) for result in results if result["status"] == "failed"],
            }
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not one of ours
        reports.append(entry)
    reports.sort(key=lambda report: (report["as_of"], report["period"]), reverse=True)
    return frame("reports.html", lang=lang, reports=reports)
