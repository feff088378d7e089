import subprocess
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest

from crmkit.errors import UsageError
from crmkit.numbers import NBSP, as_number, common_digits, grain, say, say_change, say_interval, say_period, tick


def plain(text):
    return text.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (4238 / 6711, "share", "63.2%"),
        (0.0, "share", "0.0%"),
        (0.0123, "share", "1.2%"),
        (0.00123, "share", "0.12%"),
        (0.000123, "share", "0.012%"),
        (2.5, "share", "250.0%"),
        (-0.5, "share", "−50.0%"),
        (10_005_534, "count", "10,005,534"),
        (2360.91, "money", "€2,361"),
        (99.5, "money", "€99.50"),
        (10_005_534, "money", "€10.0M"),
        (999_999_999, "money", "€1.00B"),
        (-1_250_000, "money", "−€1.25M"),
        (51.78, "days", "51.8 days"),
        (1, "days", "1 day"),
        (0.5, "hours", "0.5 hours"),
        (-35.897, "points", "−35.9"),
        (-0.04, "points", "0.0"),
        (6.123, "score", "6.12"),
        (2326.15, "money_per_day", "€2,326 a day"),
        (3.5, "ratio", "3.50"),
        (float("inf"), "ratio", "∞"),
        (-np.inf, "ratio", "−∞"),
    ],
)
def test_each_unit_has_its_own_form(value, unit, text):
    assert plain(say(value, unit, currency="EUR")) == text


@pytest.mark.parametrize("unknown", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_unknown_is_a_dash_and_never_zero(unknown):
    assert say(unknown, "money", currency="EUR") == "–"
    assert say_change(unknown, 1, "share") == "–"
    assert say_change(1, unknown, "share") == "–"
    assert say_interval(unknown, 1, "share") == "–"
    assert as_number(unknown) is None


def test_languages_write_their_own_signs():
    assert say(0.6315, "share", lang="pl") == "63,2%"
    assert plain(say(10_005_534, "money", currency="PLN", lang="pl")) == "10,0 mln zł"
    assert say(123_456_789, "money", currency="JPY", lang="ja").endswith("1.23億")
    assert say(5, "days", lang="ja") == "5日"
    assert say(5, "days", lang="zh") == "5天"
    assert plain(say(1234.5, "days", lang="de")) == "1.234 Tage"
    assert say(-1234, "count", lang="en-GB") == "−1,234"


def test_amounts_without_a_known_currency_keep_their_code():
    assert plain(say(12.5, "money", currency="PLN")) == "PLN 12.50"
    assert plain(say(12.5, "money", currency="shells")) == "shells 12.50"
    assert say(12.5, "money") == "12.50"


def test_wrong_calls_say_what_is_wrong():
    with pytest.raises(UsageError, match="'many' is not a number"):
        say("many", "count")
    with pytest.raises(UsageError, match="no language called 'xx-nowhere'"):
        say(1, "count", lang="xx-nowhere")


@pytest.mark.parametrize(
    ("now", "before", "unit", "text"),
    [
        (0.652, 0.631, "share", "+2.1 pts"),
        (0.24, 0.31, "share", "−7.0 pts"),
        (0.31, 0.31, "share", "0.0 pts"),
        (-35.9, -40.1, "points", "+4.2 points"),
        (104.2, 100, "money", "+4.2%"),
        (5, 0, "count", "+5"),
        (20, -10, "money", "+€30"),
        (0, 0, "count", "0"),
    ],
)
def test_changes_carry_a_sign_and_never_divide_by_nothing(now, before, unit, text):
    assert plain(say_change(now, before, unit, currency="EUR")) == text


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (0.612, 0.651, "share", "61.2–65.1%"),
        (0.002, 0.651, "share", "0.2–65.1%"),
        (-48.1, -23.7, "points", "−48.1 to −23.7"),
        (-4.0, 23.7, "points", "−4.0 to 23.7"),
        (49.1, 54.2, "days", "49.1–54.2 days"),
        (2290, 2431, "money", "€2,290–€2,431"),
    ],
)
def test_intervals_name_their_unit_once(low, high, unit, text):
    assert plain(say_interval(low, high, unit, currency="EUR")) == text


def test_periods_are_written_as_the_contract_writes_them():
    assert say_period(pd.Timestamp("2026-07-01"), "quarter") == "2026-Q3"
    assert say_period(date(2027, 1, 1), "week") == "2026-W53"
    assert say_period(pd.NaT) == "–"
    assert say_period(None) == "–"


@pytest.mark.parametrize(("freq", "name"), [("YS", "year"), ("QS", "quarter"), ("MS", "month"), ("W-MON", "week")])
def test_grain_is_read_from_the_shortest_step(freq, name):
    starts = pd.date_range("2023-01-01", periods=7, freq=freq)
    assert grain(starts) == name
    assert grain(starts[[0, 2, 3]]) == name  # a gap doesn't change it
    assert grain([*starts, pd.NaT]) == name
    assert grain(starts[:1]) == ""


@pytest.mark.parametrize(
    ("value", "unit", "step", "text"),
    [
        (0.25, "share", 0.05, "25%"),
        (0.025, "share", 0.025, "2.5%"),
        (0, "money", 50_000, "€0"),
        (250_000, "money", 50_000, "€250K"),
        (1_500_000, "money", 500_000, "€1.5M"),
        (2_000_000, "money", 1_000_000, "€2M"),
        (0.5, "money", 0.25, "€0.50"),
        (40_000, "count", 10_000, "40K"),
        (4000, "count", 1000, "4,000"),
    ],
)
def test_ticks_are_short_and_as_exact_as_their_step(value, unit, step, text):
    assert tick(value, unit, step=step, currency="EUR") == text


def test_a_column_has_one_number_of_decimals():
    assert common_digits([88, 310.2], "money", currency="EUR") == 2
    assert common_digits([88, 310.2], "money", currency="JPY") == 0
    assert common_digits([88, 3100.2], "money", currency="EUR") == 0
    assert common_digits([1, None, 2.5], "days") == 1
    assert common_digits([None], "share") is None


def test_importing_numbers_and_tables_costs_neither_pandas_nor_matplotlib():
    code = "import sys, crmkit.numbers, crmkit.tables, crmkit.notebook; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pandas", "numpy", "matplotlib", "IPython"} & set(loaded)
