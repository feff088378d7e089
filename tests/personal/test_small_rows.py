"""The last door before a reader: no table or figure shows a group of too few persons, nor lets it be computed."""

from __future__ import annotations

import re
from itertools import combinations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmkit
from crmkit import pages, plots
from crmkit.personal import for_readers
from crmkit.personal.joined import JOINED, too_small
from crmkit.personal.small_rows import hidden_words, hide_small_rows


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=8))
def test_the_total_less_what_is_shown_is_never_a_small_group(sizes):
    frame = pd.DataFrame({"group": [f"g{i}" for i in range(len(sizes))], "customers": sizes, "worth": 1.0})
    for found in (hide_small_rows(frame, smallest=5), hide_small_rows(frame, smallest=5, drop=True)):
        shown = found["customers"].dropna()
        rest = sum(sizes) - shown.sum()
        assert not ((shown > 0) & (shown < 5)).any()
        assert rest == 0 or rest >= 5 or not (shown > 0).any()
        assert rest == 0 or sum(n > 0 for n in sizes) - (shown > 0).sum() > 1 or not (shown > 0).any()
    assert hide_small_rows(frame, smallest=0) is frame


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 20), min_size=1))
def test_values_put_together_are_many_enough_or_all(sizes):
    small = too_small(sizes, smallest=5)
    assert {word for word, n in sizes.items() if n < 5} <= set(small)
    assert not small or len(small) == len(sizes) or (len(small) > 1 and sum(sizes[word] for word in small) >= 5)


def test_texts_that_tell_the_number_are_emptied_and_others_stay():
    frame = pd.DataFrame({"group": ["New", "Loyal", "Gone"], "customers": [3, 40, 9], "95% interval": ["1–9%"] * 3,
                          "meaning": ["ordered once", "come back", "stay away"]})  # fmt: skip
    found = hide_small_rows(frame, smallest=5)
    assert found["95% interval"].tolist() == ["–", "1–9%", "–"]
    assert found["meaning"].tolist() == frame["meaning"].tolist()


def test_a_small_cohort_is_hidden_at_every_age_with_another():
    frame = pd.DataFrame({"cohort": ["a", "a", "b", "b", "c"], "age": [0, 1, 0, 1, 0], "value": [1, 0.5, 1, 0.9, 1.0],
                          "n": [2, 2, 30, 30, 9]})  # fmt: skip
    assert hide_small_rows(frame, smallest=5, drop=True)["cohort"].tolist() == ["b", "b"]


def test_a_survival_curve_ends_where_few_are_left():
    curve = pd.DataFrame({"time": [1.0, 2.0, 3.0], "at_risk": [9, 6, 2], "survival": [0.9, 0.8, 0.4]})
    found = hide_small_rows(curve, smallest=5)
    assert found["at_risk"].tolist() == [9, 6]
    assert hidden_words(found, smallest=5) == "Curves end where fewer than 5 are left."


def test_numbers_of_the_whole_company_are_not_groups():
    for key in ("metric", "definition", "survey", "period"):
        frame = pd.DataFrame({key: ["x", "y"], "n": [2, 40]})
        assert hide_small_rows(frame, smallest=5) is frame
    whole = pd.DataFrame({"channel": ["web", "(all)"], "customers": [40, 2]})
    assert hide_small_rows(whole, smallest=5)["customers"].tolist() == [40, 2]


def test_a_part_that_is_unknown_in_one_period_is_put_together_and_not_drawn_as_nothing():
    frame = pd.DataFrame({"period": [1, 1, 1, 2, 2, 2], "reason": list("abcabc"), "value": [9, 2, 30, 8, 12, 40]})
    frame["period"] = pd.to_datetime(["2026-01-01"] * 3 + ["2026-04-01"] * 3)
    frame.attrs["unit"] = "count"
    found = hide_small_rows(frame, smallest=5, drop=True, parts="reason").pivot(
        index="period", columns="reason", values="value"
    )
    assert found.to_dict("list") == {JOINED: [11, 20], "c": [30, 40]}


@pytest.fixture(autouse=True)
def nothing_is_hidden_afterwards():
    yield
    pages.showing.show_no_group_below(0)


@pytest.fixture
def company():
    """Sixty customers: three of a country, two of an industry, two acquired in a quarter of their own."""
    keys = [f"{i:03}" for i in range(60)]
    early, usual = ["2024-02-01"] * 2, ["2025-01-15"] * 30 + ["2025-05-15"] * 28
    return {
        "customers": {"customer_id": keys, "created_at": early + usual, "acquired_at": early + usual,
                      "segment": ["Large"] * 20 + ["Small"] * 40, "country": ["PL"] * 40 + ["DE"] * 17 + ["VA"] * 3,
                      "industry": ["Zoo"] * 2 + ["Café"] * 50 + [None] * 8},
        "subscriptions": {"subscription_id": keys, "customer_id": keys, "plan": ["A"] * 25 + ["B"] * 31 + ["Hush"] * 4,
                          "started_at": early + usual, "mrr": [10.0] * 60,
                          "ended_at": [None] * 50 + ["2026-02-03"] * 10},
        "orders": {"order_id": keys, "customer_id": keys, "ordered_at": ["2026-02-10"] * 60, "amount": [5.0] * 60},
    }  # fmt: skip


def _opened(company, monkeypatch, smallest):
    opened = crmkit.open(company, as_of="2026-03-31", config={"personal": {"smallest_group": smallest}})
    monkeypatch.setattr(crmkit, "open", lambda data: opened)
    return pages.begin("ours")


def _page(crm) -> str:
    """Make tables and figures of several pages, and return all that their readers get, pictures aside."""
    from crmkit.methods import cohorts, customer_survival
    from crmkit.pages import value

    now, made = crm.period("2026-Q1"), []
    for by in ("country", "industry", "segment"):
        made.append(pages.grid(value.buying(crm, now, by), caption=by))
        made.append(pages.draw(plots.bars, pages.groups(crm, "customers_at_end", now, by)))
    made.append(pages.draw(plots.triangle, pages.tried(cohorts, crm, every="quarter")))
    made.append(pages.draw(plots.survival, pages.tried(customer_survival, crm, by="country"), by="country"))
    counted = crm.subscriptions.group_by("plan").agg(customers=crm.subscriptions.customer_id.nunique()).to_pandas()
    made.append(pages.grid(counted.sort_values("plan"), caption="By plan, of a page that thinks of nothing"))
    return re.sub(r'src="[^"]*"', "", "\n".join(piece.html for piece in made))


def test_no_page_names_a_small_group_and_every_page_does_by_default(company, monkeypatch):
    words = ("VA", "Zoo", "Hush", "2024-Q1")
    open_page = _page(_opened(company, monkeypatch, 0))
    monkeypatch.undo()
    closed_page = _page(_opened(company, monkeypatch, 5))
    for word in words:
        assert re.search(rf">{word}<|{word} ", open_page), word
        assert not re.search(rf">{word}<|{word} ", closed_page), word
    assert "Hidden:" in closed_page
    assert JOINED not in open_page


def test_what_is_put_together_cannot_be_taken_apart(company):
    shown = for_readers(crmkit.open(company, config={"personal": {"smallest_group": 5}}))
    for table, column, hidden in (
        ("customers", "country", 3),
        ("customers", "industry", 2),
        ("subscriptions", "plan", 4),
    ):
        sizes = shown.tables[table].to_pandas()[column].value_counts(dropna=False)
        assert sizes.sum() == 60
        assert sizes.min() >= 5
        assert not any(sum(some) == 60 - hidden for r in range(len(sizes)) for some in combinations(sizes, r))
