"""The sales funnel: of the opportunities created in a period, how far they came, how fast, and where they were lost."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crmkit.engine import dimensions
from crmkit.engine.intervals import wilson
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import median, names, need, run, said
from crmkit.periods import Period
from crmkit.relations import at

_DAY = 86_400.0
_UNKNOWN = "lost somewhere"
_COLUMNS = ["stage", "entered", "went_on", "lost", "open", "conversion", "low", "high", "from_start", "reached",
            "median_days", "mean_days"]  # fmt: skip


def funnel(crm, *, period: str | Period, by: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Follow the opportunities created in a period through the stages of the pipeline, up to being won.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    by : str or list of str, optional
        Columns of opportunities, or of the tables they join to.

    Returns
    -------
    DataFrame
        One row a group and stage in their order (see `stage_order`), and one for being won: one column for each of
        `by`; `stage`; `entered`; of them `went_on` (to any later stage, or won), `lost` there, `open` (standing there
        at `as_of`), which add up to `entered`; `conversion`, went_on ÷ (went_on + lost), with `low`, `high` (95%,
        Wilson); `from_start`, the product of the conversions before, which is the share of the created that gets
        here when the open ones fare like the others; `reached`, entered ÷ created, so far; `median_days` and
        `mean_days` in the stage, of those who left it.

    Raises
    ------
    NotInThisData
        Where there are no opportunities, or nothing says at which stage they were lost.
    UsageError
        Where nothing says in which order the stages stand.

    Notes
    -----
    An opportunity counts for every stage up to the furthest one it came to, also where it skipped one, and one that
    was won for all: so the funnel never widens. Each opportunity created counts as having entered the first stage.
    One that went back is counted where it came furthest. Without the table opportunity_stages an opportunity's own
    `stage` says how far it came, if it does so for the lost ones too; then no days are known.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won", "lost", "open"],
    ...     "created_at": ["2026-03-01"] * 3, "closed_at": ["2026-03-11", "2026-03-21", None]},
    ...     "opportunity_stages": {"opportunity_id": list("aabc"), "stage": ["Call", "Offer", "Call", "Call"],
    ...     "entered_at": ["2026-03-01", "2026-03-04", "2026-03-02", "2026-03-02"]}}, as_of="2026-03-31")
    >>> funnel(crm, period="2026-03")[["stage", "entered", "went_on", "lost", "open", "conversion", "median_days"]]
       stage  entered  went_on  lost  open  conversion  median_days
    0   Call        3        1     1     1         0.5         11.0
    1  Offer        1        1     0     0         1.0          7.0
    2    Won        1        0     0     0         NaN          NaN
    """
    need(crm, "funnel", "opportunities")
    wanted = names(by)
    span = crm.period(period)
    stages = stage_order(crm)
    asked, groups = _asked(crm, span, stages, wanted)
    won_name = next((stage.name for stage in crm.config.stages if stage.meaning == "won"), "Won")
    found = run(asked)
    if nowhere := int(found.loc[found["what"] == _UNKNOWN, "n"].sum()):
        raise NotInThisData(
            f"funnel: not in this data, needs the table opportunity_stages. {nowhere:,} lost opportunities of "
            f"{span.name} do not say at which stage they were lost."
        )
    frame = fold(found, [*stages, won_name], groups, wanted)
    return said(frame, crm, title="Sales funnel", unit="count")


def stage_order(crm) -> list[str]:
    """Return the stages that an opportunity passes before it is won or lost, in their order.

    First those that `crm.toml` calls open, in its order. A stage that only the data knows is put where most
    opportunities put it: behind the stages that more of them entered before it than after it.

    Raises
    ------
    UsageError
        Where neither `crm.toml` nor the table opportunity_stages says it.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["a"], "outcome": ["open"], "created_at": ["2026-03-01"],
    ...     "closed_at": [None]}, "opportunity_stages": {"opportunity_id": ["a", "a"], "stage": ["Offer", "Call"],
    ...     "entered_at": ["2026-03-04", "2026-03-01"]}})
    >>> stage_order(crm)
    ['Call', 'Offer']
    """
    told = [stage.name for stage in crm.config.stages if stage.meaning == "open"]
    ends = {stage.name for stage in crm.config.stages if stage.meaning != "open"}
    if "stage_visits" not in crm.relations:
        if not told:
            raise UsageError(
                "Nothing says in which order the stages stand: give [stages] in crm.toml, such as "
                "'Proposal = \"open\"', in their order, or the table opportunity_stages."
            )
        return told
    if ("stage order",) not in crm.remembered:
        crm.remembered["stage order",] = _seen(crm)
    seen, pairs = crm.remembered["stage order",]
    fresh = [stage for stage in seen if stage not in told and stage not in ends]

    def before(one: str, other: str) -> bool:
        return pairs.get((one, other), 0) > pairs.get((other, one), 0)

    # The stage that follows most others comes last; where as many, the one entered later on average.
    everything = [*told, *fresh]
    fresh.sort(key=lambda stage: (sum(before(other, stage) for other in everything), seen[stage], stage))
    order = list(told)
    for stage in fresh:
        place = max((i + 1 for i, other in enumerate(order) if before(other, stage)), default=0)
        order.insert(place if order else 0, stage)
    return order


def _seen(crm) -> tuple[dict[str, float], dict[tuple[str, str], int]]:
    """Return each stage's mean place in its opportunity, and how many opportunities entered one before another."""
    visits = crm.relations.get("stage_visits")
    firsts = visits.group_by("opportunity_id", "stage").agg(entered_at=visits.entered_at.min())
    later = firsts.select(later_id="opportunity_id", later="stage", later_at="entered_at")
    both = firsts.inner_join(later, firsts.opportunity_id == later.later_id)
    pairs = both.group_by("stage", "later").agg(before=(both.entered_at < both.later_at).sum(), n=both.count())
    found = run(pairs).fillna({"before": 0})
    counted = {(row.stage, row.later): int(row.before) for row in found.itertuples()}
    totals = found[found["stage"] == found["later"]].set_index("stage")["n"]
    earlier = found.groupby("later")["before"].sum()
    return {stage: float(earlier[stage] / n) for stage, n in totals.items()}, counted


def _asked(crm, span: Period, stages: list[str], by: list[str]) -> tuple[ir.Table, list[str]]:
    """Ask, by group and furthest stage, how many are open, lost and won; and by group and stage the days spent in it.

    `place` counts the stages from 0; being won is the place after the last.
    """
    deals, groups = dimensions.joined(crm, crm.relations, "opportunities", by)
    deals = deals.filter((deals.created_at >= at(span.start)) & (deals.created_at < at(span.end)))
    deals = deals.select("opportunity_id", "stage", "outcome", *groups)
    spent = None
    if "stage_visits" in crm.relations:
        visits = crm.relations.get("stage_visits")
        days = (visits.left_at.epoch_seconds() - visits.entered_at.epoch_seconds()) / _DAY
        visits = visits.select(visit_id="opportunity_id", place=_place(visits.stage, stages), days=days)
        visits = visits.filter(visits.place.notnull())
        each = visits.group_by("visit_id", "place").agg(
            days=visits.days.sum(), stands=visits.days.isnull().sum().fill_null(0)
        )
        spent = deals.inner_join(each, deals.opportunity_id == each.visit_id)
        furthest = each.group_by(far_id="visit_id").agg(far=each.place.max())
        deals = deals.left_join(furthest, deals.opportunity_id == furthest.far_id).drop("far_id")
    else:
        deals = deals.mutate(far=_place(deals.stage, stages))
    place = ibis.ifelse(deals.outcome == "won", len(stages), deals.far.fill_null(0)).cast("int64")
    what = deals.outcome
    if spent is None:
        what = ibis.ifelse((what == "lost") & deals.far.isnull(), _UNKNOWN, what)
    number = ibis.null("float64")
    counts = deals.group_by(*groups, place=place, what=what).agg(n=deals.count())
    counts = counts.select(*groups, "place", "what", "n", median_days=number, mean_days=number)
    if spent is None:
        return counts, groups
    spent = spent.filter(spent.stands == 0)
    days = spent.group_by(*groups, "place").agg(
        n=spent.count(), median_days=median(crm, spent.days), mean_days=spent.days.mean()
    )
    days = days.select(*groups, place=days.place.cast("int64"), what=ibis.literal("days"), n="n",
                       median_days="median_days", mean_days="mean_days")  # fmt: skip
    return ibis.union(counts, days, distinct=False), groups


def _place(stage: ir.StringValue, stages: list[str]) -> ir.IntegerValue:
    cases = [(stage == name, place) for place, name in enumerate(stages)]
    return ibis.cases(*cases).cast("int64") if cases else ibis.null("int64")


def fold(found: pd.DataFrame, stages: list[str], groups: list[str], by: list[str]) -> pd.DataFrame:
    """Return the funnel of each group from what was counted: `place`, `what`, `n`, `median_days`, `mean_days`.

    `what` is won, lost or open, counted at the furthest place, or days, spent at a place; `stages` ends with being won.
    Where there is a column `ripe`, conversions are computed from those it counts alone.
    """
    found = found.rename(columns=dict(zip(groups, by, strict=True)))
    if not by:
        return _one(found, stages)[_COLUMNS]
    parts = [_one(part, stages).assign(**dict(zip(by, key, strict=True))) for key, part in found.groupby(by, sort=True)]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*by, *_COLUMNS])
    return frame[[*by, *_COLUMNS]]


def _one(found: pd.DataFrame, stages: list[str]) -> pd.DataFrame:

    def counts(what: str, column: str) -> np.ndarray:
        rows = found[found["what"] == what]
        return np.bincount(rows["place"].to_numpy(int), rows[column].to_numpy(float), len(stages)).astype("int64")

    def passed(column: str) -> tuple[np.ndarray, ...]:
        won, lost, waiting = (counts(what, column) for what in ("won", "lost", "open"))
        entered = (won + lost + waiting)[::-1].cumsum()[::-1]
        return entered, np.append(entered[1:], 0), lost, waiting

    entered, went_on, lost, waiting = passed("n")
    _, ripe, ripe_lost, _ = passed("ripe" if "ripe" in found else "n")
    decided = np.append((ripe + ripe_lost)[:-1], 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        conversion = np.where(decided > 0, ripe / decided, np.nan)
        reached = np.where(entered[0] > 0, entered / entered[0], np.nan)
    low, high = wilson(ripe, decided)
    from_start = np.concatenate([[1.0], np.cumprod(conversion[:-1])]) if entered[0] else np.full(len(stages), np.nan)
    days = found[found["what"] == "days"].set_index("place").reindex(range(len(stages)))
    return pd.DataFrame(
        {
            "stage": stages,
            "entered": entered,
            "went_on": went_on,
            "lost": lost,
            "open": waiting,
            "conversion": conversion,
            "low": low,
            "high": high,
            "from_start": from_start,
            "reached": reached,
            "median_days": days["median_days"].to_numpy(float),
            "mean_days": days["mean_days"].to_numpy(float),
        }
    )
