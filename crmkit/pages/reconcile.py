"""The reconciliations at the end of a page: what must agree with what, computed along two ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.metric import find
from crmkit.numbers import as_number
from crmkit.pages.frames import explain, values
from crmkit.pages.sentences import dimension_name
from crmkit.periods import Period

if TYPE_CHECKING:
    from crmkit.crm import Crm

#: Identities between metrics: what is said, the left side with its signs, the right side.
IDENTITIES = {
    "customers": (
        "customers at the start + new + reactivated − lost = at the end",
        {"customers_at_start": 1, "new_customers": 1, "reactivated_customers": 1, "lost_customers": -1},
        {"customers_at_end": 1},
    ),
    "mrr": (
        "MRR at the start + new + expansion + reactivation − contraction − churned = at the end",
        {
            "mrr_at_start": 1, "new_mrr": 1, "expansion_mrr": 1, "reactivation_mrr": 1, "contraction_mrr": -1,
            "churned_mrr": -1,
        },
        {"mrr": 1},
    ),
    "churn": ("churn rate + retention rate = 100%", {"churn_rate": 1, "retention_rate": 1}, {}),
}  # fmt: skip


def reconciled(
    crm: Crm,
    period: str | Period,
    *,
    identities: Sequence[str] = (),
    wholes: Sequence[tuple[str, str]] = (),
    changes: Sequence[tuple[str, str]] = (),
) -> pd.DataFrame:
    """Compute both sides of what should agree, for `notebook.checks`.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    identities : list of str
        Names in `IDENTITIES`, and "bands": promoters + passives + detractors = answers to the NPS question.
    wholes : list of (str, str)
        A count or total and a column: its groups must add up to the whole.
    changes : list of (str, str)
        A metric and a column: the parts of `explain` must add up to the change.

    Returns
    -------
    DataFrame
        `what`, `left`, `right`, `unit`, `currency`; what this data cannot measure is left out.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": list("abc"), "survey": ["nps"] * 3, "score": [3, 8, 10],
    ...     "answered_at": ["2026-03-01"] * 3}})
    >>> reconciled(crm, "2026-03", identities=["bands"])[["left", "right"]].values.tolist()
    [[3.0, 3.0]]
    """
    now = crm.period(period)
    rows = [
        *_identities(crm, now, identities),
        *(_whole(crm, now, name, by) for name, by in wholes if by and not lacks(crm, name)),
        *(_change(crm, now, name, by) for name, by in changes if by),
    ]
    columns = ["what", "left", "right", "unit", "currency"]
    made = [row for row in rows if row and as_number(row["left"]) is not None and as_number(row["right"]) is not None]
    return pd.DataFrame(made, columns=columns)


def _identities(crm: Crm, now: Period, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        if name == "bands":
            yield from _bands(crm, now)
            continue
        what, left, right = IDENTITIES[name]
        if any(lacks(crm, metric) for metric in (*left, *right)):
            continue
        value = values(crm, [*left, *right], now)
        unit = find(next(iter(left))).unit
        sides = [sum(sign * value[metric] for metric, sign in side.items()) for side in (left, right or {})]
        yield _row(crm, what, sides[0], sides[1] if right else 1.0, unit)


def _bands(crm: Crm, now: Period) -> Iterator[dict[str, Any]]:
    bands = ["promoters", "passives", "detractors"]
    if not lacks(crm, "nps"):
        measured = crm.measure([*bands, "nps"], period=now, intervals=False).set_index("metric")
        left = measured.loc[bands, "value"].sum()
        yield _row(crm, "promoters + passives + detractors = answers", left, measured.loc["nps", "n"], "count")


def _whole(crm: Crm, now: Period, name: str, by: str) -> dict[str, Any]:
    parts = crm.measure(name, period=now, by=by, intervals=False)["value"].sum()
    metric = find(name)
    what = f"{metric.title}: the groups by {dimension_name(by)} add up to the whole"
    return _row(crm, what, parts, values(crm, [name], now)[name], metric.unit)


def _change(crm: Crm, now: Period, name: str, by: str) -> dict[str, Any]:
    parts = explain(crm, name, now, by)
    if "effect" not in parts:
        return {}
    metric = find(name)
    change = values(crm, [name], now)[name] - values(crm, [name], now.previous())[name]
    what = f"{metric.title}: the parts by {dimension_name(by)} add up to the change"
    return _row(crm, what, parts["effect"].sum(), change, metric.unit)


def _row(crm: Crm, what: str, left: float, right: float, unit: str) -> dict[str, Any]:
    return {"what": what, "left": float(left), "right": float(right), "unit": unit, "currency": crm.config.currency}
