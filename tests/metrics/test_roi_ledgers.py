"""What a CRM cost and brought, on ledgers of a few rows worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import crmkit

SETTINGS = {"crm_introduced": "2025-07-01"}
BENEFITS = ("time", "retention", "acquisition", "revenue", "cross_sell")


def opened(as_of="2026-06-30", config=None, **tables):
    return crmkit.open(tables, config=SETTINGS if config is None else config, as_of=as_of)


def value(crm, metric, period, **more):
    return crm.measure(metric, period=period, intervals=False, **more).value.item()


def costs(*rows):
    """Rows of (month, category, amount)."""
    return {name: [row[place] for row in rows] for place, name in enumerate(("month", "category", "amount"))}


def acquired(*days):
    return {"customer_id": [f"c{n}" for n in range(len(days))], "created_at": ["2024-01-01"] * len(days),
            "acquired_at": list(days)}  # fmt: skip


def deals(*rows):
    """Won opportunities: (day, kind, amount, customer)."""
    size = len(rows)
    return {
        "opportunity_id": [f"o{n}" for n in range(size)],
        "outcome": ["won"] * size,
        "created_at": ["2024-01-01"] * size,
        "closed_at": [row[0] for row in rows],
        "kind": [row[1] for row in rows],
        "amount": [float(row[2]) for row in rows],
        "customer_id": [row[3] if len(row) > 3 else "c0" for row in rows],
    }


ORDERS = {  # a margin of 40% in the year before, of 90% since: the latter must change nothing
    "order_id": ["1", "2"], "customer_id": ["c0", "c0"], "ordered_at": ["2025-01-01", "2026-01-01"],
    "amount": [100.0, 100.0], "cost": [60.0, 10.0],
}  # fmt: skip
PRICE = costs(("2024-09-01", "sales", 300), ("2025-03-01", "marketing", 100), ("2025-09-01", "sales", 150),
              ("2025-06-01", "crm_implementation", 60), ("2025-09-01", "crm_licence", 10),
              ("2025-09-01", "support", 999))  # fmt: skip
CAME = acquired("2024-09-05", "2024-10-01", "2025-03-01", "2025-06-30", "2025-09-02", "2025-09-03")


def test_cost_is_what_its_four_categories_hold():
    crm = opened(costs=PRICE)
    assert value(crm, "crm_cost", "2025") == 70
    by = crm.measure("crm_cost", period="2025", by="category").set_index("category").value
    assert by.to_dict() == {"crm_implementation": 60, "crm_licence": 10, "marketing": 0, "sales": 0, "support": 0}


def test_acquisition_is_the_difference_of_prices_times_customers():
    crm = opened(costs=PRICE, customers=CAME)
    assert value(crm, "crm_benefit_acquisition", "2025-09") == pytest.approx(2 * (400 / 4 - 150 / 2))
    assert value(crm, "crm_benefit_acquisition", "2025-06") == 0


def test_units_before_the_first_known_amount_do_not_cheapen_the_year_before():
    late = costs(("2025-03-01", "marketing", 100), ("2025-09-01", "sales", 150))
    crm = opened(costs=late, customers=CAME)
    assert value(crm, "crm_benefit_acquisition", "2025-09") == pytest.approx(2 * (100 / 2 - 75))


def test_a_benefit_without_a_year_before_is_unknown_not_zero():
    crm = opened(costs=costs(("2025-09-01", "sales", 150)), customers=CAME)
    found = crm.measure("crm_benefit_acquisition", period="2025-09").iloc[0]
    assert math.isnan(found.value)
    assert "cannot be known" in found.note


def test_time_compares_each_kind_with_itself_at_its_users_cost():
    work = {
        "activity_id": list("abcdef"),
        "kind": ["task", "note", "task", "note", "call", "task"],
        "at": ["2025-01-01", "2025-01-01", "2025-08-01", "2025-08-02", "2025-08-02", "2025-08-03"],
        "user_id": ["u", "u", "u", "u", "u", "u"],
        "duration_minutes": [30.0, 12.0, 20.0, 15.0, 500.0, None],
    }
    crm = opened(activities=work, users={"user_id": ["u"], "monthly_cost": [8600.0]})  # 60 an hour, 1 a minute
    assert value(crm, "crm_benefit_time", "2025-08") == pytest.approx(10 - 3)


def test_retention_is_by_value_and_at_the_margin_of_the_year_before():
    terms = {
        "subscription_id": list("abcdef"),
        "term_start": ["2024-01-01"] * 6,
        "term_end": ["2024-12-01", "2025-01-01", "2025-08-01", "2025-08-02", "2025-08-03", "2026-12-01"],
        "amount": [100.0, 300.0, 100.0, 100.0, 200.0, 900.0],
        "outcome": ["renewed", "lapsed", "renewed", "lapsed", "renewed", "renewed"],
    }
    crm = opened(terms=terms, orders=ORDERS)
    assert value(crm, "crm_benefit_retention", "2025-08") == pytest.approx((300 - 0.25 * 400) * 0.4)


def test_first_deals_are_compared_within_their_segment():
    who = CAME | {"segment": ["large", "small", "small", "small", "large", "small"]}
    won = deals(("2025-01-01", "new", 1000, "c0"), ("2025-01-02", "new", 100, "c1"), ("2025-08-01", "new", 110, "c5"),
                ("2025-08-02", "new", 90, "c2"), ("2025-08-03", "renewal", 9999, "c0"))  # fmt: skip
    crm = opened(opportunities=won, customers=who, orders=ORDERS)
    assert value(crm, "crm_benefit_revenue", "2025-08") == pytest.approx(0)  # no longer is the mix of segments a loss
    plain = opened(opportunities=won, orders=ORDERS)
    assert value(plain, "crm_benefit_revenue", "2025-08") == pytest.approx((200 - 2 * 550) * 0.4)


def test_cross_selling_is_per_customer_and_month():
    won = deals(("2024-07-02", "new", 5), ("2024-08-05", "expansion", 600), ("2025-07-10", "expansion", 70, "c1"))
    two = acquired("2020-01-01", "2020-01-01")
    crm = opened(opportunities=won, customers=two, orders=ORDERS, as_of="2025-08-31")
    assert value(crm, "crm_benefit_cross_sell", "2025-07") == pytest.approx((70 - 2 * 25) * 0.4)  # 600 / 24 months
    assert value(crm, "crm_benefit_cross_sell", "2025-08") == pytest.approx(-2 * 25 * 0.4)


def test_a_month_that_is_not_over_expects_its_part_only():
    won = deals(("2024-07-02", "new", 5), ("2024-08-05", "expansion", 600))
    crm = opened(opportunities=won, customers=acquired("2020-01-01"), orders=ORDERS, as_of="2025-07-15")
    expected = -50 * 0.4 * (15 / 31)
    assert value(crm, "crm_benefit_cross_sell", "2025-07") == pytest.approx(expected, rel=1e-6)


def everything(**more):
    won = deals(("2025-01-01", "new", 1000), ("2025-08-01", "new", 1200), ("2024-08-05", "expansion", 600),
                ("2025-09-10", "expansion", 70))  # fmt: skip
    return opened(costs=PRICE, customers=CAME, opportunities=won, orders=ORDERS, **more)


def test_the_benefit_is_the_sum_of_those_that_are_known():
    crm = everything()
    names = ["crm_benefit", *(f"crm_benefit_{name}" for name in BENEFITS)]
    found = crm.measure(names, every="month", period="2025-07-01/2026-04-01", intervals=False)
    wide = found.pivot(index="period", columns="metric", values="value")
    np.testing.assert_allclose(wide["crm_benefit"], wide.drop(columns="crm_benefit").sum(axis=1), atol=1e-9)
    by = crm.measure("crm_benefit", period="2025-09", by="flow").set_index("flow").value.dropna()
    assert by["acquisition"] == pytest.approx(50)


def test_before_the_introduction_each_benefit_is_zero_and_the_return_is_minus_one():
    crm = everything()
    found = crm.measure(["crm_benefit", "crm_roi", "crm_roi_gross"], period="2025-06", intervals=False)
    assert found.value.tolist() == [0, -1, 0]


def test_returns_net_and_gross():
    crm = opened(costs=PRICE, customers=CAME)
    found = crm.measure(["crm_roi", "crm_roi_gross", "crm_roi_to_date"], period="2025-09", intervals=False)
    assert found.value.tolist() == pytest.approx([(50 - 10) / 10, 5, 50 / 70 - 1])
    assert math.isnan(value(crm, "crm_roi", "2025-10"))  # no cost, so no return


def test_npv_discounts_each_calendar_month_to_the_introduction():
    crm = opened(costs=PRICE, customers=CAME)
    by_hand = -60 * 1.21 ** (1 / 12) + 40 / 1.21 ** (2 / 12)
    assert value(crm, "npv", "2025-09", rate=0.21) == pytest.approx(by_hand)
    assert value(crm, "npv", "2025-09", rate=0) == pytest.approx(-20)


def test_payback_is_empty_with_a_note_until_it_is_there():
    cheap = costs(("2024-09-01", "sales", 400), ("2025-06-01", "crm_training", 40), ("2025-09-01", "sales", 150))
    crm = opened(costs=cheap, customers=CAME)
    found = crm.measure("payback_months", every="month", period="2025-08-01/2025-10-01")
    assert math.isnan(found.value[0])
    assert found.note[0] == "not paid back by the end of the period"
    assert found.value[1] == 3  # July, August, September


def test_a_benefit_without_a_price_is_said_beside_the_sum():
    won = deals(("2025-01-01", "new", 1000), ("2025-08-01", "new", 1200))
    free = ORDERS | {"cost": [None, 10.0]}  # no order of the year before has a cost, so no margin is known
    crm = opened(costs=PRICE, customers=CAME, opportunities=won, orders=free)
    found = crm.measure(["crm_benefit", "crm_benefit_revenue"], period="2025-Q3", intervals=False).set_index("metric")
    assert found.value["crm_benefit"] == pytest.approx(50)
    assert "cannot be valued" in found.note["crm_benefit"]
    assert math.isnan(found.value["crm_benefit_revenue"])


def test_benefits_whose_tables_are_not_there_are_said_beside_the_sum(sample):
    found = opened(costs=PRICE, customers=CAME).measure("crm_benefit", period="2025-09", intervals=False)
    assert "benefits that this data cannot know are not in the sum" in found.note.item()
    assert sample.measure("crm_benefit", period="2026-Q3", intervals=False).note.item() == ""


def test_costs_alone_make_the_benefit_unknown():
    crm = opened(costs=costs(("2025-06-01", "crm_training", 40)))
    assert math.isnan(value(crm, "crm_benefit", "2025-06"))
    assert math.isnan(value(crm, "crm_roi_to_date", "2025-06"))


def test_without_the_day_of_the_introduction_it_says_what_to_set():
    crm = opened(costs=PRICE, customers=CAME, config={})
    found = crm.measure(
        ["crm_benefit", "crm_benefit_acquisition", "crm_roi", "npv", "payback_months"], period="2025-09"
    )
    assert found.note.str.contains("needs the setting crm_introduced").all()
    assert value(crm, "crm_cost", "2025") == 70


def test_an_introduction_within_a_month_counts_from_that_day():
    crm = opened(costs=PRICE, customers=CAME, config={"crm_introduced": "2025-09-03"})
    # costs are known from March on (those of September 2024 lie before that year): 100 + 150 for the customers of
    # March, June and 2 September; one came since
    assert value(crm, "crm_benefit_acquisition", "2025-09") == pytest.approx(250 / 3)


def test_what_lies_after_as_of_changes_nothing():
    later = everything(as_of="2025-09-30")
    more = costs(*zip(*PRICE.values(), strict=True), ("2025-11-01", "sales", 10_000))
    won = deals(("2025-01-01", "new", 1000), ("2025-08-01", "new", 1200), ("2024-08-05", "expansion", 600),
                ("2025-09-10", "expansion", 70), ("2025-10-10", "expansion", 7000))  # fmt: skip
    again = opened(costs=more, customers=CAME, opportunities=won, orders=ORDERS, as_of="2025-09-30")
    both = [crm.measure(["crm_benefit", "crm_roi_to_date", "npv"], period="2025-09") for crm in (again, later)]
    assert both[0].value.tolist() == pytest.approx(both[1].value.tolist())


def test_the_order_of_rows_does_not_matter():
    turned = {name: column[::-1] for name, column in PRICE.items()}
    same = opened(costs=turned, customers={name: column[::-1] for name, column in CAME.items()})
    assert value(same, "crm_benefit_acquisition", "2025-09") == pytest.approx(50)


@pytest.mark.parametrize("name", BENEFITS)
def test_a_year_like_the_year_before_brings_nothing(name):
    """Copying the year before into the year since makes each benefit 0: the baseline is fair."""
    old = {
        "costs": costs(("2024-08-01", "sales", 300), ("2025-02-01", "marketing", 150)),
        "customers": acquired(*["2020-01-01"] * 3, "2024-08-03", "2025-02-07"),
        "activities": {"activity_id": ["a", "b"], "kind": ["task", "note"], "at": ["2024-09-01", "2025-03-01"],
                       "user_id": ["u", "u"], "duration_minutes": [30.0, 7.0]},
        "terms": {"subscription_id": ["c0", "c1"], "term_start": ["2023-09-01"] * 2, "amount": [100.0, 250.0],
                  "term_end": ["2024-09-01", "2024-10-01"], "outcome": ["renewed", "lapsed"]},
        "opportunities": deals(("2024-09-09", "new", 500), ("2024-11-09", "expansion", 90)),
    }  # fmt: skip
    fixed = {"users": {"user_id": ["u"], "monthly_cost": [4000.0]}, "orders": ORDERS}
    tables = {}
    for table, columns in old.items():
        frame = pd.DataFrame(columns)
        dated = frame if table != "customers" else frame[frame.acquired_at > "2024"]
        again = dated.copy()
        for column in ("month", "acquired_at", "at", "term_end", "closed_at"):
            if column in again:
                again[column] = (pd.to_datetime(again[column]) + pd.DateOffset(years=1)).dt.strftime("%Y-%m-%d")
        for column in again.columns[again.columns.str.endswith("_id")]:
            again[column] = again[column] + (
                "" if column in ("user_id", "customer_id") and table != "customers" else "+"
            )
        tables[table] = pd.concat([frame, again], ignore_index=True).to_dict("list")
    crm = opened(**tables, **fixed, as_of="2026-06-30")
    found = value(crm, f"crm_benefit_{name}", "2025-07-01/2026-07-01")
    if name == "cross_sell":  # the two new customers are there for longer, and buy no more: that is a loss
        assert found < 0
    else:
        assert found == pytest.approx(0, abs=1e-9)
