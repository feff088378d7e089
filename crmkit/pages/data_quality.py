"""The page of data quality: which numbers may be trusted, what to mend first, how good tables are and become."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit import notebook
from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.metric import all_metrics, find
from crmkit.numbers import say
from crmkit.pages.overview import USUAL
from crmkit.pages.quality_line import gravity, place_in_words, titles
from crmkit.pages.showing import fold, grid, listed, quiet
from crmkit.quality import Inspection, inspect
from crmkit.quality.scores import by_owner, history, scores
from crmkit.quality_settings import DIMENSIONS, RULES
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm

CARDS = ("trusted", "clean_rows", "errors", "warnings")
NO, CARE, YES = "not yet", "with care", "yes"
MANY, SOME = 0.10, 0.01
"""Of the rows that a number is made from, the shares from which on it is not to be used, or used with care."""


def inspected(crm: Crm) -> Inspection:
    """Check the data, once: a report has done it already.

    Raises
    ------
    NotInThisData
        Where no table has a row.
    """
    found = inspect(crm)
    if not len(found.counted):
        raise NotInThisData("needs a table with rows")
    return found


def measurable(crm: Crm) -> list[str]:
    """Return the metrics that this data can answer."""
    return [name for name in all_metrics() if not lacks(crm, name)]


def main_numbers(crm: Crm) -> list[str]:
    """Return the numbers that matter, as far as this data can answer them: those of crm.toml, else the usual ones."""
    return [name for name in dict.fromkeys(crm.config.metrics or USUAL) if not lacks(crm, name)]


def grave(found: Inspection) -> list[dict[str, Any]]:
    """Return the errors and warnings, as records."""
    return [row for row in found.findings.to_dict("records") if row["severity"] != "note"]


def trust(found: Inspection, metrics: list[str]) -> pd.DataFrame:
    """Say of metrics whether they may be trusted, by the findings that touch them.

    "not yet" where an error touches it, or a warning in a tenth of the rows of a table that it is made from; "with
    care" where a warning touches a hundredth of the rows, a column as a whole, or days; "yes" otherwise, also where
    fewer rows are touched.

    Returns
    -------
    DataFrame
        One row a metric, the worst first: `metric`, `number`, `trust`, `because` (the gravest finding), `findings`.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("ab"), "created_at": ["2026-01-01", None]}})
    >>> trust(inspect(crm), ["leads", "nps"])[["number", "trust", "findings"]].values.tolist()
    [['Leads', 'not yet', 1], ['Net Promoter Score', 'yes', 0]]
    """
    rows = grave(found)
    made = []
    for name in metrics:
        touching = sorted((r for r in rows if name in r["metrics"]), key=lambda r: gravity(r, 1), reverse=True)
        verdict = max((_verdict(row) for row in touching), default=YES, key=(YES, CARE, NO).index)
        because = next((place_in_words(row) for row in touching if _verdict(row) == verdict), "")
        made.append((name, find(name).title, verdict, because, len(touching)))
    frame = pd.DataFrame(made, columns=["metric", "number", "trust", "because", "findings"])
    order = frame["trust"].map((NO, CARE, YES).index)
    return frame.assign(order=order).sort_values("order", kind="stable", ignore_index=True).drop(columns="order")


def _verdict(row: dict[str, Any]) -> str:
    if row["severity"] == "error" or (row["unit"] == "rows" and row["share"] >= MANY):
        return NO
    return CARE if row["unit"] != "rows" or row["share"] >= SOME else YES


def card(crm: Crm, found: Inspection) -> pd.DataFrame:
    """Make the headline numbers of the page, in the form of a scorecard."""
    judged = trust(found, measurable(crm))
    whole = scores(found).query("dimension == 'all'")[["rows", "broken"]].sum()
    kinds = found.findings["severity"].value_counts()
    untouched = int((judged["findings"] == 0).sum())
    usable = int((judged["trust"] == YES).sum())
    note = f"of {len(judged)} that this data can answer; {untouched} are touched by no finding at all"
    rows = [
        ("trusted", "Numbers that you may trust", "count", usable, note),
        ("clean_rows", "Rows without an error or warning", "share", 1 - whole["broken"] / whole["rows"], ""),
        ("errors", "Kinds of errors", "count", int(kinds.get("error", 0)), "not rows"),
        ("warnings", "Kinds of warnings", "count", int(kinds.get("warning", 0)), "not rows"),
    ]
    frame = pd.DataFrame(rows, columns=["metric", "title", "unit", "value", "note"])
    sizes = [None, int(whole["rows"]), None, None]
    return frame.assign(previous=None, verdict="", n=sizes, value=frame["value"].astype(float))


def answer(crm: Crm, found: Inspection) -> Html:
    """Say how many numbers may be trusted, which of those that matter may not, and what to mend first."""
    every = trust(found, measurable(crm))
    main = trust(found, main_numbers(crm))
    text = f"{int((every['trust'] == YES).sum())} of {len(every)} numbers may be trusted, as far as a check can tell."
    for verdict, words in ((NO, "Not yet"), (CARE, "With care")):
        names = list(main.loc[main["trust"] == verdict, "metric"])
        if names:
            text += f" {words}: {titles(names, most=3)}."
    first = ranked(found, main_numbers(crm))[:1]
    text += f" Mend first: {place_in_words(first[0])}." if first else " Nothing has to be mended."
    return notebook.answer("{}", text)


def ranked(found: Inspection, main: list[str]) -> list[dict[str, Any]]:
    """Return errors and warnings in the order in which to mend them: by rows and by how many numbers they touch.

    Each number that matters counts five times, each other one once.
    """
    few = set(main)

    def touched(row: dict[str, Any]) -> int:
        return 1 + len(row["metrics"]) + 4 * len(few & set(row["metrics"]))

    return sorted(grave(found), key=lambda row: gravity(row, touched(row)), reverse=True)


def mend(crm: Crm, found: Inspection, *, most: int = 3) -> Html:
    """List what to mend first: where, what it does to which numbers, who has most of it, and what to do."""
    main = main_numbers(crm)
    said = []
    for row in ranked(found, main)[:most]:
        share = f" ({say(row['share'], 'share')})" if row["unit"] == "rows" and row["rows"] else ""
        names = [name for name in row["metrics"] if name in main] or list(row["metrics"])
        touches = f" It touches {titles(names, most=4)}." if names else ""
        where = f" {row['where']}." if row["where"] else ""
        what = f"{place_in_words(row)}{share}".removesuffix(".")
        said.append(f"{what[:1].upper()}{what[1:]}. {row['effect']}{touches}{where} {row['advice']}")
    return listed(said) if said else quiet("Nothing has to be mended: no error and no warning was found.")


def trust_table(found: Inspection, metrics: list[str]) -> Html:
    """List the numbers that matter: those to be used with care or not yet in a table, the others in a sentence."""
    judged = trust(found, metrics)
    good = "; ".join(judged.loc[judged["trust"] == YES, "number"])
    rest = listed([f"Of the numbers that matter, these may be trusted: {good}."] if good else [])
    shown = judged.loc[judged["trust"] != YES, ["number", "trust", "because"]].reset_index(drop=True)
    if not len(shown):
        return rest
    first = grid(
        shown.rename(columns={"trust": "to be trusted?"}),
        caption="Numbers that matter, to be used with care or not yet",
    )
    return Html(first.html + rest.html, f"{first.text}\n\n{rest.text}")


def other_numbers(crm: Crm, found: Inspection) -> Html:
    """Fold away all other numbers that are not to be trusted without care."""
    main = set(main_numbers(crm))
    judged = trust(found, [name for name in measurable(crm) if name not in main])
    doubtful = judged[judged["trust"] != YES]
    if not len(doubtful):
        return quiet("All other numbers may be trusted.")
    shown = doubtful[["number", "trust", "because"]].rename(columns={"trust": "to be trusted?"})
    count = len(doubtful)
    summary = f"{count} other {'number is' if count == 1 else 'numbers are'} to be used with care or not yet"
    return fold(summary, grid(shown, caption="Other numbers", max_rows=200))


def heat(crm: Crm, found: Inspection) -> pd.DataFrame:
    """Return the scores of tables by dimension, for the heat table."""
    frame = scores(found)
    names = [name for name in ("all", *DIMENSIONS) if name in set(frame["dimension"])]
    every = pd.MultiIndex.from_product([frame["table"].unique(), names], names=["table", "dimension"])
    frame = frame.set_index(["table", "dimension"]).reindex(every).reset_index()
    frame.attrs |= {"as_of": crm.as_of, "repeated": True}
    return frame


def clean_tables(found: Inspection) -> Html:
    """Say in a line which tables have no error and no warning at all."""
    frame = scores(found).query("dimension == 'all'")
    clean = list(frame.loc[frame["broken"] == 0, "table"])
    if not clean:
        return quiet("Every table has at least one row with an error or a warning.")
    return listed([f"Without any error or warning in a row: {', '.join(clean)}."])


def over_time(crm: Crm, found: Inspection, *, most: int = 5, **how: Any) -> pd.DataFrame:
    """Return the scores of the tables with the lowest ones by the period in which rows were entered, `most` of them."""
    frame = _tried(crm, history, found, how, "Rows without an error or warning")
    if "table" in frame:
        summed = frame.groupby("table")[["rows", "broken"]].sum()
        worst = (summed["broken"] / summed["rows"]).sort_values(ascending=False, kind="stable").index[:most]
        frame = frame[frame["table"].isin(worst)].reset_index(drop=True)
    return frame


def owners(crm: Crm, found: Inspection, **how: Any) -> pd.DataFrame:
    """Return the score of each user by the period in which rows were entered, those with most to mend first."""
    frame = _tried(crm, by_owner, found, how, "Rows without an error or warning by owner")
    if "owner" in frame and "users" in crm.tables and "name" in crm.present["users"]:
        users = crm.tables["users"].select("user_id", "name").to_pyarrow().to_pylist()
        known = {row["user_id"]: row["name"] or row["user_id"] for row in users}
        twice = {name for name in known.values() if list(known.values()).count(name) > 1}
        frame["owner"] = [known[o] if known.get(o) and known[o] not in twice else o for o in frame["owner"]]
    if "owner" in frame:
        total = frame.groupby("owner")["broken"].transform("sum")
        said = frame.groupby("owner")["value"].transform("count") > 0
        order = frame.assign(total=total)[said].sort_values(["total", "owner", "period"], ascending=[False, True, True])
        frame = frame.loc[order.index].reset_index(drop=True)
    return frame


def _tried(crm: Crm, make: Callable[..., pd.DataFrame], found: Inspection, how: dict, title: str) -> pd.DataFrame:
    try:
        frame = make(found, until=crm.as_of, **how)
    except NotInThisData as error:
        frame = pd.DataFrame()
        frame.attrs["missing"] = str(error)
        return frame
    attrs = {"as_of": crm.as_of, "title": title, "unit": "share", "better": "up", "every": how.get("every", "month")}
    frame.attrs |= attrs
    return frame


def owner_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Compare the first with the second half of the periods, owner by owner, those with most broken rows first.

    Returns
    -------
    DataFrame
        `owner`, `rows`, `with errors or warnings`, `share without`, and that in the `first half` and the `second half`.
    """
    if frame.attrs.get("missing"):
        return frame
    periods = sorted(frame["period"].unique())
    late = frame["period"].isin(periods[len(periods) // 2 :])
    parts = {}
    for name, rows in (("all", frame), ("first", frame[~late]), ("second", frame[late])):
        summed = rows.groupby("owner")[["rows", "broken"]].sum()
        parts[name] = summed.assign(value=1 - summed["broken"] / summed["rows"])
    whole = parts["all"].sort_values(["broken", "rows"], ascending=[False, True], kind="stable")
    made = pd.DataFrame(
        {
            "owner": whole.index,
            "rows": whole["rows"].to_numpy(),
            "with errors or warnings": whole["broken"].to_numpy(),
            "share without": whole["value"].to_numpy(),
            "first half": parts["first"]["value"].reindex(whole.index).to_numpy(),
            "second half": parts["second"]["value"].reindex(whole.index).to_numpy(),
        }
    )
    return made


OWNER_UNITS = {
    "rows": "count", "with errors or warnings": "count", "share without": "share", "first half": "share",
    "second half": "share",
}  # fmt: skip


def findings_table(found: Inspection) -> Html:
    """List all errors and warnings with examples and what to do; notes are folded away."""
    shown = _told([row for row in found.findings.to_dict("records") if row["severity"] != "note"])
    notes = _told([row for row in found.findings.to_dict("records") if row["severity"] == "note"])
    first = quiet("No error and no warning was found.")
    if len(shown):
        first = grid(shown, caption="Errors and warnings", units={"rows": "count", "share": "share"}, max_rows=200)
    if not len(notes):
        return first
    count = len(notes)
    rest = fold(
        f"{count} {'note' if count == 1 else 'notes'}",
        grid(notes, caption="Notes", units={"rows": "count", "share": "share"}, max_rows=200),
    )
    return Html(first.html + rest.html, f"{first.text}\n{rest.text}")


def _told(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "finding": f"{'.'.join(p for p in (row['table'], row['column']) if p)} {row['finding']}".strip(),
                "kind": f"{row['severity']}, {row['dimension']}",
                "rows": row["rows"] if row["unit"] == "rows" and row["rows"] else None,
                "share": row["share"] if row["unit"] == "rows" and row["rows"] else None,
                "such as": ", ".join(row["examples"][:2]),
                "what to do": row["advice"],
            }
            for row in rows
        ],
        columns=["finding", "kind", "rows", "share", "such as", "what to do"],
    )


def left_out(found: Inspection) -> pd.DataFrame:
    """List which rows are left out of which numbers, and why.

    Returns
    -------
    DataFrame
        `left out of`, `rows`, `share` (of the table), `because`; the reason where nothing is left out.
    """
    rows = [row for row in grave(found) if row["left_out"] and row["metrics"]]
    made = pd.DataFrame(
        [
            {
                "left out of": titles(list(row["metrics"]), most=6),
                "rows": row["rows"],
                "share": row["share"],
                "because": f"{row['table']}.{row['column']} {row['finding']}",
            }
            for row in sorted(rows, key=lambda row: row["rows"], reverse=True)
        ]
    )
    if not len(made):
        made.attrs["missing"] = "no row is left out of any number for a defect"
    return made


def agreed(crm: Crm, found: Inspection) -> pd.DataFrame:
    """Check the page: every row was looked at, and the parts add up to the whole."""
    made = scores(found)
    rows = []
    whole = made[made["dimension"] == "all"]
    counted = sum(crm.rows.get(name, 0) for name in whole["table"])
    rows.append(_row("Rows looked at, and rows of these tables", whole["rows"].sum(), counted))
    parts = found.counted[found.counted["dimension"] == "all"]
    grouped = parts.groupby(parts["owner"].fillna("(none)"))["broken"].sum().sum()
    rows.append(_row("Rows with an error or warning, by owner and by table", grouped, whole["broken"].sum()))
    highest = made[made["dimension"] != "all"].groupby("table")["broken"].max().sum()
    most = made[made["dimension"] != "all"].groupby("table")["broken"].sum().sum()
    inside = min(max(float(whole["broken"].sum()), highest), most)
    rows.append(
        _row("They are no fewer than of the worst dimension, and no more than of all", whole["broken"].sum(), inside)
    )
    return pd.DataFrame(rows)


def _row(what: str, left: float, right: float) -> dict[str, Any]:
    return {"what": what, "left": float(left), "right": float(right), "unit": "count", "currency": ""}


def rules_table(crm: Crm) -> Html:
    """Fold away the list of all rules, those switched off in crm.toml marked, and the company's own."""
    settings = crm.config.quality
    rows = [(name, dimension, meaning, _state(settings, name)) for name, (dimension, meaning) in RULES.items()]
    rows = [row for row in rows if row[0] != "own_rule"]
    rows += [(rule.name, rule.dimension, f"{rule.table}.{rule.column}", "your own") for rule in settings.rules]
    frame = pd.DataFrame(rows, columns=["rule", "dimension", "what it finds", "state"])
    order = frame["dimension"].map(DIMENSIONS.index)
    frame = frame.assign(order=order).sort_values("order", kind="stable", ignore_index=True).drop(columns="order")
    return fold(f"{len(frame)} rules", grid(frame, caption="Rules of data quality", max_rows=200))


def _state(settings: Any, name: str) -> str:
    if name in settings.off:
        return "off"
    return "off in part" if any(other.endswith(f".{name}") for other in settings.off) else "on"


def defined(found: Inspection, main: list[str]) -> list[str]:
    """Return the metrics to define on the page: those that matter and that a finding touches, else all that matter."""
    touched = {name for row in grave(found) for name in row["metrics"]}
    return [name for name in main if name in touched] or main
