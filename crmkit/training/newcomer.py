"""Orvelin, the invented company of the last lesson, as its three systems know it: what is true of it is planted here.

Orvelin sells packing machines to bakeries, dairies and mills in France and the United Kingdom. What happened:

- In January 2026 a portal for Key customers went live. It makes a new account for each of them, with the segment
  Small: `PORTAL`, `THROUGH_PORTAL`. Since then most inquiries of Key customers belong to such an account.
- At the end of May 2026 Maren, who answered the tickets of Key customers, left: they wait since then (`WAITS`), those
  who were asked say so (`ANSWERS`), and from July on half as many of their inquiries are won (`WON`). Among Mid-size
  and Small customers nothing changed.
- Deals that are as good as lost are put to the stage Parked, by Ines more often than by others: `PARKED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from crmkit.sample.misspelling import OF_FIRMS, other_phone, pick
from crmkit.sample.people import phones

SEED = 24
FIRST, LAST = pd.Timestamp("2024-10-01"), pd.Timestamp("2026-09-30")
PORTAL, LEFT, FELT = pd.Timestamp("2026-01-12"), pd.Timestamp("2026-06-01"), pd.Timestamp("2026-07-01")
SEGMENTS = {"Key": 70, "Mid-size": 130, "Small": 180}
CLOSED = {"Key": 92, "Mid-size": 60, "Small": 62}
"""Deals that are closed in a quarter; `Key` those of Key customers, whichever account they belong to."""
WON = {"Key": (0.62, 0.32), "Mid-size": (0.47, 0.47), "Small": (0.45, 0.45)}
"""The share won of the deals closed, before July 2026 and since, up to three points; of every seller up to a deal."""
THROUGH_PORTAL = 0.93
PARKED = {"Ines Roche": 0.5}
"""The share of a seller's lost deals that is parked; of the other sellers' one in twenty-five."""
WAITS = {"Key": (180, 1900), "Mid-size": (260, 260), "Small": (300, 300)}
"""Minutes to the first reply, in the middle, before Maren left and since."""
ANSWERS = {"Key": ((0.56, 0.14), (0.22, 0.46)), "Mid-size": ((0.40, 0.24),) * 2, "Small": ((0.38, 0.26),) * 2}
"""Shares of promoters and detractors, of tickets before Maren left and since."""
SELLERS = ("Ines Roche", "Hugh Marsden", "Odile Fabre", "Colin Wray", "Basile Morel")
AGENTS = ("Maren Quist", "Tom Ashby", "Lucie Perrin", "Yann Keller")
_SIZES = {"Key": 24_000, "Mid-size": 15_000, "Small": 6_000}
_TICKETS = {"Key": 60, "Mid-size": 40, "Small": 34}
_ASKED = {"Key": 36, "Mid-size": 26, "Small": 26}
_STEMS = ("Arlonne", "Bressac", "Cavrel", "Dorvane", "Ervault", "Fontaly", "Garmeux", "Harvelle", "Jussane", "Kervoal",
          "Lambrec", "Marsonne", "Norvelle", "Orgeval", "Plessard", "Querval", "Rouvray", "Sorlinne", "Tressan",
          "Ussel", "Valcroix", "Wissart", "Yvrande", "Ambrelle", "Beaucastre")  # fmt: skip
_TRADES = {"France": ("Boulangerie", "Laiterie", "Minoterie", "Biscuiterie", "Fromagerie", "Confiserie", "Brûlerie",
                      "Conserverie"),
           "United Kingdom": ("Bakery", "Dairy", "Mills", "Biscuits", "Foods", "Confectionery", "Creamery",
                              "Roastery")}  # fmt: skip
_CITIES = {"France": ("Lille", "Amiens", "Rouen", "Reims", "Nantes", "Dijon"),
           "United Kingdom": ("Leeds", "Hull", "Norwich", "Bristol", "Derby", "Exeter")}  # fmt: skip


@dataclass(frozen=True)
class Newcomer:
    """The facts of the company: tables with one row an account, a deal, a ticket, an answer.

    Attributes
    ----------
    accounts : DataFrame
        `of` is the account that a second entry belongs to, and its own number where it is the first.
    deals, tickets, answers : DataFrame
    """

    accounts: pd.DataFrame
    deals: pd.DataFrame
    tickets: pd.DataFrame
    answers: pd.DataFrame


@cache
def newcomer(seed: int = SEED) -> Newcomer:
    """Make up the company; the same seed gives the same, made once in a session: copy a frame before you change it.

    Examples
    --------
    >>> made = newcomer()
    >>> int((made.accounts["number"] == made.accounts["of"]).sum())
    380
    """
    rng = np.random.default_rng(seed)
    accounts = _accounts(rng)
    deals = _deals(rng, accounts)
    accounts = _entered_again(rng, accounts, deals)
    return Newcomer(accounts, deals, _tickets(rng, accounts), _answers(rng, accounts))


def _accounts(rng: np.random.Generator) -> pd.DataFrame:
    """Return the customers as they were entered first, the large ones anywhere in the list."""
    count = sum(SEGMENTS.values())
    names = [(stem, trade, land) for land, trades in _TRADES.items() for trade in trades for stem in _STEMS]
    drawn = [names[at] for at in rng.choice(len(names), count, replace=False)]
    made = pd.DataFrame({"number": range(count), "of": range(count)})
    made["country"] = [land for _, _, land in drawn]
    made["name"] = [f"{trade} {stem} SARL" if land == "France" else f"{stem} {trade} Ltd"
                    for stem, trade, land in drawn]  # fmt: skip
    made["city"] = [str(rng.choice(_CITIES[land])) for land in made["country"]]
    made["phone"] = phones(rng, count)
    made["segment"] = rng.permutation(np.repeat(list(SEGMENTS), list(SEGMENTS.values())))
    made["employees"] = (rng.lognormal(3, 0.6, count) * made["segment"].map({"Key": 8, "Mid-size": 3, "Small": 1})
                         ).round().astype(int)  # fmt: skip
    made["owner"] = rng.choice(SELLERS, count)
    made["created_at"] = _days(rng, pd.Timestamp("2019-03-01"), FIRST, count)
    return made


def _deals(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.DataFrame:
    """Return the deals: of each quarter and segment as many as `CLOSED` says, and what is open at the end."""
    parts = []
    for begin in pd.date_range(FIRST, LAST, freq="QS"):
        for segment, count in CLOSED.items():
            days = _days(rng, begin, begin + pd.offsets.QuarterEnd(), count)
            parts.append(_asked_for(rng, accounts, segment, days, WON[segment][begin >= FELT]))
    for segment, count in CLOSED.items():
        days = _days(rng, LAST, pd.Timestamp("2026-12-20"), count // 2)
        parts.append(_asked_for(rng, accounts, segment, days, 0).assign(outcome="open"))
    made = pd.concat(parts, ignore_index=True)
    size = len(made)
    taken = rng.integers(18, 75, size)
    made["created_at"] = (made["closed_at"] - pd.to_timedelta(taken, "D")).clip(upper=LAST)
    made["amount"] = (made["segment"].map(_SIZES) * rng.lognormal(0, 0.5, size)).round(2)
    made["currency"] = made["customer"].map(accounts.set_index("number")["country"]).map(
        {"France": "EUR", "United Kingdom": "GBP"})  # fmt: skip
    parks = made["owner"].map(PARKED).fillna(0.04)
    made["parked"] = (made["outcome"] == "lost") & (rng.random(size) < parks)
    made["portal"] = (made["segment"] == "Key") & (made["created_at"] >= PORTAL) & (rng.random(size) < THROUGH_PORTAL)
    return made.assign(number=range(size))


def _asked_for(rng: np.random.Generator, accounts: pd.DataFrame, segment: str, days: pd.DatetimeIndex,
               share: float) -> pd.DataFrame:  # fmt: skip
    """Return deals of a segment, each seller's won in the same share, so that no seller stands out by chance."""
    own = accounts[accounts["segment"] == segment].set_index("number")["owner"]
    made = pd.DataFrame({"segment": segment, "closed_at": days, "customer": rng.choice(own.index, len(days))})
    made["owner"] = made["customer"].map(own)
    made = made.sort_values("owner", kind="stable", ignore_index=True)
    met = share + rng.uniform(-0.03, 0.03) if share else 0.0
    upto = np.floor(np.arange(len(made) + 1) * met + rng.random())
    made["outcome"] = np.where(np.diff(upto) > 0, "won", "lost")
    return made.sort_values("closed_at", kind="stable", ignore_index=True)


def _entered_again(rng: np.random.Generator, accounts: pd.DataFrame, deals: pd.DataFrame) -> pd.DataFrame:
    """Add the accounts that the portal made, each on the day of its first inquiry, and move the inquiries to them."""
    first = deals[deals["portal"]].groupby("customer")["created_at"].min().sort_values()
    again = accounts.set_index("number", drop=False).loc[first.index].reset_index(drop=True)
    again["number"] = len(accounts) + np.arange(len(again))
    again["name"] = [_written(name, rng) for name in again["name"]]
    code = again["country"].map({"France": "FR", "United Kingdom": "GB"})
    again["phone"] = [other_phone(phone, land, rng) for phone, land in zip(again["phone"], code, strict=True)]
    again = again.assign(segment="Small", employees=0, owner="Portal", created_at=first.to_numpy())
    moved = deals["portal"]
    deals["account"] = deals["customer"]
    deals.loc[moved, "account"] = deals.loc[moved, "customer"].map(again.set_index("of")["number"])
    return pd.concat([accounts, again], ignore_index=True)


def _written(name: str, rng: np.random.Generator) -> str:
    _, way = OF_FIRMS[pick({key: OF_FIRMS[key] for key in ("typing error", "other legal form", "without accents",
                                                           "other case")}, rng)]  # fmt: skip
    again = way(name, rng)
    return again if again.casefold() != name.casefold() else name.removesuffix(" SARL").removesuffix(" Ltd").upper()


def _tickets(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.DataFrame:
    """Return the tickets since 2025, with the minutes until each was first answered and until it was solved."""
    made = _monthly(rng, accounts, pd.Timestamp("2025-01-01"), _TICKETS, days=(0, 28))
    made["opened_at"] = made.pop("at") + pd.to_timedelta(rng.integers(8 * 60, 17 * 60, len(made)), "m")
    made = made.sort_values("opened_at", ignore_index=True)
    since = (made["opened_at"] >= LEFT).astype(int)
    middle = [WAITS[segment][late] for segment, late in zip(made["segment"], since, strict=True)]
    made["reply"] = (np.array(middle) * rng.lognormal(0, 0.6, len(made))).round().astype(int)
    made["solve"] = (made["reply"] + 900 * rng.lognormal(0, 0.7, len(made))).round().astype(int)
    others = rng.choice(AGENTS[1:], len(made))
    made["agent"] = np.where((made["segment"] == "Key") & (since == 0), AGENTS[0], others)
    return made.assign(number=range(len(made)))


def _answers(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.DataFrame:
    """Return the answers: from the 3rd to the 12th of each month those are asked who had a ticket in the last one."""
    made = _monthly(rng, accounts, pd.Timestamp("2025-10-01"), _ASKED, days=(2, 12))
    made["answered_at"] = made.pop("at") + pd.to_timedelta(rng.integers(7 * 3600, 19 * 3600, len(made)), "s")
    made = made.sort_values("answered_at", ignore_index=True)
    since = (made["answered_at"] >= LEFT + pd.offsets.MonthBegin()).astype(int)
    kinds = pd.Series("", made.index)
    for (segment, late, _), rows in made.groupby(["segment", since, made["answered_at"].dt.quarter]).groups.items():
        planted = np.round(np.array(ANSWERS[segment][late]) * len(rows)).astype(int) + rng.integers(-2, 3, 2)
        counts = (*planted, len(rows) - planted.sum())
        kinds[rows] = rng.permutation(np.repeat(["promoter", "detractor", "passive"], counts))
    bounds = {"promoter": (9, 11), "passive": (7, 9), "detractor": (1, 7)}
    scores = [int(rng.integers(*bounds[kind])) for kind in kinds]
    return made.assign(score=scores, number=range(len(made)))


def _monthly(rng: np.random.Generator, accounts: pd.DataFrame, first: pd.Timestamp, each: dict[str, int], *,
             days: tuple[int, int]) -> pd.DataFrame:  # fmt: skip
    """Return rows of so many customers of each segment in each month."""
    parts = []
    for begin in pd.date_range(first, LAST, freq="MS"):
        for segment, count in each.items():
            own = accounts.loc[(accounts["segment"] == segment) & (accounts["number"] == accounts["of"]), "number"]
            at = begin + pd.to_timedelta(rng.integers(*days, count), "D")
            parts.append(pd.DataFrame({"segment": segment, "customer": rng.choice(own, count), "at": at}))
    return pd.concat(parts, ignore_index=True)


def _days(rng: np.random.Generator, first: pd.Timestamp, last: pd.Timestamp, size: int) -> pd.DatetimeIndex:
    return first + pd.to_timedelta(rng.integers(0, (last - first).days + 1, size), "D")
