"""Blocks on duplicates: how many records are one, how sure that is, which ones, and what merging does to numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crmkit import notebook
from crmkit.errors import CrmkitError, NotInThisData
from crmkit.methods.duplicates import TABLES, THRESHOLD, Duplicates, leads_of_customers
from crmkit.methods.duplicates import duplicates as find_duplicates
from crmkit.methods.merge_effects import merge_effects, unmerged
from crmkit.numbers import say, say_change
from crmkit.pages.showing import absent, fold, listed, quiet
from crmkit.periods import Period
from crmkit.personal.readers import who
from crmkit.tables import Html, table

if TYPE_CHECKING:
    from crmkit.crm import Crm

_KEY = "duplicates"
MOVED = (
    "customers_at_end", "new_customers", "lost_customers", "churn_rate", "ordering_customers", "orders_per_customer",
    "revenue_per_customer", "repeat_rate", "customer_value", "clv_simple", "clv_margin", "cac", "ltv_to_cac", "nps",
    "csat", "ticket_rate", "leads", "lead_conversion_rate", "cost_per_lead", "campaign_leads", "response_rate",
)  # fmt: skip
"""Metrics that count customers or leads, or divide by them: these move when records are merged."""
_SPLIT = ("nps", "churn_rate", "customers_at_end")
"""Metrics that are also shown by segment."""


def found(crm: Crm, of: str = "customers", *, threshold: float = THRESHOLD) -> Duplicates | str:
    """Return the duplicates among customers or leads, looked for once; or in a sentence why there can be none."""
    key = (_KEY, of, threshold)
    if key not in crm.remembered:
        try:
            crm.remembered[key] = find_duplicates(crm, table=of, threshold=threshold)
        except NotInThisData:
            crm.remembered[key] = f"needs the table {of}"
        except CrmkitError as error:
            crm.remembered[key] = str(error)
    return crm.remembered[key]


def duplicates(
    crm: Crm, *, period: str | Period = "latest", threshold: float = THRESHOLD, show_names: bool = False, most: int = 8
) -> Html:
    """Show duplicates in one block: how many, how sure, the clearest ones, and what merging does to the numbers.

    Parameters
    ----------
    crm : Crm
    period : str or Period
        The period whose numbers are shown before and after.
    threshold : float
        The probability from which two records count as one.
    show_names : bool
        Whether names stand beside the ids where `crm` is the whole tables; they are personal.
    most : int
        Clusters shown.
    """
    parts = [headline(crm, threshold=threshold), scores(crm, threshold=threshold)]
    parts += [listing(crm, of, threshold=threshold, show_names=show_names, most=most) for of in TABLES]
    parts += [
        effects(crm, period=period, threshold=threshold),
        already_merged(crm, period=period),
        advice(crm, threshold=threshold),
    ]
    return _joined(parts)


def headline(crm: Crm, *, threshold: float = THRESHOLD) -> Html:
    """Say how many records are entered more than once, of customers and of leads, and how many leads are customers."""
    said = [_counted(of, found(crm, of, threshold=threshold)) for of in TABLES]
    if all(name in crm.tables for name in TABLES) and not any(isinstance(found(crm, of), str) for of in TABLES):
        said.append(_linked(_links(crm, threshold)))
    return listed([text for text in said if text]) if any(said) else absent("needs the table customers or leads")


def scores(crm: Crm, of: str = "customers", *, threshold: float = THRESHOLD) -> Html:
    """Draw how probable the pairs of records are, with the threshold from which they count as one."""
    from crmkit.plots.duplicates import match_scores

    made = found(crm, of, threshold=threshold)
    if isinstance(made, str):
        return absent(made)
    if not len(made.pairs):
        return listed([])
    source = f"{say(made.records, 'count')} {of}, {say(made.compared, 'count')} pairs with something in common compared"
    caption = (
        "Pairs left of the line are left apart. A threshold in an empty stretch decides little; many pairs just below "
        "it are worth a look."
    )
    return notebook.figure(match_scores(made.pairs, threshold=threshold, source=source), caption=caption)


def listing(
    crm: Crm, of: str = "customers", *, threshold: float = THRESHOLD, show_names: bool = False, most: int = 8
) -> Html:
    """List the largest and surest clusters: their ids, which record to keep, and why they are one.

    Names are personal: readers of a report see codes unless they may see names, and whoever opened the whole tables
    sees ids unless `show_names` is set. The evidence names no one.
    """
    made = found(crm, of, threshold=threshold)
    if isinstance(made, str) or not len(made.clusters):
        return listed([])
    rows = made.clusters[made.clusters["cluster"] <= most]
    shown = pd.DataFrame({"cluster": rows["cluster"]})
    if crm.readers is not None or show_names:
        shown[of[:-1]] = who(crm, rows["id"], table=of)
    else:
        shown[f"{of[:-1]}_id"] = rows["id"]
    shown["keep"] = rows["keep"].map({True: "keep", False: "merge"})
    shown["made"] = [f"{at:%Y-%m-%d}" if pd.notna(at) else "" for at in rows["created_at"]]
    shown["cells"], shown["evidence"] = rows["filled"], rows["evidence"]
    total = int(made.clusters["cluster"].max())
    caption = (
        f"{min(most, total)} of {total:,} clusters of {of}: the oldest record is kept"
        if total > 1
        else (f"The one cluster of {of}: the oldest record is kept")
    )
    return fold(
        f"{of.capitalize()} that are one: {min(most, total)} of {total:,} clusters",
        table(shown, caption=caption, numbers=["made"]),
    )


def effects(crm: Crm, *, period: str | Period = "latest", threshold: float = THRESHOLD, most: int = 12) -> Html:
    """Show the metrics that would move if the duplicates were merged, before and after, those that move most first."""
    made = [found(crm, of, threshold=threshold) for of in TABLES]
    maps = [one.merges for one in made if not isinstance(one, str) and len(one.clusters)]
    if not maps:
        return listed([])
    rows = merge_effects(crm, pd.concat(maps), period=period, metrics=MOVED)
    return _effects(crm, rows, pd.concat(maps), period, most, "If they are merged")


def already_merged(crm: Crm, *, period: str | Period = "latest", most: int = 12) -> Html:
    """Show what the merges.csv beside the tables did to the numbers; nothing where there is none."""
    before = unmerged(crm)
    if before is None:
        return listed([])
    rows = merge_effects(before, crm, period=period, metrics=MOVED)
    said = listed([note for note in crm.notes if "merged into" in note or "apart." in note or "after merging" in note])
    return _joined([said, _effects(before, rows, crm, period, most, "By merges.csv")])


def advice(crm: Crm, *, threshold: float = THRESHOLD) -> Html:
    """Say what to do with the duplicates that were found."""
    made = [found(crm, of, threshold=threshold) for of in TABLES]
    if not any(not isinstance(one, str) and len(one.clusters) for one in made):
        return listed([])
    return quiet(
        "crmkit duplicates --data FOLDER --to FOLDER/merges.csv writes the map of these merges. Look through it, "
        "remove or correct rows, or empty `into` where records are to stay apart; from then on all numbers respect "
        "it. The files of the tables stay as they are: merge in the CRM, too."
    )


def _linked(links: pd.DataFrame) -> str:
    if not len(links):
        return ""
    who = "1 open lead is a customer" if len(links) == 1 else f"{say(len(links), 'count')} open leads are customers"
    return f"{who} already, and nothing in the table says so: with their customer_id, conversion counts them."


def _counted(of: str, made: Duplicates | str) -> str:
    if isinstance(made, str):
        return "" if made.startswith("needs the table") else f"Duplicates of {of} were not looked for: {made}"
    if not made.extra:
        whole = say(made.records, "count")
        return f"None of the {whole} {of} is entered twice, as far as names, numbers and addresses tell."
    clusters = int(made.clusters["cluster"].max())
    share = say(made.extra / made.records, "share")
    return (
        f"{say(made.extra, 'count')} of {say(made.records, 'count')} {of} ({share}) are a second record of "
        f"{say(clusters, 'count')} who {'is' if clusters == 1 else 'are'} there already."
    )


def _links(crm: Crm, threshold: float) -> pd.DataFrame:
    key = (_KEY, "links", threshold)
    if key not in crm.remembered:
        crm.remembered[key] = leads_of_customers(crm, threshold=threshold)
    return crm.remembered[key]


def _effects(crm: Crm, rows: pd.DataFrame, after: object, period: str | Period, most: int, lead: str) -> Html:
    moved = rows[rows["changed"]].head(most)
    when = rows.attrs["period"]
    if not len(moved):
        return listed([f"{lead}, none of the {len(rows)} metrics of {when} that count customers or leads moves."])
    changed = int(rows["changed"].sum())
    top = moved.iloc[0]
    currency = crm.config.currency
    values = [say(top[name], top["unit"], currency=currency) for name in ("before", "after")]
    text = (
        f"{lead}, {changed} of {len(rows)} metrics of {when} that count customers or leads move; most for its size "
        f"{top['title']}, from {values[0]} to {values[1]}."
    )
    shown = _told(moved, currency)[["title", "before", "after", "change"]].rename(columns={"title": "metric"})
    units = {name: list(moved["unit"]) for name in ("before", "after")}
    caption = f"{lead}: numbers of {when} before and after"
    parts = [
        listed([text]),
        table(shown, caption=caption, units=units, numbers=["change"], currency=currency),
    ]
    if "customers" in crm.tables and "segment" in crm.present["customers"]:
        parts.append(_by_segment(crm, after, period, lead))
    return _joined(parts)


def _by_segment(crm: Crm, after: object, period: str | Period, lead: str) -> Html:
    rows = merge_effects(crm, after, period=period, metrics=_SPLIT, by="segment")
    rows = rows[rows["changed"]].sort_values(["metric", "segment"])
    if not len(rows):
        return listed([])
    currency, columns = crm.config.currency, ["title", "segment", "before", "after", "change"]
    shown = _told(rows, currency)[columns].rename(columns={"title": "metric"})
    units = {name: list(rows["unit"]) for name in ("before", "after")}
    caption = f"{lead}: by segment"
    return fold("By segment", table(shown, caption=caption, units=units, numbers=["change"], currency=currency))


def _told(rows: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Write changes with their sign and unit, those of shares in points."""
    columns = (rows[name] for name in ("after", "before", "unit"))
    return rows.assign(change=[say_change(*each, currency=currency) for each in zip(*columns, strict=True)])


def _joined(parts: list[Html]) -> Html:
    kept = [part for part in parts if part.html]
    return Html("".join(part.html for part in kept), "\n\n".join(part.text for part in kept))
