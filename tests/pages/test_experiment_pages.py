"""The page of experiments: the rule, its words, and experiments that are not to be read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.sequential import peeking
from crmkit.numbers import NBSP
from crmkit.pages import experiment, experiment_next
from crmkit.plots import experiments as figures


@pytest.fixture(scope="module")
def found(sample):
    return experiment.work(sample, "latest")


def company(**groups):
    """One experiment, "E": variant = (converted, of)."""
    rows = [(name, n < done) for name, (done, of) in groups.items() for n in range(of)]
    frame = pd.DataFrame(rows, columns=["variant", "converted"]).assign(experiment_id="E", assigned_at="2026-03-01")
    frame["customer_id"] = [str(n) for n in range(len(frame))]
    return crmkit.open({"experiments": frame}, as_of="2026-06-30")


def text(html) -> str:
    return html.text.replace(NBSP, " ")


def test_the_planted_answers(found):
    assert found.verdicts.set_index("experiment")["verdict"].to_dict() == {"EXP-1": "works", "EXP-2": "ruled out"}
    said = text(experiment.reading(found))
    assert "EXP-1, treatment: works. Conversion is" in said
    assert "less than once in 1,000 times" in said


@pytest.mark.parametrize(
    ("groups", "verdict"),
    [
        ({"control": (200, 1000), "new": (300, 1000)}, "works"),
        ({"control": (300, 1000), "new": (200, 1000)}, "harms"),
        ({"control": (300, 1000), "new": (300, 1000)}, "ruled out"),
        ({"control": (30, 100), "new": (33, 100)}, "open"),
        ({"control": (300, 1000), "new": (300, 800)}, "mismatch"),
    ],
)
def test_the_rule(groups, verdict):
    found = experiment.work(company(**groups), "2026-Q1")
    assert found.verdicts["verdict"].tolist() == [verdict]
    assert experiment.READ[verdict] in text(experiment.reading(found))
    assert (verdict == "mismatch") == bool(experiment.effects_frame(found, "conversion").attrs.get("missing"))


def test_open_says_how_many_customers_it_takes():
    said = text(experiment.reading(experiment.work(company(control=(30, 100), new=(33, 100)), "2026-Q1")))
    assert "customers in each group; there are 100." in said


def test_groups_that_were_found_by_looking(sample, found):
    shown = experiment_next.segments_table(sample, found, "segment")
    said = text(experiment_next.segments_words(shown, found))
    assert "EXP-2, treatment: the groups differ by a little more than chance" in said
    assert "no group is to be called a success" in said


def test_the_checks_hold(found):
    for row in experiment.reconciled(found):
        assert row["left"] == pytest.approx(row["right"]), row["what"]


def test_worth(found):
    shown = experiment_next.worth_table(found).set_index("experiment")
    assert shown.loc["EXP-1", "pays"] == "yes"
    assert shown.loc["EXP-2", "pays"] == "not known"


def test_figures_say_what_they_show(found):
    ax = figures.stopping(experiment.looks_frame(found))
    assert "The bound was passed at look" in ax.crm_alt
    assert "bound" in ax.crm_twin().html
    assert "of effects that are not there" in figures.peeking(peeking(3)).crm_alt
    ahead = experiment_next.plan_frame(found)
    assert "points takes" in figures.days_needed(ahead).crm_alt
    assert figures.days_needed(ahead.iloc[:0]).crm_alt.startswith("Nothing can be planned")


def test_one_variant_alone():
    found = experiment.work(company(new=(3, 10)), "2026-Q1")
    assert not len(found.verdicts)
    assert text(experiment.reading(found)).startswith("No experiment has two variants")
    for made in (experiment.value_table(found), experiment_next.worth_table(found), experiment.looks_frame(found)):
        assert made.attrs["missing"]
    assert not len(experiment.card(found))


def test_no_outcome_at_all():
    rows = {"experiment_id": ["E"] * 4, "customer_id": list("abcd"), "variant": ["control", "new"] * 2,
            "assigned_at": ["2026-03-01"] * 4}  # fmt: skip
    found = experiment.work(crmkit.open({"experiments": rows}, as_of="2026-06-30"), "2026-Q1")
    assert found.verdicts["verdict"].tolist() == ["missing"]
    assert "no outcome to read" in text(experiment.reading(found))
    assert np.isnan(experiment.card(found)["value"]).all()
    assert experiment_next.plan_frame(found).attrs["missing"]


def test_experiments_that_begin_later():
    with pytest.raises(NotInThisData, match="before the end of 2025"):
        experiment.work(company(control=(1, 10), new=(2, 10)), "2025")
    with pytest.raises(UsageError, match="least_effect"):
        experiment.work(company(control=(1, 10), new=(2, 10)), "2026-Q1", least_effect=5)


def test_without_experiments_there_is_no_page(tmp_path):
    (tmp_path / "leads.csv").write_text("lead_id,created_at\na,2026-01-01\n", encoding="utf-8")
    with pytest.raises(NotInThisData, match="needs the table experiments"):
        experiment.begin(str(tmp_path))
