"""The page of definitions: its tables and sentences, chosen by the numbers."""

from __future__ import annotations

import nbformat
import pandas as pd
import pytest

import crmkit
from crmkit import paths
from crmkit.definitions import all_cases
from crmkit.numbers import NBSP
from crmkit.pages import definitions
from crmkit.plots import side_by_side


@pytest.fixture(scope="module")
def found(sample):
    return definitions.work(sample, "2026-Q3")


@pytest.fixture(scope="module")
def few(pipeline):
    """A pipeline alone, whose lost deals carry an amount of 0."""
    return definitions.work(pipeline, "2026-Q2")


def text(html) -> str:
    return html.text.replace(NBSP, " ")


def test_the_overview_has_one_row_a_case(found):
    rows = definitions.overview(found).set_index("question")
    assert len(rows) == len(all_cases())
    churn = rows.loc["How many customers do we lose?"]
    assert churn["example"] == "4.0% to 10.0%"
    assert churn["times"] == "7.9×"
    assert rows.loc["Does it matter whether the scale begins at 0 or at 1?", "changes the decision"].startswith("no")
    assert rows.loc["How well does the site turn visitors into leads?", "changes the decision"].startswith(
        "yes, by the direction"
    )


def test_the_overview_says_what_is_missing(few):
    rows = definitions.overview(few).set_index("question")
    assert rows.loc["How many people use the CRM?", "changes the decision"].startswith(
        "not in this data: needs the table "
    )
    assert rows.loc["How many people use the CRM?", "this data"] == "–"


def test_headline_numbers_count_what_the_table_shows(found, few):
    rows = definitions.overview(found)
    card = definitions.card(found).set_index("metric")
    assert card.loc["questions_answered", "value"] == len(all_cases())
    assert card.loc["decided_by_definition", "value"] == rows["changes the decision"].str.startswith("yes").sum()
    assert definitions.card(few).set_index("metric").loc["questions_answered", "value"] < 6


def test_the_definition_in_use_is_marked_once(found):
    for case in all_cases():
        shown = text(definitions.case_table(found, case))
        assert shown.count("✓ crmkit uses it") == 1, case


def test_sentences_follow_the_numbers_of_the_example(found):
    said = text(definitions.in_words(found, "churn"))
    assert said.startswith(
        "In the example the answer is 4.0% to 10.0%. Held to 5.0%, a manager would stop the losses before anything "
        "else by “all lost ÷ customers acquired”, and spend on winning customers by 3 others."
    )
    assert "“all lost ÷ customers acquired” is what some CRM vendors publish." in said
    assert "crmkit uses “lost of those of the start ÷ customers at the start” (churn_rate): 8.4%" in said
    said = text(definitions.in_words(found, "visitor_to_lead"))
    assert "the number fell from 4.0% to 3.2%" in said
    assert "the number rose from 25.00 to 31.25: the one is praised for what the other is blamed for" in said


def test_what_no_data_can_tell_is_said_and_not_100_percent(few):
    said = text(definitions.in_words(few, "win_rate_value"))
    assert "By the definition that crmkit uses it cannot be known from these inputs." in said
    assert "which this data cannot answer" in said
    assert "100.0%" in text(definitions.case_table(few, "win_rate_value"))


def test_a_case_without_data_still_shows_its_example(few):
    shown = text(definitions.case_table(few, "nps"))
    assert "26.7" in shown
    assert "2026-Q2" not in shown
    said = definitions.in_words(few, "nps")
    assert text(said).endswith("Not in this data: needs the table surveys.")
    assert "crm-absent" not in said.html  # a report would gather the section at its end, and the example with it
    assert definitions.figure(few, "nps").html == ""


def test_decisions_that_agree_say_at_which_target_they_would_not():
    rows = definitions.work(
        crmkit.open({"customers": {
            "customer_id": list("abcd"), "created_at": ["2025-01-01"] * 4,
            "acquired_at": ["2025-01-01"] * 3 + ["2026-01-05"], "lost_at": ["2026-01-20", None, None, "2026-01-31"],
        }}),
        "2026-01",
    )  # fmt: skip
    said = text(definitions.in_words(rows, "churn"))
    assert "stop the losses before anything else by each definition; at a target between 33.3% and 200" in said
    assert "(a rule of thumb)" in said


def test_all_definitions_that_are_metrics_are_reconciled(found):
    rows = definitions.reconciled(found)
    assert len(rows) > 25
    assert rows["left"].tolist() == pytest.approx(rows["right"].tolist(), rel=1e-9)


def test_the_figure_shows_every_definition_of_the_unit(found):
    rows = definitions.of(found, "churn")
    ax = side_by_side(rows, line=0.0728, now="2026-Q3", before="2026-Q2")
    assert [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()] == rows["definition"].tolist()
    assert "64.8%" in ax.crm_alt
    assert "The target is 7.3%." in ax.crm_alt
    assert "2026-Q2" in ax.crm_twin().text
    empty = side_by_side(pd.DataFrame({"definition": ["a"], "value": [float("nan")]}))
    assert empty.crm_alt.startswith("No data")


def test_the_notebook_shows_each_case_or_leaves_it_to_the_last_section(found):
    notebook = nbformat.read(paths.notebooks() / "10_definitions.ipynb", as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for case in all_cases():
        assert code.count(f'definitions.section(found, "{case}"') == 1, case
        assert code.count(f'"{case}"') == 2, case  # its section, and the list of what is shown
    assert "None: all" in text(definitions.further(found, shown=list(all_cases())))
    rest = text(definitions.further(found, shown=set(all_cases()) - {"cac"}))
    assert "What does it cost to win a customer?" in rest
    assert all_cases()["cac"].trap in rest


def test_the_summary_names_the_widest_first(found):
    said = text(definitions.summary(found))
    assert said.startswith("Here the definition decides, those furthest apart first: What is a customer worth?")


def test_the_answer_counts_the_questions_that_the_definition_decides(found):
    rows = definitions.card(found).set_index("metric")["value"]
    said = text(definitions.answer(found))
    assert said.startswith(f"In {rows['decided_by_definition']:.0f} of the {rows['questions_answered']:.0f} questions")
