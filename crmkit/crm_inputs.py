"""The inputs of the calculator of what a CRM may bring: defaults, units, what is allowed, how uncertain they are.

They stand by themselves, without pandas, so that the command line can name them at once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Input:
    """An input of the calculator.

    Attributes
    ----------
    default : float
    help : str
        What it is, with its unit.
    unit : str
        As those of metrics.
    least, most : float
        The values allowed.
    spread : (float, float)
        Which parts of it the low and the high end are, where nobody says otherwise.
    whole : bool
        Whether it must be a whole number.
    """

    default: float
    help: str
    unit: str
    least: float = 0.0
    most: float = float("inf")
    spread: tuple[float, float] = (1.0, 1.0)
    whole: bool = False


_UPLIFT, _ONCE, _RUNNING = (0.4, 1.3), (0.9, 1.6), (0.95, 1.2)
INPUTS: dict[str, Input] = {
    "deals": Input(120, "deals won a year", "count", spread=(0.85, 1.1)),
    "revenue_per_deal": Input(8_000, "revenue of a deal", "money", spread=(0.85, 1.1)),
    "gross_margin": Input(0.4, "gross margin, as a part of revenue", "share", most=1.0, spread=(0.9, 1.05)),
    "sales_people": Input(10, "people in sales who use the CRM", "count"),
    "monthly_cost": Input(5_000, "cost of a sales person a month", "money"),
    "hours_saved": Input(6, "hours saved per sales person and month", "hours", most=200, spread=_UPLIFT),
    "time_used": Input(0.5, "part of the hours saved that is put to use", "share", most=1.0, spread=(0.5, 1.5)),
    "more_deals": Input(0.0, "more deals won, as a part of today's", "share", least=-1, most=10, spread=_UPLIFT),
    "cross_sell": Input(
        0.05, "more revenue by cross-sell, part of today's", "share", least=-1, most=10, spread=_UPLIFT
    ),
    "up_sell": Input(0.03, "more revenue by up-sell, part of today's", "share", least=-1, most=10, spread=_UPLIFT),
    "customers_kept": Input(0, "customers a year who stay and would have left", "count", spread=_UPLIFT),
    "revenue_per_customer": Input(4_000, "revenue of such a customer in a year", "money", spread=(0.85, 1.1)),
    "acquisition_saved": Input(0, "spending on acquisition no longer needed, a year", "money", spread=_UPLIFT),
    "licence": Input(700, "licences a month, all users", "money", spread=_RUNNING),
    "implementation": Input(25_000, "implementation, paid once", "money", spread=_ONCE),
    "training": Input(6_000, "training, paid once", "money", spread=_ONCE),
    "operation": Input(400, "operation and support a month", "money", spread=_RUNNING),
    "ramp_months": Input(9, "months until the benefits have their full size", "months", most=120, spread=(0.7, 2.0)),
    "horizon_months": Input(36, "months that are looked at", "months", least=1, most=240, whole=True),
    "rate": Input(0.1, "yearly rate by which later money is discounted", "share", least=-0.5, most=5.0),
}
"""The inputs by name, with their defaults: a sales team of ten."""
