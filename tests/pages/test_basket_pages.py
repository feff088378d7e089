"""The page of the market basket: on the sample, on a shop with one product, and without order lines."""

from __future__ import annotations

import pytest

import crmkit
from crmkit import paths
from crmkit.errors import NotInThisData
from crmkit.numbers import NBSP
from crmkit.pages import basket, basket_answer, cross_selling
from crmkit.plots import baskets as figures


@pytest.fixture(scope="module")
def found(sample):
    return basket.work(sample, "latest", by="segment")


def test_the_answer(found):
    card = basket_answer.card(found).set_index("metric")
    assert card.loc["clear_pairs", "value"] == found.pair["clear"].sum()
    assert card.loc["top_lift", "note"] == "Bar blend, 3 kg + Takeaway cups, 500"


def test_the_answer_names_the_first_pair_and_whom_to_offer(found):
    text = basket_answer.answer(found).text
    assert text.startswith("Bar blend, 3 kg and Takeaway cups, 500 stand in the same order 4.2 times as often")
    assert f"{found.offers['customer_id'].nunique():,} customers can be offered" in text


def test_one_rule_is_read_aloud(found):
    said = basket_answer.one_rule(found).text.replace(NBSP, " ")
    pair = found.pair.iloc[0]
    assert f"in {pair['orders_item']:,} of {pair['orders']:,} orders" in said
    assert "Lift has no direction" in said


def test_the_test_compares_with_simpler_lists(found):
    assert "of as many of the products that most buy" in cross_selling.trial_words(found).text


def test_the_checks_hold(found):
    rows = basket.reconciled(found)
    assert len(rows) == 4
    assert rows[0]["left"] == rows[0]["right"]
    assert rows[1]["left"] == rows[1]["right"]
    assert rows[2]["left"] == rows[2]["right"]


@pytest.mark.parametrize("draw", [figures.pair_map, figures.lift_matrix])
def test_figures_say_what_they_show(found, draw):
    ax = draw(found.pair)
    assert "Bar blend, 3 kg + Takeaway cups, 500" in ax.crm_alt
    assert "Takeaway cups" in ax.crm_twin().html
    assert "No data" in draw(found.pair.iloc[:0]).crm_alt or "No two" in draw(found.pair.iloc[:0]).crm_alt


def test_within_figure(found):
    ax = figures.lift_within(found.inside)
    assert "over all" in ax.crm_alt
    assert "No data" in figures.lift_within(found.inside.iloc[:0]).crm_alt


def test_one_product_alone():
    orders = {"order_id": ["1", "2"], "customer_id": ["x", "y"], "amount": [1.0, 2.0],
              "ordered_at": ["2026-01-01", "2026-02-01"]}  # fmt: skip
    crm = crmkit.open({"orders": orders, "order_lines": {"order_id": ["1", "2"], "product_id": ["a", "a"]}})
    found = basket.work(crm, "2026-02")
    assert basket_answer.one_rule(found).text.startswith("No pair")
    assert basket_answer.answer(found).text.startswith("No pair")
    assert basket.groups_words(found).text.startswith("No column")
    for made in (basket.rule_table(found), basket.sets_table(crm, found), cross_selling.offers_table(crm, found)):
        assert made.attrs["missing"]
    assert basket_answer.card(found)["value"].tolist()[0] == 0


def test_without_lines_there_is_no_page(tmp_path):
    for name in ("orders.csv", "crm.toml"):
        (tmp_path / name).write_bytes((paths.sample_data() / name).read_bytes())
    with pytest.raises(NotInThisData, match="needs the table order_lines"):
        basket.begin(str(tmp_path))
