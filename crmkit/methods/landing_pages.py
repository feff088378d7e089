"""Landing pages, or other groups of visits, side by side: which of them differ from the rest by more than chance."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd

from crmkit.methods.common import need, said
from crmkit.periods import Period

RATES = {"bounce_rate": "bounce", "session_lead_rate": "lead", "session_purchase_rate": "purchase"}
"""The rates that are compared, and what their columns begin with."""
_SIDES = ("value", "low", "high", "numerator", "denominator")
FEW = 5
"""With fewer expected visits of either outcome, nothing is said about a page."""
ABOVE, BELOW, ALIKE, TOO_FEW = "above the rest", "below the rest", "no clear difference", "too few visits"


def landing_pages(crm, *, period: str | Period, by: str = "landing_page") -> pd.DataFrame:
    """Compare the pages on which visits begin: how many leave at once, become leads, buy.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    by : str
        Any other column of visits, such as source, is compared the same way.

    Returns
    -------
    DataFrame
        One row a page, most visits first: the column `by`, `visits` (entrances) and `share` (of all visits); then for
        each of bounce, lead and purchase that this data has: `<what>_rate`, of the page's visits, `<what>_low`,
        `<what>_high` (95%, Wilson), `<what>_n` (visits of which it is known) and `<what>_differs`: "above the rest",
        "below the rest", "no clear difference", or "too few visits".

    Raises
    ------
    NotInThisData
        Where there are no visits.

    Notes
    -----
    Rates are of visits, each of which has one landing page, so pages add up to the whole. A page differs from the rest
    where the difference of the two shares is larger than a two-sided z test with continuity correction would let chance
    make it, at 5% for the whole table: shared out over its rates and the pages that have enough visits (Bonferroni).
    Enough is where 5 visits of either outcome would be expected if the page were like the whole. That pages differ does
    not say that the page is why: other people land on it.

    Examples
    --------
    >>> import crmkit
    >>> pages = ["/a"] * 60 + ["/b"] * 60 + ["/c"] * 4
    >>> seen = [1] * 45 + [2] * 15 + [1] * 15 + [2] * 45 + [1] * 4
    >>> crm = crmkit.open({"web_sessions": {"session_id": range(124), "visitor_id": range(124), "landing_page": pages,
    ...     "pages": seen, "started_at": ["2026-03-01"] * 124}})
    >>> landing_pages(crm, period="2026-03")[["landing_page", "visits", "bounce_rate", "bounce_differs"]]
      landing_page  visits  bounce_rate  bounce_differs
    0           /a      60         0.75  above the rest
    1           /b      60         0.25  below the rest
    2           /c       4         1.00  too few visits
    """
    from crmkit.engine.availability import lacks

    need(crm, "landing_pages", "web_visits")
    rates = {name: what for name, what in RATES.items() if not lacks(crm, name)}
    found = crm.measure(["sessions", *rates], period=period, by=by)
    if not len(found):  # a period without visits: the same columns, and no page
        found = pd.DataFrame({"metric": ["sessions", *rates], by: ""}).assign(**dict.fromkeys(_SIDES, 0.0))
    wide = found.pivot(index=by, columns="metric", values=list(_SIDES))
    visits = wide["value"]["sessions"]
    if visits.isna().any():  # groups that readers may not see: they stay in the whole, and are no rows
        whole = crm.measure("sessions", period=period)["value"].iloc[0]
        wide, visits = wide[visits.notna()], visits[visits.notna()]
    else:
        whole = visits.sum()
    frame = pd.DataFrame({"visits": visits.astype(int), "share": visits / whole})
    for name, what in rates.items():
        part, of = (wide[side][name].fillna(0).to_numpy(float) for side in ("numerator", "denominator"))
        frame[f"{what}_rate"] = wide["value"][name]
        frame[f"{what}_low"], frame[f"{what}_high"] = wide["low"][name], wide["high"][name]
        frame[f"{what}_n"] = of.astype(int)
        frame[f"{what}_differs"] = against_the_rest(part, of, rates=len(rates))
    frame = frame.rename_axis(by).reset_index()
    frame = frame[frame["visits"] > 0].sort_values(["visits", by], ascending=[False, True], ignore_index=True)
    return said(frame, crm, title="Landing pages", compared=tuple(rates.values()))


def against_the_rest(part: np.ndarray, of: np.ndarray, *, rates: int = 1) -> list[str]:
    """Say of each group whether its share, `part` of `of`, differs from that of all others together.

    `rates` is how many such shares are looked at: the more there are, the larger a difference has to be.

    Examples
    --------
    >>> against_the_rest(np.array([30, 10, 1]), np.array([100, 100, 4]))
    ['above the rest', 'below the rest', 'too few visits']
    """
    part, of = np.asarray(part, float), np.asarray(of, float)
    others, others_of = part.sum() - part, of.sum() - of
    whole = part.sum() / of.sum() if of.sum() else 0.0
    enough = np.minimum(np.minimum(of, others_of) * whole, np.minimum(of, others_of) * (1 - whole)) >= FEW
    bound = NormalDist().inv_cdf(1 - 0.05 / (2 * max(int(enough.sum()) * rates, 1)))
    with np.errstate(divide="ignore", invalid="ignore"):
        each = 1 / of + 1 / others_of
        apart = part / of - others / others_of
        corrected = np.sign(apart) * np.maximum(np.abs(apart) - each / 2, 0)
        z = corrected / np.sqrt(whole * (1 - whole) * each)
    said_of = np.select([~enough, z > bound, z < -bound], [TOO_FEW, ABOVE, BELOW], ALIKE)
    return said_of.tolist()
