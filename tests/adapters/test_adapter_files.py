"""Adapters are TOML that people write: each slip gets a message that names file and key."""

from __future__ import annotations

import pytest

from crmkit import adapters, schema
from crmkit.adapters import parse
from crmkit.errors import UsageError


@pytest.mark.parametrize("path", adapters.systems().values(), ids=adapters.systems())
def test_every_adapter_that_comes_with_crmkit_is_valid_and_named_by_its_file(path):
    found = parse.load(path)
    assert found.system == path.stem
    assert found.title
    assert {table.name for table in found.tables} <= set(schema.TABLES)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "Small CRM"', "", r"small\.toml: title: is missing"),
        ('title = "Small CRM"', "title = 3", r"title: is 3; it must be text in quotation marks"),
        ("[crm]", "[crn]", r"crn: unknown key \(did you mean crm\?\); known: extends, title, crm, read, files, tables"),
        ("currency =", "curency =", r"small\.toml: crm: .*unknown setting 'curency'.*currency"),
        ('Talking = "open"\n"Closed won"', 'Talking = "opne"\n"Closed won"', r"crm: .*stage 'Talking' is 'opne'"),
        (
            "opportunities.closed_at",
            "opportunities.closed",
            r"crm\.as_of\.latest: 'opportunities\.closed' is not a column",
        ),
        ("required = true", 'required = "yes"', r"files\.deals\.required: is 'yes'; it must be true or false"),
        ("required = true", 'delimiter = "-"', r"files\.deals\.delimiter: is '-'; it must be one of"),
        ("required = true", 'decimal = ","\nthousands = ","', r"thousands: is ',', and so is the decimal mark"),
        (
            "required = true",
            'dates = "dd/mm/yyyy"',
            r"dates: has 'dd/mm/yyyy'; write iso, auto, dmy, mdy, ymd, unix, unix_ms, excel or a format",
        ),
        ('names = ["people.csv"]', "names = []", r"files\.people\.names: is empty; give at least one file name"),
        ("[files.people]", '[files."my people"]', r"files\.my people: a short name of a file is made of letters"),
        (
            "[tables.users]",
            "[tables.user]",
            r"tables\.user: there is no table 'user' in a CRM \(did you mean users\?\)",
        ),
        ('file = "people"', 'file = "peple"', r"tables\.users\.file: is 'peple'.*did you mean people\?"),
        (
            'stage = "Stage"',
            'stge = "Stage"',
            r"columns\.stge: opportunities has no column 'stge' \(did you mean stage\?\)",
        ),
        ('stage = "Stage"', "stage = 3", r"columns\.stage: is 3; it must be a table"),
        ('stage = "Stage"', "stage = {}", r"columns\.stage: needs exactly one of from, combine.*it has none"),
        ('stage = "Stage"', 'stage = { from = "a", constant = "b" }', r"exactly one of .*it has from, constant"),
        ('stage = "Stage"', 'stage = { frm = "a" }', r"columns\.stage\.frm: unknown key \(did you mean from\?\)"),
        (
            'stage = "Stage"',
            'stage = { from = "a", type = "time" }',
            r"type: is 'time', but opportunities\.stage is declared",
        ),
        ('created_at = "Created"', "", r"columns\.created_at: is missing, and the table needs it.*absent = \"why\""),
        (
            'Talking = "open", ',
            'Talking = "pending", ',
            r"columns\.outcome: 'pending' is not allowed here; allowed: open, won",
        ),
        ('Talking = "open", ', 'Talking = "open", TALKING = "won", ', r"outcome\.values: has a word twice"),
        ('Talking = "open", ', "Talking = 1, ", r"outcome\.values\.'Talking': is 1; it must be text"),
        ('from = "Stage", values', 'from = "Stage", times = 3, values', r"outcome\.times: needs a number"),
        (
            'amount = "Amount"',
            'amount = { from = "Amount", otherwise = "1" }',
            r"amount\.otherwise: needs values beside it",
        ),
        (
            'amount = "Amount"',
            'amount = { from = "Amount", take = "x" }',
            r"amount\.lookup: is missing; take, pick and",
        ),
        ('lookup = "users.name"', 'lookup = "name"', r'owner_id\.lookup: is \'name\'; write "table\.column"'),
        (
            'lookup = "users.name"',
            'lookup = "users.nam"',
            r"owner_id\.lookup: users has no column 'nam' \(did you mean name",
        ),
        (
            'lookup = "users.name"',
            'lookup = "customers.name"',
            r"'customers' is neither a table made above this one nor",
        ),
        (
            "only_if = { outcome",
            "only_if = { amount",
            r"closed_at\.only_if: 'amount' is not a column of the table above it",
        ),
        ("[crm.stages]", "[crm.stages", r"small\.toml is not valid TOML"),
    ],
)
def test_a_slip_is_named_by_file_and_key(export, old, new, said):
    export.toml = export.toml.replace(old, new, 1)
    with pytest.raises(UsageError, match=said):
        export.run()


def test_an_adapter_that_is_not_there(export, tmp_path):
    with pytest.raises(UsageError, match=r"mine\.toml can't be read: No such file"):
        adapters.run("mine", [export.folder], export.to, adapter=tmp_path / "mine.toml")


def test_columns_of_ones_own_need_a_type_and_are_written_last(export):
    export.bend('amount = "Amount"', 'remark = { from = "Remark", type = "text" }\namount = "Amount"')
    export.run()
    assert list(export.table())[-1] == "remark"
    assert export.table()["remark"].tolist() == ["", "hurry", ""]


def test_absent_speaks_alone_or_where_a_header_is_missing(export):
    export.bend('created_at = "Created"', 'created_at = { from = "Made", absent = "this export has no dates" }')
    account = export.run()
    assert "opportunities.created_at: empty: this export has no dates." in account.attention()
    assert set(export.table()["created_at"]) == {""}
    export.bend('from = "Made", absent', 'from = "Created", absent')
    account = export.run()
    assert "this export has no dates" not in account.text()
    assert export.table()["created_at"].tolist()[0].startswith("2026-01-05")
