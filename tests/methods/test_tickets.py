"""Load, age of the backlog and waiting times: by hand, against plain pandas, and on every warehouse's SQL."""

from __future__ import annotations

import sys

import ibis
import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import methods
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods import common
from crmkit.methods.tickets import AGES, backlog_age, resolution_survival, service_hours_censored, ticket_load

QUARTER = "2026-Q3"


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data/sample")


@pytest.fixture(scope="module")
def plain(root):
    times = ["opened_at", "first_response_at", "resolved_at"]
    return pd.read_csv(root / "data/sample/tickets.csv", parse_dates=times)


def desk(rows, as_of="2026-03-31 12:00", **config):
    frame = pd.DataFrame(rows, columns=["ticket_id", "priority", "opened_at", "first_response_at", "resolved_at"])
    return crmkit.open({"tickets": frame}, as_of=as_of, config=config)


@pytest.mark.parametrize("of", ["opened_at", "first_response_at", "resolved_at"])
def test_load_equals_plain_pandas(sample, plain, of):
    found = ticket_load(sample, period=QUARTER, of=of)
    inside = plain[(plain[of] >= "2026-07-01") & (plain[of] < "2026-10-01")][of]
    expected = inside.groupby([inside.dt.day_of_week + 1, inside.dt.hour]).size()
    cells = found.set_index(["weekday", "hour"])["value"]
    assert len(cells) == 168
    assert cells[cells > 0].to_dict() == expected.to_dict()
    assert cells.sum() == len(inside)


def test_load_counts_the_weekdays_that_have_been():
    crm = desk([("1", "", "2026-03-02", None, None)], as_of="2026-03-10 12:00")
    days = ticket_load(crm, period="2026-03").drop_duplicates("weekday").set_index("weekday")["days"]
    assert days.to_dict() == {1: 2, 2: 2, 3: 1, 4: 1, 5: 1, 6: 1, 7: 2}  # 1 March is a Sunday, 10 March a Tuesday


def test_the_age_of_the_backlog_equals_plain_pandas(sample, plain):
    found = backlog_age(sample).set_index("priority")
    open_ = plain[plain["resolved_at"].isna()]
    assert found["open"].to_dict() == open_["priority"].value_counts().to_dict()
    bands = found[[name for _, name in AGES]]
    assert bands.sum(axis=1).tolist() == found["open"].tolist()
    oldest = (pd.Timestamp("2026-09-30 23:59:59") - open_.groupby("priority")["opened_at"].min()) / pd.Timedelta(days=1)
    assert found["oldest_days"].to_dict() == pytest.approx(oldest.to_dict(), abs=1e-3)


def test_the_backlog_of_an_earlier_moment(sample, plain):
    then = pd.Timestamp("2026-07-01")
    found = backlog_age(sample, by="", moment="2026-07-01")
    waits = plain[(plain["opened_at"] < then) & ~(plain["resolved_at"] <= then)]
    assert found["open"].item() == len(waits) == sample.measure("backlog", period="2026-06")["value"].item()


def test_bands_hold_their_lower_end():
    days = ["2026-03-30 12:00", "2026-03-28 12:00", "2026-03-24 12:00", "2026-03-03 12:00", "2026-03-31 11:00"]
    crm = desk([(str(n), "high", day, None, None) for n, day in enumerate(days)], as_of="2026-03-31 12:00")
    row = backlog_age(crm).iloc[0]
    assert [row[name] for _, name in AGES] == [1, 1, 1, 1, 1]  # exactly 1, 3, 7 and 28 days open the next band


def test_nothing_open_is_an_empty_table():
    crm = desk([("1", "high", "2026-03-01", None, "2026-03-02")])
    assert list(backlog_age(crm).columns[:2]) == ["priority", "open"]
    assert len(backlog_age(crm)) == 0


def test_survival_by_hand():
    crm = desk(
        [
            ("1", "high", "2026-03-01 00:00", "2026-03-01 01:00", "2026-03-01 02:00"),
            ("2", "high", "2026-03-01 00:00", "2026-03-01 03:30", "2026-03-01 04:30"),
            ("3", "low", "2026-03-31 09:00", None, None),  # watched for three hours
            ("4", "low", "2026-03-02 00:00", None, "2026-03-01 00:00"),  # ended before it began: left out
        ]
    )
    curve = resolution_survival(crm, period="2026-03")
    assert curve[["time", "at_risk", "events", "censored"]].to_numpy().tolist() == [
        [2, 3, 1, 0], [3, 2, 0, 1], [5, 1, 1, 0],
    ]  # fmt: skip
    assert curve["survival"].tolist() == pytest.approx([2 / 3, 2 / 3, 0])
    assert curve.attrs["left_out"] == 1
    first = resolution_survival(crm, period="2026-03", until="first_response", by="priority")
    assert first.loc[first["priority"] == "high", "time"].tolist() == [1, 4]


def test_the_clock_of_a_ticket_is_stopped_at_the_longest_hours():
    crm = desk([("1", "", "2026-03-01", None, "2026-03-02"), ("2", "", "2026-03-01", None, "2026-03-21")])
    curve = resolution_survival(crm, period="2026-03", longest_hours=100)
    assert curve[["time", "events", "censored"]].to_numpy().tolist() == [[24, 1, 0], [100, 0, 1]]


def test_with_nobody_waiting_the_censored_median_is_a_plain_one(sample, plain):
    inside = plain[(plain["resolved_at"] >= "2025-01-01") & (plain["resolved_at"] < "2026-01-01")]
    found = service_hours_censored(sample, period="2025").iloc[0]
    plain_hours = (inside["resolved_at"] - inside["opened_at"]) / pd.Timedelta(hours=1)
    waits = ((plain["opened_at"] < "2026-01-01") & ~(plain["resolved_at"] < "2026-01-01")).sum()
    assert (found["met"], found["waiting"]) == (len(inside), waits)
    assert found["value"] >= plain_hours.median() * 0.999
    assert found["low"] <= plain_hours.median() <= found["high"]


def test_waiting_tickets_raise_the_median():
    rows = [(str(n), "", "2026-03-01", None, f"2026-03-01 0{n}:00") for n in (1, 2, 3)]
    assert service_hours_censored(desk(rows), period="2026-03")["value"].item() == 2.0
    stuck = [*rows, ("8", "", "2026-03-01", None, None), ("9", "", "2026-03-01", None, None)]
    found = service_hours_censored(desk(stuck), period="2026-03").iloc[0]
    assert (found["value"], found["waiting"]) == (3.0, 2)
    more = [*stuck, *((str(n), "", "2026-03-01", None, None) for n in range(10, 20))]
    assert np.isnan(service_hours_censored(desk(more), period="2026-03")["value"].item())


def test_first_responses_leave_out_what_was_resolved_without_one():
    rows = [
        ("1", "", "2026-03-01", "2026-03-01 04:00", "2026-03-02"),
        ("2", "", "2026-03-01", None, "2026-03-01 01:00"),
    ]
    found = service_hours_censored(desk(rows), period="2026-03", until="first_response").iloc[0]
    assert (found["value"], found["n"]) == (4.0, 1)


def test_wrong_calls_and_missing_tables_are_said():
    crm = desk([("1", "", "2026-03-01", None, None)])
    with pytest.raises(UsageError, match="until is 'closing'; it must be one of resolution, first_response"):
        resolution_survival(crm, period="2026-03", until="closing")
    with pytest.raises(UsageError, match="of is 'ended'"):
        ticket_load(crm, period="2026-03", of="ended")
    leads = crmkit.open({"leads": {"lead_id": ["1"], "created_at": ["2026-03-01"]}})
    for call in (ticket_load, resolution_survival, service_hours_censored):
        with pytest.raises(NotInThisData, match="needs the table tickets"):
            call(leads, period="2026-03")
    with pytest.raises(NotInThisData, match="needs the table tickets"):
        backlog_age(leads)


def test_each_is_one_query_that_every_warehouse_compiles(sample):
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys.modules["crmkit.methods.tickets"], "run", lambda query: asked.append(query) or common.run(query)
        )
        methods.ticket_load(sample, period=QUARTER)
        methods.backlog_age(sample)
        methods.resolution_survival(sample, period=QUARTER, by="customer.segment")
    assert len(asked) == 3
    for query in asked:
        for dialect in ("postgres", "snowflake", "bigquery", "databricks", "trino"):
            assert "SELECT" in ibis.to_sql(query, dialect=dialect)
