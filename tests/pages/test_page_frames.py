import pandas as pd
import pytest

import crmkit
from crmkit import pages, plots
from crmkit.errors import NotInThisData, UsageError
from crmkit.notebook import checks
from crmkit.tables import Html


def leads(*days, as_of="2026-09-30"):
    rows = {"lead_id": [str(at) for at in range(len(days))], "created_at": list(days)}
    return crmkit.open({"leads": rows}, as_of=as_of)


def test_history_ends_with_the_period_and_begins_with_the_first_event():
    crm = leads("2025-11-03", "2026-02-03", "2026-08-01")
    found = pages.history(crm, "leads", "2026-Q3")
    assert found["value"].tolist() == [1, 1, 0, 1]
    assert found["period"].iloc[0] == pd.Timestamp("2025-10-01")
    assert found.attrs["title"] == "Leads"


def test_history_in_other_steps_than_the_period():
    crm = leads("2026-07-03", "2026-09-03")
    assert pages.history(crm, "leads", "2026-Q3", every="month")["value"].tolist() == [1, 0, 1]
    assert pages.history(crm, "leads", "2026-Q3", every="month", last=2)["value"].tolist() == [1]


def test_history_of_a_span_that_is_no_calendar_period():
    crm = leads("2026-06-10", "2026-08-20")
    found = pages.history(crm, "leads", "2026-06-05/2026-09-05")
    assert found["period"].iloc[-1] == pd.Timestamp("2026-08-01")
    assert found["value"].tolist() == [1, 0, 1]


def test_history_of_a_shorter_period_in_longer_steps_names_the_step_that_holds_it():
    crm = leads("2026-02-10", "2026-08-20")
    found = pages.history(crm, "leads", "2026-08", every="quarter")
    assert found["period"].iloc[-1] == pd.Timestamp("2026-07-01")


def test_what_is_missing_is_one_line_and_no_error():
    crm = leads("2026-07-03")
    for frame in (
        pages.history(crm, "nps", "2026-Q3"),
        pages.groups(crm, "nps", "2026-Q3", "segment"),
        pages.groups(crm, "leads", "2026-Q3", ""),
        pages.groups(crm, "leads", "2026-Q3", "no_such_column"),
        pages.explain(crm, "nps", "2026-Q3", "segment"),
    ):
        shown = pages.draw(plots.trend, frame)
        assert 'class="crm-absent"' in shown.html
        assert "<figure" not in shown.html
        assert len(shown.text.splitlines()) == 1


def test_a_panel_without_anything_becomes_a_line_that_says_why():
    frame = pd.DataFrame({"stage": ["Offer", "Won"], "entered": [0, 0]})
    shown = pages.draw(plots.funnel, frame)
    assert shown.text == "Nothing entered the first stage."
    assert "<figure" not in shown.html


def test_a_frame_with_nothing_in_it_draws_no_empty_figure():
    crm = leads("2026-07-03")
    shown = pages.draw(plots.trend, pages.history(crm, "lead_follow_up_hours", "2026-Q3"))
    assert "first_contacted_at" in shown.text


def test_text_from_data_is_escaped_in_tables_and_lines():
    frame = pd.DataFrame({"name": ["<i>x</i>"], "value": [1]})
    assert "&lt;i&gt;x" in pages.grid(frame, caption="<b>").html
    assert "<b>" not in pages.grid(frame, caption="<b>").html
    assert "&lt;b&gt;" in pages.absent("<b>").html
    assert "&lt;b&gt;" in pages.fold("<b>", Html("", "")).html


def test_begin_says_in_one_line_what_a_family_needs(tmp_path):
    (tmp_path / "leads.csv").write_text("lead_id,created_at\n1,2026-07-01\n", encoding="utf-8")
    assert pages.begin(str(tmp_path), any_of=["nps", "leads"]).rows == {"leads": 1}
    with pytest.raises(NotInThisData, match=r"^needs the table surveys$"):
        pages.begin(str(tmp_path), any_of=["nps", "csat"])


def test_dimension_takes_the_first_that_is_there_and_refuses_a_wrong_wish(sample):
    assert pages.dimension(sample, "customers") == "segment"
    assert pages.dimension(sample, "surveys") == "customer.segment"
    with pytest.raises(UsageError, match="segmnt"):
        pages.dimension(sample, "customers", "segmnt")
    assert pages.dimension(leads("2026-07-03"), "customers") == ""


def test_groups_without_an_observation_are_no_groups(sample):
    found = pages.groups(sample, "csat", "latest", "touchpoint")
    assert found["n"].gt(0).all()
    assert "relationship" not in set(found["touchpoint"])


def test_reconciliations_of_the_sample_hold(sample):
    found = pages.reconciled(
        sample,
        "latest",
        identities=["customers", "mrr", "bands", "churn"],
        wholes=[("survey_answers", "segment"), ("won_revenue", "owner.name")],
        changes=[("nps", "segment"), ("churn_rate", "segment")],
    )
    assert len(found) == 8
    assert "does not hold" not in checks(found).text


def test_the_bridge_closes_to_the_cent(sample):
    for quarter in ("2025-Q2", "2026-Q1", "2026-Q3"):
        row = pages.reconciled(sample, quarter, identities=["mrr"]).iloc[0]
        assert row["left"] == pytest.approx(row["right"], abs=0.005)


def test_reconciliations_leave_out_what_cannot_be_measured(pipeline):
    assert not len(pages.reconciled(pipeline, "2026-Q2", identities=["customers", "mrr", "bands"]))
