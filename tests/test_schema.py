"""The declared tables: whole, consistent, and those of the contract."""

from __future__ import annotations

import re

import pytest

from crmkit import schema
from crmkit.errors import UsageError

TABLES = list(schema.TABLES.values())
COLUMNS = [(table, column) for table in TABLES for column in table.columns]


def test_the_tables_of_the_contract(shared):
    text = (shared / "CONTRACT.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", text, flags=re.MULTILINE)
    told = {name: columns for name, columns in rows if "*" in columns}
    assert set(told) == set(schema.TABLES)
    for name, columns in told.items():
        plain = re.sub(r"\([^)]*\)", "", columns)
        found = {word.strip().split()[0].rstrip("*"): word for word in plain.split(",") if word.strip()}
        found.pop("and", None)
        declared = schema.TABLES[name]
        assert list(found) == declared.names, name
        assert [column for column, word in found.items() if "*" in word] == declared.required, name
        assert [c for c, word in found.items() if "[PII]" in word] == [c.name for c in declared.columns if c.personal]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_hangs_together(table):
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= set(table.required)
    assert table.meaning.startswith("one row")
    assert sum(column.clock == "born" for column in table.columns) <= 1
    assert table.born is None or table.born in table


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda part: part.name)
def test_a_column_hangs_together(table, column):
    assert column.meaning
    assert column.type in ("key", "text", "time", "number", "whole", "flag")
    assert (column.type == "time") == bool(column.clock)
    assert not column.refers_to or column.refers_to in schema.TABLES
    assert not column.values or column.type == "text"
    assert column.low is None or column.high is None or column.low < column.high


def test_references_have_the_type_of_what_they_refer_to():
    for _, column in COLUMNS:
        if column.refers_to:
            target = schema.table(column.refers_to)
            assert len(target.key) == 1
            assert target[target.key[0]].type == column.type == "key"


def test_looking_up():
    assert schema.table("orders")["amount"].unit == "money"
    assert "amount" in schema.table("orders")
    assert "further" not in schema.table("orders")
    with pytest.raises(KeyError):
        schema.table("orders")["further"]
    with pytest.raises(UsageError, match=r"no table 'order'.* Did you mean orders\?"):
        schema.table("order")


def test_roles():
    assert schema.table("opportunities")["owner_id"].role == "owner"


def test_personal_columns_name_people():
    personal = set(schema.personal_columns())
    assert {("customers", "name"), ("customers", "email"), ("leads", "company"), ("users", "name")} <= personal
    assert ("customers", "segment") not in personal
