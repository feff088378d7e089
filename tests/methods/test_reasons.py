"""Ranking of columns: the same parts as explain, planted groups on top, chance kept at its rate."""

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.random_groups import _dealt, _normal, effects_of, random_sums
from crmkit.methods.reasons import candidates, rank_columns


def company(*, seed=0, size=600, moved="North", fall=0.4, extra=None):
    """Deals of two months; the win rate falls in one region, and other columns are drawn by lot."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({
        "opportunity_id": [str(i) for i in range(2 * size)],
        "created_at": "2025-12-01",
        "closed_at": ["2026-01-15"] * size + ["2026-02-15"] * size,
        "region": rng.choice(["North", "South", "East"], 2 * size),
        "size": rng.choice(list("abcdef"), 2 * size),
        "colour": rng.choice(["red", "blue"], 2 * size),
    })  # fmt: skip
    late = rows["closed_at"].eq("2026-02-15")
    chance = 0.6 - fall * (late & rows["region"].eq(moved))
    rows["outcome"] = np.where(rng.random(2 * size) < chance, "won", "lost")
    rows["lost_reason"] = np.where(rows["outcome"] == "lost", rng.choice(["Price", "Rival"], 2 * size), None)
    return crmkit.open({"opportunities": rows.assign(**(extra or {}))}, as_of="2026-03-31")


PERIODS = {"period": "2026-02", "against": "2026-01"}


@pytest.mark.parametrize("metric", ["churn_rate", "ces", "win_rate", "sales_cycle_days", "revenue", "nps", "leads"])
def test_the_parts_are_those_of_explain(sample, metric):
    found = rank_columns(sample, metric, period="2026-Q3", against="2026-Q2", draws=19)
    for row in found.head(3).to_dict("records"):
        parts = sample.explain(metric, period="2026-Q3", against="2026-Q2", by=row["by"])
        assert row["rate"] == pytest.approx(parts["rate"].sum(), abs=1e-9)
        assert np.nan_to_num(row["mix"]) == pytest.approx(parts["mix"].sum(), abs=1e-9)
        assert row["top_effect"] == pytest.approx(parts.set_index(row["by"])["effect"][row["top"]], abs=1e-9)
        assert np.nan_to_num(row["mix"]) + row["rate"] == pytest.approx(found.attrs["change"], abs=1e-6)


def test_the_planted_group_is_found_and_columns_drawn_by_lot_are_not():
    found = rank_columns(company(), "win_rate", **PERIODS)
    first = found.iloc[0]
    assert (first["by"], first["top"]) == ("region", "North")
    assert first["q"] < 0.01
    assert (found["q"].iloc[1:] > 0.05).all()
    assert first["apart"] > 3 * first["expected"]


def test_apart_worked_by_hand():
    """Web carries 30 of 30 more leads at a weight of (1/2 + 5/7)/2: 30 - 30 · 0.607 = 11.79 sits elsewhere."""
    rows = (
        [("2026-01-05", s) for s in ["web", "fair"] * 20] + [("2026-02-05", "web")] * 50 + [("2026-02-05", "fair")] * 20
    )
    at, source = zip(*rows, strict=True)
    crm = crmkit.open({"leads": {"lead_id": [str(i) for i in range(110)], "created_at": at, "source": source}})
    found = rank_columns(crm, "leads", **PERIODS).iloc[0]
    assert found["apart"] == pytest.approx(30 - 30 * (20 / 40 + 50 / 70) / 2)
    assert np.isnan(found["mix"])
    assert found["top_effect"] == 30


def test_where_nothing_is_planted_few_columns_stand_out():
    """Of columns drawn by lot about one in twenty has p below 5%."""
    rng = np.random.default_rng(8)
    lots = {f"lot{i}": rng.choice(list("abcd"), 300) for i in range(60)}
    crm = company(size=150, fall=0.0, extra=lots)
    found = rank_columns(crm, "win_rate", **PERIODS, columns=list(lots), draws=199)
    assert (found["p"] < 0.05).mean() <= 0.12
    assert 0.4 < found["p"].mean() < 0.6
    assert not (found["q"] < 0.05).any()


def test_labels_of_customers_are_dealt_to_customers():
    """One customer with all the late losses makes its segment stand out by rows, not by customers: there are few."""
    rows = pd.DataFrame({
        "opportunity_id": [str(i) for i in range(240)], "created_at": "2025-12-01",
        "customer_id": [f"c{i % 12}" for i in range(240)],
        "closed_at": ["2026-01-15"] * 120 + ["2026-02-15"] * 120,
    })  # fmt: skip
    lost = rows["customer_id"].eq("c0") & rows["closed_at"].eq("2026-02-15")
    rows["outcome"] = np.where(lost, "lost", "won")
    rows.loc[5, "outcome"] = "lost"
    rows["segment"] = np.where(rows["customer_id"].isin([f"c{i}" for i in range(6)]), "A", "B")
    people = rows.groupby("customer_id")["segment"].first().reset_index().assign(created_at="2025-01-01")
    crm = crmkit.open({"opportunities": rows, "customers": people}, as_of="2026-03-31")
    found = rank_columns(crm, "win_rate", **PERIODS, columns=["segment", "customer.segment"]).set_index("by")
    assert found.loc["segment", "p"] < 0.01
    assert found.loc["customer.segment", "p"] > 0.5
    assert found.loc["customer.segment", "n"] == 12


def test_columns_that_restate_the_outcome_are_left_out():
    flag = company().opportunities.to_pandas()
    mark = np.where(flag["outcome"] == "won", "party", "no party")
    found = rank_columns(company(extra={"evening": mark}), "win_rate", **PERIODS, draws=19)
    assert "evening" not in set(found["by"])
    assert "all or nothing" in found.attrs["left_out"]["evening"]
    assert not {"lost_reason", "outcome"} & set(found["by"])


def test_names_and_personal_columns_are_no_candidates(sample):
    assert not {"customer.name", "customer.email", "customer.gender", "customer.lost_reason"} & set(
        candidates(sample, "spells")
    )
    assert "customer.segment" in candidates(sample, "spells")


def test_columns_that_split_alike_count_once():
    region = company().opportunities.to_pandas()["region"]
    found = rank_columns(company(extra={"area": region + "!"}), "win_rate", **PERIODS, draws=49)
    assert found.attrs["left_out"]["area"] == "splits as region does"
    assert len(found) == 3


def test_one_group_and_too_many_groups_are_left_out():
    extra = {"only": "x", "each": [str(i) for i in range(1200)]}
    left = rank_columns(company(extra=extra), "win_rate", **PERIODS, draws=19).attrs["left_out"]
    assert left["only"] == "one group only"
    assert left["each"] == "1200 groups"


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("median_deal_size", "no share, mean or sum over rows"),
        ("visitors", "no share, mean or sum over rows"),
        ("cac", "made from several tables"),
    ],
)
def test_what_has_no_parts_is_refused_with_the_reason(sample, metric, why):
    with pytest.raises(UsageError, match=why):
        rank_columns(sample, metric, period="2026-Q3", against="2026-Q2")


def test_wrong_calls_say_what_is_wrong(sample):
    with pytest.raises(UsageError, match="no column 'segmnt'"):
        rank_columns(sample, "churn_rate", period="2026-Q3", against="2026-Q2", columns=["segmnt"])
    with pytest.raises(UsageError, match="no value in 2019-Q2"):
        rank_columns(sample, "churn_rate", period="2026-Q3", against="2019-Q2")
    bare = crmkit.open({"leads": {"lead_id": ["1", "2"], "created_at": ["2026-01-01", "2026-02-01"]}})
    with pytest.raises(NotInThisData, match="needs a column that forms groups"):
        rank_columns(bare, "leads", **PERIODS)
    with pytest.raises(NotInThisData, match="surveys"):
        rank_columns(bare, "nps", **PERIODS)


def test_the_same_seed_gives_the_same_p(sample):
    found = [rank_columns(sample, "win_rate", period="2026-Q3", against="2025-Q3", draws=99) for _ in range(2)]
    pd.testing.assert_frame_equal(*found)


def test_the_normal_limit_agrees_with_dealing():
    rng = np.random.default_rng(4)
    sides = rng.gamma(2.0, 1.0, (3000, 4))
    codes = rng.choice(3, 3000, p=[0.5, 0.3, 0.2])
    dealt, drawn = (way(sides, codes, 3, np.random.default_rng(6), 1500) for way in (_dealt, _normal))
    np.testing.assert_allclose(dealt.mean(axis=1), drawn.mean(axis=1), rtol=0.005)
    np.testing.assert_allclose(dealt.std(axis=1), drawn.std(axis=1), rtol=0.12)
    np.testing.assert_allclose(drawn.sum(axis=2), np.broadcast_to(sides.sum(axis=0)[:, None], (4, 1500)), rtol=1e-9)


def test_those_who_keep_their_group_keep_it():
    sides, codes = np.ones((6, 4)), np.array([0, 0, 1, 1, 2, 2])
    fixed = np.array([True, True, False, False, False, False])
    found = random_sums(sides, codes, 3, fixed, np.random.default_rng(0), 5)
    assert (found[:, :, 0] == 2).all()


def test_a_group_there_in_one_period_only_has_a_mix_effect_alone():
    mix, rate, _ = effects_of(np.array([[5.0, 3], [10, 10], [4, 0], [10, 0]]))
    assert rate[1] == 0
    assert mix.sum() + rate.sum() == pytest.approx(8 / 20 - 4 / 10)
