"""Each rule with rows that break it and rows that look alike and do not."""

from __future__ import annotations

import pandas as pd
import pytest

from crmkit.quality import RULES, check

STAGES = {"New": "open", "Offer": "open", "Won": "won", "Lost": "lost"}


def deals(**columns):
    """Return opportunities that are all well, with some columns replaced."""
    good = {
        "opportunity_id": list("abcd"),
        "created_at": ["2026-01-05 09:00:00"] * 4,
        "closed_at": ["2026-02-01", "2026-02-02", None, "2026-01-05"],
        "outcome": ["won", "lost", "open", "won"],
        "stage": ["Won", "Lost", "Offer", "Won"],
        "amount": [100.0, 90.0, 80.0, 70.0],
    }
    return {"opportunities": {**good, **columns}}


def leads(**columns):
    return {"leads": {"lead_id": list("abcd"), "created_at": ["2026-01-05"] * 4, **columns}}


def customers(**columns):
    return {"customers": {"customer_id": list("abcd"), "created_at": ["2026-01-05"] * 4, **columns}}


def orders(lines=None, **columns):
    good = {
        "order_id": list("abcd"),
        "customer_id": list("xyxy"),
        "ordered_at": ["2026-01-05 10:00:00", "2026-01-06 10:00:00", "2026-01-07 10:00:00", "2026-01-08 10:00:00"],
        "amount": [10.0, 20.0, 30.0, -5.0],
    }
    made = {"orders": {**good, **columns}}
    return made | ({"order_lines": lines} if lines else {})


def of(found, rule):
    return found[found["rule"] == rule]


def test_well_kept_tables_are_quiet():
    assert check(deals(), config={"stages": STAGES}).empty
    assert check(orders()).empty


@pytest.mark.parametrize(
    ("tables", "rule", "rows", "example"),
    [
        (deals(outcome=["won", "lost", "open", "lost"], closed_at=["2026-02-01", None, None, "2026-02-01"]),
         "closed_undated", 1, "opportunity_id b"),
        (deals(amount=[None, None, None, 5.0]), "won_without_amount", 1, "opportunity_id a"),
        (deals(amount=[0.0, 0.0, 0.0, 5.0]), "won_for_nothing", 1, "opportunity_id a: amount 0"),
        (deals(amount=[1.0, -2.0, 3.0, 5.0]), "negative_amount", 1, "opportunity_id b: amount -2"),
        (deals(customer_id=["x", None, "y", "z"]), "customer_missing", 1, "opportunity_id b"),
        (deals(owner_id=["x", "x", "x", None]), "owner_missing", 1, "opportunity_id d"),
        (deals(lost_reason=["", "", "", ""]), "column_empty", 4, None),
        (deals(lost_reason=["price", "", "", ""]), "reason_missing", 1, "opportunity_id b"),
        (deals(closed_at=["2026-01-04", "2026-02-02", None, "2026-01-05"]), "times_out_of_order", 1,
         "opportunity_id a: closed_at 2026-01-04"),
        (deals(created_at=["1970-01-01", "1970-01-02", "1900-01-01", "2026-01-01"]), "default_date", 2,
         "opportunity_id a: created_at 1970-01-01"),
        (deals(expected_close_at=[None, None, "2099-12-31", "2099-12-30"]), "default_date", 1,
         "opportunity_id c: expected_close_at 2099-12-31"),
        (deals(name=["Test", "Test equipment", "asdf", "Contest"]), "test_name", 2, "opportunity_id a: name Test"),
        (leads(source=["web", "NULL", "#N/A", "Null Inc"]), "word_for_nothing", 2, "source #N/A"),
        (leads(converted_at=["2026-02-01", "2026-02-01", None, None], customer_id=["x", None, None, None]),
         "converted_to_nothing", 1, "lead_id b: converted_at 2026-02-01"),
        (customers(email=["a@example.com", "a at example.com", "b@c", None]), "email_malformed", 2, "customer_id b"),
        (customers(email=["A@example.com", "a@example.com ", "b@example.com", None]), "email_shared", 2,
         "customer_id a"),
        (customers(name=["Müller", "MÃ¼ller", "SÃO", "ÂNGELA"]), "broken_text", 1, "customer_id b"),
        (customers(currency=["EUR", "Euro", None, "PLN"]), "currency_code", 0, None),  # no column of customers
        (customers(birth_year=[1880, 2020, 1980, None]), "age_impossible", 2, "customer_id a"),
        (orders(customer_id=["1.2E+11", "12E11", "3,4e+5", "E+"]), "spreadsheet_id", 2, "customer_id 1.2E+11"),
        (orders(customer_id=list("xxxy"), amount=[10.0, 10.0, 10.0, 5.0], ordered_at=["2026-01-05 10:00:00"] * 2
                + ["2026-01-05 10:00:01", "2026-01-05 10:00:00"]), "entered_twice", 1, "order_id b"),
        (orders(customer_id=list("xxxx"), amount=[10.0] * 4, ordered_at=["2026-01-05"] * 4), "entered_twice", 0, None),
        (orders({"order_id": list("aabc"), "product_id": list("pqpp"), "amount": [4.0, 6.0, 21.0, None]}),
         "lines_differ", 1, "order_id b: amount 20"),
        (orders({"order_id": list("abc"), "product_id": list("ppp")}), "order_without_lines", 1, "order_id d"),
        (orders() | customers(customer_id=list("xabc")), "orphan", 2, "customer_id y"),
    ],
)  # fmt: skip
def test_a_rule_finds_its_rows_and_no_others(tables, rule, rows, example):
    found = of(check(tables, as_of="2026-06-30"), rule)
    assert found["rows"].sum() == rows
    if example:
        assert found["examples"].iloc[0][0] == example
    if rows:
        row = found.iloc[0]
        assert row["dimension"] == RULES[rule][0]
        assert row["advice"]
        assert row["effect"]


def test_stages_against_crm_toml():
    settings = {"stages": STAGES}
    found = check(deals(stage=["Offer", "Lost", "Haggling", "Won"]), config=settings)
    assert of(found, "stage_outcome")["examples"].iloc[0] == ["opportunity_id a: stage Offer"]
    assert of(found, "stage_unknown")["rows"].tolist() == [1]
    assert of(check(deals(stage=["Offer", "Lost", "Haggling", "Won"])), "stage_outcome").empty


def test_stages_out_of_order_and_outside_the_life_of_the_deal():
    many = 12  # so that one step back is no custom of the house
    entered = [
        (f"d{n}", stage, at) for n in range(many) for stage, at in (("New", "2026-01-02"), ("Offer", "2026-01-03"))
    ]
    entered[0], entered[1] = ("d0", "New", "2026-01-04"), ("d0", "Offer", "2026-01-03")
    entered[3] = ("d1", "Offer", "2026-03-03")
    entered.append(("d2", "New", "2026-01-02"))
    stages = pd.DataFrame(entered, columns=["opportunity_id", "stage", "entered_at"])
    ids = [f"d{n}" for n in range(many)]
    opportunities = {
        "opportunity_id": ids,
        "created_at": ["2026-01-02"] * many,
        "closed_at": ["2026-02-02"] * many,
        "outcome": ["won"] * many,
    }
    found = check({"opportunities": opportunities, "opportunity_stages": stages}, config={"stages": STAGES})
    named = {rule: of(found, rule).iloc[0] for rule in ("stages_backward", "stage_outside", "row_repeated")}
    assert [row["rows"] for row in named.values()] == [1, 1, 1]
    assert [row["examples"][0].partition(":")[0] for row in named.values()] == [
        "opportunity_id d0",
        "opportunity_id d1",
        "opportunity_id d2",
    ]


def test_what_more_rows_do_than_a_slip_would_explain_is_a_note():
    stages = {
        "opportunity_id": ["a", "a", "b", "b"],
        "stage": ["Offer", "New", "Offer", "New"],
        "entered_at": ["2026-01-01", "2026-01-02"] * 2,
    }
    found = check({"opportunity_stages": stages}, config={"stages": STAGES})
    assert of(found, "stages_backward")[["severity", "rows"]].values.tolist() == [["note", 2]]


def test_overlapping_subscriptions_of_one_customer_and_plan():
    rows = [
        ("1", "x", "A", "2026-01-01", "2026-03-01"),
        ("2", "x", "A", "2026-03-01", None),  # follows: the end is not part of the first
        ("3", "x", "A", "2026-04-01", "2026-05-01"),  # overlaps the second
        ("4", "x", "B", "2026-04-01", None),  # another plan
        ("5", "y", "A", "2026-04-01", None),
        ("6", "y", "A", "2026-06-01", "2026-06-01"),  # never ran
    ]
    table = pd.DataFrame(rows, columns=["subscription_id", "customer_id", "plan", "started_at", "ended_at"])
    found = of(check({"subscriptions": table.assign(mrr=10.0)}), "overlapping")
    assert found["examples"].iloc[0] == ["subscription_id 3: started_at 2026-04-01"]


def test_amounts_far_out_are_judged_within_their_kind():
    kinds, amounts = (
        ["new"] * 60 + ["renewal"] * 60,
        [1000.0 + n for n in range(60)] + [10.0 + n / 10 for n in range(60)],
    )
    amounts[5], amounts[70] = 1_000_000.0, 1000.0  # the second would be usual for the other kind
    table = {
        "opportunity_id": [f"d{n}" for n in range(120)],
        "created_at": ["2026-01-01"] * 120,
        "outcome": ["open"] * 120,
        "kind": kinds,
        "amount": amounts,
    }
    found = of(check({"opportunities": table}), "far_out")
    assert found["examples"].iloc[0] == ["opportunity_id d5: amount 1000000", "opportunity_id d70: amount 1000"]
    assert of(check({"opportunities": table}, config={"quality": {"thresholds": {"far_out": 40}}}), "far_out").empty


@pytest.mark.parametrize(
    ("scores", "survey", "said"),
    [
        ([1] * 12 + [9] * 20, "nps", "is never 0"),
        ([0] + [1] * 12 + [9] * 20, "nps", None),
        ([1] * 3 + [9] * 40, "nps", None),  # three 1s without a 0 are chance
        ([2, 3, 4, 5] * 10, "nps", "never exceeds 5"),
        ([80, 90, 100, 70] * 10, "csat", "goes up to 100"),
        ([5] * 40, "csat", "is 5 in all 40 answers"),
        ([7] * 1 + [4, 5] * 30, "csat", None),  # one answer off the scale is no other scale
    ],
)
def test_survey_scales_that_look_like_others(scores, survey, said):
    table = {
        "response_id": [str(n) for n in range(len(scores))],
        "survey": [survey] * len(scores),
        "score": scores,
        "answered_at": ["2026-01-01"] * len(scores),
    }
    found = of(check({"surveys": table}), "scale_suspect")
    assert [said in text for text in found["finding"]] == ([True] if said else [])
    if said:
        assert set(found["metrics"].iloc[0]) & {survey}
        assert not set(found["metrics"].iloc[0]) & ({"nps", "csat", "ces"} - {survey})


def test_money_in_several_currencies_and_codes_that_are_none():
    found = check(orders(currency=["EUR", "USD", "€", "PLN"]), config={"currency": "EUR", "rates": {"USD": 0.9}})
    assert of(found, "mixed_currency")["rows"].tolist() == [2]
    assert of(found, "currency_code")["rows"].tolist() == [1]


def test_one_value_in_every_row():
    table = {"order_id": [str(n) for n in range(30)], "customer_id": ["x"] * 30, "amount": [5.0 + n for n in range(30)]}
    found = check({"orders": {**table, "ordered_at": ["2026-01-01"] * 30, "cost": [1.0] * 30}})
    assert set(of(found, "same_value")["column"]) == {"ordered_at", "cost"}


def test_a_few_late_dates_that_move_the_end_of_the_data():
    months = pd.date_range("2024-01-01", periods=400, freq="D")
    table = pd.DataFrame({"lead_id": [f"{n}" for n in range(400)], "created_at": months})
    table.loc[399, "created_at"] = pd.Timestamp("2031-05-05")
    (finding,) = of(check({"leads": table}), "lone_last_date")["finding"]
    assert finding == "reaches to 2031-05-05 in 1 row alone; all others end in 2025-02"
    assert of(check({"leads": table}, as_of="2025-03-01"), "lone_last_date").empty
    assert of(check({"leads": table}, as_of="2025-03-01"), "future_date")["rows"].tolist() == [1]


def test_where_rows_concentrate_is_said_only_beyond_chance():
    owners = ["busy"] * 100 + ["other"] * 100
    table = {
        "opportunity_id": [f"{n}" for n in range(200)],
        "created_at": ["2026-01-01"] * 200,
        "outcome": ["open"] * 200,
        "owner_id": owners,
    }
    some = [None if n in range(20) else "x" for n in range(200)]
    row = of(check({"opportunities": {**table, "customer_id": some}}), "customer_missing").iloc[0]
    assert (row["owner"], row["owner_share"], row["owner_of_all"]) == ("busy", 1.0, 0.5)
    assert row["where"] == "100% of them are of the owner busy, who has 50% of all rows"
    few = [None if n in (1, 2, 150) else "x" for n in range(200)]
    assert of(check({"opportunities": {**table, "customer_id": few}}), "customer_missing").iloc[0]["where"] == ""
