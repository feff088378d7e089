import pandas as pd
import pytest

from crmkit import notebook, pages
from crmkit.numbers import NBSP


def card(**more):
    row = {"metric": "churn_rate", "title": "Churn rate", "unit": "share", "value": 0.04, "low": 0.02, "high": 0.06,
           "previous": 0.05, "verdict": "no change beyond noise", "target": 0.05, "status": "on target"}  # fmt: skip
    return pd.DataFrame([row | more])


def said(frame, **more):
    return pages.headline(frame, frame["metric"].iloc[0], **more).replace(NBSP, " ")


def test_headline_says_value_interval_change_noise_and_target():
    assert said(card(), against="2026-Q2") == (
        "Churn rate is 4.0% (95% interval 2.0–6.0%), down 1.0 pts from 5.0% in 2026-Q2: no more than noise. "
        "Target 5.0%: reached."
    )


def test_headline_says_what_is_more_than_noise():
    assert said(card(verdict="fell", target=None)).endswith("down 1.0 pts from 5.0%: more than noise.")


def test_headline_makes_no_claim_of_noise_without_an_interval():
    assert said(card(low=None, high=None, verdict="", target=None)) == "Churn rate is 4.0%, down 1.0 pts from 5.0%."


def test_headline_without_a_past_says_the_value_alone():
    assert said(card(previous=float("nan"), low=None, target=None)) == "Churn rate is 4.0%."


def test_headline_of_nothing_known_is_nothing():
    assert pages.headline(card(value=None), "churn_rate") == ""
    assert pages.headline(card(), "nps") == ""


def test_headline_judges_a_target_by_the_better_direction():
    assert said(card(status=None, value=0.07, target=0.05)).endswith("Target 5.0%: not reached.")


def test_sentences_are_escaped():
    shown = pages.headlines(card(title="<script>"), ["churn_rate"])
    assert "&lt;script&gt;" in shown.html
    assert "<script>" not in shown.html
    assert "&lt;script&gt;" in pages.answer(card(title="<script>"), ["churn_rate"]).html


def test_answer_is_short_enough_for_the_front_page(sample):
    scored = pages.scorecard(sample, ["nps", "csat", "ces"], "latest")
    shown = pages.answer(scored, ["nps", "csat", "ces"])
    assert 'class="crm-answer"' in shown.html
    assert len(shown.text) <= 240


def test_cards_keep_the_order_asked_for_and_leave_out_the_unknown(sample):
    scored = pages.scorecard(sample, ["csat", "nps"], "latest")
    text = pages.headline_cards(scored, ["nps", "csat", "mrr"]).text
    assert [line.partition(":")[0] for line in text.splitlines()] == [
        "Net Promoter Score",
        "Satisfied customers (CSAT)",
    ]


def test_change_explained_adds_up_in_words(sample):
    now = sample.period("latest")
    parts = sample.explain("nps", period=now, against=now.previous(), by="segment")
    change = (sample.measure("nps", period=now)["value"] - sample.measure("nps", period=now.previous())["value"]).item()
    text = pages.change_explained(parts, unit="points", by="segment").replace(NBSP, " ")
    assert f"Of the change of {change:+.1f} points" in text.replace("−", "-")


def test_change_explained_warns_that_parts_of_noise_are_noise():
    parts = pd.DataFrame({"metric": "nps", "g": ["a"], "mix": [0.0], "rate": [2.0], "effect": [2.0]})
    assert pages.change_explained(parts, unit="points", noise=True).endswith("and so its parts may be, too.")


def test_target_is_none_where_there_is_none():
    assert pages.target(card(target=None), "churn_rate") is None
    assert pages.target(card(), "nps") is None


@pytest.mark.parametrize(("value", "expected"), [([5.0], "None of the 5 has a reason"), ([], "")])
def test_reason_finding_without_reasons(value, expected):
    frame = pd.DataFrame({"lost_reason": ["(none)"] * len(value), "value": value})
    assert pages.reason_finding(frame) == expected


def test_definitions_are_those_that_the_data_can_answer(pipeline):
    text = pages.definition_list(pipeline, ["win_rate", "nps"]).text
    assert "Win rate" in text
    assert "Promoter" not in text


def test_checks_see_what_does_not_agree():
    frame = pd.DataFrame([{"what": "a = b", "left": 1.0, "right": 2.0, "unit": "count"}])
    assert "does not hold" in notebook.checks(frame).text
