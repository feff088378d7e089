"""Cells of text and what they mean, one by one."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pytest

from crmkit.adapters import cells
from crmkit.adapters.spec import Reading


def _value(sql: str, text: str):
    return duckdb.sql(f"SELECT {sql} FROM (SELECT {cells.literal(text)} AS x)").fetchone()[0]


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "expected"),
    [
        ("1054", ".", "", 1054.0),
        ("1,117.10", ".", ",", 1117.10),
        ("$7,450,000.00", ".", ",", 7_450_000.0),
        ("1.117,10", ",", ".", 1117.10),
        ("1 117,10 €", ",", " ", 1117.10),
        ("1\u00a0117,10\u00a0€", ",", " ", 1117.10),
        ("1\u202f117,5", ",", " ", 1117.5),
        ("1'117.50", ".", "'", 1117.5),
        ("1’117.50", ".", "'", 1117.5),
        ("PLN 12,50", ",", "", 12.5),
        ("12.50 USD", ".", "", 12.5),
        ("-10", ".", "", -10.0),
        ("−5", ".", "", -5.0),
        ("(300)", ".", "", -300.0),
        ("($1,300.50)", ".", ",", -1300.5),
        ("-$5", ".", "", -5.0),
        ("１２３", ".", "", 123.0),
        ("¥1,200", ".", ",", 1200.0),
        (".5", ".", "", 0.5),
        ("5.", ".", "", 5.0),
        ("1e3", ".", "", 1000.0),
        ("1,234", ".", "", None),  # no thousands mark is declared, and a comma isn't the decimal mark
        ("1.5", ",", ".", None),  # a group has three digits
        ("1,23,456", ".", ",", None),
        ("12,34", ".", ",", None),
        ("1.234,5", ".", ",", None),
        ("n/a", ".", "", None),
        ("1 2", ".", "", None),
        ("12 apples", ".", "", None),
        ("nan", ".", "", None),
        ("inf", ".", "", None),
        ("1_000", ".", "", None),
        ("0x10", ".", "", None),
    ],
)
def test_numbers(text, decimal, thousands, expected):
    reading = Reading(decimal=decimal, thousands=thousands)
    assert _value(cells.number("x", reading), text) == expected


def test_scaled_numbers_have_no_dust():
    assert _value(cells.number("x", Reading(), 1_000_000), "251.41") == 251_410_000
    assert _value(cells.number("x", Reading(), 0.01), "29") == 0.29


@pytest.mark.parametrize(("text", "expected"), [("3", 3), ("3.0", 3), ("3.5", None), ("12345678901234567890", None)])
def test_whole_numbers(text, expected):
    assert _value(cells.whole("x", Reading()), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((word, True) for word in ("TRUE", "yes", "1", "tak", "はい")),
        *((word, False) for word in ("F", "no", "0", "否")),
        *((word, None) for word in ("maybe", "2")),
    ],
)
def test_flags(text, expected):
    assert _value(cells.flag("x"), text) is expected


@pytest.mark.parametrize(
    ("text", "choice", "zone", "expected"),
    [
        ("2017-03-01", "iso", "UTC", datetime(2017, 3, 1)),
        ("2017-03-01 09:05", "iso", "UTC", datetime(2017, 3, 1, 9, 5)),
        ("2019-09-15 2:50:54", "iso", "UTC", datetime(2019, 9, 15, 2, 50, 54)),
        ("2017-03-01T09:05:07.25", "iso", "UTC", datetime(2017, 3, 1, 9, 5, 7, 250_000)),
        ("2024-01-19T09:42:24.000+0000", "iso", "Europe/Warsaw", datetime(2024, 1, 19, 10, 42, 24)),
        ("2024-07-19T23:42:24Z", "iso", "Asia/Tokyo", datetime(2024, 7, 20, 8, 42, 24)),
        ("2024-07-19 23:42:24-05:00", "iso", "UTC", datetime(2024, 7, 20, 4, 42, 24)),
        ("02/23/26 08:55 PM", "%m/%d/%y %I:%M %p | %m/%d/%y", "UTC", datetime(2026, 2, 23, 20, 55)),
        ("02/23/26", "%m/%d/%y %I:%M %p | %m/%d/%y", "UTC", datetime(2026, 2, 23)),
        ("15 Apr, 2021 00:02:00", "%d %b, %Y %H:%M:%S", "UTC", datetime(2021, 4, 15, 0, 2)),
        ("2024年5月3日", "%Y年%m月%d日", "UTC", datetime(2024, 5, 3)),
        ("1700000000", "unix", "UTC", datetime(2023, 11, 14, 22, 13, 20)),
        ("1700000000000", "unix_ms", "Europe/Warsaw", datetime(2023, 11, 14, 23, 13, 20)),
        ("1700000000000", "unix", "UTC", None),  # milliseconds read as seconds lie far in the future
        ("45000", "excel", "UTC", datetime(2023, 3, 15)),
        ("45000.5", "excel", "UTC", datetime(2023, 3, 15, 12)),
        ("2026-02-30", "iso", "UTC", None),
        ("2026-1-5", "iso", "UTC", None),
        ("9999-12-31", "iso", "UTC", None),
        ("0001-01-01", "iso", "UTC", None),
        ("today", "iso", "UTC", None),
        ("infinity", "iso", "UTC", None),
        ("99999999999999999999", "unix", "UTC", None),
    ],
)
def test_times(text, choice, zone, expected):
    assert _value(cells.time("x", choice, zone), text) == expected


def test_the_machines_zone_decides_nothing():
    for zone in ("Pacific/Kiritimati", "America/New_York"):
        con = duckdb.connect()
        con.execute(f"SET TimeZone = '{zone}'")
        sql = cells.time("x", "iso", "UTC")
        assert con.execute(f"SELECT {sql} FROM (SELECT '2024-01-01 12:00:00+0000' AS x)").fetchone()[0] == datetime(
            2024, 1, 1, 12
        )
        sql = cells.time("x", "unix", "UTC")
        assert con.execute(f"SELECT {sql} FROM (SELECT '1700000000' AS x)").fetchone()[0].hour == 22


def test_words_with_quotation_marks_are_only_words():
    hostile = "'; DROP TABLE t; --"
    assert _value(cells.one_of("x", (hostile,)), hostile) is True
