"""Exercises: right answers are told, mistakes are named, and no hint gives the solution away."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

from crmkit import training
from crmkit.errors import UsageError
from crmkit.training import checking
from crmkit.training.exercises import Exercise, Mistake, exercise, find, numbers

EVERY = numbers()


@pytest.fixture(params=EVERY)
def number(request):
    return request.param


def test_the_right_answer_is_right(number):
    found = training.check(number, find(number).right if not isinstance(find(number).right, frozenset) else
                           min(find(number).right))  # fmt: skip
    assert found.passed, found
    assert found.text.startswith("right")


def test_every_mistake_gets_its_own_hint(number):
    asked = find(number)
    assert len(asked.mistakes) >= 1, "people err in ways that are known"
    for mistake in asked.mistakes:
        found = training.check(number, mistake.answer)
        assert not found.passed, f"{mistake.hint}: the mistake gives the right answer on this data"
        assert found.text == mistake.hint, "another mistake gives the same answer"


def test_no_hint_holds_the_solution(number):
    asked = find(number)
    if isinstance(asked.right, bool):
        return
    shown = {str(asked.right)} if isinstance(asked.right, str) else set()
    if isinstance(asked.right, int | float) and not isinstance(asked.right, bool):
        shown = {f"{float(asked.right):.{digits}f}" for digits in (1, 2, 3)}
    for mistake in asked.mistakes:
        words = re.findall(r"[\w.%-]+", mistake.hint)
        assert not shown & set(words), mistake.hint


def test_what_is_not_answered_is_not_right(number):
    for nothing in (None, ..., math.nan, object()):
        assert not training.check(number, nothing).passed


@exercise("0.2")
def a_share(crm):
    return Exercise(0.25, unit="share", mistakes=[Mistake(0.4, "you left out the passives.")], because="So it is.")


@exercise("0.3")
def groups(crm):
    return Exercise({"North": 2.0, "South": 3.0})


@exercise("0.4")
def several(crm):
    return Exercise(["b", "a"], ordered=True)


@pytest.mark.parametrize(("answer", "says"), [
    (0.25, "right, 25.0%. So it is."),
    (0.2501, "right, 25.0%. So it is."),
    (0.4, "you left out the passives."),
    (25.0, "the right amount, as a percentage: a share is written 0-1 here, so divide by 100."),
    (0.75, "this is the share of all the others: those who are not asked for."),
    (-0.25, "the right amount with the wrong sign. Which of the two is taken from which?"),
    (4, "this is the right fraction upside down: look at what is divided by what."),
    (250, "far too high, by more than a factor of ten. Look at the unit, and at what one row is."),
    (0.26, "close, and a little too high. What is counted that does not belong: rows at the edges of the period, or "
           "empty cells?"),
    (0.245, "close, and a little too low. What is left out: rows at the edges of the period, or empty cells?"),
    (1.5, "more than 1, so more than all there are. What is divided by what?"),
    ("25%", "this is a text: give the number itself, without quotation marks and without a % sign."),
    ("all", "this is a text, and the answer is one number."),
    ((0, 25), "this is two numbers with a comma between them (decimals have a point: 0.5), and the answer is one "
              "number."),
    (np.array([1, 2]), "this is an array of numbers, and the answer is one number."),
    (pd.DataFrame({"a": [1, 2]}), "this is a table of 2 rows and 1 columns, and the answer is one number."),
    (math.nan, "this is not a number (NaN): something was divided by nothing, or a row was not found."),
    (..., "not answered yet."),
])  # fmt: skip
def test_hints_depend_on_what_went_wrong(answer, says):
    assert training.check("0.2", answer).text == says


def test_a_number_may_come_as_one_row_or_from_numpy():
    assert training.check("0.2", pd.DataFrame({"metric": ["x"], "value": [0.25], "n": [3.0]})).passed
    assert training.check("0.2", pd.Series([0.25])).passed
    assert training.check("0.2", pd.Series([0.25])[0]).passed


@exercise("0.5")
def long_numbers(crm):
    return Exercise(0.6136, unit="share", within=0.001, mistakes=[Mistake(0.61, "exactly this is known to be wrong.")])


@exercise("0.6")
def a_mean(crm):
    return Exercise({"North": 0.57327, "South": 0.0}, mistakes=[])


@exercise("0.7")
def a_list(crm):
    return Exercise({"a"})


@exercise("0.8")
def a_rate(crm):
    return Exercise(0.9155, unit="share", within=0.0005, mistakes=[Mistake(0.9199, "of the average base.")])


@exercise("0.11")
def nearly_all(crm):
    return Exercise(0.9844, unit="share", within=0.002)


@exercise("0.12")
def a_small_share(crm):
    return Exercise(0.0794, unit="share", within=0.0005)


@exercise("0.9")
def a_name(crm):
    return Exercise("North")


def test_a_number_is_right_as_a_person_writes_it_down():
    """With two digits that count; a known mistake stays one, and one digit is too few to tell."""
    assert training.check("0.8", 0.92).passed
    assert training.check("0.8", 92).text.startswith("the right amount, as a percentage")
    assert training.check("0.12", 8).text.startswith("the right amount, as a percentage")
    assert training.check("0.8", 0.9199).text == "of the average base."
    assert (
        training.check("0.8", 0.9).text
        == "this is rounded so far that wrong answers would look alike. Give more digits."
    )
    assert training.check("0.5", 0.61).text == "exactly this is known to be wrong."
    assert training.check("0.11", 0.98).passed
    assert not training.check("0.11", 1).passed, "all is another claim than nearly all"
    assert training.check("0.6", {"North": 0.57, "South": 0}).passed
    assert not training.check("0.6", {"North": 0.58, "South": 0}).passed


def test_an_answer_in_another_form_is_understood_or_told_how():
    assert training.check("0.9", pd.Series(["North"])).passed
    assert training.check("0.9", ["north"]).passed
    assert training.check("0.9", np.float64(3)).text.startswith("this is a number, and the answer is one word")
    assert training.check("0.7", pd.Series(["a"])).passed
    assert "square brackets" in training.check("0.7", "a").text
    assert "rows where it is True" in training.check("0.7", pd.Series([True, False])).text
    assert training.check("0.7", pd.DataFrame({"x": ["a"]})).text.startswith("this is a table of 1 rows")
    assert ".to_pandas()" in training.check("0.2", training.company().orders.count()).text
    assert "a column of 2 texts" in training.check("0.3", pd.Series({"North": "57%", "South": "0%"})).text


def test_groups_may_come_in_any_order_and_shape():
    frame = pd.DataFrame({"metric": "x", "team": ["South", "North"], "value": [3.0, 2.0], "n": [1, 1]})
    assert training.check("0.3", frame).passed
    assert training.check("0.3", frame.set_index("team")["value"]).passed
    assert "look at 'South'" in training.check("0.3", {"North": 2, "South": 4}).text
    assert "the group 'South' is missing" in training.check("0.3", {"North": 2}).text
    assert not training.check("0.3", 5).passed


def test_a_list_is_counted():
    assert training.check("0.4", ["b", "a"]).passed
    assert training.check("0.4", ["a", "b"]).text == "the right ones, in another order than is asked for."
    assert training.check("0.4", ["a", "c"]).text == "1 of yours are right; 1 missing and 1 that do not belong."


def test_an_exercise_that_is_not_there_says_which_are():
    with pytest.raises(UsageError, match=r"no exercise '99\.1'; there are "):
        training.check("99.1", 1)


def test_an_answer_is_shown_as_text_and_as_markup():
    found = checking.Checked("1.1", False, "look at <b>")
    assert repr(found) == "✗ 1.1: look at <b>"
    assert "look at &lt;b&gt;" in found._repr_html_()
