"""The blocks of the page of the churn model, on the sample, on a flat table and on data that can say little."""

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import pages, plots
from crmkit.errors import NotInThisData, UsageError
from crmkit.models import scores
from crmkit.notebook import checks
from crmkit.numbers import NBSP
from crmkit.pages import churn, churn_offers, churn_promise
from crmkit.personal import for_readers

OPTIONS = {"window_days": 90, "basis": "auto", "kind": "logistic", "no_order_days": 90}
OFFER = {"cost": 25.0, "success_rate": 0.2, "value": 0.0, "margin": 0.0}


def plain(html):
    return html.text.replace(NBSP, " ")


@pytest.fixture(scope="module")
def found(sample):
    return churn.study(sample, sample.period("latest"), **OPTIONS)


@pytest.fixture(scope="module")
def terms(sample, found):
    return churn_offers.offer(sample, found, sample.period("latest"), **OFFER)


@pytest.fixture(scope="module")
def calls(found, terms):
    return churn_offers.calls(found, terms, holdout=0.2)


@pytest.fixture(scope="module")
def kept(sample, found):
    return churn_promise.kept_promise(sample, found)


@pytest.fixture(scope="module")
def flat(tmp_path_factory, sample):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"who": [f"c{i}" for i in range(300)], "happy": rng.random(300), "plan": rng.choice(["a", "b"], 300)}
    )
    frame["left"] = np.where(rng.random(300) < 0.6 - 0.5 * frame["happy"], "yes", "no")
    path = tmp_path_factory.mktemp("flat") / "table.csv"
    frame.to_csv(path, index=False)
    options = {"table": str(path), "label": "left", "id": "who"}
    return churn.study(sample, sample.period("latest"), **OPTIONS, **options)


def test_the_list_is_of_those_for_whom_an_offer_pays(found, terms, calls):
    gain = calls["risk"] * terms["success_rate"] * calls["value"] - terms["cost"]
    assert calls["gain"].to_numpy() == pytest.approx(gain.to_numpy())
    assert (calls["gain"] > 0).all()
    assert calls["gain"].is_monotonic_decreasing
    assert calls["group"].eq("hold-out").sum() == round(0.2 * len(calls))
    today = churn_offers.with_value(found.risks(reasons_for=0), found, terms)
    assert (today["churn_risk"] * terms["success_rate"] * today["value"] > terms["cost"]).sum() == len(calls)


def test_the_value_is_a_year_of_fees_and_orders_at_margin(sample, found, terms):
    margin = sample.measure("gross_margin", period="2025-10-01/2026-10-01")["value"].iloc[0]
    assert terms["margin"] == pytest.approx(margin)
    row = found.now.iloc[0]
    valued = churn_offers.with_value(found.now[["customer_id"]], found, terms).iloc[0]
    assert valued["value"] == pytest.approx((12 * row["mrr"] + max(row["revenue_year"], 0)) * margin)
    fixed = churn_offers.offer(sample, found, sample.period("latest"), **OFFER | {"value": 500.0})
    assert churn_offers.with_value(found.now[["customer_id"]], found, fixed)["value"].eq(500).all()


def test_an_offer_that_pays_for_nobody_is_said(sample, found):
    dear = churn_offers.offer(sample, found, sample.period("latest"), **OFFER | {"cost": 1e9})
    none = churn_offers.calls(found, dear, holdout=0.2)
    assert plain(churn_offers.calls_words(found, none)).startswith("An offer pays for nobody")
    assert "pays for nobody" in plain(pages.grid(churn_offers.first_calls(sample, found, none, top=5), caption="x"))
    curve = churn_offers.curve(found, dear)
    assert "pays for nobody" in plots.profit(curve).crm_alt
    assert "never pays" in plain(churn_offers.profit_words(found, dear, curve))


def test_the_words_carry_the_numbers(found, terms, calls, kept):
    assert "The best simple rule is “rate of the contract”" in plain(churn.score_words(found))
    assert "more than noise" in plain(churn.score_words(found))
    assert "No sign of a leak" in plain(churn.features_used(found))
    assert f"{len(calls)} of {len(found.now)} customers are on the list" in plain(
        churn_offers.calls_words(found, calls)
    )
    assert "before 2026-07-03" in plain(churn_promise.promise_words(kept))
    curve = churn_offers.curve(found, terms)
    assert "An offer costs €25, keeps 20.0%" in plain(churn_offers.profit_words(found, terms, curve))


def test_headlines_and_first_calls(sample, found, terms, calls):
    card = churn_offers.cards(found, terms, calls)
    assert "Customers expected to leave within 90 days are" in plain(pages.answer(card, ["expected", "offers"]))
    listed = churn_offers.first_calls(for_readers(sample), found, calls, top=3)
    assert len(listed) == 3
    assert listed["customer"].str.startswith("C-").all()
    assert listed["why"].str.len().gt(0).all()
    assert "holds" in plain(pages.headline_cards(card, churn_offers.CARDS)) or card["value"].notna().all()


def test_everything_adds_up(found, terms, calls, kept):
    text = plain(checks(churn_promise.agreements(found, terms, calls, kept)))
    assert text.count("holds") == 6
    assert "does not hold" not in text


def test_figures_have_findings_descriptions_and_numbers(found, terms):
    matters = churn.what_matters(found, repeats=2)
    first = churn.dependence(found, matters)
    figures = [
        plots.gain(scores.gain(found.predictions), first=found.chosen),
        plots.calibration(scores.calibration(found.unseen)),
        plots.profit(churn_offers.curve(found, terms)),
        plots.dependence(first, **churn.about_dependence(first)),
        plots.dependence(
            churn.dependence(found, matters.iloc[[0]].assign(feature="satisfaction")), name="Satisfaction"
        ),
    ]
    for ax in figures:
        assert len(ax.crm_alt) > 40
        assert "nan" not in ax.crm_alt
        assert ax.crm_twin().html.startswith("<table")
    assert churn.matters_finding(matters).startswith("The order of the risks hangs most on Contract")


def test_figures_of_nothing_say_so():
    empty = pd.DataFrame({"promised": [], "actual": [], "low": [], "high": [], "n": []})
    assert "No data" in plots.calibration(empty).crm_alt
    nobody = scores.gain(pd.DataFrame({"churned": [0, 0], "risk": [0.1, 0.2]}))
    assert "No data" in plots.gain(nobody).crm_alt
    assert "No data" in plots.dependence(pd.DataFrame({"value": [], "risk": [], "n": []})).crm_alt


def test_a_saved_model_is_compared_with_its_own_promise(sample, found, kept, tmp_path):
    from crmkit.models.store import save

    path = save(kept["saved"], tmp_path / "then.skops")
    again = churn_promise.kept_promise(sample, found, str(path))
    assert again["rows"]["risk"].sum() == pytest.approx(kept["rows"]["risk"].sum())
    now = found.save(tmp_path / "now.skops")
    waiting = churn_promise.kept_promise(sample, found, str(now))
    assert waiting == {"missing": "the window of the model of 2026-10-01 is not over"}
    assert "not over" in plain(pages.grid(churn_promise.promise_table(waiting), caption="x"))
    assert plain(churn_promise.drift_words(waiting)) == ""


def test_offers_are_measured_from_an_experiment(sample):
    nothing = churn_promise.offers_brought(sample, "")
    assert "no experiment was named" in plain(churn_promise.offers_words(nothing)).lower()
    measured = churn_promise.offers_brought(sample, "EXP-1", cost=5.0, value=100.0)
    assert measured["offered"].iloc[0] > 50
    assert "95% interval" in plain(churn_promise.offers_words(measured))
    with pytest.raises(UsageError, match=r"no variant 'held'"):
        churn_promise.offers_brought(sample, "EXP-1", control="held")
    with pytest.raises(UsageError, match=r"no experiment 'EXP-9'"):
        churn_promise.offers_brought(sample, "EXP-9")


def test_a_flat_table_gives_the_same_page_without_what_needs_dates(sample, flat):
    terms = churn_offers.offer(sample, flat, sample.period("latest"), **OFFER | {"value": 300.0})
    calls = churn_offers.calls(flat, terms, holdout=0.1)
    assert calls["customer_id"].str.startswith("c").all()
    assert len(churn.learned_from(flat)) == 1
    assert "the strongest alone, happy, has an AUC" in plain(churn.features_used(flat))
    curve = churn_offers.curve(flat, terms)
    assert "dear customers" not in plain(churn_offers.profit_words(flat, terms, curve))
    kept = churn_promise.kept_promise(sample, flat)
    assert "flat table has no dates" in plain(pages.grid(churn_promise.promise_table(kept), caption="x"))
    assert churn_promise.time_to_leave(flat).attrs["missing"] == churn.FLAT
    assert "does not hold" not in plain(checks(churn_promise.agreements(flat, terms, calls, kept)))
    assert churn.what_matters(flat, repeats=2)["title"].iloc[0] == "happy"
    with pytest.raises(UsageError, match=r"there is no file 'none\.csv'"):
        churn.study(sample, sample.period("latest"), **OPTIONS, table="none.csv", label="left")
    with pytest.raises(UsageError, match=r"name the column"):
        churn.study(sample, sample.period("latest"), **OPTIONS, table=__file__)


def test_data_that_says_nothing_of_leaving_is_not_this_page(pipeline):
    with pytest.raises(NotInThisData, match=r"needs the table subscriptions or orders"):
        churn.study(pipeline, pipeline.period("2026-Q2"), **OPTIONS)


def test_buyers_without_subscriptions_have_a_page_too(sample):
    tables = {name: sample.tables[name].to_pandas() for name in ("orders", "customers")}
    tables["orders"] = tables["orders"][tables["orders"]["customer_id"] > "00800"]
    crm = crmkit.open(tables, as_of="2026-09-30")
    found = churn.study(crm, crm.period("latest"), **OPTIONS)
    assert found.panel.attrs["basis"] == "orders"
    assert found.scores.set_index("model").loc["logistic", "auc"] > 0.6
    assert churn_promise.time_to_leave(found).attrs["missing"] == "buyers do not say when they leave"
    kept = churn_promise.kept_promise(crm, found)
    assert len(churn_promise.promise_table(kept)) == 4
