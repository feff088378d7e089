"""Rules in crm.toml: what they find, and what is said where they are wrong."""

from __future__ import annotations

import tomllib
from datetime import date

import ibis
import pytest

import crmkit
from crmkit import paths
from crmkit.config import read
from crmkit.errors import UsageError
from crmkit.quality import RULES, check, inspect, rules_of
from crmkit.quality.rule import Look
from crmkit.quality.rules import rules_for
from crmkit.quality_reading import read_quality
from crmkit.quality_settings import DIMENSIONS, THRESHOLDS

DEALS = {
    "opportunities": {
        "opportunity_id": list("abcd"),
        "created_at": ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"],
        "closed_at": ["2026-02-01", None, None, "2026-01-20"],
        "outcome": ["won", "open", "open", "lost"],
        "stage": ["Won", "New", "Offer", "Lost"],
        "amount": [500.0, 2_000_000.0, 70.0, None],
        "score": [1, 2, 3, 3],
        "name": ["D-1", "D-2", "x", None],
    }
}
BASE = {"table": "opportunities", "name": "mine", "column": "amount"}


def found(**rule):
    made = check(DEALS, config={"quality": {"rules": [BASE | rule]}})
    return made[made["rule"] == "own_rule"]


CASES = [
    ({"max": 1_000_000, "where": {"stage": "New"}}, "b"),
    ({"max": 1_000_000, "where": {"stage": ["Won", "Lost"]}}, ""),
    ({"required": True}, "d"),
    ({"required": True, "where": {"outcome": "won"}}, ""),
    ({"column": "lost_reason", "empty": True}, None),
    ({"column": "closed_at", "empty": True, "where": {"outcome": {"not_in": ["open"]}}}, "ad"),
    ({"min": 100}, "c"),
    ({"above": 70}, "c"),
    ({"below": 2_000_000}, "b"),
    ({"column": "stage", "in": ["New", "Won", "Lost"]}, "c"),
    ({"column": "stage", "not_in": ["Offer"]}, "c"),
    ({"column": "name", "matches": "^D-[0-9]+$"}, "c"),
    ({"column": "name", "not_matches": "x"}, "c"),
    ({"column": "closed_at", "after": "created_at"}, ""),
    ({"column": "closed_at", "before": date(2026, 1, 25)}, "a"),
    ({"column": "created_at", "min": date(2026, 1, 3)}, "ab"),
    ({"column": "score", "unique": True}, "cd"),
    ({"column": "score", "unique": ["stage"]}, ""),
    ({"column": "score", "max": 2, "where": {"amount": {"empty": True}}}, "d"),
]


@pytest.fixture(scope="module")
def checked():
    """Check all cases at once: each has its place as the rule's name."""
    rules = [BASE | rule | {"name": f"rule {at}"} for at, (rule, _) in enumerate(CASES)]
    return check(DEALS, config={"quality": {"rules": rules}})


@pytest.mark.parametrize(("at", "rule", "keys"), [(at, *case) for at, case in enumerate(CASES)])
def test_a_rule_finds_the_rows_that_break_it(checked, at, rule, keys):
    rows = checked[checked["finding"].str.contains(f"rule [\"']rule {at}[\"']")]
    if keys is None:  # a column that this data does not have is said, not silently passed over
        assert rows["severity"].tolist() == ["error"]
        assert "names the column 'lost_reason', which opportunities does not have" in rows["finding"].iloc[0]
        return
    assert rows["rows"].sum() == len(keys), rule
    if keys:
        assert [e.partition(" ")[2].partition(":")[0] for e in rows["examples"].iloc[0]] == list(keys)[:3]


def test_a_finding_of_a_rule_says_the_rule_and_touches_its_metrics():
    row = found(max=1_000_000, where={"stage": "New"}, severity="error", advice="Ask the sales lead.").iloc[0]
    assert (row["severity"], row["dimension"], row["advice"]) == ("error", "validity", "Ask the sales lead.")
    assert row["finding"] == 'breaks the rule "mine" (amount up to 1000000 where stage is New)'
    assert "average_deal_size" in row["metrics"]


def test_rules_are_written_in_toml(tmp_path):
    (tmp_path / "leads.csv").write_text(
        "lead_id,created_at,source\na,2026-01-01,\nb,2026-01-02,web\n", encoding="utf-8"
    )
    (tmp_path / "crm.toml").write_text(
        '[[quality.rules]]\ntable = "leads"\nname = "sources"\ncolumn = "source"\nrequired = true\n', encoding="utf-8"
    )
    assert check(tmp_path)[["rule", "dimension", "rows"]].values.tolist() == [["own_rule", "completeness", 1]]


def test_built_in_rules_can_be_switched_off_and_changed():
    table = {"leads": {"lead_id": ["a", "b"], "created_at": ["2026-01-01", None]}}
    for off in ("required_empty", "leads.required_empty", "leads.created_at.required_empty"):
        assert check(table, config={"quality": {"off": [off]}}).empty
    assert len(check(table, config={"quality": {"off": ["orders.required_empty"]}})) == 1
    changed = check(table, config={"quality": {"severity": {"leads.required_empty": "error"}}})
    assert changed["severity"].tolist() == ["error"]
    crm = crmkit.open(table, config={"quality": {"severity": {"required_empty": "note"}}})
    assert inspect(crm).counted["broken"].sum() == 0  # a note is no part of a score


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"rulez": []}, ["unknown 'rulez'", "Did you mean rules?"]),
        ({"off": "email_shared"}, ["quality.off is 'email_shared'", "list of rules"]),
        ({"off": ["far_outt"]}, ["unknown rule 'far_outt'", "Did you mean far_out?"]),
        ({"off": ["ordrs.far_out"]}, ["'ordrs.far_out'", "table.rule"]),
        ({"off": ["unreadable"]}, ["cannot be overlooked"]),
        ({"severity": {"far_out": "bad"}}, ["quality.severity.far_out is 'bad'", "error, warning, note"]),
        ({"thresholds": {"far_out": "6"}}, ["quality.thresholds.far_out is '6'", "number above 0"]),
        ({"thresholds": {"farout": 6}}, ["unknown 'farout'", "Did you mean far_out?"]),
        ({"rules": {"table": "orders"}}, ["[[quality.rules]]"]),
        ({"rules": [{"table": "orders"}]}, ["rule 1 of quality.rules", "needs name"]),
        ({"rules": [BASE]}, ["quality rule 'mine' asks for nothing", "required, empty, min"]),
        ({"rules": [BASE | {"table": "oportunities", "min": 1}]}, ["'oportunities'", "Did you mean opportunities?"]),
        ({"rules": [BASE | {"minimum": 1}]}, ["unknown 'minimum'", "Did you mean min?"]),
        ({"rules": [BASE | {"min": "1"}]}, ["min of quality rule 'mine' is '1'", "a number"]),
        ({"rules": [BASE | {"matches": "a"}]}, ["left out: the column is no text"]),
        ({"rules": [BASE | {"column": "name", "matches": "("}]}, ["regular expression, and this one is not"]),
        ({"rules": [BASE | {"column": "name", "matches": "a(?!b)"}]}, ["without lookahead"]),
        ({"rules": [BASE | {"column": "stage", "min": 1}]}, ["left out: the column is text"]),
        ({"rules": [BASE | {"column": "created_at", "min": 5}]}, ["a date such as 2026-01-01"]),
        ({"rules": [BASE | {"required": "yes"}]}, ["required of quality rule 'mine' is 'yes'", "true"]),
        ({"rules": [BASE | {"in": "New"}]}, ["a list of values"]),
        ({"rules": [BASE | {"min": 1, "where": "stage = 'New'"}]}, ["where of quality rule 'mine'", "a table"]),
        ({"rules": [BASE | {"min": 1, "where": {"stage": {"unique": True}}}]}, ["unknown 'unique'"]),
        ({"rules": [BASE | {"min": 1, "severity": "fatal"}]}, ["the severity of quality rule 'mine' is 'fatal'"]),
        ({"rules": [BASE | {"min": 1, "dimension": "speed"}]}, ["the dimension of quality rule 'mine'"]),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(section, words):
    with pytest.raises(UsageError) as error:
        read({"quality": section})
    assert all(word in str(error.value) for word in words), str(error.value)
    assert str(error.value).startswith("The settings: ")


def test_a_comparison_of_other_types_is_said_with_the_rules_name():
    with pytest.raises(UsageError, match="quality rule 'mine'"):
        found(column="score", min=date(2026, 1, 1))


def test_flags_numbers_and_text_are_compared_as_they_are_written():
    table = {
        "leads": {"lead_id": list("abc"), "created_at": ["2026-01-01"] * 3, "hot": [True, False, True], "n": [1, 2, 3]}
    }
    rule = {"table": "leads", "name": "r", "column": "hot", "in": [True]}
    more = [rule, rule | {"column": "n", "in": ["1", "x"]}, rule | {"column": "n", "in": [1, 2.0]}]
    assert check(table, config={"quality": {"rules": more}})["rows"].tolist() == [1, 2, 1]


def test_nothing_is_evaluated_as_code():
    rows = found(column="stage", **{"in": ["__import__('os').system('true')", "' OR 1=1 --"]})
    assert rows["rows"].tolist() == [4]


def test_every_rule_that_is_asked_is_in_the_catalogue_with_its_dimension():
    crm = crmkit.open(paths.sample_data())
    asked = {rule.name: rule.dimension for table in crm.tables for rule in rules_of(crm, table)}
    assert {name: RULES[name][0] for name in asked} == asked
    assert set(asked.values()) == set(DIMENSIONS)


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "bigquery", "databricks", "trino"])
def test_every_rule_can_be_asked_of_other_engines(dialect):
    crm = crmkit.open(paths.sample_data())
    for table in crm.tables:
        look = Look(crm, table)
        flags = {f"b{at}": rule.broken for at, rule in enumerate(rules_for(look))}
        assert "SELECT" in ibis.to_sql(look.data.select(**flags), dialect=dialect)


def test_the_documented_example_is_read():
    from crmkit import quality_settings

    text = quality_settings.__doc__.partition("\n\n")[2].partition("\n\nA rule says")[0]
    section = tomllib.loads("\n".join(line.removeprefix("    ") for line in text.splitlines()))["quality"]
    settings = read_quality("crm.toml", "quality", section)
    assert settings.off == {"email_shared", "orders.far_out"}
    assert settings.threshold("far_out") == 6 == THRESHOLDS["far_out"]
    assert settings.rules[0].where["amount"] == {"min": 100_000}
