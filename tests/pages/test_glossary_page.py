"""The page of the glossary: all words in all languages, an address each, in a report and by itself."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

import crmkit
from crmkit import glossary as words
from crmkit import notebook, paths
from crmkit.cli import main
from crmkit.errors import UsageError
from crmkit.metric import all_metrics
from crmkit.pages import glossary
from crmkit.pages.glossary_words import OWN
from crmkit.report.clean import clean
from crmkit.report.contents import GLOSSARY
from crmkit.report.page import POLICY, Body, link_definitions


@pytest.fixture(scope="module")
def found():
    return glossary.work()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    path = tmp_path_factory.mktemp("glossary") / "of a class" / "glossary.html"
    assert main(["glossary", "--html", str(path), "--lang", "pl"]) == 0
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_every_metric_and_term_has_its_words_side_by_side_under_its_address(alone):
    ids = [tag["id"] for tag in alone.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {*all_metrics(), *words.entries()} <= set(ids)
    cells = alone.find("tbody", id="churn_rate").find("tr").find_all(["th", "td"])
    assert [cell.get_text().rstrip("*") for cell in cells] == [
        words.entries(lang)["churn_rate"].word for lang in ("pl", "en", "ja", "zh")
    ]
    assert [cell["lang"] for cell in cells] == ["pl", "en", "ja", "zh-Hans"]


def test_meanings_and_formulas_are_in_the_readers_language(alone):
    text = alone.find("tbody", id="term-cohort").get_text()
    assert words.entries("pl")["term-cohort"].meaning in text
    assert words.entries("pl")["churn_rate"].formula in alone.find("tbody", id="churn_rate").get_text()


def test_a_page_by_itself_needs_nothing_from_outside_and_its_links_lead_somewhere(alone):
    assert not alone.find_all(["script", "link", "iframe", "img"])
    assert alone.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"] == POLICY
    ids = {tag["id"] for tag in alone.find_all(id=True)}
    links = [link["href"] for link in alone.find_all("a", href=True)]
    assert len(links) > 20
    assert all(link.startswith("#") and link[1:] in ids for link in links)


def test_own_renderings_are_marked_and_counted(found):
    rows = glossary.evidence(found).set_index("language")
    own = [entry for entry in words.entries("pl").values() if not entry.settled]
    assert rows.loc["Polski", "own"] == len(own) > 0
    marked = glossary.family(found, own[0].group).text
    assert f"{own[0].word}{OWN}" in marked
    assert OWN in marked.splitlines()[-1]


def test_vendors_that_count_otherwise_link_to_crmkits_own_definition(found):
    rows = glossary.differing(found)
    assert {"Stripe", "GA4", "HubSpot"} <= set(rows["vendor"])
    assert set(rows["anchor"]) <= set(words.entries())
    table = BeautifulSoup(glossary.differing_table(found, caption="x").html, "html.parser")
    assert [link["href"] for link in table.find_all("a")] == [f"#{anchor}" for anchor in rows["anchor"]]


def test_what_little_data_cannot_measure_says_what_it_needs():
    crm = crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-04-01"]}}, as_of="2026-06-30")
    rows = glossary.work(crm)
    assert rows.loc["nps", "missing"] == "needs the table surveys"
    assert rows.loc["leads", "missing"] == ""
    assert "not in this data: needs the table surveys" in glossary.family(rows, "perception").text
    counted = glossary.card(rows).set_index("metric")["value"]
    assert counted["metrics_here"] == (rows["missing"] == "").sum() - counted["terms_named"]


def test_the_checks_hold_and_fail_where_a_word_is_missing(found):
    assert all(row["left"] == row["right"] for row in glossary.reconciled(found))
    hole = found.copy()
    hole.attrs = found.attrs
    hole.loc["nps", "pl"] = ""
    assert sum(row["left"] != row["right"] for row in glossary.reconciled(hole)) == 1


def test_a_family_declared_later_shows_by_itself(found):
    every = list(dict.fromkeys(metric.family for metric in all_metrics().values()))
    assert glossary.further(found, shown=every).text.startswith("None")
    assert "Win rate" in glossary.further(found, shown=[name for name in every if name != "sales"]).text


def test_an_unknown_language_and_a_place_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no language 'xx'"):
        glossary.work(language="xx")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be written"):
        glossary.write(tmp_path / "file" / "g.html")


def test_what_a_report_cleans_keeps_addresses_and_languages():
    found = glossary.work(language="ja")
    parts = [glossary.family(found, name).html for name in dict.fromkeys(found["group"])] + [glossary.terms(found).html]
    page = clean("".join(parts))
    assert set(words.entries()) <= {tag["id"] for tag in page.find_all(id=True)}
    row = page.find("tbody", id="win_rate")
    assert words.entries("ja")["win_rate"].meaning in row.get_text()
    assert row.find("th")["lang"] == "ja"


def test_definitions_on_other_pages_link_to_their_entries():
    listed = clean(notebook.definitions([all_metrics()["win_rate"], all_metrics()["nps"]]).html)
    linked = link_definitions(Body("", "", str(listed), ()), glossary="19_glossary").html
    links = [link["href"] for link in BeautifulSoup(linked, "html.parser").find_all("a")]
    assert links == ["19_glossary.html#win_rate", "19_glossary.html#nps"]
    assert next(path.stem for path in paths.notebooks().glob("*_glossary.ipynb")) == GLOSSARY
