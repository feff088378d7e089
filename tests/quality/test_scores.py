"""Scores by hand: rows with an error or warning over rows, by dimension, month and owner."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData
from crmkit.quality import inspect
from crmkit.quality.scores import by_owner, history, scores
from crmkit.source import examine


def deals(rows=40):
    """Return opportunities of two months and two owners: in the second month Ben leaves customers out."""
    half = rows // 2
    made = ["2026-01-05"] * half + ["2026-02-05"] * half
    owner = ["Ann", "Ben"] * half
    customer = [
        "x" if month.startswith("2026-01") or who == "Ann" else None for month, who in zip(made, owner, strict=True)
    ]
    return {
        "opportunities": {
            "opportunity_id": [str(n) for n in range(rows)],
            "created_at": made,
            "outcome": ["won"] * rows,
            "closed_at": ["2026-03-01"] * (rows - 1) + [None],
            "owner_id": owner,
            "customer_id": customer,
        }
    }


@pytest.fixture(scope="module")
def found():
    return inspect(crmkit.open(deals()))


def test_a_row_with_two_warnings_counts_once_in_all(found):
    value = scores(found).set_index("dimension")
    assert value.loc["completeness", ["rows", "broken"]].tolist() == [
        40,
        10,
    ]  # the last lacks its date and its customer
    assert value.loc["all", "broken"] == 10
    assert value.loc["all", "value"] == pytest.approx(0.75)
    assert value.loc["consistency", "value"] == 1.0


def test_the_months_and_owners_add_up_to_the_table(found):
    past = history(found)
    assert past[["rows", "broken"]].values.tolist() == [[20, 0], [20, 10]]
    people = by_owner(found)
    assert people.groupby("owner")["broken"].sum().to_dict() == {"Ann": 0, "Ben": 10}
    assert people[["rows", "broken"]].sum().tolist() == past[["rows", "broken"]].sum().tolist()
    quarter = history(found, every="quarter")
    assert quarter[["rows", "broken"]].values.tolist() == [[40, 10]]


def test_only_the_last_periods_and_nothing_after_the_end(found):
    assert history(found, last=1)["period"].tolist() == [pd.Timestamp("2026-02-01")]
    with pytest.raises(NotInThisData):
        history(found, until=pd.Timestamp("2026-01-31"))


def test_what_cannot_be_read_is_part_of_the_score():
    table = {"orders": {"order_id": list("abcd"), "customer_id": list("abcd"), "ordered_at": ["2026-01-01"] * 4}}
    crm, problems = examine({"orders": {**table["orders"], "amount": ["1", "two", "3", "4"]}})
    value = scores(inspect(crm, problems)).set_index("dimension")["broken"]
    assert value["validity"] == 1
    # the cell that cannot be read is empty then, which is a second finding of the same row: never more rows than four
    assert 1 <= value["all"] <= 4


def test_a_custom_of_the_house_is_no_part_of_a_score():
    tables = deals()
    tables["opportunities"]["customer_id"] = [None] * 30 + ["x"] * 10
    found = inspect(crmkit.open(tables))
    row = found.findings[found.findings["rule"] == "customer_missing"].iloc[0]
    assert (row["severity"], row["rows"]) == ("note", 30)
    assert scores(found).set_index("dimension").loc["all", "broken"] == 1  # the deal without a closing date


def test_nothing_broken_is_said():
    with pytest.raises(NotInThisData, match="no row with a date has an error"):
        history(inspect(crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-01-01"]}})))
