"""Intervals against published tables, other libraries, brute force, and their own coverage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.engine import intervals

NINE = [(0, 1), (1, 1), (0, 10), (10, 10), (1, 29), (81, 263), (15, 148), (3, 7), (500, 1000)]


@pytest.mark.parametrize(("part", "of"), NINE)
def test_wilson_equals_statsmodels(part, of):
    from statsmodels.stats.proportion import proportion_confint

    low, high = intervals.wilson(np.array([part]), np.array([of]))
    expected = proportion_confint(part, of, alpha=0.05, method="wilson")
    assert (low.item(), high.item()) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("part", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_newcombes_first_table(part, of, low, high):
    """R. G. Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."""
    found = intervals.wilson(np.array([part]), np.array([of]))
    assert [round(bound.item(), 4) for bound in found] == [low, high]


def test_wilson_of_nothing_is_unknown():
    assert np.isnan(intervals.wilson(np.array([0.0]), np.array([0.0]))).all()


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_differences_of_shares_equal_newcombes_second_table(a, m, b, n, low, high):
    """R. G. Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10."""
    one, other = ((part, of, *intervals.wilson(np.array([part]), np.array([of]))) for part, of in ((a, m), (b, n)))
    found = intervals.difference(a / m, one[2], one[3], b / n, other[2], other[3])
    assert [round(bound.item(), 4) for bound in found] == [low, high]


def test_adjusted_wald_by_hand():
    """8 promoters, 9 passives, 22 detractors: 8.75, 10.5 and 22.75 of 42."""
    p, q = 8.75 / 42, 22.75 / 42
    half = 1.959963984540054 * np.sqrt((p + q - (p - q) ** 2) / 42)
    low, high = intervals.adjusted_wald(np.array([8]), np.array([22]), np.array([39]))
    assert (low.item(), high.item()) == pytest.approx((100 * (p - q - half), 100 * (p - q + half)), abs=1e-9)


def test_adjusted_wald_stays_within_the_scale_and_is_unknown_for_nothing():
    low, high = intervals.adjusted_wald(np.array([3, 0, 0]), np.array([0, 3, 0]), np.array([3, 3, 0]))
    assert high[0] == 100
    assert low[1] == -100
    assert low[0] == pytest.approx(-high[1])
    assert np.isnan([low[2], high[2]]).all()


def test_adjusted_wald_covers():
    rng = np.random.default_rng(7)
    for size, chances in ((30, (0.5, 0.3, 0.2)), (60, (0.1, 0.2, 0.7)), (200, (0.33, 0.34, 0.33))):
        drawn = rng.multinomial(size, chances, 4000)
        low, high = intervals.adjusted_wald(drawn[:, 0], drawn[:, 2], np.full(4000, size))
        truth = 100 * (chances[0] - chances[2])
        assert 0.935 < np.mean((low <= truth) & (truth <= high)) < 0.975


def test_normal_equals_scipy():
    from scipy import stats

    sample = np.random.default_rng(1).gamma(2, 10, 40)
    low, high = intervals.normal(np.array([sample.sum()]), np.array([(sample**2).sum()]), np.array([40]))
    expected = stats.norm.interval(0.95, loc=sample.mean(), scale=stats.sem(sample))
    assert (low.item(), high.item()) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("n", "share"), [(12, 0.5), (39, 0.5), (200, 0.5), (80, 0.9)])
def test_order_ranks_are_where_a_bootstrap_ends(n, share):
    rng = np.random.default_rng(n)
    sample = np.sort(rng.lognormal(3, 1, n))
    drawn = rng.choice(sample, (20_000, n))
    replicates = np.quantile(drawn, share, axis=1, method="hazen")
    expected = np.quantile(replicates, [0.025, 0.975])
    low, high = intervals.order_ranks(np.array([n]), share)
    found = sample[low.item() - 1], sample[high.item() - 1]
    # each end within two ranks of the brute-force bootstrap's
    for got, want in zip(found, expected, strict=True):
        assert abs(np.searchsorted(sample, got) - np.searchsorted(sample, want)) <= 2


@pytest.mark.parametrize(("n", "share"), [(25, 0.5), (100, 0.5), (100, 0.9)])
def test_order_ranks_cover(n, share):
    rng = np.random.default_rng(3)
    samples = np.sort(rng.exponential(1.0, (4000, n)), axis=1)
    low, high = (rank.item() - 1 for rank in intervals.order_ranks(np.array([n]), share))
    truth = -np.log(1 - share)
    assert 0.92 < np.mean((samples[:, low] <= truth) & (truth <= samples[:, high])) < 0.98


def test_order_ranks_of_one_are_that_one():
    low, high = intervals.order_ranks(np.array([1]), 0.5)
    assert (low.item(), high.item()) == (1, 1)


WORLDS = 300


def opportunities(rng, size=120) -> pd.DataFrame:
    """Draw deals that open on the first day of a world's quarter: 40% are won, for 1,000 each, after 20 days."""
    won = rng.random(size) < 0.4
    return pd.DataFrame(
        {
            "outcome": np.where(won, "won", "lost"),
            "created_at": pd.Timestamp("2026-01-01"),
            "closed_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.gamma(4, 5, size).round(3), unit="D"),
            "amount": rng.gamma(2, 500, size).round(2),
        }
    )


def test_the_bootstrap_of_velocity_covers():
    """Each owner is a world of its own, so that one measurement gives the intervals of all."""
    rng = np.random.default_rng(2026)
    # the number of deals is left to chance as well, as the bootstrap supposes
    worlds = [opportunities(rng, rng.poisson(80)).assign(owner_id=f"{world:03}") for world in range(WORLDS)]
    frame = pd.concat(worlds, ignore_index=True)
    frame["opportunity_id"] = range(len(frame))
    found = crmkit.open({"opportunities": frame}, as_of="2026-12-31").measure(
        "sales_velocity", period="2026", by="owner_id"
    )
    truth = 80 * 1000 * 0.4 / 20
    assert len(found) == WORLDS
    assert 0.90 <= ((found.low <= truth) & (truth <= found.high)).mean() <= 0.98
    assert found.value.mean() == pytest.approx(truth, rel=0.05)


def test_the_bootstrap_of_revenue_retention_covers():
    """Customers leave with a chance of 10% and shrink with one of 20%, to a half: 80% of the revenue is kept."""
    rng = np.random.default_rng(77)
    size = 100
    rows = []
    for world in range(WORLDS):
        paid = rng.gamma(4, 25, size).round(2)
        fate = rng.random(size)
        for number, (mrr, luck) in enumerate(zip(paid, fate, strict=True)):
            customer = f"{world}-{number}"
            moves = luck < 0.3
            rows.append((customer, f"w{world:03}", "2025-01-01", "2026-02-10" if moves else None, mrr))
            if 0.1 <= luck < 0.3:
                rows.append((customer, f"w{world:03}", "2026-02-10", None, mrr / 2))
    frame = pd.DataFrame(rows, columns=["customer_id", "plan", "started_at", "ended_at", "mrr"])
    frame["subscription_id"] = range(len(frame))
    people = frame[["customer_id", "plan"]].drop_duplicates("customer_id").rename(columns={"plan": "segment"})
    crm = crmkit.open(
        {"subscriptions": frame, "customers": people.assign(created_at=pd.Timestamp("2025-01-01"))}, as_of="2026-03-31"
    )
    found = crm.measure("grr", period="2026-Q1", by="segment")
    assert len(found) == WORLDS
    assert 0.90 <= ((found.low <= 0.8) & (found.high >= 0.8)).mean() <= 0.98
    assert found.value.mean() == pytest.approx(0.8, abs=0.01)


def test_an_interval_is_the_same_each_time():
    rng = np.random.default_rng(1)
    frame = opportunities(rng).assign(opportunity_id=range(120))
    crm = crmkit.open({"opportunities": frame}, as_of="2026-12-31")
    one, two = (crm.measure("sales_velocity", period="2026") for _ in range(2))
    assert one.equals(two)
    assert one.low.item() < one.value.item() < one.high.item()


def test_rows_of_nobody_are_drawn_one_by_one():
    """Where customers are drawn, rows of no customer are not all those of one; the same customer is one everywhere."""
    from crmkit.engine.bootstrap import _units

    orders = pd.DataFrame({"unit": [None, "a", None, "a"], "c0": [1.0, 2.0, 3.0, 4.0]})
    deals = pd.DataFrame({"unit": ["a", None], "c0": [5.0, 6.0]})
    units = _units({"orders": orders, "deals": deals}, True)
    assert units["orders"][1] == units["orders"][3] == units["deals"][0]
    assert len({*units["orders"], *units["deals"]}) == 4
