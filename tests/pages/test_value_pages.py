"""The blocks of the page of customer value, on ledgers by hand and on the sample."""

import pandas as pd
import pytest

import crmkit
from crmkit import pages
from crmkit.numbers import NBSP
from crmkit.pages import acquisition, value
from crmkit.personal import for_readers

ORDERS = {
    "order_id": list("12345"), "customer_id": list("aabbc"), "amount": [100.0, 60.0, 40.0, -10.0, 20.0],
    "ordered_at": ["2026-01-05", "2026-02-05", "2026-02-20", "2026-03-01", "2025-11-01"],
    "cost": [50.0, 30.0, None, None, 10.0],
}  # fmt: skip
CUSTOMERS = {"customer_id": list("abc"), "created_at": ["2025-01-01"] * 3, "name": ["Ann <b>", "Łukasz", None],
             "acquired_at": ["2026-01-05", "2026-02-20", "2024-01-01"],
             "segment": ["Large", "Small", "Small"]}  # fmt: skip
PAYMENTS = {"payment_id": ["1"], "order_id": ["1"], "customer_id": ["a"], "amount": [100.0], "paid_at": ["2026-03-03"]}
COSTS = {"month": ["2026-02-01", "2026-02-01"], "category": ["marketing", "sales"], "amount": [100.0, 300.0]}
TABLES = {"orders": ORDERS, "customers": CUSTOMERS, "payments": PAYMENTS, "costs": COSTS}
QUARTER = "2026-Q1"


@pytest.fixture(scope="module")
def crm():
    return crmkit.open(TABLES, as_of="2026-03-31")


def plain(html):
    return html.text.replace(NBSP, " ")


def test_buying_puts_the_group_that_brings_most_first(crm):
    found = value.buying(crm, QUARTER, "segment")
    assert found["segment"].tolist() == ["Large", "Small"]
    assert found[["customers", "orders each", "order value", "revenue each"]].to_numpy().tolist() == [
        [1, 2, 80, 160], [1, 1, 30, 30]]  # fmt: skip
    assert found["gross margin"].iloc[0] == 0.5
    assert value.buying_units(found)["gross margin"] == "share"


def test_without_costs_there_is_no_column_of_margins():
    crm = crmkit.open({"orders": {k: v for k, v in ORDERS.items() if k != "cost"}})
    found = value.buying(crm, QUARTER, "")
    assert "gross margin" not in found
    assert set(value.buying_units(found)) <= set(found)


def test_it_says_how_many_orders_the_margin_is_of(crm):
    assert plain(value.margin_basis(crm, QUARTER)) == "2 of 4 orders and returns carry a cost: the margin is theirs."


def test_money_owed_in_words(crm):
    text = plain(value.money_owed(crm, QUARTER))
    assert text.startswith("100 came in, 52.6% of the 190 invoiced in 2026-Q1")
    assert "110 are owed: 52.1 days" in text
    assert "18.2% of it was ordered more than 90 days before" in text
    assert value.owed_by_age(crm, QUARTER)["owed"].sum() == 110


def test_lines_of_invoiced_and_received_say_what_came_in(crm):
    both = value.invoiced_and_received(crm, QUARTER, last=12)
    assert both.groupby("kind")["value"].sum().to_dict() == {"invoiced": 210, "received": 100}
    assert value.paid_finding(both) == "47.6% of what was invoiced came in over this time"
    assert value.paid_finding(pd.DataFrame()) == ""


def test_the_steps_multiply_up_to_the_value():
    lost = CUSTOMERS | {"acquired_at": ["2024-01-01"] * 3, "lost_at": ["2026-01-31", None, None]}
    steps = value.clv_steps(crmkit.open(TABLES | {"customers": lost}, as_of="2026-03-31"), QUARTER)
    number = steps["value"].tolist()
    assert number[3] == pytest.approx(number[0] * number[1] * number[2]) == pytest.approx(210 / 3 * 3)
    assert number[5] == pytest.approx(number[3] * number[4])
    assert steps["step"].tolist()[3] == "= Customer lifetime value, simple"
    assert len(value.clv_units(steps)["value"]) == len(steps)


def test_where_nobody_left_the_value_is_unknown_and_the_page_says_so(crm):
    for found in (value.clv_steps(crm, QUARTER), value.backtest(crm)):
        assert found.attrs["missing"]
        assert "crm-absent" in pages.grid(found, caption="x").html
    assert plain(value.backtest_words(value.backtest(crm))) == ""
    assert plain(acquisition.worth_it(crm, QUARTER)) == "Value or cost of a customer is not known in this period."


def test_backtest_in_words():
    frame = pd.DataFrame({"months": [6.0, 12.0], "predicted": [50.0, 100.0], "actual": [80.0, 90.0],
                          "low": [70.0, 80.0], "high": [90.0, 105.0], "error": [-30.0, 10.0],
                          "error_share": [-0.375, 1 / 9], "customers": [20.0, 18.0],
                          "censored": [0.0, 2.0]})  # fmt: skip
    frame.attrs = {"cohort": "2024-01-01/2024-07-01", "clv": 400.0, "currency": "EUR"}
    said = plain(value.backtest_words(frame)).splitlines()
    assert said[0].startswith("20 customers were won from 2024-01-01 until before 2024-07-01.")
    assert "€10 too much (11.1% of what came), no more than chance can make" in said[1]
    assert "In the first 6 months the error was €30 too little (37.5% of what came)" in said[2]
    assert "Of late they brought 20% of what it promised: €10 each between month 6 and month 12" in said[3]
    assert said[3].endswith("€300, will be missed.")


def test_the_test_of_the_sample_leaves_out_what_most_have_not_reached():
    found = value.backtest(pages.begin())
    assert (found["customers"] > found["censored"]).all()
    assert len(found) == 5


def test_customers_by_code_unless_names_are_asked_for(crm):
    found = acquisition.top_customers(for_readers(crm), QUARTER, top=2)
    assert found["customer"].str.startswith("C-").all()
    named = acquisition.top_customers(for_readers(crm, show_names=True), QUARTER)
    assert named["customer"].tolist() == ["Ann <b> (a)", "Łukasz (b)", "c"], "who has no name has the key alone"
    shown = pages.grid(named, caption="x", units=acquisition.customer_units(named)).html
    assert "Ann &lt;b&gt;" in shown
    assert "Ann <b>" not in shown
    assert "recurring, a month" not in found, "there are no subscriptions"
    assert plain(acquisition.top_words(found)).startswith("All 2 have been customers for less than a year")


def test_ranked_by_something_unknown_is_one_line(crm):
    assert "rank_by is 'x'" in acquisition.top_customers(crm, QUARTER, rank_by="x").attrs["missing"]


def test_costs_of_a_customer_by_definition(crm):
    found = acquisition.cac_variants(crm, QUARTER).set_index("definition")
    assert found.loc["marketing and sales ÷ customers won", ["value", "spent", "customers"]].tolist() == [200, 400, 2]
    assert found.loc["marketing alone", "value"] == 50
    assert "new business only" not in found.index, "no deals"
    assert found.loc["spent 1 month earlier", "value"] == 200
    assert "spent 3 months earlier" not in found.index, "nothing is known of that time"
    # of 2 customers chance makes 0.2422 to 7.2247 (Poisson, exact): Garwood's table
    assert found["95% interval"].iloc[0].replace(NBSP, " ") == "55.37–1,651"


def test_shares_say_what_they_leave_out():
    orders = {"order_id": list("123"), "customer_id": ["a", None, "b"], "amount": [100.0, 5.0, -20.0],
              "ordered_at": ["2026-01-05"] * 3}  # fmt: skip
    curve = acquisition.shares(crmkit.open({"orders": orders}, as_of="2026-03-31"), QUARTER)
    assert plain(acquisition.share_remarks(curve)).splitlines() == [
        "1 customer sent back 20 more than they bought in these 12 months, of orders placed before.",
        "5 name no customer and are not in the curve.",
    ]
    assert list(acquisition.share_readings(curve))[1:] == list(acquisition.READING_UNITS)


def test_all_adds_up(crm):
    wholes = [("orders_placed", "segment"), ("receipts", "segment"), ("receivables", "segment")]
    agree = acquisition.with_values(pages.reconciled(crm, QUARTER, wholes=wholes), crm, QUARTER)
    assert len(agree) == 8
    assert (agree["left"] - agree["right"]).abs().max() < 1e-9


def test_what_is_left_out_is_said_in_numbers():
    sample = pages.begin()
    text = plain(value.left_out(sample, "latest", "segment"))
    mrr = sample.measure("mrr", period="latest").value.item()
    assert f"Subscription fees: €{mrr:,.0f} a month" in text
    assert "Costs of keeping customers took" in text
    assert "The groups: from €" in text
