"""The blocks on duplicates: what they say, that they name no one unless asked, and what they say where nothing is."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit.merging import merged
from crmkit.methods.duplicates import duplicates
from crmkit.pages import duplicates as page
from crmkit.personal.readers import for_readers
from crmkit.plots.duplicates import match_scores

ROWS = {
    "customer_id": ["1", "2", "3"],
    "name": ["Kawiarnia Mewa", "KAWIARNIA MEWA Sp. z o.o.", "Hotel Bursztyn"],
    "email": ["biuro@mewa.example.org", "Biuro@mewa.example.org", "recepcja@bursztyn.example.org"],
    "segment": ["Café", "Café", "Hotel"],
    "created_at": ["2026-01-01", "2026-01-10", "2026-01-02"],
}
ORDERS = {"order_id": list("abc"), "customer_id": ["1", "2", "3"], "amount": [10.0, 30.0, 20.0],
          "ordered_at": ["2026-02-01", "2026-02-15", "2026-02-02"]}  # fmt: skip


@pytest.fixture
def crm():
    return crmkit.open({"customers": ROWS, "orders": ORDERS}, as_of="2026-03-31")


def test_the_block_counts_lists_and_shows_before_and_after(crm):
    text = page.duplicates(crm, period="2026-Q1").text
    assert "1 of 3 customers (33.3%) are a second record of 1 who is there already." in text
    assert "1 pair counts as one" in text
    assert "same e-mail, written otherwise; same name without Sp. z o.o." in text
    assert "Orders per customer" in text
    assert "crmkit duplicates" in text


def test_names_are_shown_on_demand_only(crm):
    assert "MEWA" not in page.duplicates(crm, period="2026-Q1").html.upper()
    assert "KAWIARNIA MEWA" in page.duplicates(crm, period="2026-Q1", show_names=True).html


def test_readers_of_a_report_get_the_same_findings_and_codes_in_the_place_of_ids(crm, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    readers = for_readers(crm)
    html = page.duplicates(readers, period="2026-Q1").html
    assert "MEWA" not in html.upper()
    assert "1 of 3 customers (33.3%)" in html
    assert readers.customers.name.to_pandas().unique().tolist() == ["(hidden)"]
    assert "Kawiarnia Mewa (1)" in page.duplicates(for_readers(crm, show_names=True), period="2026-Q1").html
    one = merged(readers, page.found(readers).merges)
    assert one.tables["customers"].name.to_pandas().unique().tolist() == ["(hidden)"]
    assert one.rows["customers"] == 2


def test_what_comes_from_data_is_escaped(crm):
    rows = {**ROWS, "name": ["<b>Mewa</b> Kawiarnia", "<b>MEWA</b> Kawiarnia", "Hotel"]}
    html = page.listing(crmkit.open({"customers": rows}), show_names=True).html
    assert "<b>M" not in html
    assert "&lt;b&gt;" in html


def test_what_merges_csv_did_is_shown(tmp_path):
    pd.DataFrame(ROWS).to_csv(tmp_path / "customers.csv", index=False)
    pd.DataFrame(ORDERS).to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "merges.csv").write_text("table,id,into\ncustomers,2,1\n", encoding="utf-8")
    crm = crmkit.open(tmp_path, as_of="2026-03-31")
    text = page.duplicates(crm, period="2026-Q1").text
    assert "None of the 2 customers is entered twice" in text
    assert "merges.csv: 1 row of customers was merged into another." in text
    assert "By merges.csv" in text


def test_without_customers_and_leads_there_is_one_quiet_line():
    crm = crmkit.open({"orders": ORDERS})
    assert page.headline(crm).text == "Not in this data: needs the table customers or leads."
    assert page.effects(crm).text == ""
    assert page.already_merged(crm).text == ""


def test_without_anything_to_compare_by_it_is_said():
    crm = crmkit.open({"customers": {"customer_id": ["1"], "created_at": ["2026-01-01"], "segment": ["A"]}})
    assert "nothing to compare" in page.headline(crm).text


def test_it_is_looked_for_once(crm):
    assert page.found(crm) is page.found(crm)


def test_the_figure_counts_every_pair(crm):
    pairs = duplicates(pd.DataFrame(ROWS)).pairs
    scores = pd.DataFrame({"probability": [0.01, 0.3, 0.94, 0.95, 1.0]})
    ax = match_scores(scores, threshold=0.95)
    assert sum(int(text.get_text().replace(",", "")) for text in ax.texts if text.get_text().isdigit()) == 5
    assert ax.crm_alt.startswith("2 pairs count as one; 1 more is likelier than not.")
    assert "no data" in match_scores(pairs.iloc[:0], threshold=0.9).texts[0].get_text()
