"""Periods as people write them, calendars of companies, and the half-open rule."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.errors import UsageError
from crmkit.periods import GRAINS, Calendar, Period, end_of_day, grain, parse

FISCAL = Calendar(fiscal_year_start_month=4)


@pytest.mark.parametrize(
    ("text", "start", "end", "of"),
    [
        ("2026", "2026-01-01", "2027-01-01", "year"),
        ("2026-Q1", "2026-01-01", "2026-04-01", "quarter"),
        ("2026-q4", "2026-10-01", "2027-01-01", "quarter"),
        ("2026-12", "2026-12-01", "2027-01-01", "month"),
        ("2024-02", "2024-02-01", "2024-03-01", "month"),
        ("2026-W38", "2026-09-14", "2026-09-21", "week"),
        ("2026-W01", "2025-12-29", "2026-01-05", "week"),
        ("2026-W53", "2026-12-28", "2027-01-04", "week"),
        ("2020-W53", "2020-12-28", "2021-01-04", "week"),
        ("2021-W01", "2021-01-04", "2021-01-11", "week"),
        ("2026-07-01/2026-10-01", "2026-07-01", "2026-10-01", "quarter"),
        ("2026-07-05/2026-08-05", "2026-07-05", "2026-08-05", None),
        ("2024-02-29/2024-03-01", "2024-02-29", "2024-03-01", None),
        (" 2026-Q3 ", "2026-07-01", "2026-10-01", "quarter"),
    ],
)
def test_reading(text, start, end, of):
    found = parse(text)
    assert (found.start, found.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert found.grain == of


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "2026-Q5",
        "2026-Q0",
        "2026-13",
        "2026-00",
        "2026-9",
        "2026-W54",
        "2026-W00",
        "0000",
        "last month",
        "Q3",
    ],
)
def test_what_is_no_period_is_refused_with_the_forms_that_are(text):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert repr(text) in str(caught.value)
    assert "2026-Q3" in str(caught.value) or "has no week" in str(caught.value)


def test_a_week_that_a_year_does_not_have():
    with pytest.raises(UsageError, match="2025 has no week 53"):
        parse("2025-W53")


@pytest.mark.parametrize("text", ["2026-10-01/2026-07-01", "2026-07-01/2026-07-01"])
def test_a_period_must_last(text):
    with pytest.raises(UsageError, match="ends before it begins"):
        parse(text)


def test_a_zone_in_a_period_is_refused():
    with pytest.raises(UsageError, match="time zone; leave it out"):
        parse("2026-07-01T00:00+02:00/2026-08-01T00:00+02:00")


@pytest.mark.parametrize(
    ("month", "text", "start", "end"),
    [
        (4, "2026", "2026-04-01", "2027-04-01"),
        (4, "2026-Q1", "2026-04-01", "2026-07-01"),
        (4, "2026-Q4", "2027-01-01", "2027-04-01"),
        (2, "2026-Q4", "2026-11-01", "2027-02-01"),
        (2, "2026-Q1", "2026-02-01", "2026-05-01"),
        (12, "2026-Q1", "2026-12-01", "2027-03-01"),
        (4, "2026-09", "2026-09-01", "2026-10-01"),
    ],
)
def test_fiscal_years_are_named_by_the_year_they_begin_in(month, text, start, end):
    found = parse(text, calendar=Calendar(fiscal_year_start_month=month))
    assert (found.start, found.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert found.name == text


def test_weeks_that_begin_on_sunday_keep_their_iso_numbers():
    calendar = Calendar(week_start="sunday")
    found = parse("2026-W01", calendar=calendar)
    assert (found.start, found.end) == (datetime(2025, 12, 28), datetime(2026, 1, 4))
    assert calendar.floor(datetime(2026, 1, 3, 23), "week") == datetime(2025, 12, 28)
    assert calendar.floor(datetime(2026, 1, 4), "week") == datetime(2026, 1, 4)
    assert [week.name for week in parse("2025-12-28/2026-01-11", calendar=calendar).split("week")] == [
        "2026-W01",
        "2026-W02",
    ]


@pytest.mark.parametrize(
    ("as_of", "every", "expected"),
    [
        ("2026-09-30 23:59:59.999999", None, "2026-Q3"),
        ("2026-09-30 23:59:59.999999", "month", "2026-09"),
        ("2026-09-29 23:59:59.999999", None, "2026-Q2"),
        ("2026-09-29 23:59:59.999999", "month", "2026-08"),
        ("2026-09-30 23:59:59.999999", "week", "2026-W39"),
        ("2026-12-31 23:59:59.999999", "year", "2026"),
        ("2026-01-01 00:00:00", "year", "2025"),
        ("2024-02-29 23:59:59.999999", "month", "2024-02"),
        ("2024-02-28 23:59:59.999999", "month", "2024-01"),
    ],
)
def test_latest_is_the_last_complete_one(as_of, every, expected):
    assert parse("latest", as_of=datetime.fromisoformat(as_of), every=every).name == expected


def test_latest_in_a_fiscal_year():
    as_of = datetime(2026, 3, 31, 23, 59, 59, 999999)
    assert parse("latest", as_of=as_of, calendar=FISCAL).name == "2025-Q4"
    assert parse("latest", as_of=as_of, every="year", calendar=FISCAL).name == "2025"


def test_latest_needs_to_know_when():
    with pytest.raises(UsageError, match="as_of"):
        parse("latest")


def test_previous():
    assert parse("2026-01").previous().name == "2025-12"
    assert parse("2024-03").previous().days == 29
    assert parse("2026-Q1").previous(4).name == "2025-Q1"
    assert parse("2021-W01").previous().name == "2020-W53"
    assert parse("2026-07-05/2026-07-15").previous().name == "2026-06-25/2026-07-05"


def test_splitting():
    assert [part.name for part in parse("2026").split("quarter")] == ["2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"]
    assert len(parse("2024").split("month")) == 12
    with pytest.raises(UsageError, match=r"2026 is not made of whole weeks\. Use one from 2025-12-29 to 2027-01-04"):
        parse("2026").split("week")
    with pytest.raises(UsageError, match="whole months"):
        parse("2026-07-05/2026-08-05").split("month")


def test_a_period_knows_whether_it_is_over():
    assert parse("2026-09").complete(datetime(2026, 9, 30, 23, 59, 59, 999999))
    assert not parse("2026-09").complete(datetime(2026, 9, 30, 23, 59, 59))


def test_days():
    assert parse("2024").days == 366
    assert parse("2024-02").days == 29
    # days of 23 and 25 hours are days all the same: times are those of the wall
    assert parse("2026-03-29/2026-03-30").days == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (date(2026, 9, 30), datetime(2026, 9, 30, 23, 59, 59, 999999)),
        (datetime(2026, 9, 30), datetime(2026, 9, 30, 23, 59, 59, 999999)),
        (datetime(2026, 9, 30, 12), datetime(2026, 9, 30, 12)),
    ],
)
def test_a_date_stands_for_its_whole_day(given, expected):
    assert end_of_day(given) == expected


@pytest.mark.parametrize(
    "wrong", [{"fiscal_year_start_month": 13}, {"fiscal_year_start_month": 0}, {"week_start": "mo"}]
)
def test_a_calendar_that_cannot_be(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Calendar(**wrong)


def test_grains():
    assert grain("month") == "month"
    with pytest.raises(UsageError, match="week, month, quarter, year"):
        grain("day")


MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))
CALENDARS = st.builds(
    Calendar,
    st.integers(1, 12),
    st.sampled_from(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]),
)


@given(moment=MOMENTS, calendar=CALENDARS, of=st.sampled_from(GRAINS))
def test_each_moment_lies_in_exactly_one_period_that_reads_as_it_is_written(moment, calendar, of):
    start = calendar.floor(moment, of)
    period = Period(start, calendar.step(start, of), of, calendar)
    assert period.start <= moment < period.end
    assert calendar.floor(period.end, of) == period.end
    assert calendar.floor(period.end - timedelta(microseconds=1), of) == period.start
    assert parse(period.name, calendar=calendar) == period
    assert period.previous().end == period.start
