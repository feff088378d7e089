"""The quiet line on each page that says which findings of data quality touch its numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from crmkit.metric import find
from crmkit.tables import Html, safe

if TYPE_CHECKING:
    import pandas as pd

    from crmkit.crm import Crm

PAGE = "page 18, Data quality"
MOST = 2


def quality_line(crm: Crm, metrics: Iterable[str]) -> Html:
    """Say in one line which errors and warnings touch the numbers of a page; nothing where none does.

    A report shows it below the headline numbers. The check is done once for a report, and once for an open `Crm`.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("ab"), "created_at": ["2026-01-01"] * 2,
    ...     "closed_at": ["2026-02-01", None], "outcome": ["won", "lost"]}})
    >>> print(quality_line(crm, ["win_rate", "nps"]).text.partition(" → ")[0])
    Data quality: 1 row of opportunities: closed_at is empty though it was won or lost (Win rate)
    """
    from crmkit.quality import inspect

    text = quality_text(inspect(crm).findings, set(metrics))
    return Html(f'<p class="crm-quality quiet small">{safe(text)}</p>' if text else "", text)


def quality_text(findings: pd.DataFrame, metrics: Collection[str], *, most: int = MOST) -> str:
    """Write the line about some metrics: the gravest findings in words, the others counted."""
    rows = [row for row in findings.to_dict("records") if row["severity"] != "note"]
    touching = [(row, [name for name in row["metrics"] if name in metrics]) for row in rows]
    touching = [pair for pair in touching if pair[1]]
    if not touching:
        return ""
    touching.sort(key=lambda pair: gravity(pair[0], len(pair[1])), reverse=True)
    said = [f"{place_in_words(row)} ({titles(names)})" for row, names in touching[:most]]
    more = len(touching) - most
    rest = f"; and {more} more {'finding' if more == 1 else 'findings'}" if more > 0 else ""
    return f"Data quality: {'; '.join(said)}{rest} → {PAGE}"


def gravity(finding: dict[str, Any], touched: int) -> tuple:
    """Rank findings: errors first, then by the share of rows times the number of metrics that they touch.

    A finding on days or on a column as a whole counts as one row in fifty at least: it has no share of its own.
    """
    share = max(finding["share"], 0.02) if finding["unit"] == "days" else finding["share"]
    return (finding["severity"] == "error", share * touched, finding["rows"], finding["table"], finding["column"])


def place_in_words(finding: dict[str, Any]) -> str:
    """Write where and what: 12 rows of opportunities: closed_at is empty."""
    what = f"{finding['column']} {finding['finding']}".strip()
    if finding["unit"] == "column":
        return f"{finding['table']}: {what}"
    if finding["unit"] == "days" or not finding["rows"]:
        return f"{finding['table']}: {finding['finding'].removeprefix('has ')}"
    count = finding["rows"]
    return f"{count:,} {'row' if count == 1 else 'rows'} of {finding['table']}: {what}"


def titles(names: list[str], *, most: int = 2) -> str:
    """List the titles of the first few metrics, and how many more there are.

    >>> titles(["win_rate", "nps", "revenue"])
    'Win rate; Net Promoter Score and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(find(name).title for name in names[:most]) + more
