"""Whether slow answers make customers unhappy: the time each case took against what its customer said afterwards.

A team has few months, a company few teams; but each case has its own time and its own answer, so thousands of cases say
what a panel of teams cannot.

Sources
-------
A. Agresti (2013), Categorical Data Analysis, 3rd ed., ch. 5 (logistic regression). K.-Y. Liang and S. Zeger (1986),
Biometrika 73, 13-22 (errors of answers that belong together).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmkit.engine.intervals import wilson
from crmkit.errors import NotInThisData
from crmkit.methods.common import need, run, said
from crmkit.periods import Period
from crmkit.relations import at

SATISFIED = 0.75
"""The part of the scale from which on an answer counts as satisfied, as in the metric csat."""
FEWEST = 50
"""With fewer answers nothing is said."""
BANDS = (
    (0.0, 0.5, "under half"),
    (0.5, 1.0, "half to usual"),
    (1.0, 2.0, "usual to twice"),
    (2.0, np.inf, "over twice"),
)
"""How long a case took against what is usual: from, to, name."""


@dataclass(frozen=True)
class Logit:
    """A fitted logistic regression on one number, with a level of its own for each group: log-odds = level + slope × x.

    Attributes
    ----------
    slope, low, high : float
        With its 95% interval, robust to answers of the same cluster being alike.
    p : float
        Of a slope of 0.
    levels : array of shape (groups,)
        In the order of the sorted groups.
    groups, clusters : int
    """

    slope: float
    low: float
    high: float
    p: float
    levels: np.ndarray
    groups: int
    clusters: int


def satisfaction_by_delay(crm, *, period: str | Period | None = None) -> pd.DataFrame:
    """Say how the chance of a satisfied answer falls with the time that a case took, case by case.

    Parameters
    ----------
    crm : Crm
    period : str or Period, optional
        Of the answers; by default all.

    Returns
    -------
    DataFrame
        One row a band of delay, the quickest first: `delay` (the band), `value` (share satisfied), `low`, `high`
        (Wilson), `n` (answers). In `attrs`: `fit`, the regression (`Logit`) of being satisfied on the logarithm of the
        time to resolve over what is usual, each agent having a level of its own; `raw`, the same without; `answers`,
        how many. What is usual is the median of the resolved cases of the same priority. A slope is per factor e of
        that time.

    Raises
    ------
    NotInThisData
        Where tickets or their satisfaction surveys are missing, or fewer than 50 cases have both.

    Notes
    -----
    Without levels for the agents the slope mixes two things: that slow cases annoy, and that customers of slow agents
    are discontent anyway, in quick cases too. With them, cases of one agent are compared with each other. Still not an
    experiment: hard cases take long and may annoy by themselves. What differs between customers and is not known draws
    the slope towards 0 a little.
    """
    cases = answered_cases(crm, period=period)
    if len(cases) < FEWEST:
        raise NotInThisData(f"satisfaction_by_delay: not in this data, {len(cases)} cases have an answer.")
    x, y = np.log(cases["delay"].to_numpy(float)), cases["satisfied"].to_numpy(float)
    if y.min() == y.max() or x.min() == x.max():
        raise NotInThisData("satisfaction_by_delay: all answers, or all times, are the same: nothing to compare.")
    owner = cases["customer_id"].to_numpy()
    raw = logistic(x, y, owner)
    fit = logistic(x, y, owner, cases["agent_id"].to_numpy())
    rows = []
    for low, high, name in BANDS:
        mine = ((cases["delay"] >= low) & (cases["delay"] < high)).to_numpy()
        count, good = float(mine.sum()), float(y[mine].sum())
        ends = wilson(np.array([good]), np.array([count]))
        rows.append((name, good / count if count else np.nan, ends[0].item(), ends[1].item(), count))
    frame = pd.DataFrame(rows, columns=["delay", "value", "low", "high", "n"])
    return said(frame, crm, title="Satisfied answers", unit="share", fit=fit, raw=raw, answers=len(cases))


def answered_cases(crm, *, period: str | Period | None = None) -> pd.DataFrame:
    """Return the resolved cases whose customer answered how satisfied they are, one row an answer.

    Returns
    -------
    DataFrame
        `ticket_id`, `customer_id`, `agent_id`, `hours` (from opening to resolution), `usual` (the median of its
        priority), `delay` (the one over the other), `satisfied` (bool). Left out: answers outside their scale, and
        cases resolved at once.
    """
    need(crm, "satisfaction_by_delay", "tickets", "surveys")
    tickets = crm.relations.get("tickets")
    solved = tickets.filter(tickets.resolved_at.notnull())
    hours = (solved.resolved_at.epoch_seconds() - solved.opened_at.epoch_seconds()) / 3600.0
    solved = run(
        solved.select("ticket_id", "customer_id", "agent_id", priority=solved.priority.fill_null(""), hours=hours)
    )
    solved = solved[solved["hours"] > 0]
    solved["usual"] = solved.groupby("priority")["hours"].transform("median")
    surveys = crm.relations.get("surveys")
    asked = surveys.filter((surveys.survey == "csat") & surveys.ticket_id.notnull())
    if period is not None:
        span = crm.period(period)
        asked = asked.filter((asked.answered_at >= at(span.start)) & (asked.answered_at < at(span.end)))
    part = (asked.score - asked.scale_min) / (asked.scale_max - asked.scale_min)
    answers = run(asked.filter((part >= 0) & (part <= 1)).select("ticket_id", part=part))
    cases = answers.merge(solved, on="ticket_id").assign(delay=lambda t: t["hours"] / t["usual"])
    cases["satisfied"] = cases["part"] >= SATISFIED
    cases["customer_id"] = cases["customer_id"].fillna(cases["ticket_id"])  # a case of nobody stands for itself
    cases["agent_id"] = cases["agent_id"].fillna("(none)")
    columns = ["ticket_id", "customer_id", "agent_id", "hours", "usual", "delay", "satisfied"]
    return cases[columns].sort_values("ticket_id", ignore_index=True)


def logistic(x: np.ndarray, y: np.ndarray, cluster: np.ndarray, group: np.ndarray | None = None) -> Logit:
    """Fit a logistic regression by maximum likelihood (Newton), with errors clustered by `cluster`.

    Parameters
    ----------
    x, y, cluster : arrays of the same length
        `y` is 0 or 1.
    group : array, optional
        Each group has a level of its own. Groups in which all `y` are the same tell nothing of the slope and are left
        out.

    Examples
    --------
    >>> x = np.array([0.0] * 8 + [1.0] * 8)
    >>> y = np.array([1.0] * 4 + [0.0] * 4 + [1.0] * 6 + [0.0] * 2)  # odds 1 and 3: a slope of log 3
    >>> fit = logistic(x, y, np.arange(16))
    >>> bool(abs(fit.slope - np.log(3)) < 1e-9)
    True
    """
    from scipy.stats import norm

    group = np.zeros(len(x)) if group is None else group
    told = pd.Series(y).groupby(pd.Series(group)).transform(lambda one: one.min() < one.max()).to_numpy(bool)
    x, y, cluster, group = x[told], y[told], cluster[told], group[told]
    levels, owners = pd.factorize(group, sort=True)[0], pd.factorize(cluster)[0]
    groups, clusters = int(levels.max()) + 1, int(owners.max()) + 1
    rows = np.column_stack([x - x.mean(), np.eye(groups)[levels]])
    beta = np.zeros(groups + 1)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-rows @ beta))
        step = np.linalg.solve((rows * (chance * (1 - chance))[:, None]).T @ rows, rows.T @ (y - chance))
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    chance = 1 / (1 + np.exp(-rows @ beta))
    bread = np.linalg.inv((rows * (chance * (1 - chance))[:, None]).T @ rows)
    scores = np.zeros((clusters, groups + 1))
    np.add.at(scores, owners, rows * (y - chance)[:, None])
    covariance = bread @ (scores.T @ scores * clusters / max(clusters - 1, 1)) @ bread
    error = float(np.sqrt(covariance[0, 0]))
    low, high = (float(beta[0] + sign * 1.959964 * error) for sign in (-1, 1))
    p = float(2 * norm.sf(abs(beta[0]) / error))
    return Logit(float(beta[0]), low, high, p, beta[1:] - beta[0] * x.mean(), groups, clusters)
