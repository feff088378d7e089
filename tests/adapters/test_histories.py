"""Exports with several rows of one thing: one row is made of them, and levels are read from a file beside them."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

ADAPTER = """\
title = "Small desk"
[crm]
as_of = { latest = ["tickets.changed_at"] }
[crm.sla]
by = "category"
resolution_hours = { file = "levels", key = "Team", value = "Days", times = 24 }
[files.levels]
names = ["levels.csv"]
[files.history]
names = ["history*.csv"]
required = true
[tables.tickets]
file = "history"
one_row_for = ["Case"]
in_order_of = "When"
[tables.tickets.columns]
ticket_id = { from = "Case", split = "/", part = 1 }
category = { from = "Case", split = "/", part = 2 }
opened_at = { from = "When", which = "first" }
first_response_at = { from = "When", which = "first", where = { State = ["answered", "closed"] } }
agent_id = "Agent"
status = "State"
changed_at = { from = "When", type = "time" }
resolved_at = { from = "When", where = { State = ["closed"] }, only_if = { status = ["closed"] } }
"""
# the files are not in order: the second month comes first, and the rows of 2 are turned round
HISTORY_1 = """\
When,Case,State,Agent
2026-03-02 09:00,1 / Sales,Answered,Ann
2026-03-05 12:00,1 / Sales,closed,
2026-03-04 08:00,2/HR,closed,Ben
2026-03-03 08:00,2/HR,answered,Ann
"""
HISTORY_2 = """\
When,Case,State,Agent
2026-02-27 10:00,1 / Sales,new,
2026-03-01 08:00,2/HR,new,
2026-03-06 08:00,2/HR,reopened,
2026-03-07 10:00,3/HR,new,
"""
LEVELS = "Team,Days\nSales,5\nHR,2.5\n"


@pytest.fixture
def desk(tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    for name, text in (("history_1.csv", HISTORY_1), ("history_2.csv", HISTORY_2), ("levels.csv", LEVELS)):
        (folder / name).write_text(text, encoding="utf-8")

    def run(*bends: tuple[str, str], adapter: str = ADAPTER):
        for old, new in bends:
            assert old in adapter
            adapter = adapter.replace(old, new)
        path = tmp_path / "desk.toml"
        path.write_text(adapter, encoding="utf-8")
        return adapters.run("desk", [folder], tmp_path / "out", adapter=path)

    run.folder, run.to = folder, tmp_path / "out"
    return run


def test_rows_of_one_thing_become_one_whatever_their_order(desk):
    account = desk()
    found = pd.read_csv(desk.to / "tickets.csv", dtype=str, keep_default_na=False).set_index("ticket_id")
    assert found.loc["1"].tolist() == ["Ann", "2026-02-27 10:00:00", "2026-03-02 09:00:00", "2026-03-05 12:00:00",
                                       "Sales", "closed", "2026-03-05 12:00:00"]  # fmt: skip
    # Ben closed it after Ann had answered; it was opened again, so it is not resolved
    assert found.loc["2", ["agent_id", "status", "resolved_at"]].tolist() == ["Ben", "reopened", ""]
    assert found.loc["3", ["agent_id", "first_response_at", "status"]].tolist() == ["", "", "new"]
    assert "3 of 8 rows, one row for each Case" in account.text()
    assert "When (first in order of When where State is answered or closed)" in account.text()
    assert account.as_dict()["tables"][0]["parts"][0]["one_row_for"] == ("Case",)


def test_levels_come_from_their_file(desk):
    desk()
    crm = crmkit.open(desk.to)
    assert crm.config.sla == {"by": "category", "resolution_hours": {"Sales": 120, "HR": 60}}
    found = crm.measure("sla_met", period="2026-02-01/2026-04-01").iloc[0]
    # 1 took six days and two hours of five days, 2 has waited for five of two and a half, 3 is within its time
    assert (found.value, found.denominator) == (0.0, 2)


def test_without_their_file_levels_are_left_out(desk):
    (desk.folder / "levels.csv").unlink()
    desk()
    assert crmkit.open(desk.to).config.sla == {"by": "category"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2026-03-03 08:00", "soon", r"'soon' in history_1.csv, line 5 under 'When' is neither a number nor a time"),
        ("2026-03-04 08:00,2/HR", "2026-03-04 08:00,2", r"'2' in history_1.csv, line 4 has no piece 2"),
        ("When,Case", "When,Thing", r"there is no column 'Case'"),
    ],
)
def test_what_cannot_be_put_together_is_refused_with_its_line(desk, old, new, message):
    (desk.folder / "history_2.csv").unlink()
    (desk.folder / "history_1.csv").write_text(HISTORY_1.replace(old, new), encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=message):
        desk()


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ("Team,Days\nSales,five\n", "levels.csv, line 2: 'five' under 'Days' can't be read as a number"),
        ("Team,Days\nSales,5\nSales,6\n", "levels.csv, line 3: 'Sales' has two numbers, 120 and 144"),
        ("Group,Days\nSales,5\n", "levels.csv: there is no column 'Team'. Columns there: Group, Days"),
    ],
)
def test_levels_that_cannot_be_read_are_refused(desk, levels, message):
    (desk.folder / "levels.csv").write_text(levels, encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=message):
        desk()


@pytest.mark.parametrize(
    ("bend", "message"),
    [
        (('in_order_of = "When"\n', ""), "one_row_for: and in_order_of need each other"),
        (('one_row_for = ["Case"]\nin_order_of = "When"\n', ""), "which and where need one_row_for"),
        ((", part = 1", ""), "split: and part go together"),
        (('which = "first" }', 'which = "earliest" }'), "which: is 'earliest'; it must be one of 'first', 'last'"),
        (('file = "levels", key', 'file = "terms", key'), "file: is 'terms'; it must be one of 'levels', 'history'"),
        (('key = "Team"', 'word = "Team"'), "unknown key"),
    ],
)
def test_wrong_rules_are_refused(desk, bend, message):
    with pytest.raises(crmkit.UsageError, match=message):
        desk(bend)


def test_numbers_put_rows_in_order_too(desk):
    for name in ("history_1.csv", "history_2.csv"):
        rows = pd.read_csv(desk.folder / name)
        moments = pd.to_datetime(rows["When"])
        rows["Step"] = ((moments - pd.Timestamp("2026-02-01")) / pd.Timedelta(hours=1)).astype(int)  # 9 before 10
        rows.to_csv(desk.folder / name, index=False)
    desk()
    by_time = (desk.to / "tickets.csv").read_bytes()
    desk(('in_order_of = "When"', 'in_order_of = "Step"'))
    assert (desk.to / "tickets.csv").read_bytes() == by_time
