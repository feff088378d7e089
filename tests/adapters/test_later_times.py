"""Times that are so long after another, in any zone, and times that are looked up."""

from __future__ import annotations

import pytest

from crmkit.errors import DataError, UsageError

TICKETS = """\
Deal ID,Owner,Created,Stage,Closed,Amount,Wait
1,Zoë,2026-01-05 09:30,Talking,,1,45
2,Zoë,2026-01-05 23:30,Talking,,1,90.5
3,Zoë,2026-01-06,Talking,,1,60
4,Zoë,2026-01-07 10:00,Talking,,1,
5,Zoë,,Talking,,1,30
"""


@pytest.fixture
def answered(export):
    """Import deals of which a column says how long after another time something happened."""

    def run(rule: str, cells: str = TICKETS, *, zone: str = "", **options) -> list[str]:
        export.write("deals.csv", cells)
        export.toml += f"answered_at = {rule}\n"
        if zone:
            export.bend("[files.people]", f'[read]\nzone = "{zone}"\n[files.people]')
        export.account = export.run(**options)
        return export.table()["answered_at"].tolist()

    return run


def column(account, name):
    """Return the account of a column of the deals."""
    parts = next(table for table in account.tables if table.name == "opportunities").parts
    return next(column for column in parts[0].columns if column.name == name)


def test_minutes_after(answered, export):
    found = answered('{ minutes_after = ["Created", "Wait"], type = "time" }')
    assert found == ["2026-01-05 10:15:00", "2026-01-06 01:00:30", "2026-01-06 01:00:00", "", ""]
    read = column(export.account, "answered_at")
    assert (read.source, read.how, read.filled) == ("Wait (minutes) after Created", "time, iso", 3)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("seconds", "2026-01-05 09:30:45"), ("hours", "2026-01-07 06:30:00"), ("days", "2026-02-19 09:30:00")],
)
def test_other_units(answered, unit, expected):
    assert answered(f'{{ {unit}_after = ["Created", "Wait"], type = "time" }}')[0] == expected


def test_the_zone_of_the_file_reaches_what_is_computed(answered, export):
    found = answered('{ minutes_after = ["Created", "Wait"], type = "time" }', zone="UTC", timezone="Asia/Tokyo")
    assert found[:3] == ["2026-01-05 19:15:00", "2026-01-06 10:00:30", "2026-01-06 01:00:00"]  # a day stays that day
    assert export.table()["created_at"].tolist()[:2] == ["2026-01-05 18:30:00", "2026-01-06 08:30:00"]
    assert column(export.account, "answered_at").how == (
        "time, iso, in UTC where no zone is named, converted to Asia/Tokyo"
    )


def test_minutes_go_by_where_the_clocks_change_and_a_day_is_the_same_time_of_day(answered):
    night = "Deal ID,Owner,Created,Stage,Closed,Amount,Wait\n1,Zoë,2026-03-29 00:30,Talking,,1,{}\n"
    after = '{ minutes_after = ["Created", "Wait"], type = "time" }'
    assert answered(after, night.format(120), timezone="Europe/Warsaw") == ["2026-03-29 03:30:00"]


def test_a_day_later_is_the_same_time_of_day_where_the_clocks_change(answered):
    night = "Deal ID,Owner,Created,Stage,Closed,Amount,Wait\n1,Zoë,2026-03-28 12:00,Talking,,1,1\n"
    assert answered('{ days_after = ["Created", "Wait"], type = "time" }', night, timezone="Europe/Warsaw") == [
        "2026-03-29 12:00:00"
    ]


def test_a_time_that_names_its_zone(answered):
    zoned = "Deal ID,Owner,Created,Stage,Closed,Amount,Wait\n1,Zoë,2026-07-01T10:00:00+02:00,Talking,,1,30\n"
    rule = '{ minutes_after = ["Created", "Wait"], type = "time" }'
    assert answered(rule, zoned, zone="America/New_York", timezone="Europe/Warsaw") == ["2026-07-01 10:30:00"]


def test_what_lies_between_is_measured_as_it_went_by(export):
    rows = "1,Zoë,2026-03-29 00:30,Talking,2026-03-29 03:30,1\n2,Zoë,2026-03-29T01:00:00Z,Talking,2026-03-29 03:30,1\n"
    export.write("deals.csv", "ID,Owner,Created,Stage,Closed,Amount\n" + rows)
    export.toml += 'minutes = { minutes_between = ["Created", "Closed"], type = "number" }\n'
    export.run(timezone="Europe/Warsaw")
    assert export.table()["minutes"].astype(float).tolist() == [120, 30]  # one of those hours was left out


def test_what_cannot_be_read_stays_empty_and_is_shown(answered):
    with pytest.raises(DataError, match=r"answered_at .* 1 of 3 cells can't be read.*'2026-01-05 09:30 \+ soon'"):
        answered('{ minutes_after = ["Created", "Wait"], type = "time" }', TICKETS.replace(",45", ",soon"))


def test_the_order_of_day_and_month_is_the_columns_own(answered, export):
    cells = (
        TICKETS.replace("2026-01-05", "05/01/2026")
        .replace("2026-01-06", "06/01/2026")
        .replace("2026-01-07", "13/01/2026")
    )
    export.bend("[files.people]", '[read]\ndates = "auto"\n[files.people]')
    found = answered('{ minutes_after = ["Created", "Wait"], type = "time" }', cells)
    assert found[:2] == ["2026-01-05 10:15:00", "2026-01-06 01:00:30"]
    assert column(export.account, "answered_at").how.startswith("time, day before month, decided by '13/01/2026")


def test_what_is_computed_can_be_worked_with(export):
    export.write("deals.csv", TICKETS)
    export.bend("[files.people]", '[read]\nzone = "UTC"\n[files.people]')
    export.toml += '_later = { minutes_after = ["Created", "Wait"], type = "time" }\n'
    export.toml += 'answered_at = { first_filled = ["_later", "Created"], type = "time" }\n'
    export.run(timezone="Asia/Tokyo")  # of which the first is in the company's zone and the second isn't
    assert export.table()["answered_at"].tolist() == [
        "2026-01-05 19:15:00", "2026-01-06 10:00:30", "2026-01-06 01:00:00", "2026-01-07 19:00:00", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('{ minutes_after = ["Created", "Wait"], type = "number" }', "makes a time, and the column is of type number"),
        ('{ minutes_after = ["Created"], type = "time" }', "needs two headers: a time, and how long after it"),
    ],
)
def test_rules_that_make_no_sense(answered, rule, said):
    with pytest.raises(UsageError, match=said):
        answered(rule)
