"""The page of segments: its words and tables on the sample, and on data that lacks most of it."""

from __future__ import annotations

import datetime

import pandas as pd
import pytest

import crmkit
from crmkit import pages, plots
from crmkit.errors import NotInThisData
from crmkit.pages import segment_kinds, segment_moves, segment_outcomes, segments

DAY = datetime.date(2025, 9, 30)


@pytest.fixture(scope="module")
def found(sample):
    return segments.found(sample, "2026-Q3")


@pytest.fixture(scope="module")
def few():
    """Orders alone, of three customers."""
    rows = [("1", "a", "2025-01-05", 20.0), ("2", "a", "2025-06-05", 25.0), ("3", "b", "2025-02-05", 900.0),
            ("4", "c", "2026-01-10", 5.0)]  # fmt: skip
    names = ("order_id", "customer_id", "ordered_at", "amount")
    return crmkit.open(
        {"orders": {name: [row[at] for row in rows] for at, name in enumerate(names)}}, as_of="2026-03-31"
    )


def test_the_named_groups_add_up(sample, found):
    table = segments.groups_table(sample, found)
    assert table["customers"].sum() == len(found.features)
    assert table["of the revenue"].sum() == pytest.approx(1)
    top = table.loc[table["of the revenue"].idxmax(), "group"]
    assert segments.groups_words(sample, found).text.startswith(f"{top} are ")
    assert found.rfm["customer_id"].is_unique
    assert set(found.named["segment"]) == set(found.model.names_)


def test_the_answer_says_the_numbers_of_the_card(sample, found):
    card = segments.card(sample, found)
    said = segments.answer(card, found).text
    assert f"{len(found.features):,} customers" in said
    assert f"{found.model.k_} kinds" in said
    shown = pages.headline_cards(card, segments.CARDS, currency="EUR").text
    assert all(title in shown for title in card.set_index("metric").loc[list(segments.CARDS), "title"])
    away = found.groups["group"].isin(segments.AWAY).sum()
    assert f"{away} customers used to buy" in segments.summary(sample, found).text


def test_movement_is_that_of_those_who_have_ordered(sample, found):
    moved = segment_moves.moved(sample, found, DAY)
    assert moved["customers"].sum() == len(found.groups)
    square = segment_moves.transitions(moved)
    assert square["customers"].sum() == len(found.groups)
    assert square["from"].tolist() == [name for name in segment_moves.ORDER if name in set(moved["from"])]
    new = moved.loc[moved["from"] == "No order yet", "customers"].sum()
    assert f"{new} ordered for the first time." in segment_moves.moved_words(moved).text
    ax = plots.segment_flows(moved, order=segment_moves.ORDER)
    assert "stayed in their group" in ax.crm_alt
    assert segment_moves.earlier(sample, "2026-Q3") == DAY
    assert segment_moves.earlier(sample, "2024-02") == datetime.date(2023, 2, 28)
    assert segment_moves.earlier(sample, "2026-Q3", "2026-Q1") == datetime.date(2026, 3, 31)


def test_what_came_of_segments_is_measured_after_they_were_made(sample, found):
    came = segment_outcomes.came_of(sample, found, DAY)
    known = segment_outcomes.segments_then(sample, found, DAY)
    assert came["customers"].sum() == len(known)
    after = sample.orders.to_pandas()
    after = after[(after["ordered_at"] >= "2025-10-01") & after["customer_id"].isin(known["customer_id"])]
    assert came["revenue since"].sum() == pytest.approx(after["amount"].sum())
    groups = segment_outcomes.came_of(sample, found, DAY, of="groups")
    assert groups["customers"].sum() == came["customers"].sum()
    lost = groups.set_index("segment")["lost since"]
    assert lost["Champions"] < lost["Hibernating"]


def test_foresight_tells_more_than_nothing_and_says_which_split_wins(sample, found):
    table = segment_outcomes.foresight(sample, found, DAY, "segment")
    assert table["of the money"].is_monotonic_decreasing
    assert len(table) == 4
    assert table["split"].iloc[0].capitalize() in segment_outcomes.foresight_words(table).text
    assert table["behind at least"].iloc[0] == 0


def test_new_customers_are_assigned(sample, found):
    new = segment_outcomes.newcomers(sample, found, DAY)
    before = segment_outcomes.segments_then(sample, found, DAY)
    assert new["new customers"].sum() == len(found.features) - len(before) == new.attrs["new"]
    assert new["of the new"].sum() == pytest.approx(1)
    assert "new customers" in segment_outcomes.newcomer_words(new).text


def test_expected_value_by_segment(sample, found):
    worth = segment_outcomes.worth(sample, found)
    assert worth["customers"].sum() <= len(found.features)
    assert (worth["expected"] > 0).all()


def test_figures_say_what_they_show(sample, found):
    criteria = segment_kinds.criteria(sample, found)
    assert f"prefer {found.model.k_} segments" in plots.segment_criteria(criteria).crm_alt
    profile = plots.segment_profile(segment_kinds.profiles(sample, found))
    assert all(name in profile.crm_alt for name in found.model.names_)
    places = plots.segment_map(segment_kinds.on_a_map(sample, found))
    share = sum(segment_kinds.on_a_map(sample, found).attrs["shown"])
    assert f"{share:.0%} of the differences" in places.crm_alt
    assert len(segment_kinds.in_words(sample, found).text.splitlines()) == found.model.k_
    assert segment_kinds.why_so_many(found).text.startswith(f"The page goes on with {found.model.k_} segments")
    assert "adjusted Rand" in segment_kinds.two_ways(found).text


def test_other_features_are_compared_and_corrected(sample, found):
    more = segment_kinds.others(sample, found)
    assert len(more) < more.attrs["tested"]
    assert more["difference"].abs().is_monotonic_decreasing
    assert not set(more["feature"]) & {"orders", "order value"}  # what made the segments is not in it


def test_how_firm_segments_are(sample, found):
    firm = segment_kinds.stable(sample, found)
    assert firm["customers"].sum() == len(found.features)
    assert set(firm["so it is"]) <= {"firm", "a pattern", "perhaps chance"}


def test_everything_holds(sample, found):
    checked = segment_moves.checked(sample, found, segment_moves.moved(sample, found, DAY))
    assert len(checked) == 6
    assert checked["left"].to_numpy() == pytest.approx(checked["right"].to_numpy())


def test_three_customers_without_anything_else_are_shown_as_far_as_they_go(few):
    found = segments.found(few, "2026-Q1")
    moved = segment_moves.moved(few, found, datetime.date(2025, 3, 31))
    for shown in (
        segments.answer(segments.card(few, found), found), segments.summary(few, found), segments.remarks(found),
        segments.groups_words(few, found), segment_moves.moved_words(moved), segment_kinds.why_so_many(found),
        segment_kinds.in_words(few, found), segment_kinds.two_ways(found),
    ):  # fmt: skip
        assert "nan" not in shown.text
    assert "product categories are left out" in segments.remarks(found).text.lower()
    frames = [
        segment_kinds.profiles(few, found), segment_kinds.stable(few, found), segment_kinds.others(few, found),
        segment_kinds.on_a_map(few, found), segment_outcomes.came_of(few, found, datetime.date(2025, 3, 31)),
        segment_outcomes.worth(few, found), segment_outcomes.newcomers(few, found, datetime.date(2025, 3, 31)),
        segment_outcomes.foresight(few, found, datetime.date(2025, 3, 31)),
    ]  # fmt: skip
    for frame in frames:
        assert pages.grid(frame, caption="x").text
    assert frames[4].attrs["missing"]
    checked = segment_moves.checked(few, found, moved)
    assert checked["left"].to_numpy() == pytest.approx(checked["right"].to_numpy())


def test_nobody_who_ordered_is_no_page(few):
    with pytest.raises(NotInThisData, match="nobody had ordered by 2024-12-31"):
        segments.found(few, "2024")
    found = segments.found(few, "2026-Q1")
    nothing = segment_moves.moved(few, found, datetime.date(2024, 12, 31))
    assert "Nobody had ordered by 2024-12-31" in pages.draw(plots.segment_flows, nothing).text
    assert segment_moves.moved_words(nothing).text == ""


def test_other_features_and_numbers_can_be_asked_for(sample):
    found = segments.found(sample, "2026-Q3", features="recency, orders, demographics", k=4, method="mixture")
    assert found.model.k_ == 4
    assert "recency_days" in found.features
    assert found.model.notes_
    assert isinstance(segment_kinds.others(sample, found), pd.DataFrame)
