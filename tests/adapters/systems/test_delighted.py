"""Delighted's responses, from the API and from the dashboard: each kind of survey on its own scale."""

from __future__ import annotations

from pathlib import Path

import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "delighted"
QUARTER = "2026-01-01/2026-04-01"


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """The copy from the API, imported: the CRM and the account."""
    to = tmp_path_factory.mktemp("delighted") / "crm"
    account = adapters.run("delighted", [FIXTURES / "api"], to)
    return crmkit.open(to), account


def _value(crm, metric: str, period: str = QUARTER) -> float:
    return crm.measure(metric, period=period)["value"].item()


def test_each_kind_of_survey_by_hand(api):
    crm, _ = api
    assert _value(crm, "nps") == pytest.approx(100 * (3 - 1) / 5)  # 10, 9, 9 · 8 · 3
    assert _value(crm, "csat") == 3 / 4  # 5, 4 and a thumb up, not 2
    assert _value(crm, "ces") == (5 + 3) / 2
    assert _value(crm, "survey_answers") == 11


def test_scales_are_those_of_the_kind(api):
    surveys = api[0].surveys.to_pandas().set_index("response_id")
    scales = surveys.groupby("survey_kind")[["scale_min", "scale_max"]].agg(["min", "max"])
    assert scales.loc["nps"].tolist() == [0, 0, 10, 10]
    assert scales.loc["csat"].tolist() == [1, 1, 5, 5]
    assert scales.loc["ces"].tolist() == [1, 1, 5, 5]
    assert scales.loc["thumbs"].tolist() == [0, 0, 1, 1]


def test_times_comments_and_customers(api):
    surveys = api[0].surveys.to_pandas().set_index("response_id")
    assert str(surveys.loc["51001", "answered_at"]) == "2026-01-13 09:00:00"  # 1768294800 seconds
    assert surveys.loc["51001", "customer_id"] == "C-17"
    assert surveys.loc["51005", "comment"] == "Waited two weeks\nand then again"


def test_what_employees_answered_is_left_out_and_said(api):
    crm, account = api
    assert "51012" not in crm.surveys.to_pandas()["response_id"].tolist()
    assert "1 row left out by the rule without survey_type = enps / pmf" in account.text()


def test_download_from_the_dashboard(tmp_path):
    adapters.run("delighted", [FIXTURES / "download"], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    assert _value(crm, "nps") == pytest.approx(100 * (1 - 2) / 4)  # 10 · 7 · 6, 0
    assert crm.surveys.to_pandas()["customer_id"].fillna("").tolist() == ["C-17", "C-18", "C-19", ""]
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-03-31"


def test_an_unknown_kind_of_survey_is_refused(tmp_path):
    text = (FIXTURES / "api/survey_responses.csv").read_text(encoding="utf-8").replace("thumbs", "hearts")
    (tmp_path / "survey_responses.csv").write_text(text, encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=r"the value 'hearts' in survey_responses.csv, line 11"):
        adapters.run("delighted", [tmp_path / "survey_responses.csv"], tmp_path / "crm")
