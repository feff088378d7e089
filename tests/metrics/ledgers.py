"""Short ways to write ledgers of a few rows, as a person would on paper."""

from __future__ import annotations

import pandas as pd

import crmkit


def rows(text: str) -> pd.DataFrame:
    """Read a table drawn with bars: the first line has the columns, `.` is an empty cell."""
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.strip().splitlines()]
    frame = pd.DataFrame(lines[1:], columns=lines[0]).replace({".": None})
    for column in frame.columns:
        if column in {"amount", "mrr", "score", "scale_min", "scale_max", "probability", "cost"}:
            frame[column] = pd.to_numeric(frame[column])
    return frame


def ledger(*, as_of: str | None = None, config: dict | None = None, **tables: str):
    """Open the tables drawn in the arguments."""
    return crmkit.open({name: rows(text) for name, text in tables.items()}, as_of=as_of, config=config or {})


def value(crm, metric: str, period: str, **more) -> float:
    """Return the one value of a metric."""
    return crm.measure(metric, period=period, intervals=False, **more).value.item()


def values(crm, metric: str, period: str, by: str | list[str] | None = None, **more) -> dict:
    """Return a metric's values by group, or by period where no group is given."""
    if by is None:
        frame = crm.measure(metric, period=period, intervals=False, **more)
        return {f"{start:%Y-%m-%d}": amount for start, amount in zip(frame.period, frame.value, strict=True)}
    frame = crm.measure(metric, period=period, by=by, intervals=False, **more)
    keys = frame[by] if isinstance(by, str) else frame[by].itertuples(index=False, name=None)
    return dict(zip(keys, frame.value, strict=True))


def answers(survey: str, *scores: float, at: str = "2026-03-10", **columns) -> dict:
    """Return a table of survey answers."""
    size = len(scores)
    repeated = {name: [given] * size for name, given in columns.items()}
    table = {"response_id": range(size), "survey": [survey] * size, "score": scores, "answered_at": [at] * size}
    return {"surveys": table | repeated}
