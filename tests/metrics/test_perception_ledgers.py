"""NPS, CES and CSAT worked by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from ledgers import answers, ledger, value, values

import crmkit

MARCH = "2026-03"


def asked(survey, *scores, **more):
    return crmkit.open(answers(survey, *scores, **more), as_of="2026-03-31")


def test_nps_of_six_answers():
    crm = asked("nps", 0, 7, 7, 9, 9, 9)  # 3 promoters, 2 passives, 1 detractor
    row = crm.measure("nps", period=MARCH).iloc[0]
    assert row.value == pytest.approx(100 * (3 - 1) / 6)
    assert (row.numerator, row.denominator, row.n) == (200, 6, 6)
    assert row.low < row.value < row.high


def test_nps_of_the_conference_is_that_of_the_published_solution(shared):
    """39 answers: 8 promoters, 9 passives and 22 detractors, -35.9."""
    folder = shared / "data" / "answers" / "nps_040"
    told = pd.read_csv(folder / "output_01.csv").iloc[0]
    raw = pd.read_csv(folder / "input_02.csv")
    frame = pd.DataFrame(
        {
            "response_id": range(len(raw)),
            "survey": "nps",
            "score": raw.iloc[:, 1],
            "answered_at": pd.to_datetime(raw["Timestamp"]),
        }
    )
    crm = crmkit.open({"surveys": frame})
    found = crm.measure(["nps", "promoters", "passives", "detractors", "survey_answers"], period="2019-11")
    nps, promoters, passives, detractors, answered = found.value
    assert round(nps, 1) == told["NPS Score"] == -35.9
    assert (promoters, passives, detractors, answered) == (8, 9, 22, 39)
    assert (promoters, detractors, answered) == (told["Promoter"], told["Detractor"], told["Total Respondents"])
    assert found.low[0] == pytest.approx(-57.5, abs=0.05)
    assert found.high[0] == pytest.approx(-9.2, abs=0.05)


@pytest.mark.parametrize(("score", "band"), [(0, 2), (6, 2), (7, 1), (8, 1), (9, 0), (10, 0)])
def test_the_bands_of_nps(score, band):
    found = asked("nps", score).measure(["promoters", "passives", "detractors"], period=MARCH).value.tolist()
    assert found == [1.0 if place == band else 0.0 for place in range(3)]


@pytest.mark.parametrize("wrong", [-1, 11, 8.5])
def test_a_score_off_the_scale_is_in_no_band_and_not_among_the_answers(wrong):
    crm = asked("nps", 10, 0, 8, wrong)
    found = crm.measure(["nps", "promoters", "passives", "detractors", "survey_answers"], period=MARCH).value.tolist()
    assert found == [0.0, 1.0, 1.0, 1.0, 3.0]


def test_nps_on_a_scale_from_1_uses_the_same_bands_and_leaves_out_0():
    crm = asked("nps", 0, 1, 9, 10, scale_min=1, scale_max=10)
    assert value(crm, "nps", MARCH) == pytest.approx(100 * (2 - 1) / 3)
    assert value(crm, "survey_answers", MARCH) == 3


def test_nps_on_a_scale_from_1_is_flagged_and_one_from_0_is_not():
    flagged = asked("nps", 1, 9, 10, 8, 7, scale_min=1, scale_max=10).measure("nps", period=MARCH).note.item()
    assert "scale" in flagged
    assert "1" in flagged
    assert "scale" not in asked("nps", 1, 9, 10, 8, 7).measure("nps", period=MARCH).note.item()


@pytest.mark.parametrize(
    ("survey", "inside", "outside"), [("nps", (0, 10), (-1, 11)), ("ces", (1, 7), (0, 8)), ("csat", (1, 5), (0, 6))]
)
def test_the_scale_of_a_survey_that_names_none(survey, inside, outside):
    assert value(asked(survey, *inside, *outside), "survey_answers", MARCH) == 2


def test_a_scale_that_only_some_answers_name():
    crm = ledger(
        surveys="""
        response_id | survey | score | scale_min | scale_max | answered_at
        1           | csat   | 5     | .         | .         | 2026-03-01
        2           | csat   | 5     | 1         | 10        | 2026-03-02
        3           | csat   | 8     | 1         | 10        | 2026-03-03
        """,
        as_of="2026-03-31",
    )
    # 5 of 5 is the top; 5 of 10 lies at 4/9 = 0.44; 8 of 10 lies at 7/9 = 0.78
    assert value(crm, "csat", MARCH) == pytest.approx(2 / 3)


def test_ces_is_a_mean_and_easy_is_the_top_three_of_seven():
    crm = asked("ces", 7, 6, 5, 4, 3)
    assert value(crm, "ces", MARCH) == 5.0
    assert value(crm, "ces_easy", MARCH) == pytest.approx(3 / 5)


def test_reversed_ces():
    crm = asked("ces", 1, 2, 3, 4, 7)  # where 1 is the least effort: 7, 6, 5, 4, 1
    assert value(crm, "ces", MARCH, reverse=True) == pytest.approx(23 / 5)
    assert value(crm, "ces_easy", MARCH, reverse=True) == pytest.approx(3 / 5)


def test_ces_on_a_scale_of_five():
    crm = asked("ces", 5, 4, 3, 2, scale_min=1, scale_max=5)  # heights 1, .75, .5, .25
    assert value(crm, "ces_easy", MARCH) == 0.5
    assert value(crm, "ces", MARCH) == 3.5


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([5, 5, 5, 5, 4, 4, 4, 4, 2, 1], 0.8), ([5, 5, 5, 4, 4, 4, 4, 3, 2, 1], 0.7), ([3, 3], 0.0)],
)
def test_csat_keeps_neutral_answers_in_the_denominator(scores, expected):
    assert value(asked("csat", *scores), "csat", MARCH) == pytest.approx(expected)


def test_csat_mean():
    assert value(asked("csat", 5, 4, 3), "csat_mean", MARCH) == 4.0


def test_surveys_do_not_mix():
    crm = ledger(
        surveys="""
        response_id | survey | score | answered_at
        1           | nps    | 10    | 2026-03-01
        2           | csat   | 1     | 2026-03-01
        3           | ces    | 7     | 2026-03-01
        """,
        as_of="2026-03-31",
    )
    found = crm.measure(["nps", "csat", "ces", "ces_easy", "csat_mean"], period=MARCH).value.tolist()
    assert found == [100.0, 0.0, 7.0, 1.0, 1.0]


def test_answers_by_touchpoint_and_by_the_customers_segment():
    crm = ledger(
        customers="""
        customer_id | created_at | segment
        A           | 2026-01-01 | Home
        B           | 2026-01-01 | Office
        C           | 2026-01-01 | .
        """,
        surveys="""
        response_id | survey | score | answered_at | customer_id | touchpoint
        1           | nps    | 10    | 2026-03-01  | A           | shop
        2           | nps    | 0     | 2026-03-01  | B           | shop
        3           | nps    | 9     | 2026-03-01  | B           | .
        4           | nps    | 8     | 2026-03-01  | C           | support
        5           | nps    | 3     | 2026-03-01  | .           | support
        6           | nps    | 3     | 2026-03-01  | Z           | support
        """,
        as_of="2026-03-31",
    )
    assert values(crm, "nps", MARCH, by="touchpoint") == {
        "(none)": 100.0,
        "shop": 0.0,
        "support": pytest.approx(-200 / 3),
    }
    # no segment, no customer, and a customer that the table customers does not know
    assert values(crm, "nps", MARCH, by="segment") == {"(none)": pytest.approx(-200 / 3), "Home": 100.0, "Office": 0.0}
    two = values(crm, "survey_answers", MARCH, by=["touchpoint", "customer.segment"])
    assert {key: count for key, count in two.items() if count} == {
        ("(none)", "Office"): 1,
        ("shop", "Home"): 1,
        ("shop", "Office"): 1,
        ("support", "(none)"): 3,
    }


def test_one_answer_has_no_interval_of_a_mean_and_is_flagged():
    row = asked("ces", 6).measure("ces", period=MARCH).iloc[0]
    assert row.value == 6
    assert math.isnan(row.low)
    assert "fewer than 5" in row.note


def test_a_month_without_answers_is_unknown_and_counts_are_zero():
    crm = asked("nps", 9, at="2026-02-10")
    found = crm.measure(["nps", "promoters", "ces", "csat"], period=MARCH)
    assert found.value.isna().tolist() == [True, False, True, True]
    assert found.value[1] == 0
    assert "nothing to measure" in found.note[0]


def test_effort_says_on_which_scale_it_was_asked_and_whether_it_was_turned():
    answers = {"response_id": ["1", "2"], "survey": ["ces", "ces"], "score": [5, 1], "answered_at": ["2026-03-01"] * 2}
    usual = crmkit.open({"surveys": answers})
    assert not any("scale" in note for note in usual.measure(["ces", "ces_easy"], period="2026-03").note)
    turned = usual.measure(["ces", "ces_easy"], period="2026-03", reverse=True)
    assert turned.value.tolist() == [(3 + 7) / 2, 0.5]
    assert all("the scale is turned" in note for note in turned.note)
    five = crmkit.open({"surveys": {**answers, "scale_min": [1, 1], "scale_max": [5, 5]}})
    found = five.measure(["ces", "ces_easy"], period="2026-03")
    assert found.value.tolist() == [3.0, 0.5]
    assert all("another scale than 1-7" in note for note in found.note)
