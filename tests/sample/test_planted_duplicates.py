"""Planted duplicates: they are what the truth says, they are found, and merging them gives the numbers from before."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.merging import merged
from crmkit.methods.duplicates import duplicates, leads_of_customers
from crmkit.sample.company import found as founded
from crmkit.sample.duplicates import LOOKALIKES, plant
from crmkit.sample.tables import everything
from crmkit.sample.world import World

SETTINGS = {"currency": "EUR", "timezone": "Europe/Warsaw", "inactive_after_days": 365}


@pytest.fixture(scope="module")
def clean():
    return dict(everything(founded(World(customers=2000, seed=11))))


@pytest.fixture(scope="module")
def planted(clean):
    return plant(clean, np.random.default_rng(11))


def opened(tables):
    return crmkit.open({name: table.to_pandas() for name, table in tables.items()}, as_of="2026-09-30", config=SETTINGS)


@pytest.fixture(scope="module")
def dirty(planted):
    return opened(planted[0])


def pairs(groups) -> set[frozenset[str]]:
    return {frozenset(pair) for group in groups for pair in itertools.combinations(group, 2)}


@pytest.mark.parametrize("table", ["customers", "leads"])
def test_precision_and_recall(planted, dirty, table):
    wanted = pairs(each["ids"] for each in planted[1]["duplicates"] if each["table"] == table)
    clusters = duplicates(dirty, table=table).clusters
    got = pairs(group["id"] for _, group in clusters.groupby("cluster"))
    assert len(wanted) > 80
    assert len(got & wanted) / len(got) >= 0.98
    assert len(got & wanted) / len(wanted) >= 0.95


def test_no_lookalike_is_taken_for_a_duplicate(planted, dirty):
    apart = {frozenset(each["ids"]) for each in planted[1]["not_duplicates"]}
    clusters = duplicates(dirty).clusters
    assert not apart & pairs(group["id"] for _, group in clusters.groupby("cluster"))
    assert {each["why"] for each in planted[1]["not_duplicates"]} <= set(LOOKALIKES)
    assert len(apart) >= 30


def test_leads_that_are_customers_are_found(planted, dirty):
    wanted = {(each["lead_id"], each["customer_id"]) for each in planted[1]["leads_of_customers"]}
    found = leads_of_customers(dirty)
    got = set(zip(found["lead_id"], found["customer_id"], strict=True))
    assert len(got & wanted) / len(got) >= 0.98
    assert len(got & wanted) / len(wanted) >= 0.95


def test_merged_by_the_truth_the_numbers_are_those_from_before(clean, planted, dirty):
    rows = [(each["table"], other, each["ids"][0]) for each in planted[1]["duplicates"] for other in each["ids"][1:]]
    one = merged(dirty, pd.DataFrame(rows, columns=["table", "id", "into"]))
    names = ["customers_at_end", "new_customers", "churn_rate", "ordering_customers", "orders_per_customer",
             "repeat_rate", "revenue_per_customer", "customer_value", "nps", "revenue", "tickets_opened"]  # fmt: skip
    before, between, after = (
        crm.measure(names, period="2026-Q3", intervals=False).set_index("metric")["value"]
        for crm in (opened(clean), dirty, one)
    )
    pd.testing.assert_series_equal(after, before)
    assert between["orders_per_customer"] < before["orders_per_customer"]
    assert between["revenue"] == before["revenue"]
    lookalikes = len(planted[1]["not_duplicates"])
    assert one.rows["customers"] == 2000 + lookalikes


def test_the_truth_names_rows_that_are_there(planted):
    tables, truth = planted
    ids = {name: set(tables[name].column(0).to_pylist()) for name in ("customers", "leads")}
    for each in truth["duplicates"] + truth["not_duplicates"]:
        assert set(each["ids"]) <= ids[each["table"]]
        assert len(set(each["ids"])) == len(each["ids"]) >= 2
    for each in truth["leads_of_customers"]:
        assert each["lead_id"] in ids["leads"]
        assert each["customer_id"] in ids["customers"]


def test_nothing_is_lost_and_every_key_is_its_own(clean, planted):
    tables = planted[0]
    for name, table in clean.items():
        if name not in ("customers", "leads"):
            assert tables[name].num_rows == table.num_rows
            assert (
                tables[name]
                .drop_columns([c for c in ("customer_id",) if c in table.column_names])
                .equals(table.drop_columns([c for c in ("customer_id",) if c in table.column_names]))
            ), name
    for name in ("customers", "leads"):
        keys = tables[name].column(0).to_pylist()
        assert len(set(keys)) == len(keys)
        assert tables[name].slice(0, clean[name].num_rows).select(clean[name].column_names).equals(clean[name])
    assert {"address", "postal_code", "city"} <= set(tables["customers"].column_names)


def test_no_order_is_older_than_the_record_that_has_it(planted):
    customers = planted[0]["customers"].to_pandas().set_index("customer_id")["created_at"]
    orders = planted[0]["orders"].to_pandas()
    again = {other for each in planted[1]["duplicates"] if each["table"] == "customers" for other in each["ids"][1:]}
    moved = orders[orders["customer_id"].isin(again) & orders["opportunity_id"].isna()]
    assert len(moved) > 20
    assert (moved["ordered_at"] >= moved["customer_id"].map(customers)).all()


def test_the_same_seed_plants_the_same(clean):
    one, two, other = (plant(clean, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert one[1] == two[1] != other[1]
    assert all(one[0][name].equals(two[0][name]) for name in clean)
