"""Market baskets: published answers, counts worked by hand, planted pairs, and the baskets that would go wrong."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods.baskets import baskets, counts
from crmkit.methods.cross_sell import cross_sell, cross_sell_test
from crmkit.methods.itemsets import itemsets, set_rules
from crmkit.methods.rules import corrected, exact_p, log_lift_error, pairs, rules, within

ORDERS = {"1": "ab", "2": "ab", "3": "ab", "4": "a", "5": "b", "6": "c", "7": "ac", "8": "cd"}


def lines(orders=ORDERS, **more):
    rows = [(order, item) for order, items in orders.items() for item in items]
    return pd.DataFrame(rows, columns=["order_id", "product_id"]).assign(**more)


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data/sample")


def test_the_published_answers(shared):
    folder = shared / "data/answers/basket_061"
    if not folder.is_dir():
        pytest.skip("the published answers aren't there")
    given = pd.read_csv(folder / "input_01.csv")
    given["product_id"] = given["Items"].str.split(", ")
    found = rules(pairs(given.explode("product_id"), basket="TransactionID", min_orders=1))
    found["rule"] = found["antecedent"] + " --> " + found["consequent"]
    answer = pd.read_csv(folder / "output_01.csv").set_index("AssociationRule").sort_index()
    mine = found.set_index("rule").sort_index()
    assert mine.index.tolist() == answer.index.tolist()
    for name, theirs in (
        ("antecedent_support", "LHS Support"), ("consequent_support", "RHS Support"), ("confidence", "Confidence"),
        ("lift", "Lift"),
    ):  # fmt: skip
        assert np.allclose(mine[name], answer[theirs], atol=1e-9), name


def test_a_pair_worked_by_hand():
    row = pairs(lines(), min_orders=3).iloc[0]
    assert (row["item"], row["with_item"], row["both"], row["orders_item"], row["orders_with"]) == ("a", "b", 3, 5, 4)
    assert row["lift"] == pytest.approx(3 * 8 / (5 * 4))
    assert row["leverage"] == pytest.approx(3 / 8 - 5 * 4 / 64)
    assert row["p"] == pytest.approx(35 / 70)  # (C(5,3)·C(3,1) + C(5,4)·C(3,0)) ÷ C(8,4) = (30 + 5) ÷ 70
    assert pd.isna(row["customers"])  # nobody is named: unknown, not none


def test_a_threshold_is_a_count():
    """0.07 × 100 is more than 7 as floats; a pair in 7 of 100 orders reaches a support of 0.07 all the same."""
    orders = {str(n): "ab" if n < 7 else "a" for n in range(100)}
    assert len(pairs(lines(orders), min_orders=1, min_support=0.07)) == 1
    assert len(itemsets(lines(orders), min_orders=1, min_support=0.07)) == 3
    found = pairs(lines({str(n): "ab" if n < 29 else "a" for n in range(100)}), min_orders=1)
    assert len(rules(found, min_confidence=0.29)) == 2


def test_it_does_not_depend_on_order_or_repeats():
    one = pairs(lines(), min_orders=1)
    shuffled = pd.concat([lines(), lines()]).sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(one, pairs(shuffled, min_orders=1))


def test_customers_are_drawn_where_they_are_known():
    """Twenty orders of one customer say less than twenty orders of twenty."""
    orders = {str(n): "ab" if n % 2 else ("a" if n % 4 else "c") for n in range(80)}
    many = lines(orders)
    many["customer_id"] = many["order_id"]
    few = many.assign(customer_id=(many["order_id"].astype(int) // 10).astype(str))
    alone, clustered = pairs(many).iloc[0], pairs(few.assign(customer_id=few["customer_id"])).iloc[0]
    assert alone["lift"] == clustered["lift"]
    z = np.log(alone["lift_high"] / alone["lift"]) / 1.959963984540054
    error = log_lift_error(*(alone[c] for c in ("both", "orders_item", "orders_with", "orders")))
    assert z == pytest.approx(error * np.sqrt(80 / 79))  # each order its own customer: the plain delta method
    assert pairs(many).attrs["drawn"] == "customers"
    assert pairs(many.drop(columns="customer_id")).attrs["drawn"] == "orders"


def test_huge_baskets_are_left_out_and_said():
    huge = pd.DataFrame({"order_id": "x", "product_id": [f"p{n}" for n in range(5000)]})
    found = pairs(pd.concat([lines(), huge]), min_orders=1)
    assert found.attrs["orders"] == 8
    assert found.attrs["notes"] == ["left out baskets with more than 100 different items: 1"]
    pd.testing.assert_frame_equal(found, pairs(lines(), min_orders=1))


def test_returns_and_strays_are_left_out_and_said():
    orders = {"order_id": ["1", "2", "3"], "customer_id": ["x"] * 3, "amount": [10.0, 10.0, -5.0],
              "ordered_at": ["2026-01-01", "2026-01-02", "2026-01-03"]}  # fmt: skip
    held = {"order_id": list("1122339"), "product_id": list("abababa"), "quantity": [1, 1, 1, -1, 1, 1, 1]}
    crm = crmkit.open({"orders": orders, "order_lines": held})
    found = pairs(crm, min_orders=1)
    assert found[["both", "orders"]].values.tolist() == [[1, 2]]
    assert found.attrs["notes"] == ["left out lines of returns: 3", "left out lines whose order is not in the data: 1"]


def test_a_period_without_orders():
    orders = {"order_id": ["1"], "customer_id": ["x"], "amount": [10.0], "ordered_at": ["2026-01-01"]}
    crm = crmkit.open({"orders": orders, "order_lines": {"order_id": ["1"], "product_id": ["a"]}})
    with pytest.raises(NotInThisData, match="no order has a line"):
        pairs(crm, period="2026-02")
    assert not len(pairs(crm, min_orders=1))  # one product: no pair, and no error
    assert not len(rules(pairs(crm, min_orders=1)))


def test_planted_pairs_are_on_top_and_within_their_intervals(sample, root):
    found = pairs(sample)
    truths = [t for t in json.loads((root / "data/sample/truth.json").read_text())["truths"] if t["what"] == "basket"]
    planted = {(t["by"]["product_id"], t["by"]["with_product_id"]) for t in truths}
    assert len(planted) == 5
    top = found.head(5)
    assert set(zip(top["item"], top["with_item"], strict=True)) == planted
    assert top["clear"].all()
    by_pair = found.set_index(["item", "with_item"])
    for truth in truths:
        row = by_pair.loc[truth["by"]["product_id"], truth["by"]["with_product_id"]]
        assert row[f"{truth['name']}_low"] <= truth["value"] <= row[f"{truth['name']}_high"], truth


def test_counts_agree_with_pandas(sample):
    held = sample.order_lines.to_pandas().merge(sample.orders.to_pandas()[["order_id", "amount"]], on="order_id")
    held = held[held["amount_y"] >= 0].drop_duplicates(["order_id", "product_id"])
    both = held.merge(held, on="order_id")
    both = both[both["product_id_x"] < both["product_id_y"]].groupby(["product_id_x", "product_id_y"]).size()
    _, _, mine = counts(baskets(sample))
    assert mine.set_index(["item", "with_item"])["both"].to_dict() == both.to_dict()


def test_within_groups(sample):
    found = within(sample, by="segment").set_index(["item", "with_item"])
    assert found.loc[("P011", "P013"), "lift"] > 5  # all of it is made by one segment that buys both
    assert found.loc[("P011", "P013"), "lift_within"] == pytest.approx(1.0, abs=0.1)
    assert found.loc[("P001", "P023"), "lift_within"] > 3


def test_a_basket_is_in_one_group():
    mixed = lines().assign(side=["left" if n % 2 else "right" for n in range(len(lines()))])
    with pytest.raises(DataError, match="several groups"):
        pairs(mixed, by="side", min_orders=1)


@pytest.mark.parametrize(
    "options", [{"min_orders": 0}, {"min_orders": 1.5}, {"min_support": 2}, {"most_items": 1}, {"item": "nothing"}]
)
def test_wrong_options(options):
    with pytest.raises(UsageError):
        pairs(lines(), **options)


def test_sets_of_three():
    orders = {"1": "abc", "2": "abc", "3": "abc", "4": "ab", "5": "c", "6": "d"}
    sets = itemsets(lines(orders), min_orders=3)
    assert sets[["items", "both"]].values.tolist()[0] == [("a", "b", "c"), 3]
    row = set_rules(sets).query("antecedent == 'a + b' and consequent == 'c'").iloc[0]
    assert row["confidence"] == 3 / 4
    assert row["lift"] == pytest.approx(3 / 4 / (4 / 6))
    assert row["gain"] == pytest.approx(1.0)  # a alone says as much


def test_no_set_is_frequent_enough():
    found = itemsets(lines(), min_orders=100)
    assert not len(found)
    assert not len(set_rules(found))


def test_many_looks():
    """Of pairs that only chance made, hardly any passes, and pairs that were not seen count as looks."""
    rng = np.random.default_rng(5)
    basket, item = np.nonzero(rng.random((2000, 40)) < 0.08)
    random = pd.DataFrame({"order_id": basket, "product_id": item})
    found = pairs(random.astype(str), min_orders=2)
    assert found.attrs["tested"] == 40 * 39 // 2
    assert (found["p"] < 0.05).sum() > 5
    assert found["clear"].sum() <= 2
    assert corrected(np.array([0.04]), 10)[0] == pytest.approx(0.4)
    assert exact_p(0, 5, 5, 10) == pytest.approx(1.0)


def test_offers(sample):
    offers = cross_sell(sample, top=2)
    assert offers.columns[:2].tolist() == ["customer_id", "product_id"]
    assert not offers.duplicated(["customer_id", "product_id"]).any()
    assert offers.groupby("customer_id").size().max() <= 2
    held = sample.order_lines.to_pandas().merge(sample.orders.to_pandas(), on="order_id", suffixes=("", "_order"))
    has = set(held.loc[held["amount_order"] >= 0, ["customer_id", "product_id"]].itertuples(index=False, name=None))
    offered = list(offers[["customer_id", "product_id"]].itertuples(index=False, name=None))
    assert not has & set(offered)
    assert all((row.customer_id, row.because) in has for row in offers.itertuples())
    assert (offers["expected_value"] < offers["expected_revenue"]).all()


def test_offers_do_better_than_the_products_that_most_buy(sample):
    test = cross_sell_test(sample).set_index("list")
    assert test.loc["what goes together", "low"] > test.loc["what most buy", "high"]
    assert test.loc["what most buy", "rate"] > test.loc["any", "rate"]
    assert test.loc["what goes together", "offers"] == test.loc["what most buy", "offers"]


def test_too_few_offers_say_no_chance():
    orders = [(f"{c}-{n}", str(c), f"2026-0{1 + n}-01") for c in range(40) for n in range(2)]
    frame = pd.DataFrame(orders, columns=["order_id", "customer_id", "ordered_at"]).assign(amount=10.0)
    held = [(o, i) for o, c, _ in orders for i in ("ab" if int(c) % 2 else "c")]
    extra = pd.DataFrame({"order_id": ["s"], "customer_id": ["s"], "ordered_at": ["2026-06-01"], "amount": [5.0]})
    held = pd.DataFrame([*held, ("s", "a")], columns=["order_id", "product_id"]).assign(amount=5.0)
    crm = crmkit.open({"orders": pd.concat([frame, extra]), "order_lines": held}, as_of="2026-06-30")
    offers = cross_sell(crm, window_days=90)
    assert offers[["customer_id", "product_id"]].values.tolist() == [["s", "b"]]
    assert offers["chance"].isna().all()
    assert offers["expected_value"].isna().all()
    assert "too few" in offers.attrs["notes"][0]


def test_data_without_lines():
    orders = {"order_id": ["1"], "customer_id": ["x"], "amount": [1.0], "ordered_at": ["2026-01-01"]}
    crm = crmkit.open({"orders": orders})
    for ask in (pairs, cross_sell, itemsets):
        with pytest.raises(NotInThisData, match="order_lines"):
            ask(crm)
