"""Adapters that extend others: ten lines of what is different."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmkit import adapters
from crmkit.adapters import extend, parse
from crmkit.adapters.places import At
from crmkit.errors import UsageError


@pytest.fixture
def own(export):
    """Write an adapter that extends the small one, and import by it."""

    def run(text: str, **options):
        base = export.adapter
        path = base.with_name("own.toml")
        path.write_text(f'extends = "{base.name}"\n{text}', encoding="utf-8")
        return adapters.run("own", [export.folder], export.to, adapter=path, **options)

    return run


def test_nothing_but_extends_is_the_other_adapter(export, own):
    export.run()
    before = export.table()
    own("")
    assert export.table().equals(before)


def test_ten_lines_of_an_analyst(export, own):
    """Their stages in their order, a renamed header, one column of their own, another order of day and month."""
    export.write(
        "deals.csv",
        "Deal ID,Owner,Created,Phase,Closed,Amount,Remark\n1,Zoë,31/08/2026,Signed,01/09/2026,5,big\n"
        "2,Zoë,05/08/2026,Open,,6,\n",
    )
    account = own("""
title = "Ours"
[read]
dates = "%d/%m/%Y"
[crm.stages]
Open = "open"
Signed = "won"
[tables.opportunities.columns]
stage = "Phase"
outcome = { from = "Phase", values = { Open = "open", Signed = "won" } }
remark = { from = "Remark", type = "text" }
""")
    table = export.table()
    assert table["created_at"].tolist() == ["2026-08-31", "2026-08-05"]
    assert table["closed_at"].tolist() == ["2026-09-01", ""]  # only_if came along
    assert table["remark"].tolist() == ["big", ""]
    assert list(account.settings["stages"]) == ["Open", "Signed"]
    assert account.settings["currency"] == "EUR"
    assert account.title == "Ours"


def test_false_takes_away(export, own):
    own("[tables]\nusers = false\n[tables.opportunities.columns]\namount = false\nowner_id = { lookup = false }\n")
    assert not (export.to / "users.csv").exists()
    assert export.table()["owner_id"].tolist() == ["Zoë", "Łukasz", "Zoë"]
    assert "amount" not in export.table()


def test_another_source_takes_the_place_of_the_former(own, export):
    own('[tables.opportunities.columns]\namount = { constant = "7" }\n')
    assert set(export.table()["amount"]) == {"7"}


def test_words_of_values_win_whatever_their_case(own, export):
    own('[tables.opportunities.columns]\noutcome = { values = { "CLOSED won" = "lost" } }\n')
    assert export.table()["outcome"].tolist() == ["lost", "open", "lost"]


def test_columns_that_others_need_come_before_them(own, export):
    own('[tables.opportunities.columns]\nstage = "_stage"\n_stage = { constant = "Talking" }\n')
    assert set(export.table()["stage"]) == {"Talking"}


def test_tables_that_are_looked_up_come_first(own, export):
    own("""
[tables.customers]
file = "deals"
[tables.customers.columns]
customer_id = "Deal ID"
name = { constant = "x" }
created_at = "Created"
[tables.opportunities.columns]
customer_id = { from = "Deal ID", lookup = "customers.customer_id" }
""")
    assert export.table()["customer_id"].tolist() == ["00123", "00124", "00125"]


def test_parts_are_named_or_replaced_as_a_whole():
    base = {"tables": {"activities": [{"file": "calls", "columns": {"at": "When"}}, {"file": "visits", "columns": {}}]}}
    at = At("my.toml")
    part = {"part": "calls", "columns": {"at": "Time"}}
    found = extend.laid_over(base, {"tables": {"activities": [part]}}, at)["tables"]["activities"]
    assert [p["file"] for p in found] == ["calls", "visits"]
    assert found[0]["columns"] == {"at": {"from": "Time"}}
    found = extend.laid_over(base, {"tables": {"activities": [{"part": "visits", "file": False}]}}, at)
    assert [p["file"] for p in found["tables"]["activities"]] == ["calls"]
    whole = [{"file": "visits", "columns": {"at": "Day"}}]
    assert extend.laid_over(base, {"tables": {"activities": whole}}, at)["tables"]["activities"] == whole


def test_the_day_of_a_table_taken_away_is_forgotten(own, export):
    export.bend('"opportunities.created_at"]', '"users.seen"]')
    export.bend('name = "name"\n', 'name = "name"\nseen = { from = "seen", type = "time" }\n')
    account = own("[tables]\nusers = false\n[tables.opportunities.columns]\nowner_id = { lookup = false }\n")
    assert account.settings["as_of"] == "2026-03-02"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('extends = "mavne"', r"own\.toml: extends: there is no adapter 'mavne' \(did you mean maven\?\)"),
        ('extends = "own.toml"', r"extends: own\.toml extends itself"),
        ('extends = "gone.toml"', r"gone\.toml can't be read: No such file"),
        ("extends = 3", r"extends: is 3; it must be text"),
    ],
)
def test_slips(tmp_path, text, said):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        parse.load(path)


def test_an_adapter_that_comes_with_crmkit_is_extended_by_name(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('extends = "maven"\n[crm]\ncurrency = "EUR"\n', encoding="utf-8")
    found = parse.load(path)
    assert (found.system, found.crm["currency"], found.title[:5]) == ("own", "EUR", "Maven")
    assert len(found.tables) == len(parse.load(adapters.systems()["maven"]).tables)


def test_stages_are_said_once(own, export):
    export.write("deals.csv", "Deal ID,Owner,Created,Stage,Closed,Amount\n1,Zoë,2026-01-05,signed,2026-02-01,5\n")
    text = '[tables.opportunities.columns]\noutcome = { values = "stages" }\n'
    own('[crm.stages]\nOpen = "open"\nSigned = "won"\n' + text)
    assert export.table()["outcome"].tolist() == ["won"]
    export.bend('[crm.stages]\nTalking = "open"\n"Closed won" = "won"\n"Closed lost" = "lost"\n', "")
    with pytest.raises(UsageError, match=r"outcome\.values: is \"stages\", and \[crm\.stages\] lists none"):
        own(text)


def test_the_example_that_is_explained_is_valid(tmp_path):
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    path = tmp_path / "ours.toml"
    path.write_text(text[text.index('extends = "salesforce"') :].split("```")[0], encoding="utf-8")
    found = parse.load(path)
    assert found.crm["stages"] == {"Discovery": "open", "Signed": "won"}
    table = next(table for table in found.tables if table.name == "opportunities")
    assert table.keep == ("*__c",)
    columns = {column.name: column for column in table.columns}
    assert columns["outcome"].values == {"discovery": "open", "signed": "won"}
    assert columns["region"].type == "text"
