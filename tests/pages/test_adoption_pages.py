"""The page of adoption in words: what is said is what was measured, and what is lacking is one quiet line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import pages
from crmkit.methods import completeness_by_column, user_states
from crmkit.methods.satisfaction import Logit
from crmkit.numbers import NBSP
from crmkit.pages import adoption, inside_outside


@pytest.fixture(scope="module")
def office():
    users = {"user_id": list("abc"), "name": ["Ann <b>", "Ben", "Cy"], "team": ["N", "N", "S"],
             "licensed": ["true", "true", "false"], "role": ["sales"] * 3}  # fmt: skip
    usage = {"user_id": list("aac"), "at": ["2026-03-02", "2026-03-30", "2026-03-09"], "action": ["login"] * 3}
    return crmkit.open({"users": users, "usage": usage}, as_of="2026-03-31")


def test_unlicensed_users_and_unused_licences_are_said(office):
    assert adoption.unlicensed(office, "2026-03").text == (
        "1 of 2 licensed users were active in 2026-03; 1 used it without a licence. "
        "1 licence was paid for and not used."
    )
    assert adoption.unlicensed(office, "2026-02").text.startswith("Nobody could use the CRM in 2026-02")


def test_teams_with_the_lowest_adoption_first(office):
    found = adoption.teams(office, "2026-03")
    assert found[["team", "licensed", "active", "adoption"]].to_numpy().tolist() == [["N", 2, 1, 0.5]]


def test_before_the_crm_the_page_says_so_quietly(office):
    assert "crm-absent" in pages.grid(adoption.teams(office, "2026-02"), caption="x").html


def test_who_never_began_is_listed_and_escaped(office):
    states = user_states(office, period="2026-03", by="user.name")
    shown = adoption.stopped(states, by="user.name", quiet_days=28)
    assert "Ben" in shown.text.split("1 who use it")[0]
    assert "never began" in shown.text
    assert "Ann &lt;b&gt;" in shown.html
    assert "<b>" not in shown.html


def test_names_can_be_left_out(office):
    assert adoption.people(office)[0] == "user.name"


def test_every_number_of_the_page_is_in_the_catalogue():
    from crmkit.metric import all_metrics

    for names in (adoption.CARDS, adoption.USE, adoption.WORK, adoption.DEFINED, adoption.ANSWERS):
        assert set(names) <= set(all_metrics())


def test_owners_add_up_to_the_records(sample):
    now = sample.period("latest")
    found = adoption.by_owner(sample, now, "owner_id", days=60)
    whole = sample.measure(["live_records", "stale_records"], period=now, days=60, intervals=False).value
    assert found[["live records", "stale"]].sum().tolist() == whole.tolist()
    assert found["stale"].is_monotonic_decreasing


def test_emptiest_fields_leave_out_the_full_ones(sample):
    columns = completeness_by_column(sample, period="latest")
    found = adoption.emptiest(columns, most=2)
    assert len(found) == 2
    assert (found.value < 1).all()
    assert adoption.emptiest_finding(found).endswith("of records")
    full = adoption.emptiest(columns.assign(empty=0.0))
    assert "crm-absent" in pages.grid(full, caption="x").html


def test_the_time_since_the_crm(sample):
    spans = adoption.since_crm(sample, "2026-Q3")
    assert [span.name for span in spans] == ["2024-07-01/2025-07-01", "2025-07-01/2026-10-01"]
    assert adoption.since_crm(sample, "2025-Q2") is None
    assert "crm-absent" in adoption.busier(sample, "2025-Q2").html


def test_more_interactions_in_words(sample):
    text = adoption.busier(sample, "latest").text
    assert text.startswith("The same 20 users of sales and support had 2")
    assert "more than chance" in text


def test_hours_saved_in_the_table_are_those_of_the_metric(sample):
    found = adoption.routine(sample, "2026-Q3").set_index("kind")
    hours = sample.measure("hours_saved", period="2025-07-01/2026-10-01").value.item()
    assert found.loc["all", "hours saved"].startswith(f"{hours:.1f}{NBSP}(")


def test_reconciliations_of_the_family_hold(sample):
    now = sample.period("latest")
    wholes = [("interactions", "customer.segment"), ("stale_records", "owner.name"), ("hours_saved", "kind")]
    columns = completeness_by_column(sample, period=now)
    found = adoption.agreed(pages.reconciled(sample, now, wholes=wholes), sample, now, columns)
    assert len(found) == 6
    np.testing.assert_allclose(found.left, found.right)


def ties(**more):
    row = {"inside": "x", "outside": "y", "inside_title": "X", "outside_title": "Y", "raw": 0.6, "raw_low": 0.4,
           "raw_high": 0.8, "same_period": 0.1, "within": 0.05, "low": -0.2, "high": 0.3, "p": 0.7, "q": 0.7, "n": 60,
           "note": ""}  # fmt: skip
    frame = pd.DataFrame([row | more])
    frame.attrs |= {"every": "quarter", "how": "rank"}
    return frame


def panel(slope=0.0):
    rng = np.random.default_rng(6)
    cells = pd.DataFrame([(u, p) for u in range(8) for p in range(8)], columns=["unit", "period"])
    cells["x"] = rng.normal(size=64)
    cells["y"] = slope * cells["x"] + rng.normal(size=64)
    return cells


@pytest.mark.parametrize(
    ("same", "words"),
    [(0.1, "what moved for all users at the same time"), (0.55, "a lasting difference between users")],
)
def test_where_a_tie_comes_from_is_computed(same, words):
    text = inside_outside.limits(ties(same_period=same), panel()).text
    assert words in text
    assert "X and Y go together by 0.60" in text


def test_chance_is_counted():
    text = inside_outside.limits(ties(low=0.01), panel()).text
    assert "Of 1 pair, about 0.05 would have an interval without 0 by luck alone; 1 has one" in text
    assert "none of them is left" in text


def test_direction_and_what_is_not_seen_are_computed_from_the_cells():
    cells = panel(slope=1.0)
    found = inside_outside.association(cells, inside=["x"], outside=["y"])
    found = found.assign(inside_title="X", outside_title="Y")
    text = inside_outside.limits(found, cells).text
    later = inside_outside.association(cells, inside=["x"], outside=["y"], lag=1).within.item()
    assert f"{later:.2f}".replace("-", "−") in text
    half = (found.high - found.low).item() / 2
    assert f"±{half:.2f}" in text
    assert len(inside_outside.in_time(found, cells)) == 1


def test_what_cannot_be_compared_is_one_line_and_named(office):
    cells = inside_outside.cells(office, "2026-03", every="month")
    found = inside_outside.pairs(cells)
    for shown in (inside_outside.limits(found, cells), pages.grid(inside_outside.in_time(found, cells), caption="x")):
        assert "crm-absent" in shown.html
        assert "{" not in shown.text
    assert "needs the table" in inside_outside.left_out(cells).text


def fitted(slope, raw):
    frame = pd.DataFrame({"delay": ["under half", "over twice"], "value": [0.9, 0.5]})
    made = [Logit(s, s - 0.2, s + 0.2, 0.0, np.zeros(1), 1, 100) for s in (slope, raw)]
    frame.attrs |= {"fit": made[0], "raw": made[1], "answers": 1234}
    return frame


def test_odds_are_those_of_a_doubling():
    text = inside_outside.delay_in_words(fitted(-1.0, -2.0)).text
    assert "Over 1,234 answered cases" in text
    assert "multiplied by 0.25 (" in text  # 2 to the power −2
    assert "it is 0.50 (" in text
    assert "part of the tie was the agent" in text
    assert "no more than noise" in inside_outside.delay_in_words(fitted(-0.1, -2.0)).text


def test_the_finding_names_quickest_and_slowest():
    assert inside_outside.delay_finding(fitted(-1, -1)) == (
        "90% are satisfied where a case took under half the usual time, 50% where it took over twice that"
    )
