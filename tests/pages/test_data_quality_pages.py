"""The page of data quality and the line on the other pages."""

from __future__ import annotations

import pandas as pd
import pytest
from bs4 import BeautifulSoup

import crmkit
from crmkit import pages, plots
from crmkit.errors import NotInThisData
from crmkit.pages import data_quality
from crmkit.pages.quality_line import quality_line, quality_text
from crmkit.quality import inspect
from crmkit.report.render import render


@pytest.fixture(scope="module")
def poor():
    """Opportunities of which a tenth were won without a date, and leads without a flaw."""
    return crmkit.open(
        {
            "opportunities": {
                "opportunity_id": [f"d{n}" for n in range(40)],
                "created_at": ["2026-01-05"] * 20 + ["2026-02-05"] * 20,
                "closed_at": ["2026-03-01"] * 36 + [None] * 4,
                "outcome": ["won"] * 40,
                "amount": [100.0 + n for n in range(40)],
                "owner_id": ["Ann", "Ben"] * 20,
            },
            "leads": {"lead_id": list("ab"), "created_at": ["2026-01-01", "2026-03-31"]},
        },
        config={"currency": "EUR"},
    )


@pytest.fixture(scope="module")
def found(poor):
    return data_quality.inspected(poor)


def test_numbers_are_trusted_by_the_findings_that_touch_them(found):
    made = data_quality.trust(found, ["leads", "win_rate", "pipeline_value"]).set_index("metric")
    assert made["trust"].to_dict() == {"win_rate": "not yet", "pipeline_value": "not yet", "leads": "yes"}
    assert made.loc["win_rate", "because"] == "4 rows of opportunities: closed_at is empty though it was won or lost"
    assert made.index[-1] == "leads"  # the worst first


@pytest.mark.parametrize(
    ("severity", "unit", "share", "verdict"),
    [
        ("error", "rows", 0.0001, "not yet"),
        ("warning", "rows", 0.1, "not yet"),
        ("warning", "rows", 0.01, "with care"),
        ("warning", "rows", 0.009, "yes"),
        ("warning", "days", 0.0, "with care"),
        ("warning", "column", 1.0, "with care"),
    ],
)
def test_the_verdict_is_what_the_page_says(severity, unit, share, verdict):
    assert data_quality._verdict({"severity": severity, "unit": unit, "share": share}) == verdict


def test_the_answer_names_what_may_not_be_trusted_and_what_to_mend(poor, found):
    text = data_quality.answer(poor, found).text
    assert "Not yet: " in text
    assert text.endswith("Mend first: 4 rows of opportunities: closed_at is empty though it was won or lost.")
    first = data_quality.mend(poor, found).text
    assert first.startswith("4 rows of opportunities: closed_at is empty though it was won or lost (10.0%). Such deals")
    assert "Fill it" in first


def test_the_cards_agree_with_the_findings(poor, found):
    card = data_quality.card(poor, found).set_index("metric")
    assert card.loc["warnings", "value"] == 1
    assert card.loc["clean_rows", "value"] == pytest.approx(38 / 42)
    assert card.loc["clean_rows", "n"] == 42
    shown = pages.headline_cards(card.reset_index(), data_quality.CARDS)
    assert "Rows without an error or warning: 90.5%" in shown.text


def test_maps_and_tables_have_numbers_and_words(poor, found):
    ax = plots.quality_map(data_quality.heat(poor, found), by="table", across="dimension")
    assert "opportunities, all 90.0%" in ax.crm_alt
    assert ax.crm_twin().text
    owners = data_quality.owners(poor, found)
    compared = data_quality.owner_table(owners).set_index("owner")
    assert compared.loc["Ann", ["rows", "with errors or warnings"]].tolist() == [20, 2]
    assert compared.loc["Ann", "first half"] == 1.0
    assert compared.loc["Ann", "second half"] == pytest.approx(0.8)
    assert "closed_at is empty" in data_quality.findings_table(found).text
    assert data_quality.left_out(found)["rows"].tolist() == [4]
    assert "key_repeated" in data_quality.rules_table(poor).text


def test_the_checks_hold(poor, found):
    frame = data_quality.agreed(poor, found)
    assert (frame["left"] == frame["right"]).all()


def test_the_line_names_the_gravest_findings_that_touch_a_page(poor):
    line = quality_line(poor, ["win_rate", "nps"])
    said = "4 rows of opportunities: closed_at is empty though it was won or lost (Win rate)"
    assert line.text == f"Data quality: {said} → page 18, Data quality"
    assert 'class="crm-quality' in line.html
    assert quality_line(poor, ["leads"]).html == ""
    listed = pages.definition_list(poor, ["win_rate"])
    assert listed.html.startswith('<p class="crm-quality')
    assert "crm-quality" not in pages.definition_list(poor, ["win_rate"], quality=False).html


def test_notes_and_other_numbers_are_not_in_the_line():
    rows = [
        {"severity": "note", "metrics": ["nps"]},
        {"severity": "error", "metrics": ["leads"]},
    ]
    assert quality_text(pd.DataFrame(rows), {"nps"}) == ""


def test_a_finding_about_a_name_of_the_data_is_escaped():
    days = pd.date_range("2025-01-01", periods=300, freq="D")
    rows = [("<b>x</b>", day) for day in days[:150]] + [("web", day) for day in days]
    leads = pd.DataFrame(rows, columns=["source", "created_at"])
    crm = crmkit.open({"leads": leads.assign(lead_id=[f"{n}" for n in range(len(leads))])})
    line = quality_line(crm, ["leads"])
    assert "<b>x</b>" in line.text
    assert "&lt;b&gt;x&lt;/b&gt;" in line.html


def test_data_without_rows_leaves_the_page_out():
    crm = crmkit.open({"leads": {"lead_id": [], "created_at": []}})
    with pytest.raises(NotInThisData):
        data_quality.inspected(crm)


def test_the_check_is_done_once_for_an_open_crm(poor):
    assert inspect(poor) is inspect(poor)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    data = tmp_path_factory.mktemp("poor")
    lines = ["opportunity_id,created_at,closed_at,outcome,amount"]
    lines += [f"d{n},2026-01-{n + 1:02d},{'2026-03-01' if n < 18 else ''},won,{100 + n}" for n in range(20)]
    (data / "opportunities.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (data / "crm.toml").write_text('currency = "EUR"\nas_of = 2026-03-31\n', encoding="utf-8")
    out = tmp_path_factory.mktemp("reports")
    return render(data=data, out=out, only=["03", "18"], progress=lambda _line: None)


def test_a_report_shows_the_line_below_the_headline_numbers_and_on_the_front_page(run):
    assert [result.status for result in run.results] == ["ok", "ok"]
    pages_ = {
        name: BeautifulSoup((run.folder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        for name in ("03_sales", "18_data_quality", "index")
    }
    line = pages_["03_sales"].find("p", class_="crm-quality")
    assert "2 rows of opportunities: closed_at is empty" in line.get_text()
    assert "crm-cards" in line.find_previous_sibling().get("class")
    assert len(pages_["03_sales"].find_all("p", class_="crm-quality")) == 1
    assert pages_["18_data_quality"].find("p", class_="crm-quality") is None
    assert "closed_at is empty" in pages_["index"].find("p", class_="crm-quality").get_text()
    assert "Mend first: 2 rows" in pages_["18_data_quality"].find(class_="crm-answer").get_text()


def test_the_findings_are_left_for_all_pages_of_a_report(poor, tmp_path, monkeypatch):
    from crmkit import prepared

    prepared.leave_quality(poor, tmp_path)
    monkeypatch.setenv(prepared.VARIABLE, str(tmp_path))
    findings, counted = prepared.left_quality(poor)
    assert [row["rule"] for row in findings] == inspect(poor).findings["rule"].tolist()
    assert counted["broken"].sum() == inspect(poor).counted["broken"].sum()
    other = crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-01-01"]}})
    assert prepared.left_quality(other) is None
