"""The report notebooks on companies with little data, and in a period without any."""

import re

import pytest
from bs4 import BeautifulSoup

from crmkit import paths
from crmkit.report.render import render

pytestmark = pytest.mark.timeout(300)
SETTINGS = 'name = "Small"\ncurrency = "EUR"\nas_of = 2026-06-30\n[personal]\nshow = ["users"]\n'
DEALS = (
    "opportunity_id,owner_id,outcome,created_at,closed_at,amount\n"
    "a,Ann <b>,won,2026-01-05,2026-02-10,100\n"
    "b,Ann <b>,lost,2026-01-07,2026-04-12,0\n"
    "c,Łukasz,won,2026-03-01,2026-04-10,300\n"
    "d,Łukasz,lost,2026-03-02,2026-05-12,0\n"
    "e,Łukasz,open,2026-06-03,,\n"
)


def silent(_line):
    """Keep the progress of a run out of the tests' output."""


def page(run, name):
    return BeautifulSoup((run.folder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def statuses(run):
    return {result.name: (result.status, result.reason) for result in run.results}


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    (folder / "opportunities.csv").write_text(DEALS, encoding="utf-8")
    (folder / "crm.toml").write_text(SETTINGS, encoding="utf-8")
    return render(data=folder, out=tmp_path_factory.mktemp("reports"), progress=silent)


def test_no_warning_and_no_error_is_shown(small_run):
    for name, (status, _) in statuses(small_run).items():
        if status == "ok":
            assert not page(small_run, name).select("details.warnings")
            assert "Traceback" not in page(small_run, name).get_text()


def test_families_without_their_tables_are_left_out_with_one_reason(small_run):
    found = statuses(small_run)
    assert found["01_customer_perception"] == ("not in this data", "needs the table surveys")
    assert found["02_retention"][0] == "not in this data"
    assert found["00_scorecard"][0] == found["03_sales"][0] == "ok"
    assert small_run.exit_status == 0


def test_sections_without_their_tables_are_gathered_at_the_end(small_run):
    shown = page(small_run, "03_sales")
    headings = [heading.get_text() for heading in shown.find("main").find_all("h2")]
    assert headings[-1] == "Not in this data"
    assert "Do leads become customers?" not in headings
    lines = [item.get_text() for item in shown.select("section.absent li")]
    assert "Do leads become customers? Needs the table leads." in lines


def test_names_from_the_data_stay_text(small_run):
    text = (small_run.folder / "03_sales.html").read_text(encoding="utf-8")
    assert "Ann &lt;b&gt;" in text
    assert "Ann <b>" not in text
    assert "Łukasz" in text


@pytest.mark.parametrize(("table", "family"), [("orders", "02"), ("surveys", "01"), ("leads", "03")])
def test_one_table_alone_is_enough_for_its_page(table, family, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for name in (f"{table}.csv", "crm.toml"):
        (data / name).write_bytes((paths.sample_data() / name).read_bytes())
    run = render(data=data, out=tmp_path / "reports", only=[family], progress=silent)
    assert [status for status, _ in statuses(run).values()] == ["ok"]


def test_a_period_before_the_data_begins_is_said_and_fails_nothing(tmp_path):
    run = render(period="2019-Q1", out=tmp_path, only=["02", "03"], progress=silent)
    assert {status for status, _ in statuses(run).values()} == {"ok"}
    assert not re.search(r"\bnan\b", page(run, "03_sales").get_text())
