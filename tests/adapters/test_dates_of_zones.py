"""Times that name no zone, in files that are written in another zone than the company's."""

from __future__ import annotations

import pytest

from crmkit.errors import UsageError


@pytest.fixture
def created(export):
    """Import deals whose times are in UTC into a company in Warsaw."""

    def run(*cells: str, zone: str = "UTC") -> tuple[list[str], str]:
        export.write("deals.csv", "ID,Owner,Created,Stage,Closed,Amount\n" + "".join(
            f"{n},Zoë,{cell},Talking,,1\n" for n, cell in enumerate(cells)))  # fmt: skip
        export.bend('currency = "EUR"', 'currency = "EUR"\ntimezone = "Europe/Warsaw"')
        export.bend("[files.people]", f'[read]\nzone = "{zone}"\n[files.people]')
        account = export.run()
        parts = next(table for table in account.tables if table.name == "opportunities").parts
        how = next(column.how for column in parts[0].columns if column.name == "created_at")
        return export.table()["created_at"].tolist(), how

    return run


def test_they_are_converted_with_summer_and_winter_and_over_midnight(created):
    times, how = created("2026-07-01 10:00:00", "2026-01-15 10:00", "2026-07-01T23:30:00")
    assert times == ["2026-07-01 12:00:00", "2026-01-15 11:00:00", "2026-07-02 01:30:00"]
    assert how.endswith("in UTC where no zone is named, converted to Europe/Warsaw")


def test_a_time_that_names_its_zone_and_a_day_without_a_clock_stay_what_they_are(created):
    times, _ = created("2026-07-01T10:00:00+02:00", "2026-07-01", "2026-07-01T08:00:00Z")
    assert times == ["2026-07-01 10:00:00", "2026-07-01 00:00:00", "2026-07-01 10:00:00"]


def test_in_the_companys_own_zone_nothing_is_moved(created):
    times, how = created("2026-07-01 10:00:00", zone="Europe/Warsaw")
    assert times == ["2026-07-01 10:00:00"]
    assert how.endswith("in Europe/Warsaw where no zone is named")


def test_a_zone_that_is_none_is_refused(created):
    with pytest.raises(UsageError, match="Middle/Earth"):
        created("2026-07-01 10:00:00", zone="Middle/Earth")
