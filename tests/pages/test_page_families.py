import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import pages
from crmkit.methods.levers import levers
from crmkit.numbers import NBSP
from crmkit.pages import overview, perception, quotas, retention, sales, scores, velocity


def surveys(scores, **more):
    rows = {"response_id": [str(at) for at in range(len(scores))], "survey": ["nps"] * len(scores), "score": scores,
            "answered_at": ["2026-03-01"] * len(scores)}  # fmt: skip
    return crmkit.open({"surveys": rows | more}, as_of="2026-06-30")


def test_answer_sheet_counts_what_is_left_out():
    sheet = perception.answer_sheet(surveys([0, 5, 10, 11, 6.5, None]), "2026-Q1")
    assert sheet[["answers", "left out"]].to_numpy().tolist() == [[3, 3]]


def test_answer_sheet_suspects_a_scale_that_nobody_uses_to_its_end():
    assert "nobody chose 0" in perception.answer_sheet(surveys([1, 10] * 60), "2026-Q1")["remark"].item()
    assert perception.answer_sheet(surveys([1, 10]), "2026-Q1")["remark"].item() == ""  # too few to say


def test_after_answers_follows_each_customer_once_and_leaves_open_windows_out():
    days = pd.date_range("2025-01-01", periods=5)
    customers = {"customer_id": list("abcde"), "created_at": ["2024-01-01"] * 5, "acquired_at": ["2024-01-01"] * 5,
                 "lost_at": ["2025-03-01", None, "2026-01-01", None, "2024-06-01"]}  # fmt: skip
    answers = {"response_id": list("123456"), "survey": ["nps"] * 6, "score": [3, 9, 2, 10, 5, 1],
               "customer_id": ["a", "b", "c", "d", "e", "b"],
               "answered_at": [*days[:4], days[4], "2026-06-20"]}  # fmt: skip
    crm = crmkit.open({"customers": customers, "surveys": answers}, as_of="2026-06-30")
    found = perception.after_answers(crm, window_days=90).set_index("band")
    assert found.loc["detractors", ["numerator", "denominator"]].tolist() == [1, 2]  # a lost in time, c later, e before
    assert found.loc["promoters", ["numerator", "denominator"]].tolist() == [0, 2]
    assert found.attrs["open"] == 1  # the last answer of b


def test_after_answers_recovers_that_dissatisfaction_raises_churn(sample):
    found = perception.after_answers(sample).set_index("band")
    assert found.loc["detractors", "low"] > found.loc["promoters", "value"]


def test_precision_says_how_many_answers_it_would_take(sample):
    scored = pages.scorecard(sample, ["nps"], "latest")
    row = scored.iloc[0]
    text = perception.precision(scored).text.replace(NBSP, " ")
    assert f"about {(row['high'] - row['low']) / 2:.1f} points" in text
    assert f"{int(np.ceil(row['n'] * ((row['high'] - row['low']) / 10) ** 2)):,} answers" in text


def test_one_definition_by_another_with_the_numbers_of_the_contract():
    born = pd.to_datetime(["2025-01-01"] * 1000 + ["2026-02-01"] * 500)
    lost = [*["2026-03-01"] * 40, *[None] * 960, *["2026-03-01"] * 10, *[None] * 490]
    ids = [str(at) for at in range(1500)]
    customers = {"customer_id": ids, "created_at": born, "acquired_at": born, "lost_at": lost}
    crm = crmkit.open({"customers": pd.DataFrame(customers)}, as_of="2026-03-31")
    text = retention.one_by_another(crm, "2026-Q1").text
    assert text.startswith("10.0% by one definition is 4.0% by another, in the same period: 50 ÷ 500")
    assert "against 40 ÷ 1,000" in text


def test_losses_that_nothing_can_tell_are_not_zero(pipeline):
    found = pipeline.measure(["churn_rate", "lost_customers", "new_customers"], period="2026-Q2").set_index("metric")
    assert found["value"].isna().tolist() == [True, True, False]
    assert found.loc["churn_rate", "note"] == (
        "not in this data: needs the table subscriptions or orders, or the column customers.lost_at"
    )
    assert "crm-absent" in retention.one_by_another(pipeline, "2026-Q2").html


def test_survival_in_words_reads_the_curve():
    curve = pd.DataFrame({"time": [100.0, 400.0], "at_risk": [10.0, 6.0], "events": [2.0, 1.0],
                          "survival": [0.8, 0.667], "low": [0.4, 0.3], "high": [0.95, 0.9]})  # fmt: skip
    assert retention.survival_in_words(curve).text == (
        "All customers: 80.0% are still customers after 365 days (6 watched so long, 95% interval 40.0–95.0%)."
    )
    assert "nobody has been watched" in retention.survival_in_words(curve.head(1)).text


def test_renewals_by_group_add_up_to_the_terms(sample):
    found = retention.renewals(sample, "latest", "segment")
    assert found["terms"].sum() == sample.measure("renewal_rate")["n"].item()


def test_cost_is_set_against_what_a_returning_customer_brings(sample):
    value = pages.values(sample, ["retention_cost", "revenue_per_returning_customer"], "latest")
    ratio = value["revenue_per_returning_customer"] / value["retention_cost"]
    assert f"{ratio:.0f} times as much" in retention.cost_against_revenue(sample, "latest").text


def test_representatives_are_ranked_warned_about_and_escaped(pipeline):
    people = sales.representatives(pipeline, "2026-Q2", "owner_id")
    assert people["velocity, a day"].is_monotonic_decreasing
    assert sorted(people["representative"]) == ["Ann <b>", "Ben"]
    assert people["remark"].tolist() == ["few", "few"]
    assert "Ann &lt;b&gt;" in pages.grid(people, caption="x", units=sales.REPRESENTATIVE_UNITS).html


@pytest.mark.parametrize(("rates", "words"), [([0.50, 0.52], "may be luck"), ([0.2, 0.8], "more than luck")])
def test_representatives_differ_by_chance_or_not(rates, words):
    people = pd.DataFrame({"closed": [100, 100], "win rate": rates})
    assert words in sales.spread_of_win_rates(people).text


def test_levers_in_words_name_every_lever_and_the_whole_change(sample):
    moved = levers(sample, "sales_velocity", period="2026-Q3", against="2026-Q2")
    text = velocity.lever_sentence(moved).text
    assert all(velocity.lever_name(name) in text for name in velocity.LEVERS)
    assert f"by {abs(moved.attrs['total']):,.0f}" in text.replace(NBSP, " ")
    agree = sales.with_funnels(pd.DataFrame(), moved)
    assert agree["left"].item() == pytest.approx(agree["right"].item())


def test_the_lever_that_did_most_moved_the_way_of_the_change():
    parts = pd.DataFrame(
        {"lever": ["win_rate", "average_deal_size", "sales_cycle_days"], "contribution": [50, -40, -30]}
    )
    assert velocity.lever_title(parts).endswith("most through average deal size")


def test_win_rate_by_value_says_why_it_cannot_be_known(pipeline):
    assert sales.value_sentence(pipeline, "2026-Q2").text == (
        "The win rate by value cannot be known: the lost deals carry no amount."
    )


def test_lead_windows_that_are_open_are_counted(sample):
    counted = sample.measure("lead_conversion_rate", period="2026-Q3")["n"].item()
    created = sample.measure("leads", period="2026-Q3")["value"].item()
    assert sales.conversion_left_out(sample, "2026-Q3").text.startswith(f"Left out: {created - counted:.0f} of the ")
    settled = sales.settled_period(sample, "2026-Q3")
    assert settled.name == "2026-Q2"
    assert sample.measure("lead_conversion_rate", period=settled)["n"].item() == (
        sample.measure("leads", period=settled)["value"].item()
    )


def test_lost_deals_are_those_that_win_rate_counts_as_lost(sample):
    rate = sample.measure("win_rate", period="2026-Q3").iloc[0]
    assert sales.lost_deals(sample, "2026-Q3")["value"].sum() == rate["denominator"] - rate["numerator"]


def test_attainment_is_value_over_target(sample):
    rows = quotas.attainment(sample, "latest").set_index("metric")
    revenue = sample.measure("revenue")["value"].item()
    assert rows.loc["Revenue", "attainment"] == pytest.approx(revenue / rows.loc["Revenue", "target"])
    own = quotas.attainment_by(sample, "new_revenue", "latest", key="owner_id", by="owner.name")
    assert own["value"].sum() <= sample.measure("new_revenue")["value"].item()


def test_scorecard_page_says_what_is_missing_and_what_it_would_allow(pipeline):
    scored = pipeline.scorecard("2026-Q2")
    lacking = overview.missing_table(scored).set_index("missing")
    assert "Net Promoter Score" in lacking.loc["the table surveys", "would allow"]
    assert "cannot be measured" in overview.missing_numbers(overview.missing_table(scored)).text


def test_scorecard_tables_hold_every_metric_in_its_family_and_the_chosen_ones_before(sample):
    chosen = {"name": "x", "metrics": ["win_rate", "nps"]}
    crm = crmkit.open(sample.tables["surveys"].to_pandas().pipe(lambda rows: {"surveys": rows}), config=chosen)
    scored = sample.scorecard("latest", metrics=["nps", "churn_rate", "win_rate", "adoption_rate"])
    text = scores.score_tables(crm, scored, currency="EUR").text
    titles = ("Net Promoter Score", "Win rate", "Churn rate", "Adoption rate")
    assert [text.count(title) for title in titles] == [2, 2, 1, 1]
    order = [text.index(word) for word in ("Business performance", "User adoption", "Customer perception")]
    assert order == sorted(order)
    assert "Sales: 1 number" in text


def test_how_many_numbers_pass_by_luck_is_counted(sample):
    scored = sample.scorecard("latest", metrics=["nps", "nrr", "csat", "win_rate"])
    assert "Of 4 numbers with an interval, 1 changed by more than noise" in overview.by_luck(scored).text


def test_summary_names_what_changed_by_more_than_noise(sample):
    scored = sample.scorecard("latest", metrics=["nrr", "nps"])
    text = overview.summary(sample, scored, against="2026-Q2").text
    assert text.startswith("Better than in 2026-Q2 by more than noise: Net revenue retention.")


def test_nothing_that_moved_is_said_so(sample):
    scored = sample.scorecard("latest", metrics=["nps"])
    assert overview.summary(sample, scored).text.startswith("No number changed by more than noise")
    assert "Nothing moved by more than noise" in overview.movements(sample, scored, "latest").text


def test_what_the_engine_noted_stands_below_the_table(pipeline):
    scored = pipeline.scorecard("2026-Q2", metrics=["win_rate", "win_rate_value"])
    text = scores.score_table(scored, "sales").text
    assert "Win rate by value*" in text
    assert "* Win rate by value: cannot be known: the lost deals carry no amount" in text
