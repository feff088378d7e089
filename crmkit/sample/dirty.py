"""Defects planted in the sample company, one kind after the other, each listed with the rows that have it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crmkit.sample.dirt import Dirt
from crmkit.schema import TABLES

USUAL_SIZE = 2000
"""Customers of the company for which the numbers of defects below are meant; others have as many in proportion."""


def plant(tables: Mapping[str, pa.Table], rng: np.random.Generator) -> tuple[dict[str, pa.Table], dict[str, list]]:
    """Plant every kind of defect that `crmkit check` knows, as far as the tables can still be opened and measured.

    Parameters
    ----------
    tables : mapping of str to Arrow table
        All tables of the sample company.
    rng : numpy Generator

    Returns
    -------
    tables : dict of str to Arrow table
    truth : dict
        `defects`: one entry a kind, table and column: `kind` (a name of `quality_settings.RULES`), `table`, `column`,
        `rows` (days where something is silent or missing), `keys`, `how`. And what `duplicates.plant` lists.

    Examples
    --------
    >>> from crmkit.sample.company import found
    >>> from crmkit.sample.tables import everything
    >>> from crmkit.sample.world import World
    >>> small = dict(everything(found(World(customers=200, seed=1))))
    >>> dirty, truth = plant(small, np.random.default_rng(1))
    >>> {"closed_undated", "source_silent"} <= {defect["kind"] for defect in truth["defects"]}
    True
    """
    from crmkit.sample import duplicates

    scale = tables["customers"].num_rows / USUAL_SIZE
    tables, truth = duplicates.plant(tables, rng)
    dirt = Dirt(dict(tables), rng, scale)
    _spare_duplicates(dirt, truth)
    for step in (_stop, _empty, _times, _stages, _amounts, _values, _names, _twice, _relations, _columns):
        step(dirt)
    return dirt.tables, truth | {"defects": dirt.defects}


def _spare_duplicates(dirt: Dirt, truth: Mapping[str, list]) -> None:
    """Let no defect touch records that were entered twice, or that look so."""
    used = {"customers": set(), "leads": set()}
    for entry in (*truth["duplicates"], *truth["not_duplicates"]):
        used[entry["table"]].update(entry["ids"])
    used["leads"].update(entry["lead_id"] for entry in truth["leads_of_customers"])
    for table, ids in used.items():
        keys = dirt.values(table, TABLES[table].key[0])
        dirt.clean[table] = np.array([key not in ids for key in keys])


def _stop(dirt: Dirt) -> None:
    """Let a source, a user and a table fall silent, and days be missing; first, since rows go away."""
    since = datetime(2026, 4, 20)
    for column, value, instead in (("source", "Search ads", None), ("owner_id", "U002", "U001")):
        if value not in set(dirt.values("leads", column)):
            continue
        made, there = dirt.values("leads", "created_at"), dirt.values("leads", column)
        rows = [at for at, moment in enumerate(made) if there[at] == value and moment >= since]
        last = max(moment for at, moment in enumerate(made) if there[at] == value and moment < since)
        dirt.put("leads", column, rows, lambda _value, _at, instead=instead: instead)
        days = (datetime(2026, 9, 30) - datetime(last.year, last.month, last.day)).days
        dirt.tell("source_silent", "leads", column, days, [value], f"{value} is not written any more since {last:%F}")
    at = np.array(dirt.values("campaign_responses", "at"), "M8[s]")
    dirt.drop("campaign_responses", at >= np.datetime64("2026-08-03"))
    last = max(moment for moment in dirt.values("campaign_responses", "at"))
    days = (datetime(2026, 9, 30) - datetime(last.year, last.month, last.day)).days
    dirt.tell("table_silent", "campaign_responses", "at", days, [], "nothing was exported after 2 August")
    lost = ["2025-11-14", "2026-03-20", "2026-03-23"]
    day = np.array(dirt.values("activities", "at"), "M8[s]").astype("M8[D]")
    dirt.drop("activities", np.isin(day, np.array(lost, "M8[D]")))
    dirt.tell("days_missing", "activities", "at", len(lost), lost, "all activities of these days were lost")


def _empty(dirt: Dirt) -> None:
    """Empty cells that somebody needs; closing dates mostly of one owner."""
    outcome = np.array(dirt.values("opportunities", "outcome"))
    owner = np.array(dirt.values("opportunities", "owner_id"))
    busy = max(sorted(set(owner)), key=lambda name: int(((owner == name) & (outcome != "open")).sum()))
    mine = dirt.take("opportunities", 15, (outcome != "open") & (owner == busy))
    rows = sorted(mine + dirt.take("opportunities", 5, (outcome != "open") & (owner != busy)))
    dirt.put("opportunities", "closed_at", rows, _nothing)
    keys = dirt.values("opportunities", "opportunity_id")
    how = f"the closing date was not entered, mostly by {busy}"
    dirt.tell("closed_undated", "opportunities", "closed_at", len(rows), [keys[row] for row in rows], how)
    won, lost = outcome == "won", outcome == "lost"
    change = dirt.change
    change("required_empty", "leads", "created_at", 9, _nothing, "the time was not exported")
    change("won_without_amount", "opportunities", "amount", 8, _nothing, "nobody entered what it was won for", won)
    change("reason_missing", "opportunities", "lost_reason", 20, _nothing, "nobody asked why", lost)
    change("customer_missing", "opportunities", "customer_id", 15, _nothing, "no customer was chosen")
    change("customer_missing", "tickets", "customer_id", 10, _nothing, "the sender was not recognised")
    change("owner_missing", "opportunities", "owner_id", 7, _nothing, "nobody was assigned")
    became = [value is not None for value in dirt.values("leads", "converted_at")]
    rows = change("converted_to_nothing", "leads", "customer_id", 9, _nothing, "the link was not kept", became)
    dirt.put("leads", "opportunity_id", rows, _nothing)
    dirt.defects[-1]["column"] = "converted_at"


def _nothing(_value: Any, _at: int) -> None:
    return None


def _times(dirt: Dirt) -> None:
    """Put times out of order, into the far future, and to the first days of calendars."""
    closed = [value is not None for value in dirt.values("opportunities", "closed_at")]
    begun = dirt.values("opportunities", "created_at")
    rows = dirt.take("opportunities", 13, closed)
    dirt.put("opportunities", "closed_at", rows, lambda _value, at: begun[rows[at]] - timedelta(days=9 + 2 * (at % 15)))
    keys = dirt.values("opportunities", "opportunity_id")
    ids = {keys[row] for row in rows}
    dirt.tell("times_out_of_order", "opportunities", "closed_at", len(rows), sorted(ids), "closed too early")
    steps = [deal for deal in dirt.values("opportunity_stages", "opportunity_id") if deal in ids]
    how = "follows from opportunities that closed before they were created"
    dirt.tell("stage_outside", "opportunity_stages", "entered_at", len(steps), sorted(set(steps)), how)
    of = dirt.values("opportunity_stages", "opportunity_id")
    dirt.clean["opportunity_stages"] = np.array([deal not in ids for deal in of])

    solved = [value is not None for value in dirt.values("tickets", "resolved_at")]
    opened = dirt.values("tickets", "opened_at")
    rows = dirt.take("tickets", 9, solved)
    dirt.put("tickets", "resolved_at", rows, lambda _value, at: opened[rows[at]] - timedelta(hours=26 + at))
    keys = [dirt.values("tickets", "ticket_id")[row] for row in rows]
    dirt.tell("times_out_of_order", "tickets", "resolved_at", len(rows), keys, "resolved before it was opened")
    dirt.change(
        "future_date", "activities", "at", 6, lambda value, _: value.replace(day=1, year=2062), "a year of two digits"
    )
    old = datetime(1970, 1, 1)
    how = "0 seconds since the first day of Unix"
    dirt.change("default_date", "customers", "created_at", 7, lambda _value, _at: old, how)


def _stages(dirt: Dirt) -> None:
    """Let stages contradict outcomes, be unknown, be entered in the wrong order, and stand twice."""
    outcome = np.array(dirt.values("opportunities", "outcome"))
    won, still = outcome == "won", outcome == "open"
    how = "won, but left in its stage"
    dirt.change("stage_outcome", "opportunities", "stage", 6, lambda _value, _at: "Negotiation", how, won)
    how = "a stage that somebody added to the CRM"
    dirt.change("stage_unknown", "opportunities", "stage", 5, lambda _value, _at: "Verbal agreement", how, still)
    deal, at = dirt.values("opportunity_stages", "opportunity_id"), dirt.values("opportunity_stages", "entered_at")
    stage = dirt.values("opportunity_stages", "stage")
    first = [
        row + 1 < len(deal)
        and deal[row] == deal[row + 1]
        and (stage[row], stage[row + 1]) == ("Qualification", "Needs analysis")
        and at[row] < at[row + 1]
        and bool(dirt.clean["opportunity_stages"][row])
        for row in range(len(deal))
    ]
    rows = dirt.take("opportunity_stages", 12, first)
    free = dirt.clean["opportunity_stages"]
    for row in rows:
        free[row + 1] = False
    later = [row + 1 for row in rows]
    dirt.put("opportunity_stages", "entered_at", rows + later, lambda _value, place: at[(later + rows)[place]])
    how = "the times of two stages were exchanged"
    dirt.tell("stages_backward", "opportunity_stages", "stage", len(rows), [deal[row] for row in rows], how)
    rows = dirt.take("opportunity_stages", 25)
    again = dirt.tables["opportunity_stages"].take(rows).to_pylist()
    dirt.add("opportunity_stages", again)
    keys = [row["opportunity_id"] for row in again]
    dirt.tell("row_repeated", "opportunity_stages", "opportunity_id", len(rows), keys, "an export that overlapped")


def _amounts(dirt: Dirt) -> None:
    """Make amounts zero, negative, a thousand times too large, gross instead of net, and durations negative."""
    outcome = np.array(dirt.values("opportunities", "outcome"))
    amount = np.array(dirt.values("opportunities", "amount"), float)
    change, won, lost = dirt.change, outcome == "won", outcome == "lost"
    change("won_for_nothing", "opportunities", "amount", 9, lambda _value, _at: 0, "0 typed for not known", won)
    change("negative_amount", "opportunities", "amount", 5, lambda value, _: -value, "a credit typed as a deal", lost)
    kind = np.array(dirt.values("opportunities", "kind"))
    usual = (kind == "new") & (amount > np.nanmedian(amount[kind == "new"]))
    how = "thousands typed as units"
    change("far_out", "opportunities", "amount", 4, lambda value, _: value * 1000, how, usual & lost)
    change("out_of_bounds", "opportunities", "probability", 5, lambda _value, at: 40 + 5 * (at % 10), "per cent", lost)
    timed = [value is not None for value in dirt.values("activities", "duration_minutes")]
    how = "begin and end were exchanged"
    change("out_of_bounds", "activities", "duration_minutes", 6, lambda value, _: -value - 1, how, timed)
    sold = np.array(dirt.values("orders", "amount"), float) > 20
    change("lines_differ", "orders", "amount", 11, lambda value, _: round(value * 1.19, 2), "gross, not net", sold)


def _values(dirt: Dirt) -> None:
    """Write values that are none: addresses, ids, words for nothing, scores, years of birth, metrics of targets."""
    change = dirt.change
    ways = (lambda text: text.replace("@", " at "), lambda text: text.partition("@")[0], lambda _: "none given")
    written = [value is not None for value in dirt.values("customers", "email")]
    how = "the form let it pass"
    change("email_malformed", "customers", "email", 14, lambda value, at: ways[at % 3](value), how, written)
    rows = dirt.take("payments", 5)
    dirt.put("payments", "payment_id", rows, lambda _value, at: f"2.{60900 + at}E+11")
    keys = [dirt.values("payments", "payment_id")[row] for row in rows]
    how = "opened and saved in a spreadsheet"
    dirt.tell("spreadsheet_id", "payments", "payment_id", len(rows), keys, how)
    how = "an export that writes NULL for empty"
    change("word_for_nothing", "customers", "region", 11, lambda _value, _at: "NULL", how)
    survey = np.array(dirt.values("surveys", "survey"))
    change("off_scale", "surveys", "score", 6, lambda _value, _at: 7, "asked on 1 to 7", survey == "csat")
    score = np.array(dirt.values("surveys", "score"), float)
    rows = [int(row) for row in np.flatnonzero((survey == "nps") & (score == 0))]
    dirt.put("surveys", "score", rows, lambda _value, _at: 1)
    asked = int((survey == "nps").sum())
    dirt.tell("scale_suspect", "surveys", "score", asked, ["nps"], "asked on 1 to 10: there is no 0")
    born = [value is not None for value in dirt.values("customers", "birth_year")]
    change("age_impossible", "customers", "birth_year", 4, lambda _value, _at: 1890, "a year typed for another", born)
    metric = np.array(dirt.values("targets", "metric"))
    row = [int(np.flatnonzero(metric == "revenue")[0])]
    dirt.put("targets", "metric", row, lambda _value, _at: "revenu")
    dirt.tell("unknown_target", "targets", "metric", 1, ["revenu"], "a typing error")


def _names(dirt: Dirt) -> None:
    """Leave records that somebody made to try something, and names in a wrong encoding."""
    tried = ("Test", "asdf", "TEST 2", "Test GmbH", "qwertz", "dummy")
    how = "made to try something"
    dirt.change("test_name", "customers", "name", 6, lambda _value, at: tried[at % len(tried)], how)
    letters = "äöüéèçñ"
    foreign = [any(letter in name for letter in letters) for name in dirt.values("customers", "name")]
    dirt.change("broken_text", "customers", "name", 9, lambda value, _: _misread(value), "UTF-8 as CP1252", foreign)


def _misread(text: str) -> str:
    """Return UTF-8 as it looks when it is read as CP1252.

    >>> _misread("Müller")
    'MÃ¼ller'
    """
    return "".join(letter.encode().decode("cp1252") if letter in "äöüéèçñ" else letter for letter in text)


def _twice(dirt: Dirt) -> None:
    """Enter orders twice, with their lines, and let subscriptions overlap."""
    timed = [moment.hour + moment.minute + moment.second > 0 for moment in dirt.values("orders", "ordered_at")]
    rows = dirt.take("orders", 10, timed)
    again = dirt.tables["orders"].take(rows).to_pylist()
    new = {row["order_id"]: f"{row['order_id']}X" for row in again}
    lines = dirt.tables["order_lines"]
    copied = lines.filter(pc.is_in(lines["order_id"], pa.array(list(new), pa.string()))).to_pylist()
    dirt.add("orders", [row | {"order_id": new[row["order_id"]], "opportunity_id": None} for row in again])
    dirt.add("order_lines", [row | {"order_id": new[row["order_id"]]} for row in copied])
    dirt.tell("entered_twice", "orders", "order_id", len(rows), list(new.values()), "sent twice")
    runs = [value is None for value in dirt.values("subscriptions", "ended_at")]
    recent = [moment < date(2026, 6, 1) for moment in dirt.values("subscriptions", "started_at")]
    rows = dirt.take("subscriptions", 8, np.array(runs) & np.array(recent))
    more = []
    for row in dirt.tables["subscriptions"].take(rows).to_pylist():
        later = row["started_at"] + timedelta(days=61)
        more.append(row | {"subscription_id": f"{row['subscription_id']}X", "started_at": later})
    dirt.add("subscriptions", more)
    keys = [row["subscription_id"] for row in more]
    dirt.tell("overlapping", "subscriptions", "started_at", len(rows), keys, "the old one was not ended")


def _relations(dirt: Dirt) -> None:
    """Let orders name customers who are not there, and lose lines."""
    how = "the customer was deleted"
    dirt.change("orphan", "orders", "customer_id", 8, lambda _value, at: f"9{at:05d}", how)
    rows = dirt.take("orders", 14)
    keys = [dirt.values("orders", "order_id")[row] for row in rows]
    of = np.isin(np.array(dirt.values("order_lines", "order_id")), keys)
    dirt.drop("order_lines", of)
    dirt.tell("order_without_lines", "orders", "order_id", len(rows), keys, "the lines were not exported")


def _columns(dirt: Dirt) -> None:
    """Give a column one value throughout, and empty another."""
    every = range(dirt.tables["campaigns"].num_rows)
    dirt.put("campaigns", "expected_revenue", every, lambda _value, _at: 10000)
    dirt.tell("same_value", "campaigns", "expected_revenue", len(every), [], "the import wrote one value for all")
    every = range(dirt.tables["customers"].num_rows)
    dirt.put("customers", "gender", every, _nothing)
    dirt.tell("column_empty", "customers", "gender", len(every), [], "the column was exported without its values")
