"""Each product's fixtures are recognised as its own, with a clear lead, and none is taken for another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmkit import adapters
from crmkit.adapters import candidates, files, parse, recognition
from crmkit.errors import DataError, UsageError

HERE = Path(__file__).parent
NOT_IMPORTED = {"baidu_tongji/report", "ga4/report"}  # totals that no adapter turns into tables


def _exports() -> list[Path]:
    """Return the folders of files, one for each export that is shown; of spreadsheets each file is one."""
    systems = [path for path in HERE.iterdir() if path.is_dir() and path.name in adapters.systems()]
    folders = [folder for system in systems for folder in (system, *system.rglob("*")) if folder.is_dir()]
    found = [f for f in folders if any(p.is_file() and not p.name.startswith(".") for p in f.iterdir())]
    sheets = [file for f in found if f.name.endswith("_sheet") for file in f.iterdir()]
    return sorted([*sheets, *(f for f in found if not f.name.endswith("_sheet"))])


EXPORTS = _exports()


@pytest.fixture(scope="module")
def known():
    """Hold the adapters as they are read once."""
    return {name: parse.load(path) for name, path in adapters.systems().items()}


@pytest.mark.parametrize("folder", EXPORTS, ids=[str(folder.relative_to(HERE)) for folder in EXPORTS])
def test_every_export_is_recognised(folder, known, monkeypatch):
    monkeypatch.setattr(recognition.parse, "load", lambda path: known[path.stem])
    found = adapters.recognise([folder])
    place = folder.relative_to(HERE)
    if str(place) in NOT_IMPORTED:
        assert not found.candidates
        return
    assert found.clear, found.text()
    best = found.candidates[0]
    assert place.parts[0] in (best.system, best.extends)
    read, left = files.find(known[best.system], [folder])  # what an import would do
    assert set(best.files) == {path.name for paths in read.values() for path in paths}
    assert set(best.files_left) == {path.name for path in left}
    others = [c for c in found.candidates[1:] if c.system not in (c.extends, found.system)]
    assert all(found.candidates[0].score - other.score >= candidates.AHEAD for other in others if not other.extends)


def test_the_answer_says_why_and_what_to_type():
    text = adapters.recognise([HERE / "espocrm"]).text()
    assert text.startswith("This is EspoCRM")
    assert f"Next: crmkit import espocrm {HERE / 'espocrm'} --to my_crm" in text
    assert "of their" in text


def test_files_that_are_not_utf_8_are_said_to_be():
    found = adapters.recognise([HERE / "kintone" / "sjis"])
    assert set(found.encodings.values()) == {"cp932"}
    assert "--encoding cp932" in found.text()


def test_what_no_adapter_knows(tmp_path):
    (tmp_path / "cells.csv").write_text("alpha,beta\n1,2\n", encoding="utf-8")
    found = adapters.recognise([tmp_path])
    assert "No adapter knows any of these files" in found.text()
    with pytest.raises(UsageError, match=r"No adapter knows"):
        adapters.run("auto", [tmp_path], tmp_path / "out")


def test_what_two_could_have_written_is_not_chosen(tmp_path):
    (tmp_path / "file.csv").write_text("Id,Name\n1,2\n", encoding="utf-8")
    found = adapters.recognise([tmp_path])
    assert not found.clear
    with pytest.raises((UsageError, DataError)):
        adapters.run("auto", [tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_import_auto_imports_what_is_clear(tmp_path):
    account = adapters.run("auto", [HERE / "jp_customers"], tmp_path / "out")
    assert account.system == "jp_customers"
    assert (tmp_path / "out" / "crm.toml").exists()


def test_nothing_to_recognise(tmp_path):
    with pytest.raises(UsageError, match=r"Nothing was given"):
        adapters.recognise([])
    with pytest.raises(DataError, match=r"no files"):
        adapters.recognise([tmp_path])
    with pytest.raises(UsageError, match=r"There is no file or folder"):
        adapters.recognise([tmp_path / "gone"])


def test_what_could_not_be_looked_at_is_said(tmp_path):
    (tmp_path / "event_data.csv").write_bytes(b"PAR1 and so on")
    assert "event_data.csv isn't text but a Parquet file" in adapters.recognise([tmp_path]).text()


def test_files_that_are_only_looked_up_in_are_used():
    found = adapters.recognise([HERE / "ravenstack" / "iso"]).candidates[0]
    assert found.files["ravenstack_churn_events.csv"] == "churn"
    assert found.files["ravenstack_feature_usage.csv"] == "feature_usage"
    assert found.files_left == ()


def test_a_file_that_has_the_headers_of_another_is_left_out(tmp_path):
    for file in (HERE / "zendesk" / "api").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "brand.csv").write_text("id,_fivetran_deleted,brand_url,name,subdomain,url\n", encoding="utf-8")
    found = adapters.recognise([tmp_path]).candidates[0]
    assert found.files["group.csv"] == "groups"
    assert found.files_left == ("brand.csv",)


def test_a_few_headers_say_nothing_of_who_wrote_them(tmp_path):
    (tmp_path / "Users.csv").write_text("userid,version,rounds,retention\n1,2,3,4\n", encoding="utf-8")
    found = adapters.recognise([tmp_path])
    assert not found.clear
