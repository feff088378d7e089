"""What is known at a cut-off, worked by hand; the probe for leaks on planted ones; the sample's planted truths."""

import json
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import paths
from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods.hazards import cox, stretches
from crmkit.models import churn_risk, leakage_probe
from crmkit.models.churn_panel import churn_panel, crm_as_known, cutoffs_of
from crmkit.models.churn_study import churn_study
from crmkit.models.leakage import alone
from crmkit.models.monitoring import drift, promise_kept, uplift
from crmkit.models.reasons import importance, partial_dependence, reasons, typical
from crmkit.models.store import load, save

CUT = datetime(2026, 1, 1)
SUBSCRIPTIONS = {
    "subscription_id": list("12345"), "customer_id": list("abcde"), "mrr": [10.0, 20.0, 30.0, 40.0, 50.0],
    "started_at": ["2025-01-01", "2025-01-01", "2025-01-01", "2025-01-01", "2026-01-01"],
    "ended_at": ["2026-01-01", "2026-03-31", "2026-04-01", "2025-12-31", None],
}  # fmt: skip
TERMS = {"subscription_id": ["2", "3"], "term_start": ["2025-01-01"] * 2, "term_end": ["2026-01-01", "2026-06-01"],
         "outcome": ["renewed", "open"]}  # fmt: skip
ORDERS = {"order_id": list("1234"), "customer_id": list("abbb"), "amount": [10.0, 20.0, -5.0, 99.0],
          "ordered_at": ["2025-12-31", "2025-06-01", "2025-12-01", "2026-01-01"]}  # fmt: skip
TICKETS = {"ticket_id": ["1"], "customer_id": ["b"], "opened_at": ["2025-12-30"], "resolved_at": ["2026-01-02"]}
SURVEYS = {"response_id": ["1", "2"], "survey": ["nps", "csat"], "score": [5.0, 5.0], "customer_id": ["b", "b"],
           "answered_at": ["2025-12-01", "2025-12-02"]}  # fmt: skip


@pytest.fixture(scope="module")
def crm():
    tables = {"subscriptions": SUBSCRIPTIONS, "terms": TERMS, "orders": ORDERS, "tickets": TICKETS, "surveys": SURVEYS}
    return crmkit.open(tables, as_of="2026-06-30")


@pytest.fixture(scope="module")
def sample():
    return crmkit.open(paths.sample_data())


@pytest.fixture(scope="module")
def study(sample):
    return churn_study(sample)


def test_who_is_at_risk_and_who_left_by_hand(crm):
    """a leaves at the very cut-off, b within 90 days, c on day 90 (after the window); d had left, e had not come."""
    panel = churn_panel(crm, [CUT], window_days=90).set_index("customer_id")
    assert panel["churned"].to_dict() == {"a": 1.0, "b": 1.0, "c": 0.0}
    assert panel["days_followed"].to_dict() == {"a": 0.0, "b": 89.0, "c": 90.0}


def test_features_by_hand(crm):
    row = churn_panel(crm, [CUT], window_days=90).set_index("customer_id").loc["b"]
    assert row["days_since_order"] == 214.0  # the order of 1 June; the return is none, the one at the cut-off is later
    assert (row["orders_year"], row["revenue_year"], row["mrr"]) == (1, 15.0, 20.0)
    assert row["tickets_open"] == 1
    assert np.isnan(row["resolution_hours"]) if "resolution_hours" in row else True
    assert row["satisfaction"] == pytest.approx((0.5 + 1.0) / 2)
    assert row["contract"] == "term ends in the window"
    rest = churn_panel(crm, [CUT], window_days=90).set_index("customer_id")["contract"]
    assert rest.to_dict() == {"a": "no term", "b": "term ends in the window", "c": "goes on"}


def test_a_window_that_is_not_over_has_no_label(crm):
    panel = churn_panel(crm, [datetime(2026, 5, 1)], window_days=90)
    assert panel["customer_id"].tolist() == ["e"]
    assert panel["churned"].isna().all()


def test_later_rows_change_no_feature(sample):
    cutoff = cutoffs_of(sample)[-2]
    whole, known = (churn_panel(one, [cutoff]) for one in (sample, crm_as_known(sample, cutoff)))
    names = ["customer_id", *[name for name in whole.attrs["features"] if name in known.attrs["features"]]]
    assert len(names) > 20
    pd.testing.assert_frame_equal(whole[names], known[names], check_dtype=False)
    assert known["churned"].isna().all()


def test_all_cutoffs_at_once_are_each_alone(sample):
    cutoffs = cutoffs_of(sample)[-2:]
    both = churn_panel(sample, cutoffs)
    one = churn_panel(sample, cutoffs[:1])
    first = both[both["cutoff"] == both["cutoff"].min()].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, one, check_like=True)


def test_orders_alone_make_leaving_the_lack_of_an_order():
    orders = {"order_id": list("123"), "customer_id": list("abb"), "amount": [1.0] * 3,
              "ordered_at": ["2025-10-01", "2025-11-01", "2026-02-01"]}  # fmt: skip
    crm = crmkit.open({"orders": orders}, as_of="2026-12-31")
    panel = churn_panel(crm, [CUT], window_days=90)
    assert panel.attrs["basis"] == "orders"
    assert panel[["customer_id", "churned"]].to_numpy().tolist() == [["a", 1.0], ["b", 0.0]]


def test_what_the_data_lacks_is_said(crm):
    with pytest.raises(NotInThisData, match=r"nobody was a customer at any cut-off"):
        churn_panel(crm, [datetime(2020, 1, 1)])
    with pytest.raises(NotInThisData, match=r"needs 180 days of history"):
        cutoffs_of(crm, last=datetime(2025, 9, 1))
    leads = crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-01-01"]}})
    with pytest.raises(
        NotInThisData, match=r"needs the table subscriptions or orders, or the column customers\.lost_at"
    ):
        churn_study(leads)
    with pytest.raises(UsageError, match=r"There is no feature 'luck'"):
        churn_panel(crm, [CUT], features=["luck"])
    with pytest.raises(UsageError, match=r"window_days is 0"):
        cutoffs_of(crm, window_days=0)
    with pytest.raises(NotInThisData, match=r"needs two cut-offs 200 days apart"):
        churn_study(crm, window_days=200)


def test_a_handful_of_customers_gets_one_rate_and_the_reason(crm):
    study = churn_study(crm)
    assert study.model.fallback_.endswith("fewer than the 10 that a model needs")
    assert study.model.fallback_ in study.notes
    found = study.risks()
    assert found["churn_risk"].nunique() == 1
    assert found["churn_risk"].iloc[0] == pytest.approx(study.panel["churned"].mean())
    assert found["reasons"].eq("").all()


def test_the_probe_lets_the_declared_features_pass(sample, study):
    assert study.probe["changed"].sum() == 0
    assert set(study.probe["feature"]) == set(study.features)
    assert study.probe["alone"].max() < 0.95


def test_the_probe_fails_loudly_on_a_feature_that_looks_ahead(sample):
    def all_orders(crm, cutoff):
        counted = crm.orders.to_pandas().groupby("customer_id").size()
        return counted.rename("all_orders").reset_index()

    panel = churn_panel(sample, cutoffs_of(sample)[-3:], features=["mrr"], more=all_orders)
    with pytest.raises(DataError, match=r"'all_orders' looks ahead: for .* of 573 customers its value at 2026-07-03"):
        leakage_probe(sample, panel, more=all_orders)


def test_the_probe_fails_loudly_on_a_feature_filled_in_on_goodbye(sample):
    reasons_of = sample.relations.get("spells").to_pandas()
    gone = set(reasons_of.loc[reasons_of["lost_at"].notna(), "customer_id"])

    def said_why(crm, cutoff):
        rows = churn_panel(sample, [cutoff], features=["mrr"])
        why = np.where((rows["churned"] == 1) & rows["customer_id"].isin(gone), "price", None)
        return pd.DataFrame({"customer_id": rows["customer_id"], "why": why})

    panel = churn_panel(sample, cutoffs_of(sample)[-3:], features=["mrr"], more=said_why)
    with pytest.raises(DataError, match=r"'why' alone tells who left with an AUC of (1\.000|0\.9)"):
        leakage_probe(sample, panel, more=said_why)
    assert len(leakage_probe(sample, panel, more=said_why, allowed=["why"])) == 2


def test_the_probe_looks_at_the_last_cut_off_by_itself(sample):
    """At an early cut-off those who left much later have a reason, too, so that over all of them it looks weaker."""
    customers = sample.tables["customers"].to_pandas()

    def reason(crm, cutoff):
        return customers[["customer_id", "lost_reason"]]

    panel = churn_panel(sample, cutoffs_of(sample), features=["mrr"], more=reason)
    over_all = alone(panel)["lost_reason"]
    assert over_all < 0.95
    with pytest.raises(DataError, match="'lost_reason' alone tells who left"):
        leakage_probe(sample, panel, more=reason)


def test_the_model_beats_the_rules_on_the_sample(study):
    rows = study.scores.set_index("model")
    assert rows.loc[study.chosen, "auc"] > 0.82
    assert rows.loc[study.chosen, "better_low"] > 0.2
    assert rows.loc[study.chosen, "auc"] > rows.loc["rate of the contract", "auc"]
    assert 0.7 < rows.loc[study.chosen, "slope"] < 1.3


def test_risks_of_today_are_one_row_a_customer_with_reasons(sample, study):
    found = study.risks(reasons_for=20)
    assert found["customer_id"].is_unique
    assert found["churn_risk"].between(0, 1).all()
    assert found["churn_risk"].is_monotonic_decreasing
    assert found["reasons"].head(5).str.contains("pts against").all()
    assert len(found) == len(study.now)


def test_churn_risk_has_subscribers_and_buyers(sample):
    found = churn_risk(sample, most=1, tests=1)
    assert set(found["group"]) == {"losses", "orders"}
    assert found["customer_id"].is_unique
    assert list(found.columns) == ["customer_id", "churn_risk", "reasons", "group"]


def test_unhappy_customers_leave_sooner_and_segments_as_planted(sample):
    """The truth of satisfaction is that of the mood behind the answers: a mean of few answers shows less of it."""
    truths = json.loads((paths.sample_data() / "truth.json").read_text(encoding="utf-8"))["truths"]
    hazard = {t["by"]["segment"]: t["value"] for t in truths if t["name"] == "monthly_hazard"}
    ratio = next(t["value"] for t in truths if t["name"] == "satisfaction_hazard_ratio")
    rows = stretches(
        churn_panel(
            sample, cutoffs_of(sample, most=12), features=["satisfaction", "segment", "contract", "tenure_days"]
        )
    )
    free = rows[rows["contract"] == "no term"]
    found = cox(free, ["satisfaction", "segment"]).set_index("name")
    happy = found.loc["satisfaction"]
    assert ratio < happy["value"] < happy["high"] < 1
    for name in ("Small business", "Mid-market"):
        row = found.loc[f"segment: {name}"]
        assert row["low"] < hazard[name] / hazard["Home subscription"] < row["high"]
    assert (found["p_proportional"] > 0.01).all()


def test_importance_and_dependence_find_the_contract(study):
    rows = study.panel[study.panel["cutoff"] == study.panel["cutoff"].max()]
    model = study.about["judged"][study.chosen]
    found = importance(model, rows[study.features], rows["churned"], repeats=2)
    assert found["feature"].iloc[0] == "contract"
    curve = partial_dependence(model, rows[study.features], "contract").set_index("value")["risk"]
    assert curve["term ends in the window"] > curve["no term"] > curve["goes on"]
    assert curve.sum() > 0
    happy = partial_dependence(model, rows[study.features], "satisfaction", points=4)["risk"]
    assert happy.iloc[0] > happy.iloc[-1]
    with pytest.raises(UsageError, match=r"no feature 'luck'"):
        partial_dependence(model, rows[study.features], "luck")


def test_reasons_leave_out_what_is_unknown(study):
    rows = study.now[study.features].head(3).assign(satisfaction=[np.nan, 0.0, 1.0])
    usual = typical(study.panel[study.features])
    said = reasons(study.model, rows, usual, titles=study.panel.attrs["titles"], most=30)
    assert "Satisfaction" not in said.iloc[0]
    assert "Satisfaction" in said.iloc[1]
    assert "Satisfaction" not in said.iloc[2]


def test_a_model_is_saved_loaded_and_the_same(study, tmp_path):
    path = study.save(tmp_path / "deep" / "churn.skops", company="Kawomir")
    again = load(path)
    given = study.now[study.features]
    assert np.array_equal(again.model.predict_proba(given), study.model.predict_proba(given))
    assert again.promise == study.promise
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert "# Churn model of Kawomir" in card
    assert "Learned from what was known before 2026-10-01" in card
    assert "within 90 days" in card


def test_boosting_is_saved_too_and_other_types_are_refused(study, tmp_path):
    from dataclasses import replace
    from os import system

    from sklearn.preprocessing import FunctionTransformer

    kept = replace(study.saved(), model=study.about["judged"]["boosting"])
    given = study.now[study.features]
    again = load(save(kept, tmp_path / "b.skops"))
    assert np.array_equal(again.model.predict_proba(given), kept.model.predict_proba(given))
    with pytest.raises(DataError, match=r"the model holds .*system, which would not be loaded again"):
        save(replace(kept, model=FunctionTransformer(system)), tmp_path / "c.skops")
    with pytest.raises(UsageError, match=r"ends in \.skops"):
        save(kept, tmp_path / "c.pkl")


def test_tampered_damaged_and_older_files_are_refused(study, tmp_path, monkeypatch):
    import zipfile

    import skops.io

    from crmkit.models import store

    path = study.save(tmp_path / "m.skops")
    evil = tmp_path / "evil.skops"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(evil, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "schema.json":
                text = text.replace(b'"ChurnModel"', b'"Popen"').replace(b'"crmkit.models.churn"', b'"subprocess"')
            new.writestr(name, text)
    with pytest.raises(DataError, match=r"refused, it holds subprocess\.Popen"):
        load(evil)
    cut = tmp_path / "cut.skops"
    cut.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match=r"refused, the file is damaged or was changed"):
        load(cut)
    other = tmp_path / "other.skops"
    other.write_bytes(skops.io.dumps({"a": 1}))
    with pytest.raises(DataError, match=r"refused, it is no model that crmkit saved"):
        load(other)
    with pytest.raises(DataError, match=r"there is no such model file"):
        load(tmp_path / "none.skops")
    here = store.versions()
    monkeypatch.setattr(store, "versions", lambda: here | {"scikit-learn": "99.0"})
    with pytest.raises(DataError, match=r"made with scikit-learn .*, here is 99\.0"):
        load(path)


def test_drift_tells_a_shift_from_chance():
    rng = np.random.default_rng(0)
    before = pd.DataFrame(
        {"same": rng.normal(size=2000), "moved": rng.normal(size=2000), "plan": rng.choice(["a", "b"], 2000)}
    )
    now = pd.DataFrame(
        {"same": rng.normal(size=300), "moved": rng.normal(1.0, 1, size=300), "plan": ["new"] * 150 + ["a"] * 150}
    )
    found = drift(before, now).set_index("feature")
    assert found["verdict"].to_dict() == {"same": "as before", "moved": "far off", "plan": "far off"}
    assert found.loc["moved", "ks"] == pytest.approx(0.38, abs=0.06)
    with pytest.raises(UsageError, match=r"lack the feature 'plan'"):
        drift(before, now.drop(columns="plan"))
    with pytest.raises(DataError, match=r"no customer to compare"):
        drift(before, now.head(0))


def test_a_promise_is_kept_or_broken():
    rng = np.random.default_rng(0)
    risk = rng.beta(1, 6, 3000)
    left = rng.random(3000) < risk
    kept = promise_kept(risk, left, {"auc": 0.68}).set_index("question")["kept"]
    assert kept.astype(bool).all()
    twice = promise_kept(np.clip(2 * risk, 0, 1), left, {"auc": 0.99}).set_index("question")["kept"]
    assert not twice["share that leaves"]
    half = promise_kept(risk / 2, left).set_index("question")["kept"]
    assert not half["error of the risks"]
    assert not twice["order (AUC)"]
    nobody = promise_kept([0.1] * 20, [0] * 20).set_index("question")
    assert nobody.loc["order (AUC)", "kept"] is None
    assert np.isnan(nobody.loc["order (AUC)", "came"])
    with pytest.raises(DataError, match=r"the window is not over"):
        promise_kept([0.1], [np.nan])


def test_uplift_by_hand_and_where_it_cannot_be_told():
    found = uplift(["offer"] * 100 + ["hold-out"] * 100, [1] * 10 + [0] * 90 + [1] * 40 + [0] * 60, cost=5, value=100)
    row = found.iloc[0]
    assert row["kept"] == pytest.approx(0.30)
    assert row["success_rate"] == pytest.approx(0.75)
    assert row["profit"] == pytest.approx(100 * (0.30 * 100 - 5))
    assert row["verdict"] == "the offers kept customers"
    alone = uplift(["offer"] * 5, [0] * 5).iloc[0]
    assert np.isnan(alone["kept"])
    assert alone["verdict"].startswith("cannot be told")
    with pytest.raises(UsageError, match=r"'control' is neither"):
        uplift(["control"], [0])


def test_cox_says_why_where_it_cannot():
    frame = pd.DataFrame({"x": range(30), "exit": np.arange(1, 31.0), "churned": [1] * 5 + [0] * 25})
    few = cox(frame, ["x"], entry=None)
    assert few.attrs["missing"] == "only 5 left, fewer than the 10 that a model needs"
    same = cox(frame.assign(churned=1, x=1.0), ["x"], entry=None)
    assert same.attrs["missing"] == "no covariate varies"
    with pytest.raises(DataError, match=r"row 0 .*must end after it begins"):
        cox(frame.assign(entry=5.0), ["x"])
    with pytest.raises(UsageError, match=r"no column 'y'"):
        cox(frame, ["y"], entry=None)
    parted = frame.assign(side=np.where(np.arange(30) < 15, "a", "b"), churned=[1] * 15 + [0] * 15)
    assert cox(parted, ["side"], entry=None).attrs["left_out"] == {"side: b": "nobody of it left"}
