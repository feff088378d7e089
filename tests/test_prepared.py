"""The copy of the tables that a report's notebooks share: the same answers, and none where a file has changed."""

from __future__ import annotations

import os

import pandas as pd
import pytest

import crmkit
from crmkit import prepared

SETTINGS = 'name = "Żuk"\nas_of = 2026-03-31\n'
ORDERS = """\
order_id,customer_id,ordered_at,amount,gift
01,A,2026-01-05,10,yes
02,B,2026-02-01,20.5,no
02,B,2026-02-01,20.5,no
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of tables, and the environment in which a copy of it is looked for."""
    home = tmp_path / "data"
    home.mkdir()
    (home / "crm.toml").write_text(SETTINGS, encoding="utf-8")
    (home / "orders.csv").write_text(ORDERS, encoding="utf-8")
    monkeypatch.setenv(prepared.VARIABLE, str(tmp_path / "copy"))
    return home


def saved(folder):
    opened = crmkit.open(folder)
    assert prepared.save(opened, str(folder), folder.parent / "copy")
    return opened


def test_the_copy_answers_as_the_files_do(folder):
    first = saved(folder)
    again = crmkit.open(str(folder))
    assert again.engine.con is not first.engine.con
    assert (again.label, again.as_of, again.config) == (first.label, first.as_of, first.config)
    assert (again.notes, again.rows, again.files) == (first.notes, first.rows, first.files)
    assert "repeats another" in again.notes[0], "what was found while opening is not lost"
    for names, by in ((["revenue", "ordering_customers", "churn_rate"], ()), (["revenue"], "gift")):
        asked = {"every": "month", "period": "2026-Q1", "by": by}
        pd.testing.assert_frame_equal(first.measure(names, **asked), again.measure(names, **asked))


def test_a_changed_file_is_read_again(folder):
    saved(folder)
    (folder / "orders.csv").write_text(ORDERS + "03,C,2026-03-01,5,no\n", encoding="utf-8")
    assert crmkit.open(str(folder)).measure("revenue", period="2026-Q1").value.item() == 35.5


def test_changed_settings_are_read_again(folder):
    saved(folder)
    (folder / "crm.toml").write_text(SETTINGS.replace("Żuk", "Bąk"), encoding="utf-8")
    os.utime(folder / "crm.toml", ns=(1, 1))
    assert crmkit.open(str(folder)).config.name == "Bąk"


def test_another_folder_or_other_settings_are_no_copy(folder, tmp_path):
    saved(folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "orders.csv").write_text(ORDERS.replace("20.5", "30"), encoding="utf-8")
    assert crmkit.open(str(other)).measure("revenue", period="2026-Q1").value.item() == 40
    assert crmkit.open(str(folder), as_of="2026-01-31").measure("revenue", period="2026-01").value.item() == 10


def test_frames_and_parquet_are_not_copied(tmp_path):
    frame = pd.DataFrame({"lead_id": ["a"], "created_at": ["2026-01-01"]})
    assert not prepared.save(crmkit.open({"leads": frame}), "leads", tmp_path)
    frame.assign(created_at=pd.to_datetime(frame.created_at)).to_parquet(tmp_path / "leads.parquet")
    assert not prepared.save(crmkit.open(tmp_path), str(tmp_path), tmp_path / "copy")


def test_a_copy_that_cannot_be_written_is_done_without(folder):
    (folder.parent / "copy").write_text("a file where the folder should be")
    assert not prepared.save(crmkit.open(folder), str(folder), folder.parent / "copy")
    assert crmkit.open(str(folder)).rows == {"orders": 3}


def test_a_scorecard_of_the_copy_is_left_for_the_report(folder):
    saved(folder)
    copy = folder.parent / "copy"
    assert prepared.left(copy, "2026-Q1") is None
    crmkit.open(str(folder)).scorecard("2026-Q1", metrics=["revenue"])
    assert prepared.left(copy, "2026-Q1") is None, "only a whole one serves the front page"
    whole = crmkit.open(str(folder)).scorecard("2026-Q1")
    found = prepared.left(copy, "2026-Q1")
    pd.testing.assert_frame_equal(found, whole, check_dtype=False)
    pd.testing.assert_frame_equal(found.attrs["history"], whole.attrs["history"], check_freq=False)


def test_tables_that_are_no_copy_leave_nothing(folder):
    opened = crmkit.open(folder)
    opened.scorecard("2026-Q1")
    assert not (folder.parent / "copy").exists()
