"""The scorecard: every metric that this data can answer, with change, interval, target and status."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmkit.engine.buckets import Buckets
from crmkit.engine.compare import is_good, with_change
from crmkit.engine.explain import explain
from crmkit.engine.measure import all_known_from, measure_span
from crmkit.engine.targets import targets, with_attainment
from crmkit.errors import UsageError
from crmkit.metric import all_metrics, find
from crmkit.periods import Period

HISTORY = {"week": 13, "month": 13, "quarter": 9, "year": 4, None: 2}
"""How many periods a spark line shows, the present one included."""
_DIMENSIONS = ("segment", "plan", "source", "channel", "owner.team", "kind", "region", "category")


def scorecard(
    crm, period: str | Period = "latest", *, metrics: Sequence[str] | None = None, intervals: bool = True
) -> pd.DataFrame:
    """Measure all that this data can answer in one period, and compare it with the period before.

    Parameters
    ----------
    crm : Crm
    period : str or Period
        By default the latest complete quarter.
    metrics : list of str, optional
        By default all that this data has the tables for.
    intervals : bool
        Whether to compute 95% intervals.

    Returns
    -------
    DataFrame
        One row a metric: `metric`, `title`, `family`, `category`, `unit`, `better`, `period` (as it is written),
        `value`, `low`, `high`, `n`, `previous`, `change`, `change_low`, `change_high`, `verdict`, `good` (whether the
        change is in the better direction), `target`, `attainment`, `status` and `note`. Its `attrs["history"]` is a
        frame of values by period and metric, for spark lines; `attrs["missing"]` says what cannot be measured, and why.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("abc"),
    ...     "created_at": ["2026-01-01", "2026-04-01", "2026-04-02"]}}, as_of="2026-06-30")
    >>> card = scorecard(crm, "2026-Q2", metrics=["leads"])
    >>> card[["metric", "value", "previous"]].values.tolist()
    [['leads', 2.0, 1.0]]
    """
    from crmkit import prepared
    from crmkit.engine.availability import lacks

    now = crm.period(period)
    if crm.as_of is not None and now.start > crm.as_of:
        raise UsageError(f"The period {now.name} lies after {crm.as_of:%Y-%m-%d}, the last day that the data knows.")
    # what is made of targets is in a column of its own
    every = [name for name, metric in all_metrics().items() if "targets" not in metric.relations]
    names = list(metrics) if metrics is not None else every
    reasons = {name: lacks(crm, find(name).name) for name in names}
    able = [name for name in names if not reasons[name]]
    past = range(HISTORY[now.grain] - 1, 0, -1)
    span = Buckets((*(now.previous(back) for back in past), now), now.grain)
    card = _card(crm, able, span, intervals)
    card.attrs |= {"as_of": crm.as_of, "currency": crm.config.currency}
    card.attrs["missing"] = pd.DataFrame(
        [(name, find(name).title, find(name).family, reasons[name]) for name in names if reasons[name]],
        columns=["metric", "title", "family", "reason"],
    )
    if metrics is None and intervals:
        prepared.leave(crm, now.name, card)
    return card


def _card(crm, able: list[str], span: Buckets, intervals: bool) -> pd.DataFrame:
    now, before = span.periods[-1], span.periods[-2]
    if able:
        measured = measure_span(crm, able, span, recent=2 if intervals else 0)
    else:
        measured = pd.DataFrame(columns=["metric", "period", "value", "low", "high", "n", "note"])
    new = measured[measured["period"] == now.start].set_index("metric").reindex(able)
    old = measured[measured["period"] == before.start].set_index("metric").reindex(able)
    about = [find(name) for name in able]
    # before its tables begin, a number is unknown and not zero
    unknown = [metric.name for metric in about if (since := all_known_from(crm, metric)) and before.end <= since]
    old.loc[unknown, ["value", "low", "high"]] = np.nan
    card = pd.DataFrame(
        {
            "metric": pd.Series(able, dtype=str),  # text also where there are none
            "title": [metric.title for metric in about],
            "family": [metric.family for metric in about],
            "category": [metric.category for metric in about],
            "unit": [metric.unit for metric in about],
            "better": [metric.better for metric in about],
            "period": now.name,
            **{name: new[name].to_numpy() for name in ("value", "low", "high", "n")},
            "previous": old["value"].to_numpy(),
            "previous_low": old["low"].to_numpy(),
            "previous_high": old["high"].to_numpy(),
        }
    )
    card = with_change(card).drop(columns=["previous_low", "previous_high"])
    card["good"] = [is_good(name, change) for name, change in zip(card["metric"], card["change"], strict=True)]
    card = card.merge(targets(crm, now), on="metric", how="left", validate="one_to_one")
    card = with_attainment(card.astype({"target": float}))
    card["note"] = new["note"].fillna("").to_numpy()
    card.attrs["history"] = measured.pivot(index="period", columns="metric", values="value")
    return card


def movers(card: pd.DataFrame, *, most: int = 5, per_family: int | None = None) -> pd.DataFrame:
    """Return the metrics of a scorecard whose change stands out most from its own noise.

    The measure is the change divided by half the width of its interval: 1 is the edge of chance. Metrics without an
    interval are not ranked; of metrics that change together, such as a rate and its complement, the first stays, and
    of one family at most `per_family`, since its numbers are made of the same rows.

    Returns
    -------
    DataFrame
        Rows of the scorecard with `strength`, the strongest first.
    """
    ranked = card[card["verdict"].isin(["rose", "fell"])].copy()
    half = np.where(
        ranked["change"] > 0, ranked["change"] - ranked["change_low"], ranked["change_high"] - ranked["change"]
    )
    ranked["strength"] = ranked["change"].abs() / half
    ranked = ranked.sort_values("strength", ascending=False, kind="stable")
    mirrored = ranked["strength"].round(6).duplicated()
    ranked = ranked[~mirrored]
    if per_family is not None:
        ranked = ranked[ranked.groupby("family").cumcount() < per_family]
    return ranked.head(most).reset_index(drop=True)


def reasons(crm, metric: str, *, period: str | Period, by: Sequence[str] = _DIMENSIONS, most: int = 3) -> pd.DataFrame:
    """Find the groups that contribute most to the change of a metric from the period before.

    Parameters
    ----------
    crm : Crm
    metric : str
    period : str or Period
    by : list of str
        The columns to look at; those that the metric cannot be split by are passed over.
    most : int
        How many groups to return.

    Returns
    -------
    DataFrame
        `dimension`, `group`, `value`, `previous`, `mix`, `rate`, `effect`, `share` (of the change): the largest effects
        of the one dimension whose groups differ most in what they contribute.
    """
    now = crm.period(period)
    found = []
    for name in by:
        try:
            parts = explain(crm, metric, period=now, against=now.previous(), by=name)
        except UsageError:
            continue
        if 1 < len(parts) <= 50:
            change = parts["effect"].sum()
            parts = parts.rename(columns={name: "group"}).assign(dimension=name)
            parts["share"] = parts["effect"] / change if change else np.nan
            found.append((parts["effect"].abs().max() / parts["effect"].abs().sum(), parts))
    columns = ["dimension", "group", "value", "previous", "mix", "rate", "effect", "share"]
    if not found:
        return pd.DataFrame(columns=columns)
    return max(found, key=lambda pair: pair[0])[1].head(most)[columns].reset_index(drop=True)
