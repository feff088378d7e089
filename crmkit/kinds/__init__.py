"""What a metric can be: a count, a total, a mean, a quantile, a share, a level at a moment, or arithmetic of these.

A declaration returns one of these kinds. A kind knows its atoms (the sums that the engine has to ask for) and how its
value follows from them. The same rule works on NumPy arrays, on bootstrap replicates of them, and on Ibis columns,
from which the SQL is printed.
"""

from crmkit.kinds.base import Arithmetic, Atom, Constant, Get, Given, Kind
from crmkit.kinds.declare import (
    attained,
    count,
    days,
    level,
    mean,
    median,
    net_share,
    quantile,
    share,
    total,
    waiting,
    withheld,
)
from crmkit.kinds.plain import (
    Attained,
    Count,
    Days,
    Level,
    Mean,
    NetShare,
    Quantile,
    Share,
    Total,
    Waiting,
    Windowed,
    Withheld,
)

__all__ = [
    "Arithmetic",
    "Atom",
    "Attained",
    "Constant",
    "Count",
    "Days",
    "Get",
    "Given",
    "Kind",
    "Level",
    "Mean",
    "NetShare",
    "Quantile",
    "Share",
    "Total",
    "Waiting",
    "Windowed",
    "Withheld",
    "attained",
    "count",
    "days",
    "level",
    "mean",
    "median",
    "net_share",
    "quantile",
    "share",
    "total",
    "waiting",
    "withheld",
]
