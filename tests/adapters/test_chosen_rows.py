"""Rows chosen by what was looked up, what lookups take of several rows, and what is said of working columns."""

from __future__ import annotations

import pytest

from crmkit.errors import UsageError

PEOPLE = "id,name,team,since\n007,Zoë,Inside,2024-03-01\n008,Łukasz,Field,2023-05-01\n009,Ann,Test,2025-01-01\n"
DEALS = """\
Deal ID,Owner,Created,Stage,Closed,Amount
1,Zoë,2026-01-05,Talking,,1
2,Łukasz,2026-01-07,Talking,,2
3,Ann,2026-01-09,Talking,,3
4,Nobody,2026-01-10,Talking,,4
"""


@pytest.fixture
def chosen(export):
    """Import deals of which rows are chosen by their owner's team."""

    def run(rule: str, *, file: str = "opportunities", **options) -> list[str]:
        export.write("people.csv", PEOPLE)
        export.write("deals.csv", DEALS)
        export.bend('file = "deals"\n', f'file = "deals"\n{rule}\n')
        export.toml += '_team = { from = "Owner", lookup = "people.name", take = "team" }\n'
        export.account = export.run(**options)
        return export.table(file).iloc[:, 0].tolist()

    return run


def test_only(chosen, export):
    assert chosen('only = { _team = ["Inside", "field"] }') == ["1", "2"]
    rule = "opportunities: 2 rows left out by the rule only Owner, looked up in people.name (team) = Inside / field."
    assert rule in export.account.attention()


def test_without(chosen, export):
    assert chosen('without = { _team = ["Test"] }') == ["1", "2", "4"]  # whom nobody knows is in no team
    parts = next(table for table in export.account.tables if table.name == "opportunities").parts
    assert parts[0].left_out == {"without Owner, looked up in people.name (team) = Test": 1}


def test_values_are_asked_for_in_the_rows_that_stay(chosen, export):
    export.bend('Talking = "open", ', "")  # every stage there is would be unknown
    export.bend("[crm.stages]\nTalking", "[crm.stages]\nAnything")
    assert chosen('only = { _team = ["Test"], Stage = ["Closed won"] }') == []


def test_without_the_file_that_would_say_it_nothing_is_chosen(chosen, export):
    export.bend('[tables.users]\nfile = "people"\n[tables.users.columns]\nuser_id = "id"\nname = "name"\n', "")
    export.bend(', lookup = "users.name"', "")
    export.bend('names = ["people.csv"]', 'names = ["nobody.csv"]')
    with pytest.raises(Exception, match=r"chosen by Owner, looked up in people\.name, which isn't in this export"):
        chosen('only = { _team = ["Inside"] }')


def test_rows_are_chosen_before_they_become_one(chosen, export):
    # of each stage the latest deal that isn't Ann's
    export.bend('opportunity_id = ["Deal ID", "ID"]', 'opportunity_id = "Stage"')
    export.bend(
        'owner_id = { from = "Owner", lookup = "users.name" }', 'amount_all = { from = "Amount", type = "number" }'
    )
    chosen('without = { _team = ["Test", ""] }\none_row_for = ["Stage"]\nin_order_of = "Created"')
    assert export.table()[["opportunity_id", "created_at", "amount"]].to_numpy().tolist() == [
        ["Talking", "2026-01-07", "2"]
    ]


def test_what_a_working_column_did_not_find_is_said(chosen, export):
    export.bend('owner_id = { from = "Owner", lookup = "users.name" }', 'owner_id = "Owner"')
    chosen("")
    said = "opportunities: Owner, looked up in people.name: 1 cell not found in people.name, left empty, such as"
    assert any(line.startswith(said) and "'Nobody' (deals.csv, line 5)" in line for line in export.account.attention())
    assert export.account.as_dict()["tables"][1]["parts"][0]["working"][0]["unmatched"] == 1


def test_what_need_not_be_found_is_not_said(chosen, export):
    export.toml += '_since = { from = "Owner", lookup = "people.name", take = "since", unmatched = "none" }\n'
    export.toml += 'since = { from = "_since", type = "time" }\n'
    chosen("")
    assert export.table()["since"].tolist() == ["2024-03-01", "2023-05-01", "2025-01-01", ""]
    assert not any("people.name: 1 cell not found" in line and "since" in line for line in export.account.attention())


@pytest.mark.parametrize(("pick", "expected"), [("min", "2023-05-01"), ("max", "2025-01-01")])
def test_the_least_and_the_greatest_of_what_a_table_says(export, pick, expected):
    export.write("people.csv", PEOPLE.replace("Inside", "x").replace("Field", "x").replace("Test", "x"))
    export.write("deals.csv", DEALS.replace("Talking", "x"))
    export.bend('Talking = "open", ', 'x = "open", ')
    export.bend('name = "name"\n', 'name = "name"\nteam = "team"\nactive_from = "since"\n')
    rule = f'{{ from = "Stage", type = "time", lookup = "users.team", take = "active_from", pick = "{pick}" }}'
    export.toml += f"since = {rule}\n"
    export.run()
    assert set(export.table()["since"]) == {expected}


def test_least_and_greatest_need_values_and_not_texts(export):
    export.toml += 'since = { from = "Owner", type = "time", lookup = "people.name", take = "since", pick = "min" }\n'
    with pytest.raises(UsageError, match="needs a table made above"):
        export.run()
