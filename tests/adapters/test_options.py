"""What a user says on the command line about one export, and what the account asks of them."""

from __future__ import annotations

import json
import tomllib

import pytest

from crmkit import adapters
from crmkit.adapters.answers import answers
from crmkit.cli import main
from crmkit.errors import DataError, UsageError


def test_settings_said_go_into_crm_toml(export):
    export.run(currency="PLN", timezone="Europe/Warsaw", name="Ours", as_of="2026-12-31")
    found = tomllib.loads((export.to / "crm.toml").read_text(encoding="utf-8"))
    assert (found["currency"], found["timezone"], found["name"], found["as_of"]) == (
        "PLN", "Europe/Warsaw", "Ours", "2026-12-31",
    )  # fmt: skip


def test_a_column_is_read_from_the_header_that_is_said(export):
    export.bend('amount = "Amount"', 'amount = { from = "Value", times = 1000 }')
    account = export.run(columns=["opportunities.amount=Amount", "opportunities.source=Remark", "users.nick=name"])
    assert export.table()["amount"].tolist() == ["1200500", "800000", "0"]  # the scale stays
    assert export.table()["source"].tolist() == ["", "hurry", ""]
    assert export.table("users")["nick"].tolist() == ["Zoë", "Łukasz"]
    assert account.files[1].columns_left_out == ()


def test_headers_are_kept_that_are_said(export):
    export.run(keep=["opportunities.*"])
    assert export.table()["remark"].tolist() == ["", "hurry", ""]


def test_marks_said_hold_for_all_but_what_a_column_says_of_itself(export):
    export.bend('amount = "Amount"', 'amount = "Amount"\nprobability = { from = "P", decimal = "." }')
    export.write("deals.csv", 'Deal ID;Owner;Created;Stage;Closed;Amount;P\n1;Zoë;2026-01-05;Talking;;"1.200,5";0.5\n')
    export.write("people.csv", "id;name\n007;Zoë\n")
    export.run(decimal=",", delimiter=";")
    assert export.table()[["amount", "probability"]].to_numpy().tolist() == [["1200.5", "0.5"]]


def test_dates_said_do_not_touch_a_columns_own_format(export):
    export.bend('created_at = "Created"', 'created_at = { from = "Created", dates = "unix" }')
    export.write("deals.csv", "Deal ID,Owner,Created,Stage,Closed,Amount\n1,Zoë,1700000000,Closed won,1/2/2026,5\n")
    export.run(dates="dmy")
    assert export.table()["created_at"].tolist() == ["2023-11-14 22:13:20"]
    assert export.table()["closed_at"].tolist() == ["2026-02-01"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"columns": ["opportunities.amount"]}, r"--column 'opportunities\.amount': write TABLE\.COLUMN=HEADER"),
        (
            {"columns": ["deals.amount=X"]},
            r"--column: the adapter makes no table 'deals'; it makes users, opportunities",
        ),
        ({"columns": ["opportunities.amount=Nothing"]}, r"opportunities\.amount.*there is no column 'Nothing'"),
        ({"keep": ["Region"]}, r"--keep 'Region': write TABLE\.HEADER"),
        (
            {"dates": "opportunities.closd_at=dmy"},
            r"makes no column opportunities\.closd_at \(did you mean closed_at\?\)",
        ),
        ({"dates": "ddmmyy"}, r"dates: has 'ddmmyy'"),
        ({"decimal": ";"}, r"--decimal is ';'; it must be \. or ,"),
        ({"timezone": "Mars/North"}, r"Mars/North"),
    ],
)
def test_slips(export, options, said):
    with pytest.raises((UsageError, DataError), match=said):
        export.run(**options)
    assert not export.to.exists()


def test_a_dry_run_says_all_and_writes_nothing(export):
    account = adapters.run("small", [export.folder], None, adapter=export.adapter)
    assert "nothing was written" in account.text()
    assert account.tables[1].rows == 3
    assert not export.to.exists()


def test_the_account_asks_what_only_the_user_can_decide(export):
    export.bend('currency = "EUR"\n', "")
    asked = export.run().decisions()
    assert any("currency isn't known" in line and "--currency" in line for line in asked)
    assert any("1 column without a use (Remark). --keep 'opportunities.Remark'" in line for line in asked)
    assert not any("time zone" in line for line in asked)
    export.write("deals.csv", "Deal ID,Owner,Created,Stage,Closed,Amount\n1,Zoë,2026-01-05T10:00:00Z,Talking,,$5\n")
    asked = export.run(currency="EUR").decisions()
    assert any("time zone isn't known" in line for line in asked)
    assert any("is written in $ and the currency is EUR" in line for line in asked)
    asked = export.run(currency="USD", timezone="UTC").decisions()
    assert asked == []


def test_an_account_says_how_many_metrics_can_be_measured(export):
    found = answers(export.run())
    assert found["sales"][0] > 0
    assert found["web"][0] == 0
    assert all(0 <= yes <= total for yes, total in found.values())


def test_the_command(export, capsys):
    assert main(["import", "small", str(export.folder), "--adapter", str(export.adapter), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "Metrics that this data can answer: " in said
    assert "Next:" not in said
    args = ["import", "small", str(export.folder), "--adapter", str(export.adapter), "--to", str(export.to)]
    assert main([*args, "--format", "json", "--keep", "opportunities.Remark", "--currency", "PLN"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"]["currency"] == "PLN"
    assert found["answers"]["sales"][1] > 0
    assert main(args[:-2]) == 2
    assert "Say where to write by --to DIR" in capsys.readouterr().err


def test_an_adapter_can_be_read_where_crmkit_is_installed(capsys):
    assert main(["import", "maven", "--show-adapter"]) == 0
    assert capsys.readouterr().out == adapters.systems()["maven"].read_text(encoding="utf-8")
    assert main(["import", "mavne", "--show-adapter"]) == 2
    assert "Did you mean maven?" in capsys.readouterr().err
    assert main(["import", "list"]) == 0
    assert "Maven Analytics" in capsys.readouterr().out


def test_import_auto_only_says_what_it_found_where_no_folder_is_given(export, capsys):
    assert main(["import", "auto", str(export.folder)]) == 0
    assert capsys.readouterr().out
    assert not export.to.exists()
