"""Calendar and business hours against a loop over every minute that really passed, across all that makes them hard."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
import pytest

from crmkit.config import Hours
from crmkit.hours import YEARS_OF_CHANGES, Change, business_hours, calendar_hours, clock_changes

UTC = ZoneInfo("UTC")
AS_OF = datetime(2026, 12, 31)
HOUR, DAY = 3600, 86_400
OFFICE = Hours()
AROUND_THE_CLOCK = Hours(((0, DAY),) * 7)
WEEKDAYS = Hours((*(((0, DAY),) * 5), None, None))
UNEVEN = Hours(
    ((8 * HOUR, 12 * HOUR), None, (9 * HOUR + 1800, 20 * HOUR), (0, DAY), (0, 3 * HOUR), (22 * HOUR, DAY), (60, 7200))
)
HOLIDAYS = (date(2026, 1, 1), date(2026, 3, 29), date(2026, 4, 6), date(2026, 5, 1), date(2026, 10, 24))
ZONES = ["UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]


def hours(pairs, function, **more) -> np.ndarray:
    """Compute the expression for many pairs of moments at once."""
    frame = pd.DataFrame(pairs, columns=["begun", "ended"]).astype("datetime64[us]")
    table = ibis.memtable(frame.assign(place=range(len(frame))))
    query = table.select("place", hours=function(table.begun, table.ended, as_of=AS_OF, **more))
    return ibis.duckdb.connect().execute(query.order_by("place"))["hours"].to_numpy(float)


def minute_by_minute(begun: datetime, ended: datetime, zone: str, schedule: Hours | None, holidays) -> float:
    """Walk from one moment to the other through every minute that really passed, and count those that are open."""
    info = ZoneInfo(zone)
    now = begun.replace(tzinfo=info).astimezone(UTC)
    end = ended.replace(tzinfo=info).astimezone(UTC)
    count = 0
    while now < end:
        local = now.astimezone(info)
        span = None if schedule is None or local.date() in holidays else schedule.days[local.weekday()]
        second = local.hour * HOUR + local.minute * 60
        count += schedule is None or (span is not None and span[0] <= second < span[1])
        now += timedelta(minutes=1)
    return count / 60


def exists(moment: datetime, zone: str) -> bool:
    """Tell whether a clock ever shows a moment."""
    info = ZoneInfo(zone)
    return moment.replace(tzinfo=info).astimezone(UTC).astimezone(info).replace(tzinfo=None) == moment


def random_pairs(zone: str, seed: int, count: int) -> list[tuple[datetime, datetime]]:
    """Draw pairs up to nine days apart, half of them around the days on which the clocks change."""
    rng = np.random.default_rng(seed)
    anchors = [change.at for change in clock_changes(zone, 2026, 2026)] or [datetime(2026, 5, 1)]
    pairs = []
    while len(pairs) < count:
        if rng.random() < 0.5:
            start = anchors[rng.integers(len(anchors))] + timedelta(minutes=int(rng.integers(-4000, 200)))
        else:
            start = datetime(2026, 1, 1) + timedelta(minutes=int(rng.integers(0, 350 * 1440)))
        end = start + timedelta(minutes=int(rng.integers(0, 9 * 1440) if rng.random() < 0.7 else rng.integers(0, 300)))
        if exists(start, zone) and exists(end, zone):
            pairs.append((start, end))
    return pairs


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "schedule", [OFFICE, AROUND_THE_CLOCK, WEEKDAYS, UNEVEN], ids=["office", "always", "weekdays", "uneven"]
)
def test_business_hours_equal_a_walk_through_every_minute(zone, schedule):
    pairs = random_pairs(zone, len(zone), 14)
    found = hours(pairs, business_hours, hours=schedule, holidays=HOLIDAYS, zone=zone)
    expected = [minute_by_minute(*pair, zone, schedule, HOLIDAYS) for pair in pairs]
    assert max(expected) > 0
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("zone", ZONES)
def test_calendar_hours_are_those_that_passed_in_the_world(zone):
    pairs = random_pairs(zone, 7, 200)
    info = ZoneInfo(zone)
    world = [
        (b.replace(tzinfo=info).astimezone(UTC) - a.replace(tzinfo=info).astimezone(UTC)) / timedelta(hours=1)
        for a, b in pairs
    ]
    found = hours([(b, a) for a, b in pairs], calendar_hours, zone=zone)
    np.testing.assert_allclose(hours(pairs, calendar_hours, zone=zone), world)
    np.testing.assert_allclose(-found, world)  # turned round, the sign turns
    if zone in ("Europe/Warsaw", "America/New_York", "Australia/Lord_Howe"):
        plain = [(b - a) / timedelta(hours=1) for a, b in pairs]
        assert not np.allclose(world, plain), "none of the pairs crosses a clock change"


@pytest.mark.parametrize(
    ("begun", "ended", "expected"),
    [
        ("2026-03-05 16:00", "2026-03-05 16:30", 0.5),  # within a day
        ("2026-03-05 16:00", "2026-03-06 10:00", 2.0),  # over a night
        ("2026-03-06 16:00", "2026-03-09 10:00", 2.0),  # over a weekend
        ("2026-03-07 12:00", "2026-03-08 18:00", 0.0),  # within a weekend
        ("2026-03-05 05:00", "2026-03-05 23:00", 8.0),  # from before the doors open until after they close
        ("2026-04-03 09:00", "2026-04-07 17:00", 16.0),  # Friday to Tuesday; Monday is a holiday
        ("2026-04-06 09:00", "2026-04-06 17:00", 0.0),  # on the holiday
        ("2026-01-01 00:00", "2027-01-01 00:00", 258 * 8.0),  # 261 weekdays, of which 1 Jan, 6 Apr and 1 May are free
    ],
)
def test_office_hours_by_hand(begun, ended, expected):
    pair = (datetime.fromisoformat(begun), datetime.fromisoformat(ended))
    assert hours([pair], business_hours, hours=OFFICE, holidays=HOLIDAYS) == pytest.approx([expected])


@pytest.mark.parametrize(
    ("day", "schedule", "expected"),
    [
        ("2026-03-29", AROUND_THE_CLOCK, 23.0),  # the clocks skip from 2 to 3
        ("2026-10-25", AROUND_THE_CLOCK, 25.0),  # from 3 back to 2
        ("2026-10-25", Hours((None,) * 6 + ((2 * HOUR, 3 * HOUR),)), 2.0),  # open only in the hour that comes twice
        ("2026-03-29", Hours((None,) * 6 + ((2 * HOUR, 3 * HOUR),)), 0.0),  # open only in the hour that never comes
        ("2026-03-29", Hours((None,) * 6 + ((9 * HOUR, 17 * HOUR),)), 8.0),
    ],
)
def test_the_days_on_which_the_clocks_change(day, schedule, expected):
    start = datetime.fromisoformat(day)
    found = hours([(start, start + timedelta(days=1))], business_hours, hours=schedule, zone="Europe/Warsaw")
    assert found == pytest.approx([expected])


def test_parts_add_up_to_the_whole():
    a, b, c = datetime(2026, 3, 27, 11, 5), datetime(2026, 4, 6, 12, 0), datetime(2026, 11, 2, 3, 15)
    first, second, whole = hours([(a, b), (b, c), (a, c)], business_hours, hours=UNEVEN, holidays=HOLIDAYS,
                                 zone="Europe/Warsaw")  # fmt: skip
    assert first + second == pytest.approx(whole)


def test_unknown_ends_give_unknown_hours():
    pairs = [(datetime(2026, 3, 2), None), (None, datetime(2026, 3, 2)), (None, None)]
    for zone in ("UTC", "Europe/Warsaw"):
        assert np.isnan(hours(pairs, calendar_hours, zone=zone)).all()
        assert np.isnan(hours(pairs, business_hours, hours=OFFICE, holidays=HOLIDAYS, zone=zone)).all()


def test_clock_changes_are_those_of_the_zone():
    assert clock_changes("America/New_York", 2025, 2025) == (
        Change(datetime(2025, 3, 9, 2), datetime(2025, 3, 9, 3)),
        Change(datetime(2025, 11, 2, 2), datetime(2025, 11, 2, 1)),
    )
    halves = [
        (change.to - change.at) / timedelta(minutes=1) for change in clock_changes("Australia/Lord_Howe", 2026, 2026)
    ]
    assert halves == [-30, 30]
    assert len(clock_changes("Europe/Warsaw", 2000, 2026)) == 54


def test_times_before_the_known_changes_are_plain_differences():
    year = AS_OF.year - YEARS_OF_CHANGES - 1
    march, april = datetime(year, 3, 1), datetime(year, 4, 30)
    assert hours([(march, april)], calendar_hours, zone="Europe/Warsaw") == pytest.approx([60 * 24])


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "snowflake", "bigquery", "databricks", "trino"])
def test_hours_compile_for_every_warehouse(dialect):
    table = ibis.table({"begun": "timestamp(6)", "ended": "timestamp(6)"}, name="t")
    made = business_hours(table.begun, table.ended, hours=UNEVEN, holidays=HOLIDAYS, zone="Europe/Warsaw", as_of=AS_OF)
    text = ibis.to_sql(table.select(hours=made), dialect=dialect)
    assert "begun" in text
    assert len(text) < 20_000
    office = business_hours(table.begun, table.ended, hours=OFFICE, zone="Europe/Warsaw", as_of=AS_OF)
    assert len(ibis.to_sql(table.select(hours=office), dialect=dialect)) < 6_000  # nobody works while clocks change
