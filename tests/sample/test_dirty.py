"""The dirty sample: every planted defect is found with its exact count, nothing else is, and the clean one is quiet."""

from __future__ import annotations

import hashlib
import json

import pandas as pd
import pytest

from crmkit import paths
from crmkit.quality import RULES, check
from crmkit.sample import write

#: Rules that cannot be planted in tables that are to be opened and measured, or that need another crm.toml.
NOT_PLANTED = {
    "unreadable",  # such tables cannot be opened
    "merge_map",  # nor can tables beside a map that does not fit
    "key_repeated",  # an error at opening, but in very large tables
    "currency_code",  # mixed money is refused by metrics
    "mixed_currency",
    "lone_last_date",  # only where crm.toml does not say as_of
    "table_empty",
    "after_as_of",
    "own_rule",
    "email_shared",  # planted with the duplicates
    "opening_note",
}

#: Rules whose examples are values or surveys, not the keys of rows.
SHOWN_BY_VALUE = {"word_for_nothing", "stage_unknown", "scale_suspect", "unknown_target", "orphan"}


@pytest.fixture(scope="module")
def dirty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dirty") / "sample"
    write(folder, dirty=True)
    return folder


@pytest.fixture(scope="module")
def truth(dirty):
    return json.loads((dirty / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found(dirty):
    return check(dirty)


def named(kind, table, column, key=""):
    return (kind, table, column, key if kind == "source_silent" else "")


def planted(truth):
    return {named(d["kind"], d["table"], d["column"], (d["keys"] or [""])[0]): d for d in truth["defects"]}


def reported(found):
    return {
        named(row["rule"], row["table"], row["column"], (row["examples"] or [""])[0].partition(" ")[2]): row
        for row in found.to_dict("records")
    }


def test_every_planted_defect_is_found_with_its_exact_count(truth, found):
    there = {name: row["rows"] for name, row in reported(found).items()}
    assert {name: there.get(name) for name in planted(truth)} == {n: d["rows"] for n, d in planted(truth).items()}


def test_nothing_is_found_that_was_not_planted(dirty, truth, found):
    more = set(reported(found)) - set(planted(truth))
    assert more == {named("email_shared", "customers", "email"), named("opening_note", "", "")}
    customers = pd.read_csv(dirty / "customers.csv", dtype=str)
    address = customers["email"].str.strip().str.lower()
    shared = address.str.contains("@", na=False) & address.duplicated(keep=False)
    assert reported(found)[named("email_shared", "customers", "email")]["rows"] == shared.sum()
    twice = {key for entry in truth["duplicates"] + truth["not_duplicates"] for key in entry["ids"]}
    assert set(customers.loc[shared, "customer_id"]) <= twice
    (note,) = found.loc[found["rule"] == "opening_note", "finding"]
    assert "activities.at goes on to 2062" in note  # the planted years


def test_every_kind_of_rule_is_planted(truth):
    assert {defect["kind"] for defect in truth["defects"]} == set(RULES) - NOT_PLANTED


def test_examples_are_rows_that_were_planted(truth, found):
    there = reported(found)
    for name, defect in planted(truth).items():
        row = there[name]
        if row["unit"] == "rows" and row["rule"] not in SHOWN_BY_VALUE:
            assert row["examples"], name
            for example in row["examples"]:
                key = example.partition(" ")[2].partition(":")[0]
                assert key in set(map(str, defect["keys"])), example


def test_where_a_defect_concentrates_is_said(found):
    row = found[found["rule"] == "closed_undated"].iloc[0]
    assert row["owner_share"] == pytest.approx(0.75)
    assert row["owner_of_all"] < 0.2
    assert row["where"].startswith(f"75% of them are of the owner {row['owner']}, who has ")


def test_values_of_personal_columns_are_not_among_the_examples(dirty, found):
    customers = pd.read_csv(dirty / "customers.csv", dtype=str)
    said = " ".join(example for examples in found["examples"] for example in examples)
    for column in ("email", "phone", "name"):
        assert not any(value in said for value in customers[column].dropna() if len(value) > 6)


def test_the_clean_sample_is_quiet():
    assert check(paths.sample_data()).empty


def test_same_seed_same_bytes_and_the_clean_tables_are_untouched(dirty, tmp_path):
    write(tmp_path / "again", dirty=True)
    for path in sorted(dirty.iterdir()):
        assert digest(path) == digest(tmp_path / "again" / path.name), path.name
    write(tmp_path / "clean")
    for path in sorted(paths.sample_data().iterdir()):
        assert digest(path) == digest(tmp_path / "clean" / path.name), path.name


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_small_company_with_another_seed_has_its_defects_found_too(tmp_path):
    write(tmp_path / "other", customers=200, seed=3, dirty=True)
    truth = json.loads((tmp_path / "other" / "truth.json").read_text(encoding="utf-8"))
    there = reported(check(tmp_path / "other"))
    for name, defect in planted(truth).items():
        row = there.get(name)
        if defect["kind"] in ("source_silent", "table_silent", "days_missing", "scale_suspect", "far_out"):
            continue  # they need enough rows to be told from chance
        assert row is not None, name
        assert row["rows"] == defect["rows"], name
