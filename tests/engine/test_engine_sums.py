"""Sums come out the same however an engine is asked for them: as somebody would write it, or as it is fastest."""

from __future__ import annotations

from datetime import datetime

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from crmkit.engine.buckets import buckets
from crmkit.engine.conditions import shared, simplified
from crmkit.engine.measurement import Measurement
from crmkit.engine.query import plan
from crmkit.engine.sums import sums
from crmkit.kinds import Atom
from crmkit.metric import all_metrics, relations_of

NAN = float("nan")
DEALS = [
    {"closed": closed, "created": created, "outcome": outcome, "amount": amount}
    for closed in (datetime(2026, 3, 1), None)
    for created in (datetime(2026, 1, 1), datetime(2026, 5, 1), None)
    for outcome in ("won", "open", None)
    for amount in (5.0, -5.0, NAN, None)
]
"""Every combination of what is known and unknown."""

CONDITIONS = {
    "a value that is known": lambda t: t.closed.notnull(),
    "a value that is known, or else": lambda t: t.closed.notnull() | (t.outcome == "open"),
    "a known value that is unknown": lambda t: t.closed.isnull(),
    "unknown, or later": lambda t: t.closed.isnull() | (t.closed >= t.created),
    "another value unknown": lambda t: t.created.isnull() & (t.outcome == "won"),
    "a difference that is known": lambda t: (
        (t.closed.epoch_seconds() - t.created.epoch_seconds()) / 86400.0
    ).notnull(),
    "a quotient by nothing": lambda t: (t.amount / 0).notnull() & (t.amount > 0),
    "one thing and so not another": lambda t: (t.outcome == "won") & (t.outcome != "open"),
    "one thing and yet not it": lambda t: (t.outcome == "won") & (t.outcome != "won"),
    "one number, of whatever kind": lambda t: (t.amount == NAN) & (t.amount != NAN),
    "one day, of whatever type": lambda t: (
        (t.closed == ibis.date("2026-03-01")) & (t.closed != ibis.timestamp("2026-03-01"))
    ),
    "not one thing": lambda t: (t.outcome != "open") & (t.amount >= 0),
    "not unknown": lambda t: ~t.closed.isnull() & ~(t.amount > 0),
    "nested": lambda t: ((t.amount > 0) & (t.closed.notnull() | (t.amount > 3))) | (t.closed.isnull() & (t.amount < 0)),
    "twice the same": lambda t: (t.amount > 0) & (t.amount > 0) & t.closed.notnull(),
}


@pytest.fixture(scope="module")
def deals():
    """All combinations, as a table of an engine."""
    schema = {"closed": "timestamp", "created": "timestamp", "outcome": "string", "amount": "float64"}
    rows = pa.Table.from_pylist(DEALS, schema=ibis.schema(schema).to_pyarrow())  # pandas cannot tell nan from null
    return ibis.duckdb.connect().create_table("deals", rows)


def chosen(rows, where) -> int:
    """Count the rows that a condition chooses."""
    return (rows if where is None else rows.filter(where)).count().to_pyarrow().as_py()


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_simpler_condition_chooses_the_same_of_the_rows_in_which_a_value_is_known(deals, name):
    condition = CONDITIONS[name](deals)
    rows = deals.filter(deals.closed.notnull())
    assert chosen(rows, simplified(condition, known=deals.closed)) == chosen(rows, condition)


def test_the_time_since_ever_is_unknown():
    rows = ibis.duckdb.connect().sql("SELECT '2026-03-01'::timestamp AS closed, '-infinity'::timestamp AS created")
    known = (rows.closed.epoch_seconds() - rows.created.epoch_seconds()).notnull()
    assert chosen(rows, simplified(known, known=rows.closed)) == chosen(rows, known) == 0


def test_what_is_known_is_not_asked_again(deals):
    assert simplified(None, known=deals.closed) is None
    assert simplified(CONDITIONS["a value that is known, or else"](deals), known=deals.closed) is None
    shorter = simplified(CONDITIONS["one thing and so not another"](deals), known=deals.closed)
    assert shorter.equals(deals.outcome == "won")


def test_what_conditions_share_is_computed_once_and_they_choose_the_same(deals):
    wheres = [CONDITIONS[name](deals) for name in ("not one thing", "twice the same", "not unknown", "nested")]
    wheres += [(deals.amount > 0) & (deals.outcome == "won"), (deals.amount > 0) & (deals.outcome == "open"), None]
    rows, shorter = shared(deals, wheres)
    assert "shared_0" in rows.columns
    assert [chosen(rows, where) for where in shorter] == [chosen(deals, where) for where in wheres]
    taken = deals.rename(shared_0="amount")
    rows, (_, _, shorter) = shared(taken, [(taken.shared_0 > 0) & taken.closed.notnull()] * 3)
    assert chosen(rows, shorter & (rows.shared_0 == 5)) == chosen(deals, (deals.amount == 5) & deals.closed.notnull())


SUMMED = {
    "a flag": lambda t: t.amount > 0,
    "a number too large for its product": lambda t: ibis.ifelse(t.outcome == "won", 2**60, 1),
    "a grade": lambda t: t.amount * t.amount,
}
WHERES = {
    "the usual": lambda t: [t.outcome == "won", t.outcome == "open", (t.outcome == "won") & (t.amount > 0), None],
    "all and none": lambda t: [ibis.literal(True), ibis.literal(False), ibis.literal(True), ibis.literal(False)],
}


@pytest.mark.parametrize("keys", [[], ["created"]])
@pytest.mark.parametrize("wheres", WHERES)
@pytest.mark.parametrize("what", SUMMED)
def test_rows_that_are_alike_sum_up_to_what_all_rows_do(deals, what, wheres, keys):
    rows = deals.filter(deals.amount.isnull() | (deals.amount < 9))  # without nan, which is unequal to itself here
    wheres = WHERES[wheres](rows)
    atoms = {f"n{i}": Atom("count", None, where, rows.closed) for i, where in enumerate(wheres)}
    atoms |= {f"s{i}": Atom("sum", SUMMED[what](rows), where, rows.closed) for i, where in enumerate(wheres)}
    found = []
    for plainly in (True, False):
        made = sums(rows, {name: rows[name] for name in keys}, atoms, few={"outcome", "amount"}, plainly=plainly)
        each = (
            made.rows.group_by(**made.keys).agg(**made.found).order_by(*keys) if keys else made.rows.agg(**made.found)
        )
        found.append(each.to_pandas())
    pd.testing.assert_frame_equal(*found)


@pytest.mark.parametrize(("by", "alike"), [(None, True), ("segment", True), ("survey", True), ("customer_id", False)])
def test_rows_are_not_counted_twice_where_few_are_alike(small, by, alike):
    asked = Measurement(small, buckets(small, "2026-Q2", None), [by] if by else [], {}, [all_metrics()["nps"]], 0)
    assert ("rows_" in ibis.to_sql(asked.plans["surveys"].expression)) == alike


@pytest.mark.parametrize(
    ("relation", "by"),
    [
        ("surveys", []),
        ("surveys", ["segment"]),
        ("opportunities", []),
        ("opportunities", ["owner_id"]),
        ("purchases", []),
    ],
)
def test_summing_up_first_gives_the_sums_of_a_plain_query(small, relation, by):
    metrics = [m for m in all_metrics().values() if relations_of(m) == {relation} and not m.over]
    asked = Measurement(small, buckets(small, "2026-01-01/2026-07-01", "month"), by, {}, [], 0)
    atoms = [atom for metric in metrics for atom in asked.bound(metric).asked(intervals=True)]
    table, groups = asked.table(relation)
    plain, fast = (plan(relation, table, groups, atoms, asked.span, plainly=plainly) for plainly in (True, False))
    one, other = (
        made.expression.to_pandas().groupby(["start", *groups], dropna=False).first().astype(float)
        for made in (plain, fast)
    )
    pd.testing.assert_frame_equal(one, other, check_dtype=False, rtol=1e-12)
    assert not plain.expression.equals(fast.expression)  # else both asked the same way
    assert one.sum().gt(0).mean() > 0.8  # and there was something to add up
