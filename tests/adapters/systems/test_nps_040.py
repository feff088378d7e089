"""A conference's survey, imported; the published score comes out of crmkit's own measures."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

WHOLE = "2019-11-01/2019-12-01"


@pytest.fixture(scope="module")
def survey(shared, tmp_path_factory):
    """The folder imported: the CRM, the account, and the folder of the files."""
    source, to = shared / "data/answers/nps_040", tmp_path_factory.mktemp("nps") / "crm"
    account = adapters.run("nps_040", [source], to)
    return crmkit.open(to), account, source


def test_the_published_score(survey):
    crm, _, source = survey
    published = pd.read_csv(source / "output_01.csv").iloc[0]
    found = crm.measure(["nps", "promoters", "passives", "detractors"], period=WHOLE).set_index("metric")["value"]
    assert round(found["nps"], 1) == published["NPS Score"] == -35.9
    assert (found["promoters"], found["detractors"]) == (published["Promoter"], published["Detractor"]) == (8, 22)
    assert found["passives"] == published["Total Respondents"] - 8 - 22


def test_the_same_answers_are_read_once(survey):
    crm, account, _ = survey
    assert account.files_left_out == ("input_01.csv", "output_01.csv", "output_02.csv")
    assert (crm.surveys.survey == "nps").sum().execute() == 39


def test_both_files_hold_the_same_answers(survey, tmp_path):
    _, _, source = survey
    adapters.run("nps_040", [source / "input_01.csv"], tmp_path / "crm")
    one, two = (crm.surveys.to_pandas() for crm in (survey[0], crmkit.open(tmp_path / "crm")))
    assert one["score"].tolist() == two["score"].tolist()
    assert one["comment"].tolist() == two["comment"].tolist()
    apart = one["answered_at"] - two["answered_at"]  # input_01 has no fractions of a second
    assert apart.between(pd.Timedelta(0), pd.Timedelta(seconds=1)).all()


def test_the_published_rating_of_the_keynotes(survey):
    crm, _, source = survey
    published = pd.read_csv(source / "output_02.csv").drop_duplicates("Timestamp")["Keynote Rating Score"]
    by = crm.measure("csat_mean", period=WHOLE, by="touchpoint").set_index("touchpoint")["value"]
    assert by[["opening keynote", "closing keynote"]].mean() == pytest.approx(published.mean())
