"""The report as it ships: the sample company's, and a real company's pipeline, made and read as a person would."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

import crmkit
from crmkit import adapters, paths
from crmkit.numbers import say
from crmkit.report import render

PERIOD = "2026-Q3"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    run = render(period=PERIOD, out=tmp_path_factory.mktemp("reports"), progress=lambda line: None)
    assert {result.name: (result.status, result.reason) for result in run.results} == {
        path.stem: ("ok", "") for path in paths.notebooks().glob("[0-9][0-9]_*.ipynb")
    }
    assert run.exit_status == 0
    return run.folder


@pytest.fixture(scope="module")
def pages(report) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(report.glob("*.html"))}


@pytest.fixture(scope="module")
def crm():
    return crmkit.open(paths.sample_data())


def test_the_folder_has_the_date_the_period_and_all_files(report):
    assert report.parts[-2:] == ("2026-09-30", PERIOD)
    names = {path.name for path in report.iterdir()}
    notebooks = {f"{path.stem}.html" for path in paths.notebooks().glob("[0-9][0-9]_*.ipynb")}
    assert names == {"index.html", "kpis.csv", "run.json", *notebooks}
    assert (report.parents[1] / "index.html").is_file()


def test_no_customer_is_named_in_any_file(report, crm):
    people = crm.customers.to_pandas()
    colleagues = set(crm.users.to_pandas()["name"])  # the sample's crm.toml shows them, and some names are both
    names = {name for name in people["name"].dropna() if len(name) > 6 and not any(name in one for one in colleagues)}
    personal = names | set(people["email"].dropna()) | set(people["phone"].dropna())
    assert len(personal) > 4000
    for path in report.iterdir():
        text = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").get_text(" ")
        assert not [one for one in personal if one in text], path.name
    for name in ("04_customer_value", "11_churn_model", "12_lifetime_value", "14_market_basket", "17_actions"):
        assert re.search(r"C-[0-9A-F]{5}-[0-9A-F]{5}", (report / f"{name}.html").read_text(encoding="utf-8")), name


def test_pages_need_nothing_from_outside_and_run_nothing(pages):
    for name, text in pages.items():
        soup = BeautifulSoup(text, "html.parser")
        assert not soup.find_all(["script", "iframe", "object", "embed"]), name
        policy = soup.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
        assert policy.startswith("default-src 'none'"), name
        for tag in soup.find_all(src=True):
            assert tag["src"].startswith("data:"), name
        for tag in soup.find_all(href=True):
            assert not re.match(r"(?i)(https?:)?//|javascript:", tag["href"]), f"{name}: {tag['href']}"
        assert "@import" not in text, name
        assert not re.search(r"url\((?!['\"]?data:)", text), name


def test_every_figure_has_words_and_numbers(pages):
    figures = 0
    for name, text in pages.items():
        soup = BeautifulSoup(text, "html.parser")
        for image in soup.find_all("img"):
            assert re.search(r"\d", image.get("alt", "")), f"{name}: {image.get('alt')!r}"
            figure = image.find_parent("figure")
            assert figure is not None, name
            assert figure.find("table") is not None, name
            figures += 1
    assert figures >= 15


def test_nothing_on_a_page_is_broken(pages):
    for name, text in pages.items():
        soup = BeautifulSoup(text, "html.parser")
        for hidden in soup(["style", "details"]):
            hidden.decompose()
        seen = soup.get_text(" ")
        for sign in ("Traceback", "Warning", "NaN", " nan", "NaT", "<Axes", "$$", "object at 0x"):
            assert sign not in seen, f"{name}: {sign!r}"
        assert not re.search(r"\bNone\b(?! of |:)", seen), name
        assert len(soup.find_all("h1")) == 1, name


def test_every_reconciliation_holds(pages):
    for name, text in pages.items():
        items = BeautifulSoup(text, "html.parser").select("ul.crm-checks li")
        assert items or name == "index.html"
        assert [item.get_text() for item in items if "ok" not in item["class"]] == [], name


def test_the_answer_first_holds_the_headline(pages, crm):
    for page, metric, unit in (
        ("01_customer_perception", "nps", "points"),
        ("02_retention", "churn_rate", "share"),
        ("03_sales", "win_rate", "share"),
    ):
        said = BeautifulSoup(pages[f"{page}.html"], "html.parser").find(class_="crm-answer").get_text()
        assert say(crm.measure(metric, period=PERIOD, intervals=False).value.item(), unit) in said


def test_anchors_lead_somewhere(pages, report):
    for name, text in pages.items():
        soup = BeautifulSoup(text, "html.parser")
        ids = [tag["id"] for tag in soup.find_all(id=True)]
        assert len(ids) == len(set(ids)), name
        for link in soup.find_all("a", href=True):
            target, _, anchor = link["href"].partition("#")
            assert not target or (report / target).exists(), f"{name}: {link['href']}"
            assert target or anchor in ids, f"{name}: {link['href']}"


def test_kpis_are_what_measure_gives(report, crm):
    rows = {row["metric"]: row for row in csv.DictReader((report / "kpis.csv").open(encoding="utf-8-sig"))}
    measured = crm.measure(list(rows), period=PERIOD).set_index("metric")
    for name, row in rows.items():
        for column in ("value", "low", "high", "n"):
            expected = measured.loc[name, column]
            got = float(row[column]) if row[column] else float("nan")
            assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), f"{name}.{column}"


@pytest.mark.parametrize(
    ("page", "metric"),
    [
        ("01_customer_perception", "nps"),
        ("01_customer_perception", "csat"),
        ("02_retention", "churn_rate"),
        ("02_retention", "churn_rate_average"),
        ("02_retention", "nrr"),
        ("03_sales", "win_rate"),
        ("03_sales", "sales_velocity"),
    ],
)
def test_pages_show_the_measured_numbers(pages, crm, page, metric):
    from crmkit.metric import find

    value = crm.measure(metric, period=PERIOD, intervals=False).value.item()
    shown = say(value, find(metric).unit, currency="EUR")
    text = BeautifulSoup(pages[f"{page}.html"], "html.parser").get_text(" ")
    assert shown in text or shown.replace("\u00a0", " ") in text.replace("\u00a0", " ")


def test_a_second_run_gives_the_same_bytes_but_for_its_own_times(report, tmp_path):
    again = render(period=PERIOD, out=tmp_path, progress=lambda line: None, jobs=1).folder
    for path in sorted(report.iterdir()):
        if path.name != "run.json":
            assert path.read_bytes() == (again / path.name).read_bytes(), path.name
    first, second = (_without_times(folder / "run.json") for folder in (report, again))
    assert first == second


def _without_times(path: Path) -> dict:
    record = json.loads(path.read_text(encoding="utf-8"))
    for timed in (record, *record["notebooks"]):
        assert timed.pop("seconds") > 0
    return record


def test_a_real_pipeline_is_reported_as_far_as_it_goes(shared, tmp_path):
    adapters.run("maven", [shared / "data" / "maven_crm_sales"], tmp_path / "maven")
    run = render(data=tmp_path / "maven", period="2017-Q4", out=tmp_path / "reports", progress=lambda line: None)
    status = {result.name: result.status for result in run.results}
    assert run.exit_status == 0
    assert status["00_scorecard"] == status["03_sales"] == "ok"
    assert status["01_customer_perception"] == "not in this data"
    text = BeautifulSoup((run.folder / "03_sales.html").read_text(encoding="utf-8"), "html.parser").get_text(" ")
    assert "cannot be known" in text  # the win rate by value: lost deals carry no amount
    assert not (run.folder / "01_customer_perception.html").exists()
