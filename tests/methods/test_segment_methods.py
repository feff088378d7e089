"""Features, named groups, movement, profiles and outcomes: by hand, against plain pandas, and in awkward cases."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods import (
    RFM_RULES,
    Rule,
    customer_segments,
    foresight,
    rfm_groups,
    rfm_rules,
    segment_features,
    segment_movement,
    segment_outcomes,
    segment_profiles,
    with_segments,
)
from crmkit.methods.segment_features import FEATURES, _query

TABLES = {
    "orders": {
        "order_id": list("1234567"),
        "customer_id": ["ann", "ann", "ann", "bob", "cat", None, "dan"],
        "ordered_at": ["2026-01-01 23:00", "2026-01-31", "2026-02-01", "2026-02-28 23:59", "2026-01-05", "2026-01-06",
                       "2026-03-05"],
        "amount": [10.0, 30.0, -5.0, 0.0, -7.0, 9.0, 50.0],
    },
    "order_lines": {
        "order_id": ["1", "1", "2", "2", "3", "7"],
        "product_id": ["p", "q", "p", "x", "p", "q"],
    },
    "products": {"product_id": ["p", "q"], "name": ["P", "Q"], "category": ["Tea", "Cups"]},
    "customers": {
        "customer_id": ["ann", "bob", "cat", "dan", "eve"],
        "created_at": ["2026-01-01"] * 4 + ["2026-02-15"],
        "birth_year": [1986, None, 1990, 2000, 1970],
        "interests": ["tea; cups", None, "tea", "cups", "tea"],
        "region": ["North", "South", None, "North", "South"],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def small():
    return crmkit.open(TABLES, as_of="2026-02-28")


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data" / "sample")


def test_features_worked_by_hand(small):
    found = segment_features(small, of=list(FEATURES))
    assert found.index.tolist() == ["ann", "bob"]  # cat sent back only, dan ordered later, one order names nobody
    ann, bob = found.loc["ann"], found.loc["bob"]
    assert (ann["orders"], ann["order_value"], ann["recency_days"], ann["tenure_days"]) == (2, 20.0, 28.0, 58.0)
    assert ann["return_share"] == pytest.approx(1 / 3)
    assert (ann["share of Tea"], ann["share of Cups"], ann["share of (none)"]) == (0.5, 0.25, 0.25)
    assert (bob["orders"], bob["order_value"], bob["recency_days"]) == (1, 0.0, 0.0)
    assert bob[["share of Tea", "share of Cups", "age", "interest in tea"]].isna().all()  # unknown is not zero
    assert (ann["age"], ann["interest in tea"], ann["interest in cups"], ann["region"]) == (40.0, 1.0, 1.0, "North")


def test_features_of_an_earlier_moment_and_of_a_period(small):
    early = segment_features(small, as_of="2026-01-15", of=["orders", "order_value", "recency"])
    assert early.reset_index().values.tolist() == [["ann", 1, 10.0, 14.0]]
    february = segment_features(small, period="2026-02", of=["orders"])
    assert february["orders"].to_dict() == {"bob": 1}
    assert not len(segment_features(small, as_of="2025-01-01"))
    with pytest.raises(UsageError, match="2026-05-01 lies after 2026-02-28"):
        segment_features(small, as_of="2026-05-01")


def test_what_is_not_there_is_left_out_and_said():
    crm = crmkit.open({"orders": TABLES["orders"]})
    found = segment_features(crm, of=["orders", "categories", "demographics", "interests"])
    assert found.columns.tolist() == ["orders"]
    assert found.attrs["notes"] == (
        "product categories are left out: this needs the table order_lines",
        "demographics are left out: customers has no such column",
        "interests are left out: customers has no such column",
    )
    with pytest.raises(NotInThisData, match="needs the table orders"):
        segment_features(crmkit.open({"customers": TABLES["customers"]}))
    with pytest.raises(UsageError, match="of is 'colour'"):
        segment_features(crm, of=["colour"])
    with pytest.raises(UsageError, match="of is empty"):
        segment_features(crm, of=[])


def test_money_in_two_currencies_is_refused():
    orders = TABLES["orders"] | {"currency": ["EUR", "USD", "EUR", "EUR", "EUR", "EUR", "EUR"]}
    with pytest.raises(DataError, match="USD"):
        segment_features(crmkit.open({"orders": orders}, as_of="2026-02-28"))


def test_one_category_is_a_constant_share():
    lines = {"order_id": ["1", "2", "4"], "product_id": ["p", "p", "p"]}
    crm = crmkit.open({**TABLES, "order_lines": lines}, as_of="2026-02-28")
    assert segment_features(crm)["share of Tea"].tolist() == [1.0, 1.0]


def test_many_categories_are_counted_together():
    products = {
        "product_id": [f"p{i}" for i in range(15)],
        "name": ["x"] * 15,
        "category": [f"c{i}" for i in range(15)],
    }
    lines = {"order_id": ["1"] * 15, "product_id": products["product_id"]}
    found = segment_features(crmkit.open({**TABLES, "products": products, "order_lines": lines}, as_of="2026-02-28"))
    assert len(found.columns) == 2 + 13
    assert found.loc["ann", "share of others"] == pytest.approx(3 / 15)
    assert found.attrs["notes"] == ("3 smaller product categories are counted together as others",)


def test_features_of_the_sample_agree_with_plain_pandas(sample):
    found = segment_features(sample)
    orders = sample.orders.to_pandas().query("amount >= 0")
    each = orders.groupby("customer_id")["amount"]
    lines = sample.order_lines.to_pandas().merge(orders[["order_id", "customer_id"]], on="order_id")
    lines = lines.merge(sample.products.to_pandas(), on="product_id")
    mix = pd.crosstab(lines.customer_id, lines.category, normalize="index").add_prefix("share of ")
    assert found["orders"].to_dict() == each.size().to_dict()
    assert found["order_value"].to_numpy() == pytest.approx(each.mean().loc[found.index].to_numpy())
    pd.testing.assert_frame_equal(found[mix.columns], mix, check_names=False)


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "bigquery", "databricks", "trino"])
def test_features_and_groups_compile_for_every_warehouse(small, dialect):
    features, _ = _query(small, small.relations, list(FEATURES), "2026-01", small.as_of)
    for query in (features, rfm_groups(small)):
        assert "select" in ibis.to_sql(query, dialect=dialect).lower()


def test_each_customer_is_in_the_first_group_that_fits(sample):
    rows = rfm_groups(sample).to_pandas()
    for row in rows.itertuples():
        fitting = [
            rule.group
            for rule in RFM_RULES
            if rule.recency[0] <= row.recency_score <= rule.recency[1]
            and rule.worth[0] <= row.worth <= rule.worth[1]
            and rule.orders[0] <= row.frequency <= (rule.orders[1] or row.frequency)
        ]
        assert row.group == fitting[0]
    assert len(rows) == rows["customer_id"].nunique()
    assert set(rows["group"]) == {rule.group for rule in RFM_RULES}


def test_equal_customers_are_in_one_group():
    orders = pd.DataFrame({"customer_id": [f"c{i}" for i in range(40)], "amount": 10.0,
                           "ordered_at": pd.to_datetime(["2026-01-05"] * 39 + ["2026-02-01"])})  # fmt: skip
    groups = rfm_groups(orders).to_pandas().set_index("customer_id")["group"]
    assert groups.drop("c39").nunique() == 1
    alone = rfm_groups(orders.iloc[:1]).to_pandas()
    assert len(alone) == 1


def test_own_rules_and_rules_with_a_hole():
    orders = pd.DataFrame({"customer_id": list("aab"), "amount": [1.0, 2.0, 3.0],
                           "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-02-01"])})  # fmt: skip
    rules = [Rule("Came back", orders=(2, None)), Rule("Once")]
    found = rfm_groups(orders, rules=rules).order_by("customer_id").to_pandas()
    assert found["group"].tolist() == ["Came back", "Once"]
    assert rfm_rules(rules)["rule"].tolist() == ["orders 2 or more", "everyone else"]
    with pytest.raises(UsageError, match="No rule takes a customer with recency score 1, worth 1 and 1 order:"):
        rfm_groups(orders, rules=rules[:1])
    with pytest.raises(UsageError, match="Two rules are called 'Once'"):
        rfm_groups(orders, rules=[Rule("Once"), Rule("Once")])


def test_every_customer_has_one_segment(sample, small):
    found = customer_segments(sample)
    everyone = set(sample.customers.to_pandas()["customer_id"])
    assert len(found) == found["customer_id"].nunique()
    assert set(found["customer_id"]) == everyone
    assert found["segment"].notna().all()
    assert customer_segments(small).set_index("customer_id")["segment"].loc[["cat", "eve"]].unique() == "No order yet"
    assert customer_segments(small, as_of="2026-01-15")["customer_id"].tolist() == ["ann", "bob", "cat", "dan"]
    with pytest.raises(NotInThisData):
        customer_segments(crmkit.open({"customers": TABLES["customers"]}))


def test_movement_adds_up_to_everyone(sample):
    before, after = (customer_segments(sample, as_of=day) for day in ("2025-09-30", "2026-09-30"))
    moved = segment_movement({"then": before, "now": after})
    assert moved["customers"].sum() == len(set(before["customer_id"]) | set(after["customer_id"]))
    sizes = moved[moved["from"] != "(not there)"].groupby("from")["customers"].sum()
    assert sizes.to_dict() == before["segment"].value_counts().to_dict()
    assert moved.groupby("from")["share"].sum().to_numpy() == pytest.approx(np.ones(moved["from"].nunique()))
    assert ((moved["low"] <= moved["share"]) & (moved["share"] <= moved["high"])).all()
    three = segment_movement({"a": before, "b": before, "c": after})
    assert (three.query("before == 'a'")["from"] == three.query("before == 'a'")["to"]).all()
    with pytest.raises(UsageError, match="at least two"):
        segment_movement({"now": after})
    with pytest.raises(UsageError, match="twice"):
        segment_movement({"then": pd.concat([before, before]), "now": after})
    with pytest.raises(UsageError, match="lack the column segment"):
        segment_movement({"then": before[["customer_id"]], "now": after})


def test_profile_worked_by_hand():
    people = pd.DataFrame({"x": [1.0, 3.0, 5.0, 7.0], "land": ["PL", "PL", "DE", None]})
    found = segment_profiles(people, [0, 0, 1, 1])
    first = found.query("segment == 0 and feature == 'x'").iloc[0]
    assert (first["mean"], first["rest"]) == (2.0, 6.0)
    assert first["effect"] == pytest.approx(-4 / np.sqrt(5))  # the variance of 1, 3, 5, 7 is 5
    assert first["p"] == pytest.approx(0.105573, abs=1e-6)  # Welch: t = −2.8284, 2 degrees of freedom
    land = found.query("segment == 1 and feature == 'land: DE'").iloc[0]
    assert (land["mean"], land["rest"]) == (1.0, 0.0)  # who is unknown is in neither


def test_welch_agrees_with_scipy():
    from scipy.stats import false_discovery_control, ttest_ind

    rng = np.random.default_rng(3)
    people = pd.DataFrame(rng.normal(size=(80, 4)), columns=list("abcd"))
    groups = np.repeat([0, 1], [30, 50])
    found = segment_profiles(people, groups).query("segment == 0")
    expected = [ttest_ind(people[c][:30], people[c][30:], equal_var=False).pvalue for c in "abcd"]
    assert found["p"].to_numpy() == pytest.approx(expected)
    whole = segment_profiles(people, groups)
    assert whole["q"].to_numpy() == pytest.approx(false_discovery_control(whole["p"]))


def test_what_made_the_segments_is_not_tested_and_noise_is_not_called():
    rng = np.random.default_rng(1)
    people = pd.DataFrame({"made": rng.normal(size=400), **{f"n{i}": rng.normal(size=400) for i in range(20)}})
    found = segment_profiles(people, people["made"] > 0, used=["made"])
    assert found.query("feature == 'made'")["p"].isna().all()
    assert found.query("feature == 'made'")["verdict"].tolist() == ["low", "high"]
    assert (found.query("feature != 'made'")["verdict"] == "").all()
    with pytest.raises(UsageError, match="one for each"):
        segment_profiles(people, [1, 2])


def test_metrics_by_segment_add_up(sample):
    groups = customer_segments(sample, as_of="2025-09-30")
    year = "2025-10-01/2026-10-01"
    found = segment_outcomes(sample, groups, ["revenue", "churn_rate"], period=year)
    whole = sample.measure(["revenue", "lost_customers"], period=year).set_index("metric")["value"]
    revenue = found[found["metric"] == "revenue"]
    assert revenue["value"].sum() == pytest.approx(whole["revenue"])
    churn = found[found["metric"] == "churn_rate"].dropna(subset="value")
    start = sample.measure("customers_at_start", period=year)["value"].iloc[0]
    assert churn["denominator"].sum() == start
    with pytest.raises(UsageError, match="has two segments"):
        with_segments(sample, pd.concat([groups, groups]))
    with pytest.raises(UsageError, match="'segment' already"):
        with_segments(sample, groups, column="segment")
    assert "segment_found" not in sample.tables["customers"].columns  # the Crm given is as it was


def test_foresight_of_a_perfect_split_and_of_dice():
    n = 200
    ids = [f"c{i:03d}" for i in range(n)]
    early = {"order_id": [f"e{i}" for i in range(n)], "customer_id": ids, "ordered_at": ["2026-01-05"] * n,
             "amount": [10.0] * n}  # fmt: skip
    late = {"order_id": [f"l{i}" for i in range(0, n, 2)], "customer_id": ids[::2], "ordered_at": ["2026-03-05"] * 100,
            "amount": [100.0] * 100}  # fmt: skip
    orders = {name: [*early[name], *late[name]] for name in early}
    crm = crmkit.open({"orders": orders}, as_of="2026-03-31")
    perfect = pd.DataFrame({"customer_id": ids, "segment": ["buys", "not"] * 100})
    dice = pd.DataFrame({"customer_id": ids, "segment": np.random.default_rng(0).integers(0, 3, n)})
    found = foresight(crm, {"perfect": perfect, "dice": dice}, as_of="2026-02-01", until="2026-03-31")
    found = found.set_index("split")
    assert found.loc["perfect", "money"] == pytest.approx(1)
    assert found.loc["perfect", "buys"] == 1
    assert found.loc["dice", "money"] < 0.05
    assert found.loc["dice", "buys"] < 0.62
    assert (found["bought"] == 0.5).all()
    assert found.loc["perfect", ["behind_low", "behind_high"]].tolist() == [0, 0]
    assert found.loc["dice", "behind_low"] > 0.5
    with pytest.raises(NotInThisData, match="only 10 customers"):
        foresight(crm, {"few": perfect.iloc[:10]}, as_of="2026-02-01", until="2026-03-31")
