"""What `crm.toml` may say about data quality: rules switched off, other thresholds, rules of one's own.

    [quality]
    off = ["email_shared", "orders.far_out"]        # a rule, or table.rule, or table.column.rule
    [quality.severity]
    times_out_of_order = "error"                    # error, warning or note
    [quality.thresholds]
    far_out = 6                                     # robust standard deviations on the scale of logarithms

    [[quality.rules]]
    table = "opportunities"
    name = "a large deal needs a date"
    column = "expected_close_at"
    required = true
    where = { outcome = "open", amount = { min = 100_000 } }

A rule says of a column what must be true of it; the rows in which it is not are found. There is no formula to evaluate:
tests are words with values (`TESTS`), and `where` narrows the rows by the same tests. Empty cells break `required`
alone. All of it is checked when `crm.toml` is read; whether a column is there only the data can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SEVERITIES = ("error", "warning", "note")
DIMENSIONS = (
    "completeness",
    "validity",
    "uniqueness",
    "consistency",
    "timeliness",
    "relationships",
    "plausibility",
)

RULES: dict[str, tuple[str, str]] = {
    "required_empty": ("completeness", "a cell that the table needs is empty"),
    "closed_undated": ("completeness", "an opportunity was won or lost and has no closing date"),
    "won_without_amount": ("completeness", "an opportunity was won and has no amount"),
    "customer_missing": ("completeness", "a row names no customer"),
    "owner_missing": ("completeness", "a row names nobody who looks after it"),
    "reason_missing": ("completeness", "an opportunity was lost and has no reason"),
    "column_empty": ("completeness", "a column is there and empty in every row"),
    "table_empty": ("completeness", "a table is there and has no rows"),
    "unreadable": ("validity", "cells, columns or keys that cannot be read"),
    "out_of_bounds": ("validity", "a number lies outside the bounds of its column"),
    "off_scale": ("validity", "a score is not on the survey's scale"),
    "email_malformed": ("validity", "an e-mail address is none"),
    "spreadsheet_id": ("validity", "an id was turned into a number by a spreadsheet (1.2E+11)"),
    "word_for_nothing": ("validity", "a cell holds a word that means empty (#N/A, NULL)"),
    "broken_text": ("validity", "text was read with the wrong encoding (MÃ¼ller)"),
    "currency_code": ("validity", "a currency is no code of three letters"),
    "key_repeated": ("uniqueness", "a key stands in several rows"),
    "row_repeated": ("uniqueness", "the same event stands in the table twice"),
    "email_shared": ("uniqueness", "several customers have one e-mail address"),
    "entered_twice": ("uniqueness", "two records with different keys say the same, to the second"),
    "times_out_of_order": ("consistency", "a later event lies before an earlier one"),
    "stage_outcome": ("consistency", "the stage and the outcome contradict each other"),
    "stage_unknown": ("consistency", "a stage is not among those of crm.toml"),
    "stage_outside": ("consistency", "a stage was entered before the opportunity began or after it closed"),
    "stages_backward": ("consistency", "a stage was entered after a later one of the pipeline"),
    "converted_to_nothing": ("consistency", "a lead was converted and names neither customer nor opportunity"),
    "lines_differ": ("consistency", "an order's amount is not the sum of its lines"),
    "overlapping": ("consistency", "a customer has the same plan twice at the same time"),
    "mixed_currency": ("consistency", "money is in several currencies without a rate"),
    "unknown_target": ("consistency", "a target names no metric"),
    "after_as_of": ("timeliness", "a time lies after the moment up to which the data is known"),
    "source_silent": ("timeliness", "a source, channel or user that had steady rows has none any more"),
    "table_silent": ("timeliness", "a table that had steady rows has none any more"),
    "days_missing": ("timeliness", "days without any row, where there always were rows on such days"),
    "opening_note": ("timeliness", "what was noticed while the data was opened"),
    "orphan": ("relationships", "a key names a row that is not there"),
    "order_without_lines": ("relationships", "an order has no lines"),
    "merge_map": ("relationships", "merges.csv does not fit the tables: unknown ids, two targets, a circle"),
    "default_date": ("plausibility", "a date that programs write where they know none (1970-01-01)"),
    "future_date": ("plausibility", "a date more than a year after the data ends"),
    "lone_last_date": ("plausibility", "a few late dates stand alone and move the end of the data"),
    "won_for_nothing": ("plausibility", "an opportunity was won with an amount of 0 or less"),
    "negative_amount": ("plausibility", "an amount that cannot be negative is"),
    "far_out": ("plausibility", "an amount lies far away from all others of its kind"),
    "scale_suspect": ("plausibility", "a survey's answers do not look like those of its scale"),
    "same_value": ("plausibility", "a column that should vary has one value in every row"),
    "test_name": ("plausibility", "a name that somebody typed to try something"),
    "age_impossible": ("plausibility", "a person is younger than 10 or older than 110 years"),
    "own_rule": ("validity", "a rule of crm.toml, the company's own"),
}
"""All built-in rules: dimension, and what it finds. Their names are those of the column `rule` of the findings."""

THRESHOLDS: dict[str, float] = {
    "far_out": 6.0,
    "silence_alarm": 0.001,
    "silence_rows": 20,
    "missing_day_alarm": 0.01,
    "least_answers": 30,
}
"""Thresholds that may be set: robust standard deviations of an amount; the chance of a false alarm among all sources of
a table; rows a source must have had; the chance of a false alarm among all days of a table; answers a survey must have.
"""

TESTS = (
    "required", "empty", "min", "max", "above", "below", "in", "not_in", "matches", "not_matches", "before", "after",
    "unique",
)  # fmt: skip
"""What a rule of one's own may ask of a column."""


@dataclass(frozen=True)
class OwnRule:
    """A rule of the company's own: what must be true of a column.

    Attributes
    ----------
    table, name, column : str
    tests : mapping
        Words of `TESTS` with their values; all of them must hold.
    where : mapping of str to mapping
        By column, the tests that choose the rows it is about.
    severity, dimension, advice : str
    """

    table: str
    name: str
    column: str
    tests: Mapping[str, object]
    where: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    severity: str = "warning"
    dimension: str = "validity"
    advice: str = "Correct the rows."


@dataclass(frozen=True)
class QualitySettings:
    """The section `quality` of `crm.toml`; all of it has defaults.

    Attributes
    ----------
    off : frozenset of str
        Rules that are not asked: rule, table.rule or table.column.rule.
    severity : mapping of str to str
        Other severities, by the same names.
    thresholds : mapping of str to float
    rules : tuple of OwnRule
    """

    off: frozenset[str] = frozenset()
    severity: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    rules: tuple[OwnRule, ...] = ()

    def is_off(self, rule: str, table: str, column: str) -> bool:
        """Tell whether a rule is switched off for a column."""
        return bool(self.off & {rule, f"{table}.{rule}", f"{table}.{column}.{rule}"})

    def severity_of(self, rule: str, table: str, column: str, usual: str) -> str:
        """Return the severity of a rule's findings on a column: the most exact name wins."""
        names = (f"{table}.{column}.{rule}", f"{table}.{rule}", rule)
        return next((self.severity[name] for name in names if name in self.severity), usual)

    def threshold(self, name: str) -> float:
        """Return a threshold: the one set, else the usual one."""
        return self.thresholds.get(name, THRESHOLDS[name])
