"""crm.toml: what it may say, and what a mistake in it is answered with."""

from __future__ import annotations

import re
from datetime import date, datetime

import pytest

import crmkit
from crmkit import config
from crmkit.config import Config, Stage
from crmkit.errors import UsageError

TOML = """
name = "Żuk & Söhne"
currency = "PLN"
timezone = "Europe/Warsaw"
as_of = 2026-09-30
fiscal_year_start_month = 4
week_start = "Sunday"
inactive_after_days = 90
metrics = ["nps", "win_rate"]

[rates]
EUR = 4.3

[stages]
"In talks" = { is = "open", order = 2 }
"Signed" = { is = "won", order = 3 }
"First call" = { is = "open", order = 1 }

[sla.first_response_hours]
urgent = 2
"""


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "crm.toml"
    path.write_bytes(text.encode(encoding))
    return path


def test_everything_at_once(tmp_path):
    told = config.read(written(tmp_path, TOML))
    assert told.name == "Żuk & Söhne"
    assert told.as_of == datetime(2026, 9, 30, 23, 59, 59, 999999)
    assert told.calendar.fiscal_year_start_month == 4
    assert told.calendar.week_start == "sunday"
    assert told.inactive_after_days == 90
    assert told.rates == {"EUR": 4.3}
    assert told.stages == (Stage("First call", "open", 1), Stage("In talks", "open", 2), Stage("Signed", "won", 3))
    assert told.sla == {"first_response_hours": {"urgent": 2}}
    assert told.metrics == ("nps", "win_rate")


def test_nothing_said_is_all_defaults(tmp_path):
    assert config.read(None) == Config() == config.read(written(tmp_path, ""))
    assert Config().inactive_after_days == 365
    assert Config().as_of is None


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    assert config.read(written(tmp_path, 'name = "A"', "utf-8-sig")).name == "A"


def test_stages_as_words():
    told = config.read({"stages": {"Offer": "open", "Closed": "lost"}})
    assert told.stages == (Stage("Offer", "open", 1), Stage("Closed", "lost", 2))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (date(2026, 9, 30), datetime(2026, 9, 30, 23, 59, 59, 999999)),
        ("2026-09-30", datetime(2026, 9, 30, 23, 59, 59, 999999)),
        ("2026-09-30 12:00:00", datetime(2026, 9, 30, 12)),
        (datetime(2026, 9, 30, 12), datetime(2026, 9, 30, 12)),
    ],
)
def test_as_of_in_every_form(given, expected):
    assert config.read({"as_of": given}).as_of == expected


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('curency = "EUR"', ["unknown setting 'curency'", "Did you mean currency?"]),
        ("currency = 5", ["currency is 5", "text in quotation marks"]),
        ('as_of = "30.09.2026"', ["as_of is '30.09.2026'", "2026-09-30"]),
        ('as_of = "2026-02-30"', ["as_of is '2026-02-30'"]),
        ("as_of = 20260930", ["as_of is 20260930"]),
        ('timezone = "Warsaw"', ["timezone 'Warsaw' is unknown", "Europe/Warsaw"]),
        ("timezone = 1", ["timezone 1 is unknown"]),
        ("fiscal_year_start_month = 13", ["fiscal_year_start_month is 13", "1 to 12"]),
        ('fiscal_year_start_month = "April"', ["fiscal_year_start_month is 'April'"]),
        ('week_start = "noday"', ["week_start is 'noday'", "monday"]),
        ("inactive_after_days = 0", ["inactive_after_days is 0"]),
        ("inactive_after_days = true", ["inactive_after_days is True"]),
        ('[stages]\nOffer = "maybe"', ["stage 'Offer' is 'maybe'", "open, won, lost"]),
        ('currency = "EUR"\n[rates]\nUSD = -1', ["rates.USD is -1", "above 0"]),
        ("[rates]\nUSD = 1.1", ["rates but no currency"]),
        ("name = Kawomir", ["not valid TOML"]),
        ('stages = "Offer"', ["stages is 'Offer'", "[stages]"]),
        ("[stages]\nOffer = 5", ["stage 'Offer' is 5"]),
        ('[stages]\nOffer = { is = "open", order = "first" }', ["order of stage 'Offer' is 'first'"]),
        ("sla = 5", ["sla is 5", "[sla]"]),
        ("rates = 5", ["rates is 5", "[rates]"]),
        ('metrics = "nps"', ["metrics is 'nps'", "list"]),
        ("as_of = 2026-09-30T12:00:00Z", ["as_of has a time zone"]),
    ],
)
def test_a_mistake_is_named_with_its_file_and_the_way_out(tmp_path, line, says):
    path = written(tmp_path, line)
    with pytest.raises(UsageError) as caught:
        config.read(path)
    for part in says:
        assert part in str(caught.value)
    if "fiscal" not in line and "week_start" not in line:
        assert "crm.toml" in str(caught.value)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not valid TOML"):
        config.read(written(tmp_path, 'name = "Żuk"', "cp1250"))


def test_settings_beside_the_tables_are_read_and_a_callers_go_first(tmp_path):
    written(tmp_path, "as_of = 2026-05-31")
    (tmp_path / "leads.csv").write_text("lead_id,created_at\n1,2026-03-01\n", encoding="utf-8")
    assert crmkit.open(tmp_path).as_of == datetime(2026, 5, 31, 23, 59, 59, 999999)
    assert crmkit.open(tmp_path, as_of="2026-04-30").as_of.month == 4
    assert crmkit.open(tmp_path, config={"as_of": "2026-06-30"}).as_of.month == 6
    other = tmp_path / "other.toml"
    other.write_text("as_of = 2026-07-31", encoding="utf-8")
    assert crmkit.open(tmp_path, config=other).as_of.month == 7
    assert crmkit.open(tmp_path, config=str(other)).as_of.month == 7


def test_hours_and_holidays():
    told = {"hours": {"monday": "08:00-17:30", "saturday": "9:00 - 12:00"}, "holidays": ["2026-12-25", "2026-01-01"]}
    found = config.read(told)
    assert found.hours.days == ((28800, 63000), None, None, None, None, (32400, 43200), None)
    assert found.holidays == (date(2026, 1, 1), date(2026, 12, 25))
    assert found.given == {"hours", "holidays"}


def test_a_day_that_is_never_over():
    assert config.read({"hours": {"sunday": "00:00-24:00"}}).hours.days[6] == (0, 86400)


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ({"monday": "9-17"}, "hours.monday is '9-17'"),
        ({"monday": "17:00-09:00"}, "hours.monday is '17:00-09:00'"),
        ({"monday": "09:00-24:30"}, "hours.monday is '09:00-24:30'"),
        ({"monday": 9}, "hours.monday is 9"),
        ({"montag": "09:00-17:00"}, "unknown day 'montag'"),
        ({"monday": ""}, "names no day with work"),
    ],
)
def test_hours_that_are_wrong(hours, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        config.read({"hours": hours})


def test_the_introduction_of_the_crm_begins_its_day():
    assert config.read({"crm_introduced": "2025-07-01"}).crm_introduced == datetime(2025, 7, 1)
    with pytest.raises(UsageError, match="crm_introduced is 'soon'"):
        config.read({"crm_introduced": "soon"})


def test_holidays_that_are_wrong():
    with pytest.raises(UsageError, match="holidays is '2026-01-01'; it must be a list"):
        config.read({"holidays": "2026-01-01"})
