"""One question by several definitions: published numbers, ledgers by hand, and the sample."""

from __future__ import annotations

import collections
import csv
import inspect
import math

import pytest

import crmkit
import crmkit.definitions as declared
from crmkit import paths
from crmkit.definitions import Line, all_cases
from crmkit.errors import UsageError
from crmkit.methods.definitions import definitions, disagreement, example, worked
from crmkit.metric import all_metrics

NAN = math.nan
#: What each definition makes of the case's example, in the order of the variants: published, or worked by hand.
PUBLISHED = {
    "churn": [0.04, 50 / 1225, 0.05, 0.10],
    "retention": [0.40, 0.80, 0.75],
    "churn_year": [0.4596399, 0.60, 0.4596399],
    "win_rate": [0.6315005, 4238 / 8800, NAN, NAN],
    "win_rate_value": [NAN, 1.0, 0.6315005],
    "lead_conversion": [0.25, 43 / 300, 0.21],
    "sales_cycle": [30, 20, 20],
    "nps": [100 * 32 / 120, -40 / 3, 40],
    "nps_score": [-35.897436, 100 * 8 / 39, 51.538462, 5.1538462],
    "nps_scale": [30, 0, 10],
    "csat": [0.70, 7 / 9, 0.78, 0.725],
    "resolution": [4, 50, 12.8, NAN, NAN],
    "order_value": [48, 160, 20, 48],
    "clv": [400, 1000, 4000 / 0.9],
    "cac": [900, 300, 700, 1200],
    "marketing_roi": [2.5, 3.5, 0.4],
    "visitor_to_lead": [0.032, NAN, 31.25],
    "adoption": [0.75, 1.05, 0.30],
    "crm_roi": [2 / 3, 5 / 3, NAN],
}


@pytest.fixture(scope="module")
def sample():
    return crmkit.open(paths.sample_data())


@pytest.fixture(scope="module")
def found(sample):
    return definitions(sample, period="2026-Q3")


def values(crm, case, period, column="value"):
    return definitions(crm, period=period, cases=[case])[column].tolist()


def test_every_case_has_its_published_numbers():
    assert set(PUBLISHED) == set(all_cases())


@pytest.mark.parametrize("case", PUBLISHED)
def test_examples_give_what_was_published(case):
    assert example(case)["example"].tolist() == pytest.approx(PUBLISHED[case], rel=1e-6, abs=1e-9, nan_ok=True)


def test_the_traffic_rate_the_right_way_up_and_upside_down():
    before = example("visitor_to_lead")["example_before"]
    assert before.iloc[0] == pytest.approx(0.04)
    assert before.iloc[2] == pytest.approx(25)


@pytest.mark.parametrize("case", list(all_cases()))
def test_cases_are_declared_in_full(case):
    entry = all_cases()[case]
    assert sum(variant.used for variant in entry.variants) == 1
    assert entry.used.metric in all_metrics()
    assert entry.better == (all_metrics()[entry.used.metric].better or entry.better)
    assert len({variant.name for variant in entry.variants}) == len(entry.variants) >= 3
    assert entry.question.endswith("?")
    assert {source.partition(".")[0] for source in entry.parts.values()} <= set(all_metrics())
    assert {variant.metric for variant in entry.variants} - {""} <= set(all_metrics())
    known = set(entry.parts) | set(entry.example.parts)
    for variant in entry.variants:
        assert set(inspect.signature(variant.of).parameters) <= known or entry.more is not None


def test_in_every_example_the_decision_depends_on_the_definition():
    empty = crmkit.open({"products": {"product_id": ["1"]}}, as_of="2026-03-31")
    apart = disagreement(definitions(empty, period="2026-03"))
    assert len(apart) == len(all_cases())
    assert apart["example_decides"].all(), apart.loc[~apart["example_decides"], "case"].tolist()
    assert apart["decides"].isna().all()


def test_examples_are_those_of_the_files(shared):
    with (shared / "data/maven_crm_sales/sales_pipeline.csv").open(encoding="utf-8") as file:
        deals = list(csv.DictReader(file))
    stages = collections.Counter(deal["deal_stage"] for deal in deals)
    parts = all_cases()["win_rate"].example.parts
    assert parts["won"] == stages["Won"]
    assert parts["closed"] == stages["Won"] + stages["Lost"]
    assert parts["still_open"] == stages["Engaging"] + stages["Prospecting"]
    amounts = collections.defaultdict(float)
    for deal in deals:
        amounts[deal["deal_stage"]] += float(deal["close_value"] or 0)
    parts = all_cases()["win_rate_value"].example.parts
    assert (parts["won_amount"], parts["lost_amount"]) == (amounts["Won"], amounts["Lost"])
    with (shared / "data/answers/nps_040/input_01.csv").open(encoding="utf-8-sig") as file:
        scores = collections.Counter(int(row[1]) for row in list(csv.reader(file))[1:])
    assert dict(scores) == all_cases()["nps_score"].example.parts["scores"]


def test_churn_and_retention_by_hand():
    # Four at the start, one of whom leaves; two join, one of them leaves again: start 4, gained 2, lost 2, end 4.
    crm = crmkit.open({"customers": {
        "customer_id": list("abcdef"), "created_at": ["2025-01-01"] * 6,
        "acquired_at": ["2025-01-01"] * 4 + ["2026-01-05"] * 2,
        "lost_at": ["2026-01-20"] + [None] * 3 + ["2026-01-31", None],
    }})  # fmt: skip
    assert values(crm, "churn", "2026-01") == [0.25, 0.5, 0.5, 1.0]
    assert values(crm, "retention", "2026-01") == [0.75, 1.0, 0.5]
    assert values(crm, "churn", "2026-01", "previous") == [0.0, 0.0, 0.0, pytest.approx(NAN, nan_ok=True)]


def test_a_year_is_not_twelve_months_added_up():
    # Two customers of a year ago, one of whom leaves in March; one who joins in April stays.
    crm = crmkit.open({"customers": {
        "customer_id": list("abc"), "created_at": ["2024-01-01"] * 3,
        "acquired_at": ["2024-01-01", "2024-01-01", "2025-04-10"], "lost_at": ["2025-03-10", None, None],
    }}, as_of="2025-12-31 23:59:59.999999")  # fmt: skip
    assert values(crm, "churn_year", "2025-12") == pytest.approx([0.5, 0.5, 0.5])  # one month of 50%, eleven of 0%


@pytest.fixture(scope="module")
def deals():
    """March: two won, one lost, two open at its end; April: one of the open ones is won."""
    return crmkit.open({"opportunities": {
        "opportunity_id": list("abcde"), "outcome": ["won", "won", "lost", "won", "open"],
        "created_at": ["2026-02-19", "2026-03-01", "2026-03-01", "2026-03-11", "2026-03-01"],
        "closed_at": ["2026-03-11", "2026-03-11", "2026-03-21", "2026-04-10", None],
        "amount": [100.0, 300.0, 0.0, 50.0, 70.0],
    }}, as_of="2026-04-30")  # fmt: skip


def test_win_rates_by_hand(deals):
    # Of those created in March (4), one was won by its end: d was won in April.
    assert values(deals, "win_rate", "2026-03") == pytest.approx([2 / 3, 2 / 5, 1 / 4, 2 / 4])


def test_an_amount_based_win_rate_without_amounts_of_lost_deals_is_unknown(deals):
    used, entered, by_count = values(deals, "win_rate_value", "2026-03")
    assert math.isnan(used)
    assert (entered, by_count) == (1.0, pytest.approx(2 / 3))
    row = definitions(deals, period="2026-03", cases=["win_rate_value"]).iloc[0]
    assert row["reads"] == row["trend"] == ""


def test_an_amount_based_win_rate_with_amounts():
    crm = crmkit.open({"opportunities": {
        "opportunity_id": list("abc"), "outcome": ["won", "lost", "lost"], "created_at": ["2026-03-01"] * 3,
        "closed_at": ["2026-03-05"] * 3, "amount": [300.0, 100.0, 200.0],
    }})  # fmt: skip
    assert values(crm, "win_rate_value", "2026-03") == pytest.approx([0.5, 1.0, 1 / 3])


def test_sales_cycles_by_hand(deals):
    # Won after 20 and 10 days; open at the end of March for 21 and 31 days: the curve falls to 3/4, then to 1/2.
    assert values(deals, "sales_cycle", "2026-03") == pytest.approx([20, 15, 15])
    assert definitions(deals, period="2026-03", cases=["sales_cycle"])["measured"].tolist() == pytest.approx(
        [20, 15, 15]
    )


def test_leads_are_judged_where_their_windows_are_over():
    crm = crmkit.open({"leads": {
        "lead_id": list("abcd"), "created_at": ["2026-01-05", "2026-01-06", "2026-01-30", "2025-12-20"],
        "converted_at": ["2026-01-20", None, "2026-02-20", "2026-01-10"],
    }}, as_of="2026-05-10")  # fmt: skip
    # Of January's three leads two convert, one of them after January; one of December converts in January.
    assert values(crm, "lead_conversion", "2026-01") == pytest.approx([2 / 3, 1 / 3, 2 / 3])
    moved = definitions(crm, period="2026-04", cases=["lead_conversion"])
    assert moved.attrs["periods"]["lead_conversion"] == ("2026-01", "2025-12")


def surveys(survey, scores, **columns):
    size = len(scores)
    return {"surveys": {"response_id": range(size), "survey": [survey] * size, "score": scores,
                        "answered_at": ["2026-03-10"] * size} | columns}  # fmt: skip


def test_nps_by_hand():
    # A: 3 promoters and 1 detractor: 50; B: 1 detractor: −100. All: 20; mean of the teams: −25.
    crm = crmkit.open(surveys("nps", [9, 10, 9, 0, 6], touchpoint=list("AAAAB")))
    assert values(crm, "nps", "2026-03") == pytest.approx([20, -25, 50])
    assert values(crm, "nps_score", "2026-03") == pytest.approx([20, 60, 68, 6.8])


def test_a_scale_from_1_is_no_scale_from_0():
    # 10 and 9, 7 and 4 on 1-10: as given 2 promoters, 1 detractor; stretched 10, 8.9, 6.7 and 3.3.
    crm = crmkit.open(surveys("nps", [10, 9, 7, 4], scale_min=[1] * 4, scale_max=[10] * 4))
    assert values(crm, "nps_scale", "2026-03") == pytest.approx([25, 0, 0])


def test_answers_on_several_scales_are_not_put_together():
    crm = crmkit.open(surveys("csat", [5, 4, 9], scale_min=[1, 1, 0], scale_max=[5, 5, 10]))
    assert all(math.isnan(value) for value in values(crm, "csat", "2026-03"))


def test_neutral_answers_by_hand():
    crm = crmkit.open(surveys("csat", [5, 4, 3, 3, 1]))
    assert values(crm, "csat", "2026-03") == pytest.approx([2 / 5, 2 / 3, 16 / 25, 11 / 20])


def test_orders_and_costs_by_hand():
    orders = {"order_id": list("1234"), "customer_id": list("abbb"), "amount": [300.0, 20.0, 40.0, -30.0],
              "ordered_at": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]}  # fmt: skip
    crm = crmkit.open({"orders": orders}, as_of="2026-03-31")
    assert values(crm, "order_value", "2026-03") == pytest.approx([110, (300 + 30) / 2, 40, 120])
    crm = crmkit.open({
        "costs": {"month": ["2025-12-01", "2026-03-01", "2026-03-01"], "amount": [500.0, 600.0, 400.0],
                  "category": ["sales", "marketing", "sales"]},
        "customers": {"customer_id": ["a", "b"], "created_at": ["2026-03-05"] * 2,
                      "acquired_at": ["2026-03-05", "2026-03-20"]},
    }, as_of="2026-03-31")  # fmt: skip
    assert values(crm, "cac", "2026-03") == pytest.approx([500, 300, NAN, 250], nan_ok=True)


def test_returns_of_marketing_by_hand():
    crm = crmkit.open({
        "campaigns": {"campaign_id": ["c"], "started_at": ["2026-03-01"], "ended_at": ["2026-04-01"], "cost": [50.0]},
        "orders": {"order_id": ["1"], "customer_id": ["a"], "campaign_id": ["c"], "amount": [175.0], "cost": [105.0],
                   "ordered_at": ["2026-03-09"]},
    }, as_of="2026-03-31")  # fmt: skip
    assert values(crm, "marketing_roi", "2026-03") == pytest.approx([2.5, 3.5, 0.4])


def test_visitors_by_hand_and_the_direction_that_a_reader_sees():
    # March: two visitors, both become leads, in 2 of 3 visits. April: three visitors, one lead in four visits.
    sessions = {"session_id": range(7), "visitor_id": list("aabcdde"), "lead_id": ["1", None, "2", "3", *[None] * 3],
                "started_at": ["2026-03-01"] * 3 + ["2026-04-01"] * 4}  # fmt: skip
    rows = definitions(crmkit.open({"web_sessions": sessions}), period="2026-04", cases=["visitor_to_lead"])
    assert rows["value"].tolist() == pytest.approx([1 / 3, 1 / 4, 3])
    assert rows["previous"].tolist() == pytest.approx([1, 2 / 3, 1])
    assert rows["trend"].tolist() == ["worse", "worse", "better"]  # the last is upside down, and read as a rate
    assert disagreement(rows)["by_trend"].item()


def test_hours_of_tickets_by_hand():
    # Resolved after 2, 4 and 30 hours; one waits for 20 days at the end of the data.
    tickets = {"ticket_id": list("abcd"), "opened_at": ["2026-03-11 09:00"] * 4,
               "resolved_at": ["2026-03-11 11:00", "2026-03-11 13:00", "2026-03-12 15:00", None]}  # fmt: skip
    crm = crmkit.open({"tickets": tickets}, as_of="2026-03-31 09:00")
    first = values(crm, "resolution", "2026-03")[:3]
    assert first == pytest.approx([4, 4, 12])


def test_adoption_with_unlicensed_users_by_hand():
    # Two licences, one of them used on one day; one user without a licence came, too.
    crm = crmkit.open({
        "users": {"user_id": list("abc"), "licensed": ["true", "true", "false"]},
        "usage": {"user_id": ["a", "c"], "at": ["2026-02-01", "2026-02-09"]},
    }, as_of="2026-02-28 23:59:59")  # fmt: skip
    assert values(crm, "adoption", "2026-02") == pytest.approx([0.5, 1.0, 1 / 28 / 2], rel=1e-4)


def test_every_case_answers_on_the_sample(found):
    assert not found.attrs["missing"]
    unknown = found[found["value"].isna() | found["previous"].isna()]
    assert unknown.empty, unknown[["case", "definition"]]


def test_definitions_that_are_metrics_give_what_the_metric_gives(found):
    rows = found[found["measured"].notna()]
    assert len(rows) > 30
    assert rows["value"].tolist() == pytest.approx(rows["measured"].tolist(), rel=1e-9)


def test_the_target_of_the_period_is_the_line(found):
    assert found.loc[found["case"] == "churn", "line"].unique().tolist() == [0.0728]
    assert "churn" in found.attrs["targets"]
    assert "retention" not in found.attrs["targets"]
    assert found.loc[found["case"] == "clv", "line"].notna().all()  # three times the cost of a customer


def test_what_the_sample_shows(found):
    apart = disagreement(found).set_index("case")
    # Lost by acquired is some eight times the churn rate, since the company grows slowly.
    assert apart.loc["churn", "times"] > 5
    assert apart.loc["nps_scale", "apart"] == 0  # its answers begin at 0
    assert apart.loc["win_rate_value", "highest"] == 1.0
    assert apart.loc["visitor_to_lead", "by_trend"]


def test_what_is_not_there_is_said_case_by_case():
    leads = {"lead_id": ["1"], "created_at": ["2026-01-01"], "converted_at": ["2026-01-09"]}
    crm = crmkit.open({"leads": leads}, as_of="2026-06-30")
    found = definitions(crm, period="2026-01")
    assert "lead_conversion" not in found.attrs["missing"]
    assert found.attrs["missing"]["nps"] == "needs the table surveys"
    assert disagreement(found).set_index("case").loc["nps", "decides"] is None
    early = definitions(crm, period="2019-Q1", cases=["lead_conversion"])
    assert "nothing to measure" in early.attrs["missing"]["lead_conversion"]


def test_a_wrong_name_is_refused_with_the_right_ones(sample):
    with pytest.raises(UsageError, match=r"no case 'chrun'. The cases are .*churn"):
        definitions(sample, period="2026-Q3", cases=["chrun"])


def test_a_new_case_is_one_entry_found_by_itself(tmp_path, monkeypatch):
    entry = (
        "from crmkit.definitions import Case, Example, Line, Variant\n"
        "follow_up = Case(question='Who was called?', unit='share', better='up', trap='t', parts={'leads': 'leads',\n"
        "    'called': 'lead_contacted_rate.numerator'}, line=Line(0.5, met='go on', missed='call'),\n"
        "    example=Example('e', {'called': 1, 'leads': 4}), variants=(\n"
        "    Variant('called ÷ leads', lambda called, leads: called / leads,\n"
        "            metric='lead_contacted_rate', used=True),\n"
        "    Variant('leads ÷ called', lambda called, leads: leads / called)))\n"
    )
    (tmp_path / "extra_cases.py").write_text(entry, encoding="utf-8")
    monkeypatch.setattr(declared, "__path__", [*declared.__path__, str(tmp_path)])
    all_cases.cache_clear()
    try:
        leads = {"lead_id": ["a", "b"], "created_at": ["2026-03-01"] * 2, "first_contacted_at": ["2026-03-01", None]}
        found = definitions(crmkit.open({"leads": leads}), period="2026-03")
        assert found.loc[found["case"] == "follow_up", "value"].tolist() == [0.5, 2.0]
    finally:
        all_cases.cache_clear()


def test_a_part_that_is_unknown_makes_the_definition_unknown():
    (net, *_) = all_cases()["crm_roi"].variants
    assert math.isnan(worked(net, {"benefit": NAN, "cost": 3.0}))
    assert math.isnan(worked(net, {"benefit": 3.0}))
    assert Line(0.1, met="a", missed="b").what == "a rule of thumb"


def test_a_span_that_is_not_made_of_months_leaves_out_what_needs_months(sample):
    rows = definitions(sample, period="2026-07-05/2026-08-05", cases=["churn_year", "clv"])
    assert rows["value"].notna().tolist() == [True, False, False, True, True, False]
