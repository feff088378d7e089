"""The parameters of the sample company, in one place: what is planted in the tables and written to truth.json.

Rates and amounts are those of a company with 2,000 customers; `World.scale` makes a larger or smaller one of it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np

from crmkit.sample.moments import moment

START, END, CRM = moment("2023-10-01"), moment("2026-10-01"), moment("2025-07-01")
"""First moment of the history, the moment after the last one, and the day the CRM was introduced."""

BEFORE, AFTER = "2024-07-01/2025-07-01", "2025-10-01/2026-10-01"
"""Twelve months before the CRM and, leaving out three months of transition, twelve months with it."""

SEGMENTS = ("Enterprise", "Mid-market", "Small business", "Home subscription", "Home shop")
TYPES = ("office", "café", "home subscriber", "connoisseur", "gift giver")
PAID_CHANNELS = ("Search ads", "Social media", "E-mail", "Trade fairs", "Partners", "Trade press")
SOURCES = (*PAID_CHANNELS, "Referral", "Existing customer")
STAGES = ("Qualification", "Needs analysis", "Proposal", "Negotiation", "Won", "Lost")


@dataclass(frozen=True)
class Channel:
    """A marketing channel: leads a month = leads_max × spend ÷ (spend + half_spend).

    Attributes
    ----------
    leads_max : float
        Leads a month that no spending can exceed.
    half_spend : float
        Spending a month that brings half of them, EUR.
    spend : tuple of float
        Lowest and highest spending a month, EUR; equal where it never varies.
    win_logit, cycle, conversion : float
        What a lead of this channel does to the log-odds of winning, to the length of the sale and to conversion.
    """

    leads_max: float
    half_spend: float
    spend: tuple[float, float]
    win_logit: float
    cycle: float
    conversion: float


@dataclass(frozen=True)
class World:
    """Everything that is true of the sample company.

    Attributes
    ----------
    customers : int
        Rows of the customers table, prospects included.
    seed : int
        Seed of all random streams.
    """

    customers: int = 2000
    seed: int = 7

    # who there is: shares of the customers
    share_stock_business: float = 0.065  # customers since before the history begins
    share_new_business: float = 0.435  # accounts made from leads; about half of them buy
    share_stock_home: float = 0.03
    share_new_home: float = 0.16  # the rest buys in the web shop only
    segment_shares: tuple[float, ...] = (0.12, 0.30, 0.58)  # of businesses
    office_share: float = 0.55  # of businesses; the others run cafés
    gift_share: float = 0.40  # of the customers of the web shop

    # channels
    channels: dict[str, Channel] = field(
        default_factory=lambda: {
            "Search ads": Channel(38.0, 5200.0, (1500.0, 18000.0), 0.10, 1.00, 1.0),
            "Social media": Channel(26.0, 3000.0, (500.0, 10000.0), -0.35, 1.05, 0.8),
            "E-mail": Channel(18.0, 600.0, (120.0, 2500.0), 0.00, 0.95, 1.0),
            "Trade fairs": Channel(20.0, 6000.0, (1200.0, 20000.0), 0.25, 1.15, 1.3),
            "Partners": Channel(16.0, 2500.0, (500.0, 9000.0), 0.45, 0.85, 1.5),
            "Trade press": Channel(11.0, 2000.0, (2400.0, 2400.0), -0.20, 1.10, 0.9),
        }
    )
    referral_leads: float = 8.5  # a month, without spending
    referral_win_logit: float = 0.60
    referral_cycle: float = 0.80
    referral_conversion: float = 1.6

    # sales
    win_logit: float = -0.15
    expansion_logit: float = 0.45  # more than a new customer's
    rep_logit_spread: float = 0.60  # the best rep is that much above, the weakest below
    cycle_days: float = 58.0  # mean, before the CRM
    cycle_shape: float = 4.0  # of the gamma distribution: half as wide as long
    rep_cycle_spread: float = 0.22
    expansions_per_year: float = 0.75
    deal_amount: tuple[float, ...] = (38000.0, 14000.0, 4500.0)  # mean by segment, EUR

    # subscriptions
    annual_share: tuple[float, ...] = (0.95, 0.80, 0.60, 0.42)
    monthly_hazard: tuple[float, ...] = (0.010, 0.018, 0.030, 0.045)  # of those without a term
    renewal: tuple[float, ...] = (0.66, 0.62, 0.57, 0.51)  # before the CRM
    satisfaction_hazard: float = -0.75  # on the log of the hazard, by a standard deviation of satisfaction
    satisfaction_renewal: float = 0.10  # on the chance to renew
    return_share: float = 0.16  # of those who left, come back after 45 to 240 days

    # the web shop: BG/NBD in weeks, Gamma-Gamma in EUR
    bgnbd: tuple[float, ...] = (0.90, 9.0, 0.90, 3.10)  # r, alpha, a, b
    gamma_gamma: tuple[float, ...] = (5.0, 4.0, 30.0)  # p, q, v
    supply_orders: tuple[float, ...] = (4.5, 8.0, 3.5)  # a year, by type
    supply_amount: tuple[float, ...] = (260.0, 640.0, 32.0)  # mean by type, EUR
    own_category: float = 0.88  # share of a type's own category among what it puts in the basket first
    second_line: float = 0.55  # orders with a second product
    pair_pull: float = 0.45  # chance that the partner of a pair is that second product

    # service
    tickets_per_year: tuple[float, ...] = (7.0, 5.5, 3.6, 1.4, 0.6)
    agent_slowness: float = 0.55  # standard deviation of the log of an agent's times
    support_weight: float = 0.70  # part of satisfaction that an agent's slowness takes away
    nps_level: tuple[float, ...] = (0.75, 0.45, 0.10, 0.35, 0.20)
    nps_satisfaction: float = 1.10
    nps_cuts: tuple[float, ...] = (-0.75, 0.55)
    csat_level: float = 1.10
    csat_satisfaction: float = 0.50
    csat_slowness: float = -0.45  # by each factor e of time to resolve
    reopened: float = 0.07

    # experiments: difference in conversion and in value
    experiments: tuple[tuple[str, float, float, float], ...] = (
        ("EXP-1", 0.20, 0.08, 5.0),  # name, base conversion, added conversion, added value in EUR
        ("EXP-2", 0.15, 0.00, 0.0),
    )

    # what the CRM does
    crm_cycle: float = 0.65
    crm_renewal: float = 1.30
    crm_interactions: float = 1.26
    crm_cac: float = 0.83
    crm_routine: float = 0.75  # minutes a task or a note takes
    activities_per_month: tuple[float, ...] = (21.0, 10.0)  # of a sales and of a support user, before the CRM
    sales_cost_month: float = 62_000.0  # before the CRM

    @property
    def scale(self) -> float:
        """How many times larger than 2,000 customers."""
        return self.customers / 2000

    def rng(self, step: str) -> np.random.Generator:
        """Return the random stream of one step; each step has its own, so that none disturbs another."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(zlib.crc32(step.encode()),)))

    def staff(self, size: int, least: int) -> int:
        """Return how many people do the work that `size` people do for 2,000 customers."""
        return max(least, round(size * self.scale**0.6))

    def source_effects(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log-odds of winning, cycle factor and weight of conversion by source, in the order of SOURCES."""
        paid = [self.channels[name] for name in PAID_CHANNELS]
        logit = [c.win_logit for c in paid] + [self.referral_win_logit, self.expansion_logit]
        cycle = [c.cycle for c in paid] + [self.referral_cycle, 1.0]
        conversion = [c.conversion for c in paid] + [self.referral_conversion, 1.0]
        return np.array(logit), np.array(cycle), np.array(conversion)

    def rep_effects(self, reps: int) -> tuple[np.ndarray, np.ndarray]:
        """Return log-odds of winning and cycle factor by rep: evenly spread, in an order that looks like none."""
        rank = np.linspace(-1, 1, reps)
        logit = self.rep_logit_spread * rank[np.argsort(np.sin(np.arange(reps) * 12.9898))]
        cycle = np.exp(self.rep_cycle_spread * rank[np.argsort(np.cos(np.arange(reps) * 78.233))])
        return logit, cycle / cycle.mean()

    def rep_share(self, reps: int) -> np.ndarray:
        """Return the share of the new work that each rep gets."""
        share = 1 + 0.5 * np.sin(np.arange(reps) * 2.1)
        return share / share.sum()
