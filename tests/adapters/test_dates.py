"""Dates in any writing: one order of day and month for a whole column, decided by all cells or asked for."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.adapters import cells
from crmkit.errors import DataError

DAYS = {
    "dmy": (
        "%d/%m/%Y",
        "%d.%m.%Y",
        "%d-%m-%Y",
        "%d/%m/%y",
        "%d. %m. %Y",
        "%d %b %Y",
        "%d-%b-%y",
        "%d %B %Y",
        "%Y-%m-%d",
    ),
    "mdy": ("%m/%d/%Y", "%m-%d-%y", "%m.%d.%Y", "%b %d, %Y", "%B %d %Y", "%A, %B %d, %Y", "%Y/%m/%d"),
    "ymd": ("%Y/%m/%d", "%y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y. %m. %d.", "%Y-%b-%d", "%Y%m%d"),
}
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", ", %I:%M:%S %p", " %H:%M:%S.%f", " %H:%M:%S +0200", "T%H:%M:%SZ")


def _read(text: str, choice: str, zone: str = "UTC") -> datetime | None:
    sql = cells.time("x", choice, zone)
    return duckdb.execute(f"SELECT {sql} FROM (SELECT ? AS x)", [text]).fetchone()[0]


def _expected(when: datetime, day: str, clock: str) -> datetime:
    if not clock:
        return datetime(when.year, when.month, when.day)
    when = when if "%f" in clock else when.replace(microsecond=0)
    when = when if "%S" in clock else when.replace(second=0)
    return when.replace(hour=when.hour - 2) if "+0200" in clock else when


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_time_in_any_usual_writing_is_read_back(data):
    order = data.draw(st.sampled_from(sorted(DAYS)))
    day, clock = data.draw(st.sampled_from(DAYS[order])), data.draw(st.sampled_from(CLOCKS))
    when = data.draw(st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)))
    when = when.replace(hour=max(when.hour, 2))
    if day == "%Y%m%d":
        clock = ""
    text = when.strftime(day + clock)
    unpadded = data.draw(st.booleans()) and day in ("%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d")
    if unpadded:
        text = "/".join(part.lstrip("0") or "0" for part in text.split(" ")[0].split("T")[0].split(",")[0].split("/"))
        text += when.strftime(clock)
    assert _read(text, order) == _expected(when, day, clock), text


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("30/02/2021", "dmy"), ("12/31/2022", "dmy"), ("31/12/2022", "mdy"), ("31/08/2022 25:00", "dmy"),
        ("1/2/2022 13:00 PM", "mdy"), ("May 2021", "mdy"), ("1/2", "dmy"), ("1/2/202", "dmy"), ("44927", "dmy"),
        ("1/2/2022 10:00 EST", "mdy"), ("next week", "dmy"), ("20261301", "ymd"), ("1.234", "dmy"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_unread(text, order):
    assert _read(text, order) is None


def test_zoned_times_are_exact_where_clocks_change():
    zone = "Europe/Warsaw"
    assert _read("2026-03-29T00:59:59Z", "iso", zone) == datetime(2026, 3, 29, 1, 59, 59)
    assert _read("2026-03-29T01:00:00Z", "iso", zone) == datetime(2026, 3, 29, 3, 0)  # 2:00 to 3:00 was skipped
    assert _read("25/10/2026 00:30 +00:00", "dmy", zone) == datetime(2026, 10, 25, 2, 30)
    assert _read("25/10/2026 01:30 +00:00", "dmy", zone) == datetime(2026, 10, 25, 2, 30)  # … and this one came twice
    assert _read("29/03/2026 02:30", "dmy", zone) == datetime(2026, 3, 29, 2, 30)  # no zone: as it stands


def _deals(export, *created: str, closed: tuple[str, ...] = ()) -> None:
    closed = closed or ("",) * len(created)
    rows = [f'{n},Zoë,"{a}",Closed won,"{b}",1' for n, (a, b) in enumerate(zip(created, closed, strict=True))]
    export.write("deals.csv", "\n".join(["Deal ID,Owner,Created,Stage,Closed,Amount", *rows]) + "\n")


@pytest.fixture
def auto(export):
    export.bend("required = true", 'required = true\ndates = "auto"')
    return export


def _how(account, name: str = "created_at") -> str:
    return next(c.how for c in account.tables[-1].parts[0].columns if c.name == name)


def test_one_cell_decides_for_the_column_and_is_named(auto):
    _deals(auto, "03/07/2022", "05/06/2022 14:00", "31/08/2022", "2022-07-05")
    account = auto.run()
    assert auto.table()["created_at"].str[:10].tolist() == ["2022-07-03", "2022-06-05", "2022-08-31", "2022-07-05"]
    assert _how(account) == "time, day before month, decided by '31/08/2022' in line 4"


def test_month_before_day(auto):
    _deals(auto, "03/07/26 02:18 AM", "02/24/26 02:18 PM")
    account = auto.run()
    assert auto.table()["created_at"].tolist() == ["2026-03-07 02:18:00", "2026-02-24 14:18:00"]
    assert "month before day, decided by '02/24/26 02:18 PM' in line 3" in _how(account)


def test_what_fits_both_orders_is_asked_for(auto):
    _deals(auto, "03/07/2022", "05/06/2022")
    with pytest.raises(
        DataError, match=r"can't be told apart: 2 cells fit both orders, such as '03/07/2022' in line 2"
    ):
        auto.run()
    auto.run(dates="dmy")
    assert auto.table()["created_at"].tolist() == ["2022-07-03", "2022-06-05"]
    auto.run(dates="opportunities.created_at=mdy")
    assert auto.table()["created_at"].tolist() == ["2022-03-07", "2022-05-06"]


def test_another_column_of_the_file_decides_where_its_own_cells_do_not(auto):
    _deals(auto, "03/07/2022", closed=("31/08/2022",))
    account = auto.run()
    assert auto.table()["created_at"].tolist() == ["2022-07-03"]
    assert "decided by '31/08/2022' in line 2 under 'Closed', for its own cells fit both orders" in _how(account)


def test_all_files_of_a_kind_decide_together(auto):
    (auto.folder / "deals.csv").unlink()
    auto.write("deals-1.csv", "Deal ID,Owner,Created,Stage,Closed,Amount\n1,Zoë,03/07/2022,Talking,,1\n")
    auto.write("deals-2.csv", "Deal ID,Owner,Created,Stage,Closed,Amount\n2,Zoë,31/08/2022,Talking,,1\n")
    assert "in line 2 of deals-2.csv" in _how(auto.run())
    assert auto.table()["created_at"].tolist() == ["2022-07-03", "2022-08-31"]


def test_the_same_day_in_both_orders_needs_no_decision(auto):
    _deals(auto, "03/03/2022", "2022-05-06")
    auto.run()
    assert auto.table()["created_at"].tolist() == ["2022-03-03", "2022-05-06"]


def test_a_column_that_mixes_orders_is_refused_with_an_example_of_each(auto):
    _deals(auto, "31/08/2022", "08/31/2022", "05/06/2022")
    with pytest.raises(
        DataError, match=r"mix day before month \('31/08/2022' in line 2\) and month before day \('08/31"
    ):
        auto.run()


def test_years_of_two_digits_that_could_come_first_are_asked_for(auto):
    _deals(auto, "21/08/03", "22/09/04")
    with pytest.raises(DataError, match=r"could also begin with the year, such as '21/08/03' in line 2.*or ymd"):
        auto.run()
    auto.run(dates="ymd")
    assert auto.table()["created_at"].tolist() == ["2021-08-03", "2022-09-04"]


@pytest.mark.parametrize(
    ("texts", "expected", "how"),
    [
        (("1700000000", "1700086400"), "2023-11-14 22:13:20", "Unix seconds"),
        (("1700000000000", "1700086400000"), "2023-11-14 22:13:20", "Unix milliseconds"),
        (("45000", "45000.5"), "2023-03-15 00:00:00", "Excel's days"),
        (("20260801", "20260802"), "2026-08-01", "YYYYMMDD"),
    ],
)
def test_numbers_are_times_where_the_whole_column_is(auto, texts, expected, how):
    _deals(auto, *texts)
    assert how in _how(auto.run())
    assert auto.table()["created_at"][0] == expected


@pytest.mark.parametrize("texts", [("1700000000", "31/08/2022"), ("45000", "12"), ("300", "301"), ("99991231", "1")])
def test_numbers_among_other_things_are_not_times(auto, texts):
    _deals(auto, *texts)
    with pytest.raises(DataError, match=r"can't be read as time"):
        auto.run()


def test_days_that_stand_for_none_are_emptied_and_counted(auto):
    _deals(auto, "2022-07-03", "0001-01-01", "9999-12-31 00:00:00", "0000-00-00", "0000-00-00 00:00:00")
    account = auto.run()
    assert auto.table()["created_at"].tolist() == ["2022-07-03", "", "", "", ""]
    column = next(c for c in account.tables[-1].parts[0].columns if c.name == "created_at")
    assert (column.sentinels, column.unread) == (4, 0)
    assert any(
        "4 cells with a day that stands for none left empty, such as '0001-01-01'" in n for n in account.attention()
    )


def test_an_explicit_order_reads_what_only_the_other_order_could_as_unread(export):
    export.bend("required = true", 'required = true\ndates = "dmy"\nunreadable = 0.4')
    _deals(export, "31/08/2022", "08/31/2022", "1/9/2022")
    account = export.run()
    assert export.table()["created_at"].tolist() == ["2022-08-31", "", "2022-09-01"]
    assert any("1 cell could not be read" in note for note in account.attention())
