"""What stopped arriving: found where it did, and the stated rate of false alarms is kept where it did not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.quality import check
from crmkit.quality.silence import missing_days


def leads(rng, *, days=400, rates=None, until=None):
    """Return leads that come in at random by source, some of which end early."""
    rows = []
    for source, rate in (rates or {"web": 2.0, "fair": 0.5, "phone": 0.3}).items():
        last = (until or {}).get(source, days)
        for day, count in enumerate(rng.poisson(rate, last)):
            rows += [(source, pd.Timestamp("2025-01-01") + pd.Timedelta(day, "D"))] * count
    frame = pd.DataFrame(rows, columns=["source", "created_at"])
    return {"leads": frame.assign(lead_id=[f"L{n}" for n in range(len(frame))])}


def silent(tables, **how):
    found = check(tables, **how)
    return found[found["rule"] == "source_silent"]


def test_a_source_that_stopped_is_named_with_its_last_day():
    rng = np.random.default_rng(1)
    tables = leads(rng, until={"fair": 300})
    (row,) = silent(tables).to_dict("records")
    last = tables["leads"].query("source == 'fair'")["created_at"].max()
    assert row["finding"].startswith(f"has no row of the source fair since {last:%Y-%m-%d}; before, there were ")
    assert (row["column"], row["unit"], row["examples"]) == ("source", "days", ["source fair"])
    assert row["rows"] == (tables["leads"]["created_at"].max() - last).days
    assert "leads" in row["metrics"]


def test_false_alarms_of_sources_are_as_rare_as_stated():
    alarms = 0
    for seed in range(12):
        alarms += len(silent(leads(np.random.default_rng(seed), days=250)))
    assert alarms == 0  # one check in a thousand would raise one


def test_a_source_that_always_pauses_is_not_silent_yet():
    days = [day for start in range(0, 400, 60) for day in range(start, start + 10)]  # ten days in sixty
    burst = pd.DataFrame({"source": "fair", "created_at": pd.Timestamp("2025-01-01") + pd.to_timedelta(days, "D")})
    steady = pd.DataFrame({"source": "web", "created_at": pd.date_range("2025-01-01", periods=410, freq="D")})
    frame = pd.concat([burst, steady], ignore_index=True)
    frame["lead_id"] = [f"{n}" for n in range(len(frame))]
    assert silent({"leads": frame}).empty


def test_who_has_left_is_not_expected_to_go_on():
    rng = np.random.default_rng(2)
    tables = leads(rng, until={"fair": 300})
    tables["leads"] = tables["leads"].rename(columns={"source": "owner_id"})
    users = {"user_id": ["web", "fair", "phone"], "active_to": [None, "2025-10-27", None]}
    assert silent(tables)["examples"].tolist() == [["owner_id fair"]]
    assert silent(tables | {"users": users}).empty


def test_a_table_that_stopped_is_one_finding_and_not_one_a_source():
    tables = leads(np.random.default_rng(3), until=dict.fromkeys(("web", "fair", "phone"), 300))
    found = check(tables, as_of="2026-02-01")
    assert found["rule"].tolist() == ["table_silent"]
    last = tables["leads"]["created_at"].max()
    assert f"has no row since {last:%Y-%m-%d}" in found["finding"].iloc[0]


def series(rng, days=730, *, weekend=True):
    index = pd.date_range("2024-01-01", periods=days)
    rate = np.where(index.day_of_week < 5, 20.0, 0.0 if weekend else 8.0)
    return pd.Series(rng.poisson(rate), index)


def test_missing_days_are_found_and_weekends_are_not():
    days = series(np.random.default_rng(4))
    days["2025-03-04"] = days["2025-03-05"] = 0
    assert [str(day.date()) for day in missing_days(days)] == ["2025-03-04", "2025-03-05"]


def test_holidays_are_not_missing_whether_listed_or_empty_every_year():
    days = series(np.random.default_rng(5))
    days["2024-12-25"] = days["2025-12-25"] = 0  # nobody said so, but it is so every year
    days["2025-05-01"] = 0
    assert [str(day.date()) for day in missing_days(days)] == ["2025-05-01"]
    assert missing_days(days, holidays=[pd.Timestamp("2025-05-01").date()]) == []


def test_false_alarms_of_missing_days_are_as_rare_as_stated():
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rate = rng.gamma(4.0, 6.0 / 4.0, 400)  # overdispersed, six a day in the mean: empty days do happen
        alarms += bool(missing_days(pd.Series(rng.poisson(rate), pd.date_range("2025-01-01", periods=400)), alarm=0.01))
    assert alarms <= 8  # two of 200 are expected


def test_thresholds_decide():
    rng = np.random.default_rng(6)
    tables = leads(rng, until={"phone": 375})
    assert silent(tables).empty
    loose = {"quality": {"thresholds": {"silence_alarm": 0.2}}}
    assert len(silent(tables, config=loose)) <= 1
    assert crmkit.open(tables, config=loose).config.quality.threshold("silence_alarm") == pytest.approx(0.2)
