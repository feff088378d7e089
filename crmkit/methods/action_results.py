"""What a former round of actions brought: those who got one against those held out at random."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine.intervals import difference, wilson
from crmkit.errors import DataError, UsageError
from crmkit.methods.action_kinds import ACTIONS
from crmkit.methods.action_rounds import ACT, GROUPS, HELD
from crmkit.methods.common import run, said
from crmkit.relations import at

LEAST = 10
"""With fewer customers on a side nothing is said of an action."""
ALL = "all actions"
_NEEDS = ("round", "as_of", "customer_id", "group", "action", "title", "probability", "value")
_NUMBERS = ("probability", "value", "success_rate", "benefit", "cost", "gain", "churn_risk", "expected_value")
_COLUMNS = ("action", "outcome", "acted", "held_out", "act", "hold", "difference", "low", "high", "brought",
            "brought_low", "brought_high", "success_rate", "verdict")  # fmt: skip
_MONTH = 365.25 / 12 * 86_400


def read_list(path: str | Path) -> pd.DataFrame:
    """Read the list of a former round, as `write_list` wrote it.

    Raises
    ------
    UsageError
        Where there is no such file.
    DataError
        Where a column is missing, or a cell is not what its column holds.
    """
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"There is no list {str(path)!r}; give the CSV file that a former round wrote.")
    rows = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    rows.columns = [_plain(str(name)) for name in rows.columns]
    for name in rows.columns:
        rows[name] = rows[name].map(_plain)
    return check_list(rows, str(path))


def _plain(text: str) -> str:
    """Take away the apostrophe that the export puts before what a spreadsheet would run."""
    from crmkit.report.index import _safe_cell

    return text[1:] if text.startswith("'") and _safe_cell(text[1:]) == text else text


def check_list(rows: pd.DataFrame, name: str = "the list") -> pd.DataFrame:
    """Return the list of a round with numbers as numbers; refuse what is none.

    Raises
    ------
    DataError
        The message names column, row and value.
    """
    if absent := [column for column in _NEEDS if column not in rows]:
        raise DataError(f"{name} lacks the column {absent[0]!r}; a list has {', '.join(_NEEDS)}.")
    made = rows.copy()
    made.attrs = {}
    for column in (c for c in _NUMBERS if c in made):
        numbers = pd.to_numeric(made[column].replace("", np.nan), errors="coerce")
        if (wrong := numbers.isna() & made[column].notna() & (made[column].astype(str) != "")).any():
            place = int(np.flatnonzero(wrong)[0])
            raise DataError(f"{name}: {column} in row {place + 2} is {made[column].iloc[place]!r}, no number.")
        made[column] = numbers
    if odd := sorted(set(made["group"]) - set(GROUPS)):
        raise DataError(f"{name}: the group {odd[0]!r} is none of {', '.join(GROUPS)}.")
    days = pd.to_datetime(made["as_of"], errors="coerce")
    if days.isna().any() or days.nunique() != 1:
        raise DataError(f"{name}: as_of must be one day for the whole list, such as 2026-09-30.")
    return made


def round_results(crm: Any, former: pd.DataFrame, *, window_days: int = 90) -> pd.DataFrame:
    """Say what a former round brought: who left, revenue and receipts of those who got an action and those held out.

    Parameters
    ----------
    crm : Crm
    former : DataFrame
        The list of the round, as `next_best_actions` returned it or `read_list` reads it.
    window_days : int
        Days after the list's own day.

    Returns
    -------
    DataFrame
        For all actions and each one, three rows: `outcome` ("left": share of those who were customers; "revenue":
        orders and fees of the window a customer; "receipts": payments a customer), `acted`, `held_out` (customers),
        `act`, `hold` (shares or means), `difference` (act less hold-out) with its 95% interval `low`, `high` (Newcombe
        for shares, Welch for money), `brought` (money: difference × acted, with its interval), `success_rate` (what the
        action's own outcome says it was, where the interval holds no zero), `verdict`. In `attrs`: `round`, `start`,
        `end`, and `missing` where it is too early or nobody was held out.

    Notes
    -----
    All who were on the list count, whether the action was carried out or not: leaving out those who were not reached
    would compare the reachable with everybody.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [50.0],
    ...     "ordered_at": ["2026-01-05"]}}, as_of="2026-03-31")
    >>> former = pd.DataFrame({"round": "r", "as_of": "2026-02-28", "customer_id": ["a"], "group": ["act"],
    ...     "action": ["cross_sell"], "title": ["Cross-sell offer"], "probability": [0.1], "value": [50.0]})
    >>> round_results(crm, former).attrs["missing"]
    'it is too early: the window of the round r ends on 2026-05-29, the data on 2026-03-31'
    """
    rows = check_list(former)
    rows = rows[rows["group"].isin([ACT, HELD])].reset_index(drop=True)
    start = pd.Timestamp(former["as_of"].iloc[0]).normalize() + pd.Timedelta(days=1)
    end = start + pd.Timedelta(days=window_days)
    empty = pd.DataFrame(columns=list(_COLUMNS))
    name = str(former["round"].iloc[0])
    about = {"round": name, "start": start, "end": end, "window_days": window_days}
    if end > pd.Timestamp(crm.as_of) + pd.Timedelta(seconds=1):
        why = f"it is too early: the window of the round {name} ends on {end - pd.Timedelta(days=1):%Y-%m-%d}, "
        return said(empty, crm, **about, missing=why + f"the data on {crm.as_of:%Y-%m-%d}")
    if not (rows["group"] == HELD).any() or not (rows["group"] == ACT).any():
        return said(empty, crm, **about, missing=f"of the round {name} nobody was held out, or nobody got an action")
    rows = rows.merge(_outcomes(crm, start, end), on="customer_id", how="left")
    if "revenue" in rows:
        rows[["revenue", "receipts"]] = rows[["revenue", "receipts"]].fillna(0.0)
    made = []
    for action, mine in [(ALL, rows), *rows.groupby("action", sort=True)]:
        title = ALL if action == ALL else str(mine["title"].iloc[0])
        made += _compared(str(action), title, mine)
    return said(pd.DataFrame(made)[list(_COLUMNS)], crm, **about)


def _outcomes(crm: Any, start: datetime, end: datetime) -> pd.DataFrame:
    """Return who left in a window (null where no customer at its start), and the revenue and receipts of it."""
    parts = []
    if "spells" in crm.relations:
        spells = crm.relations.get("spells")
        running = (spells.acquired_at < at(start)) & (spells.lost_at.isnull() | (spells.lost_at >= at(start)))
        lost = (spells.lost_at < at(end)).fill_null(False)
        rows = spells.filter(running)
        left = rows.group_by("customer_id").agg(left=lost.cast("float64").max())
        parts.append(run(left).set_index("customer_id")["left"])
    parts += [_sum(crm, "orders", "ordered_at", start, end).rename("bought"), _fees(crm, start, end).rename("fees"),
              _sum(crm, "payments", "paid_at", start, end).rename("receipts")]  # fmt: skip
    found = pd.concat(parts, axis=1).rename_axis("customer_id").reset_index()
    found = found.reindex(columns=["customer_id", "left", "bought", "fees", "receipts"])
    found["revenue"] = found["bought"].fillna(0.0).astype(float) + found["fees"].fillna(0.0).astype(float)
    return found[["customer_id", "left", "revenue", "receipts"]]


def _sum(crm: Any, table: str, time: str, start: datetime, end: datetime) -> pd.Series:
    if table not in crm.relations:
        return pd.Series(dtype=float)
    rows = crm.relations.get(table)
    rows = rows.filter(rows.customer_id.notnull() & (rows[time] >= at(start)) & (rows[time] < at(end)))
    return run(rows.group_by("customer_id").agg(value=rows.amount.sum())).set_index("customer_id")["value"]


def _fees(crm: Any, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """Return the fees that fell due in a window: each subscription's, for the part of it in which it ran."""
    if "subscriptions" not in crm.relations:
        return pd.Series(dtype=float)
    rows = crm.relations.get("subscriptions")
    rows = rows.filter((rows.started_at < at(end)) & (rows.ended_at.isnull() | (rows.ended_at > at(start))))
    found = run(rows.filter(rows.customer_id.notnull()).select("customer_id", "started_at", "ended_at", "mrr"))
    ran = found["ended_at"].fillna(end).clip(upper=end) - found["started_at"].clip(lower=start)
    fee = found["mrr"] * ran.dt.total_seconds() / _MONTH
    return fee.groupby(found["customer_id"]).sum()


def _compared(action: str, title: str, rows: pd.DataFrame) -> list[dict[str, Any]]:
    own = next((a.outcome for a in ACTIONS if a.name == action), "")
    stake = float((rows["probability"] * rows["value"]).mean())
    made = []
    for outcome in ("left", "revenue", "receipts"):
        sides = [rows.loc[rows["group"] == side, outcome].dropna().to_numpy(float) for side in (ACT, HELD)]
        row = {"action": title, "outcome": outcome, "acted": len(sides[0]), "held_out": len(sides[1])}
        row |= _difference(sides, outcome)
        money = outcome != "left"
        for name, key in (("brought", "difference"), ("brought_low", "low"), ("brought_high", "high")):
            row[name] = row[key] * len(sides[0]) if money else np.nan
        row["success_rate"] = np.nan
        if outcome == own and row["verdict"] == "better":
            worth = row["hold"] if outcome == "left" else stake
            row["success_rate"] = float(np.clip(abs(row["difference"]) / worth, 0, 1)) if worth > 0 else np.nan
        made.append(row)
    return made


def _difference(sides: list[np.ndarray], outcome: str) -> dict[str, Any]:
    """Return both means, their difference with its interval, and what that says."""
    blank = dict.fromkeys(["act", "hold", "difference", "low", "high"], np.nan)
    if min(map(len, sides)) < LEAST:
        return blank | {"verdict": f"too few to tell: fewer than {LEAST} on a side"}
    act, hold = (float(side.mean()) for side in sides)
    if outcome == "left":
        ends = [wilson(np.array([side.sum()]), np.array([len(side)])) for side in sides]
        (low_a, high_a), (low_h, high_h) = [(float(low[0]), float(high[0])) for low, high in ends]
        low, high = (float(end) for end in difference(act, low_a, high_a, hold, low_h, high_h))
    else:
        low, high = _welch(*sides)
    good = high < 0 if outcome == "left" else low > 0
    bad = low > 0 if outcome == "left" else high < 0
    verdict = "better" if good else "worse" if bad else "no more than noise"
    return {"act": act, "hold": hold, "difference": act - hold, "low": low, "high": high, "verdict": verdict}


def _welch(act: np.ndarray, hold: np.ndarray) -> tuple[float, float]:
    from scipy.stats import t

    parts = [side.var(ddof=1) / len(side) for side in (act, hold)]
    apart, error = float(act.mean() - hold.mean()), float(np.sqrt(sum(parts)))
    if error == 0:
        return apart, apart
    freedom = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (act, hold), strict=True))
    reach = float(t.ppf(0.975, freedom)) * error
    return apart - reach, apart + reach


def measured_success(results: pd.DataFrame) -> dict[str, float]:
    """Return the success rates that a former round measured, by action; only those that are more than noise.

    Examples
    --------
    >>> measured_success(pd.DataFrame({"action": ["Retention call"], "outcome": ["left"], "success_rate": [0.2]}))
    {'retention_call': 0.2}
    """
    names = {action.title: action.name for action in ACTIONS}
    known = results[results["success_rate"].notna() & results["action"].isin(names)] if len(results) else results
    return {names[row.action]: float(row.success_rate) for row in known.itertuples()}
