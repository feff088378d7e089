"""An import end to end: what is written, what is said, and that the target is whole or untouched."""

from __future__ import annotations

import json
import tomllib

import pandas as pd
import pyarrow.parquet as pq
import pytest

from crmkit import adapters, config
from crmkit.adapters.account import Account
from crmkit.errors import DataError, UsageError


def _column(account: Account, table: str, name: str):
    parts = next(t for t in account.tables if t.name == table).parts
    return next(c for part in parts for c in part.columns if c.name == name)


def _digests(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_tables_keep_keys_as_text_rows_in_order_and_columns_in_the_schemas_order(export):
    export.run()
    table = export.table()
    assert list(table) == [
        "opportunity_id", "owner_id", "created_at", "closed_at", "stage", "outcome", "amount",
    ]  # fmt: skip
    assert table["opportunity_id"].tolist() == ["00123", "00124", "00125"]
    assert table["owner_id"].tolist() == ["007", "008", "007"]
    assert table["outcome"].tolist() == ["won", "open", "lost"]
    assert table["amount"].tolist() == ["1200.5", "800", "0"]
    assert table["created_at"].tolist() == ["2026-01-05 00:00:00", "2026-01-07 09:30:00", "2026-01-09 00:00:00"]
    assert table["closed_at"].tolist() == ["2026-02-01", "", "2026-03-02"]  # a forecast isn't a closing


def test_settings_become_a_crm_toml_that_opens(export):
    export.run()
    found = tomllib.loads((export.to / "crm.toml").read_text(encoding="utf-8"))
    assert found["as_of"] == "2026-03-02"
    assert list(found["stages"].items()) == [("Talking", "open"), ("Closed won", "won"), ("Closed lost", "lost")]
    read = config.read(export.to / "crm.toml")
    assert (read.name, read.currency, len(read.stages)) == ("Small", "EUR", 3)


def test_account_says_what_was_read_left_out_and_done(export):
    export.write("notes.txt", "not a table")
    account = export.run()
    assert account.files_left_out == ("notes.txt",)
    assert [(f.name, f.rows, f.encoding, f.delimiter) for f in account.files] == [
        ("people.csv", 2, "utf-8", ","), ("deals.csv", 3, "utf-8", ","),
    ]  # fmt: skip
    assert account.files[1].columns_left_out == ("Remark",)
    outcome = _column(account, "opportunities", "outcome")
    assert {(r.value, r.became, r.cells) for r in outcome.values} == {
        ("Closed won", "won", 1), ("Talking", "open", 1), ("Closed lost", "lost", 1),
    }  # fmt: skip
    assert _column(account, "opportunities", "closed_at").emptied == 1
    text = account.text()
    for said in ("2 tables, 5 rows", "columns left out: Remark", "Closed won → won (1)", "left out: notes.txt"):
        assert said in text
    assert json.loads(json.dumps(account.as_dict()))["tables"][1]["rows"] == 3


def test_lookups_without_a_match_are_kept_counted_and_shown(export):
    export.write("deals.csv", export.folder.joinpath("deals.csv").read_text("utf-8").replace("124,Łukasz", "124,Otto"))
    account = export.run()
    owner = _column(account, "opportunities", "owner_id")
    assert (owner.unmatched, owner.ambiguous) == (1, 0)
    assert [(e.file, e.line, e.value) for e in owner.lookup_examples] == [("deals.csv", 3, "Otto")]
    assert export.table()["owner_id"].tolist() == ["007", "Otto", "007"]
    assert "1 cell not found in users.name, kept as they are" in account.text()


def test_a_name_of_two_rows_matches_neither(export):
    export.write("people.csv", "id,name\n007,Zoë\n008,Łukasz\n009,Zoë\n")
    owner = _column(export.run(), "opportunities", "owner_id")
    assert (owner.unmatched, owner.ambiguous) == (0, 2)
    assert export.table()["owner_id"].tolist() == ["Zoë", "008", "Zoë"]


def test_lookups_can_be_made_strict_or_emptied(export):
    export.write("people.csv", "id,name\n007,Zoë\n")
    export.bend('lookup = "users.name"', 'lookup = "users.name", unmatched = "empty"')
    export.run()
    assert export.table()["owner_id"].tolist() == ["007", "", "007"]
    export.bend('unmatched = "empty"', 'unmatched = "error"')
    with pytest.raises(DataError, match=r"owner_id.*'Łukasz' in\s+line 3"):
        export.run()


def test_repairs_are_made_and_counted(export):
    export.bend('from = "Owner", lookup', 'from = "Owner", repairs = { Zoe = "Zoë", "?" = "" }, lookup')
    export.write(
        "deals.csv", "Deal ID,Owner,Created,Stage,Closed,Amount\n1,Zoe,2026-01-05,Talking,,1\n2,?,,Talking,,\n"
    )
    owner = _column(export.run(), "opportunities", "owner_id")
    assert [(r.value, r.became, r.cells) for r in owner.repairs] == [("?", "", 1), ("Zoe", "Zoë", 1)]
    assert export.table()["owner_id"].tolist() == ["007", ""]


def test_rows_without_a_date_are_kept_and_said(export):
    export.write(
        "deals.csv", "Deal ID,Owner,Created,Stage,Closed,Amount\n1,Zoë,,Talking,,\n2,Zoë,2026-01-05,Talking,,\n"
    )
    account = export.run()
    assert export.table()["created_at"].tolist() == ["", "2026-01-05"]
    assert "opportunities.created_at: 1 row of 2 without a value; the rows were kept." in account.attention()


def test_several_files_of_one_kind_are_put_together_by_header(export):
    (export.folder / "deals.csv").unlink()
    export.write("deals-1.csv", "Deal ID,Owner,Created,Stage,Closed,Amount\n1,Zoë,2026-01-05,Talking,,5\n")
    export.write("deals-2.csv", "Amount;Stage;Deal ID;Owner;Created;Closed\n7;Talking;2;Zoë;2026-01-06;\n")
    account = export.run()
    assert export.table()[["opportunity_id", "amount"]].to_numpy().tolist() == [["1", "5"], ["2", "7"]]
    assert [f.delimiter for f in account.files if f.kind == "deals"] == [",", ";"]


def test_several_spellings_of_a_header_first_match_wins_and_case_may_differ(export):
    export.write("deals.csv", "id,OWNER,created,stage,closed,amount\n9,Zoë,2026-01-05,Talking,,5\n")
    assert _column(export.run(), "opportunities", "opportunity_id").source == "id"
    assert export.table()["opportunity_id"].tolist() == ["9"]


def test_a_file_under_another_name_is_given_as_name_equals_file(export):
    path = export.write("Export (3).csv", (export.folder / "deals.csv").read_bytes())
    export.run(f"deals={path}", export.folder / "people.csv")
    assert len(export.table()) == 3
    with pytest.raises(UsageError, match=r"Export \(3\)\.csv fits none.*Say which one it is, as in people="):
        export.run(path)


def test_rows_are_left_out_by_rule_and_counted(export):
    export.bend(
        'file = "deals"\n',
        'file = "deals"\nwithout = { Remark = ["HURRY"], Deleted = ["1"] }\nonly = { Owner = ["Zoë"] }\n',
    )
    account = export.run()
    assert export.table()["opportunity_id"].tolist() == ["00123", "00125"]
    assert account.tables[1].parts[0].left_out == {"only Owner = Zoë": 1}
    assert "1 row left out by the rule only Owner = Zoë" in account.text()


def test_repeated_rows_are_written_once_and_counted_and_conflicting_ones_refused(export):
    lines = (export.folder / "deals.csv").read_text("utf-8")
    export.write("deals.csv", lines + lines.splitlines()[1] + "\n")
    account = export.run()
    assert (account.tables[1].rows, account.tables[1].repeated) == (3, 1)
    assert "1 row repeating another row in full left out" in account.text()
    export.write("deals.csv", lines + lines.splitlines()[1].replace("1200.50", "1300") + "\n")
    with pytest.raises(DataError, match=r"00123 \(opportunity_id\) .* deals\.csv, line 2 and deals\.csv, line 5"):
        export.run()


def test_parts_of_one_table_from_several_files(export):
    export.toml += """
[files.calls]
names = ["calls.csv"]
[files.visits]
names = ["visits.csv"]
[[tables.activities]]
file = "calls"
[tables.activities.columns]
activity_id = { combine = ["_kind", "no"], separator = "-" }
_kind = { constant = "c" }
kind = { constant = "call" }
at = "when"
[[tables.activities]]
file = "visits"
[tables.activities.columns]
activity_id = { row = true }
kind = { constant = "visit" }
at = { first_filled = ["actual", "planned"] }
"""
    export.bend('activity_id = { combine = ["_kind", "no"], separator = "-" }\n_kind = { constant = "c" }',
                '_kind = { constant = "c" }\nactivity_id = { combine = ["_kind", "no"], separator = "-" }')  # fmt: skip
    export.write("calls.csv", "no,when\n1,2026-01-02 10:00\n2,2026-01-03 10:00\n")
    export.write("visits.csv", "planned,actual\n2026-02-01,\n2026-02-02,2026-02-05\n")
    export.run()
    table = export.table("activities")
    assert table["activity_id"].tolist() == ["c-1", "c-2", "visits-1", "visits-2"]
    assert table["kind"].tolist() == ["call", "call", "visit", "visit"]
    assert table["at"].str[:10].tolist() == ["2026-01-02", "2026-01-03", "2026-02-01", "2026-02-05"]
    assert list(table) == ["activity_id", "kind", "at"]


def test_stage_ids_become_names_by_a_file_of_the_export(export):
    export.toml += "\n[files.stages]\nnames = ['stages.csv']\n"
    export.bend(
        'stage = "Stage"',
        '_stage = { from = "Stage", lookup = "stages.id", take = ["label", "name"] }\nstage = "_stage"',
    )
    export.bend('from = "Stage", values', 'from = "_stage", values')
    export.write("stages.csv", "id,name\ns1,Talking\ns2,Closed won\ns3,Closed lost\n")
    export.write("deals.csv", "Deal ID,Owner,Created,Stage,Closed,Amount\n1,Zoë,2026-01-05,s2,2026-01-06,5\n")
    export.run()
    assert export.table()[["stage", "outcome"]].to_numpy().tolist() == [["Closed won", "won"]]


def test_an_optional_column_that_is_not_there_is_said(export):
    export.write("deals.csv", "Deal ID,Owner,Created,Stage\n1,Zoë,2026-01-05,Talking\n")
    account = export.run()
    assert account.tables[1].parts[0].columns_not_there == ("closed_at", "amount")
    assert list(export.table()) == ["opportunity_id", "owner_id", "created_at", "stage", "outcome"]


def test_a_table_whose_file_is_missing_is_said(export):
    (export.folder / "people.csv").unlink()
    export.bend(', lookup = "users.name"', "")
    account = export.run()
    assert account.tables_left_out == {"users": "no file people.csv"}


def test_a_lookup_in_a_table_that_was_not_made_keeps_the_text_and_says_so(export):
    (export.folder / "people.csv").unlink()
    account = export.run()
    assert _column(account, "opportunities", "owner_id").unmatched == 3
    assert export.table()["owner_id"].tolist() == ["Zoë", "Łukasz", "Zoë"]


def test_second_import_gives_the_same_bytes_elsewhere_and_in_place(export, tmp_path):
    export.run()
    first = _digests(export.to)
    export.run()
    assert _digests(export.to) == first
    export.to = tmp_path / "another place" / "deep"
    export.run()
    assert _digests(export.to) == first
    assert sorted(first) == ["crm.toml", "import.json", "opportunities.csv", "users.csv"]


def test_sources_are_untouched_and_nothing_is_left_beside_the_target(export):
    before = _digests(export.folder)
    export.run()
    assert _digests(export.folder) == before
    assert sorted(p.name for p in export.folder.parent.iterdir()) == ["export", "out", "small.toml"]


def test_parquet_keeps_types_and_has_checksums(export):
    export.run(file_format="parquet")
    table = pq.read_table(export.to / "opportunities.parquet", page_checksum_verification=True)
    assert [str(t) for t in table.schema.types] == [
        "string", "string", "timestamp[us]", "timestamp[us]", "string", "string", "double",
    ]  # fmt: skip
    damaged = bytearray((export.to / "opportunities.parquet").read_bytes())
    place = damaged.index(b"00123")
    damaged[place] ^= 1
    (export.to / "bad.parquet").write_bytes(damaged)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(export.to / "bad.parquet", page_checksum_verification=True)


def test_a_target_with_other_files_is_refused_and_stays_as_it_is(export):
    export.to.mkdir()
    (export.to / "thesis.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(UsageError, match=r"holds files that no import wrote \(thesis\.txt\)"):
        export.run()
    assert [p.name for p in export.to.iterdir()] == ["thesis.txt"]


def test_the_next_import_keeps_the_merge_map(export):
    export.run()
    decided = "table,id,into\n"
    (export.to / "merges.csv").write_text(decided, encoding="utf-8")
    for _ in range(2):
        assert "What was there before is kept: merges.csv" in export.run().text()
        assert (export.to / "merges.csv").read_text(encoding="utf-8") == decided
    assert "merges.csv" not in json.loads((export.to / "import.json").read_text(encoding="utf-8"))["files_written"]


def test_an_import_says_which_tables_of_the_former_one_are_gone(export, tmp_path):
    answers = tmp_path / "answers.csv"
    answers.write_text("Date,NPS\n2026-03-31,9\n", encoding="utf-8")
    assert "replaced" not in export.run().text() + export.run().text()
    former = [path.stem for path in sorted(export.to.glob("*.csv"))]
    said = adapters.run("answers_sheet", [answers], export.to).text()
    assert f"replaced, and {', '.join(former)} of it gone" in said
    assert [path.name for path in sorted(export.to.glob("*.csv"))] == ["surveys.csv"]


def test_a_former_import_with_a_file_added_or_changed_is_refused(export):
    export.run()
    (export.to / "mine.csv").write_text("a\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"no import wrote \(mine\.csv\)"):
        export.run()
    (export.to / "mine.csv").unlink()
    with (export.to / "crm.toml").open("a", encoding="utf-8") as file:
        file.write('week_start = "sunday"\n')
    with pytest.raises(UsageError, match=r"crm\.toml in .* changed since the import"):
        export.run()


def test_a_forged_marker_does_not_make_a_folder_replaceable(export):
    export.to.mkdir()
    for text in ("[]", "{}", '{"made_by": "crmkit import", "files_written": []}', "no json"):
        (export.to / "import.json").write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match="no import wrote"):
            export.run()


def test_a_failed_import_leaves_the_former_one_and_no_rubbish(export):
    export.run()
    before = _digests(export.to)
    export.write("deals.csv", "Deal ID,Owner\n1\n")
    with pytest.raises(DataError):
        export.run()
    assert _digests(export.to) == before
    assert sorted(p.name for p in export.folder.parent.iterdir()) == ["export", "out", "small.toml"]


def test_an_error_while_writing_leaves_the_former_import(export, monkeypatch):
    export.run()
    before = _digests(export.to)
    from crmkit.adapters import writing

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "table", full)
    with pytest.raises(DataError, match=r"No space left on device\. Nothing was changed"):
        export.run()
    assert _digests(export.to) == before
    assert sorted(p.name for p in export.folder.parent.iterdir()) == ["export", "out", "small.toml"]


def test_target_and_source_must_lie_apart(export):
    export.to = export.folder
    with pytest.raises(UsageError, match="lies in the source"):
        export.run()
    export.to = export.folder / "tables"
    with pytest.raises(UsageError, match="lies in the source"):
        export.run()
    export.to = export.folder.parent
    with pytest.raises(UsageError, match="lies in the target"):
        export.run()


def test_unknown_system_source_and_format(export, tmp_path):
    with pytest.raises(UsageError, match=r"no adapter for 'mavn'\. Did you mean maven\?"):
        adapters.run("mavn", [export.folder], export.to)
    with pytest.raises(UsageError, match=r"There is no file or folder .*exprt.* Did you mean export"):
        export.run(tmp_path / "exprt")
    with pytest.raises(UsageError, match="no format 'xlsx'"):
        export.run(file_format="xlsx")
    with pytest.raises(UsageError, match="Nothing was given"):
        adapters.run("maven", [], export.to)


def test_a_missing_file_names_what_is_there(export):
    (export.folder / "deals.csv").rename(export.folder / "opportunities.csv")
    with pytest.raises(DataError, match=r"No file deals\.csv or deals\*\.csv.*there: opportunities\.csv, people\.csv"):
        export.run()


def test_an_adapter_put_beside_the_others_is_found(export, monkeypatch):
    export.adapter.rename(export.folder.parent / "acme_crm.toml")
    monkeypatch.setattr(adapters, "_HERE", export.folder.parent)
    assert list(adapters.systems()) == ["acme_crm"]
    assert adapters.run("acme_crm", [export.folder], export.to).system == "acme_crm"


def test_what_is_written_equals_a_plain_reading(export):
    export.run()
    plain = pd.read_csv(export.folder / "deals.csv", dtype={"Deal ID": str})
    table = export.table()
    assert table["opportunity_id"].tolist() == plain["Deal ID"].tolist()
    assert table["amount"].astype(float).tolist() == plain["Amount"].tolist()


def test_a_key_of_two_columns(export):
    export.toml += """
[files.tests]
names = ["tests.csv"]
[tables.experiments]
file = "tests"
[tables.experiments.columns]
experiment_id = "test"
customer_id = "customer"
variant = "variant"
assigned_at = "at"
"""
    head = "test,customer,variant,at\nt1,c1,A,2026-01-01\nt1,c2,B,2026-01-01\nt2,c1,B,2026-01-01\n"
    export.write("tests.csv", head + "t1,c2,B,2026-01-01\n")
    account = export.run()
    assert (account.tables[2].rows, account.tables[2].repeated) == (3, 1)
    export.write("tests.csv", head + "t1,c2,A,2026-01-01\n")
    with pytest.raises(
        DataError, match=r"the key t1 / c2 \(experiment_id, customer_id\).*line 3 and tests\.csv, line 5"
    ):
        export.run()


def test_places_that_cannot_be_written_or_read(export, monkeypatch):
    export.to = export.folder / "people.csv" / "out"
    with pytest.raises((DataError, UsageError)):
        export.run()
    export.to = export.folder.parent / "small.toml" / "out"
    with pytest.raises(DataError, match="Nothing can be written beside"):
        export.run()
    export.to = export.folder.parent / "out"

    def closed(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("crmkit.adapters.archives.open_bytes", closed)
    with pytest.raises(DataError, match=r"people\.csv can't be read: Permission denied"):
        export.run()
