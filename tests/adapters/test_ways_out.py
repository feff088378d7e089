"""What an import answers where an export isn't quite its adapter's: one message, and a way out that works."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from crmkit import adapters
from crmkit.errors import DataError

SYSTEMS = Path(__file__).parent / "systems"


@pytest.fixture
def bent(tmp_path):
    """Copy a file of a product's fixtures with its rows changed, into a folder of its own."""

    def make(file: str, change) -> Path:
        with (SYSTEMS / file).open(encoding="utf-8-sig", newline="") as text:
            rows = change(list(csv.reader(text)))
        folder = tmp_path / "export"
        folder.mkdir()
        with (folder / Path(file).name).open("w", encoding="utf-8", newline="") as text:
            csv.writer(text).writerows(rows)
        return folder

    return make


def test_a_stage_that_is_not_known_comes_with_the_lines_to_write(bent, tmp_path):
    def unknown(rows):
        place = rows[0].index("stage")
        return [rows[0], *([*row[:place], 'Say "yes"', *row[place + 1 :]] for row in rows[1:])]

    folder = bent("espocrm/Export_Opportunity.csv", unknown)
    with pytest.raises(DataError, match="has no meaning in the adapter") as stopped:
        adapters.run("espocrm", [folder], None)
    _, lines = str(stopped.value).split("Such as, with the right meaning:\n")
    own = tmp_path / "my.toml"
    own.write_text(lines, encoding="utf-8")  # as they stand there
    account = adapters.run("espocrm", [folder], None, adapter=own)
    outcome = next(c for t in account.tables for p in t.parts for c in p.columns if c.name == "outcome")
    assert outcome.values[0].value == 'Say "yes"'


def test_a_header_that_is_something_else_already_is_not_offered(bent):
    def german(rows):
        return [[cell.replace("Deal created", "Deal erstellt am") for cell in rows[0]], *rows[1:]]

    folder = bent("pipedrive/views/deals-4727-12.csv", german)
    with pytest.raises(DataError, match=r"created_at='Deal - Deal erstellt am' says so\.") as stopped:
        adapters.run("pipedrive", [folder], None)
    assert "Did it become 'Deal - Deal closed on'" not in str(stopped.value)
    account = adapters.run("pipedrive", [folder], None, columns=["opportunities.created_at=Deal - Deal erstellt am"])
    assert next(table for table in account.tables if table.name == "opportunities").rows > 0


def test_where_no_header_is_near_the_way_to_name_it_is_said(bent):
    folder = bent("pipedrive/views/deals-4727-12.csv", lambda rows: [
        [cell.replace("Deal - Deal created", "Utworzono") for cell in rows[0]], *rows[1:]])  # fmt: skip
    with pytest.raises(DataError, match=r"--column opportunities\.created_at=HEADER says which it is\."):
        adapters.run("pipedrive", [folder], None)
