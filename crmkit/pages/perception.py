"""The page of customer perception: bands over time, how answers were given, and what customers did after answering."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmkit.engine.intervals import wilson
from crmkit.metric import Metric, find
from crmkit.numbers import say
from crmkit.pages.frames import tried
from crmkit.pages.showing import absent, listed, quiet
from crmkit.relations import at
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

BANDS = ("promoters", "passives", "detractors")
CARDS = ("nps", "csat", "ces", "survey_answers")
DEFINED = ("nps", "promoters", "passives", "detractors", "csat", "csat_mean", "ces", "ces_easy", "survey_answers")
_NAMES = {"nps": "Net Promoter Score", "csat": "satisfaction", "ces": "effort"}
_SUSPICIOUS_FROM = 100  # answers: with fewer, a score that never occurs says nothing


def answer_sheet(crm: Crm, period: str | Period) -> pd.DataFrame:
    """List how each survey was answered in a period: answers, those left out and why, the scale, what was scored.

    Returns
    -------
    DataFrame
        One row a survey and scale: `survey`, `scale`, `answers`, `left out` (off the scale or not whole), `lowest`,
        `highest` (of all scores), `remark`.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": list("abc"), "survey": ["nps"] * 3, "score": [0, 11, 9.5],
    ...     "answered_at": ["2026-03-01"] * 3}})
    >>> answer_sheet(crm, "2026-03")[["answers", "left out", "lowest", "highest"]].values.tolist()
    [[1.0, 2.0, 0.0, 11.0]]
    """
    return tried(_answer_sheet, crm, crm.period(period))


def _answer_sheet(crm: Crm, now: Period) -> pd.DataFrame:
    asked = crm.relations.get("surveys")
    asked = asked.filter((asked.answered_at >= at(now.start)) & (asked.answered_at < at(now.end)))
    valid = (asked.score >= asked.scale_min) & (asked.score <= asked.scale_max) & (asked.score == asked.score.floor())
    found = asked.mutate(valid=valid.fill_null(False)).group_by("survey", "scale_min", "scale_max")
    rows = found.agg(
        all=lambda t: t.count(),
        answers=lambda t: t.valid.sum(),
        lowest=lambda t: t.score.min(),
        highest=lambda t: t.score.max(),
    )
    rows = rows.order_by("survey", "scale_min", "scale_max").to_pandas()
    shown = pd.DataFrame(
        {
            "survey": [f"{_NAMES.get(name, name)} ({name})" for name in rows["survey"]],
            "scale": [f"{low:g} to {high:g}" for low, high in zip(rows["scale_min"], rows["scale_max"], strict=True)],
            "answers": rows["answers"].astype(int),
            "left out": (rows["all"] - rows["answers"]).astype(int),
            "lowest": rows["lowest"],
            "highest": rows["highest"],
        }
    )
    shown["remark"] = [_suspicion(row) for row in rows.to_dict("records")]
    return shown


def _suspicion(row: dict) -> str:
    """Say where the scores do not look like the scale that they are said to be on."""
    if row["answers"] >= _SUSPICIOUS_FROM and row["lowest"] > row["scale_min"]:
        return f"nobody chose {row['scale_min']:g}: was the lowest answer offered {row['lowest']:g}?"
    if row["answers"] >= _SUSPICIOUS_FROM and row["highest"] < row["scale_max"]:
        return f"nobody chose {row['scale_max']:g}: was the highest answer offered {row['highest']:g}?"
    if row["survey"] == "nps" and (row["scale_min"], row["scale_max"]) != (0, 10):
        return "not 0 to 10; the same bands are used, so do not compare with others"
    return ""


def scale_in_words(crm: Crm, survey: str) -> str:
    """Say on which scale a survey was answered, such as "1 to 7"; several are all named.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": ["a"], "survey": ["ces"], "score": [5],
    ...     "answered_at": ["2026-03-01"]}})
    >>> scale_in_words(crm, "ces")
    '1 to 7'
    """
    asked = crm.relations.get("surveys")
    rows = asked.filter(asked.survey == survey).select("scale_min", "scale_max").distinct().to_pandas()
    return " and ".join(sorted(f"{low:g} to {high:g}" for low, high in rows.to_numpy()))


def on_its_scale(crm: Crm, metric: str) -> Metric:
    """Return a metric whose title says on which scale its survey was answered: a mean of 5 is much of 5, half of 10.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": ["a"], "survey": ["ces"], "score": [5],
    ...     "answered_at": ["2026-03-01"]}})
    >>> on_its_scale(crm, "ces").title
    'Customer Effort Score, 1 to 7'
    """
    found = find(metric)
    survey = metric.partition("_")[0]
    scale = scale_in_words(crm, survey) if "surveys" in crm.tables else ""
    return replace(found, title=f"{found.title}, {scale}") if scale else found


def scale_sentence(crm: Crm, survey: str) -> Html:
    """Say on which scale a survey was answered, and that a higher score is the better one."""
    if "surveys" not in crm.tables:
        return absent("needs the table surveys")
    scale = scale_in_words(crm, survey)
    name = _NAMES.get(survey, survey)
    return listed([f"The {name} question was answered on a scale of {scale}; higher is better." if scale else ""])


def precision(card: pd.DataFrame) -> Html:
    """Say how exactly NPS is known with so many answers, and how many it would take to know it to within 5 points.

    The standard deviation of one answer (1, 0 or −1) follows from the bands; the half width of the 95% interval falls
    with the square root of the number of answers.
    """
    rows = card[card["metric"] == "nps"]
    if not len(rows) or pd.isna(rows["low"].iloc[0]):
        return listed([])
    row = rows.iloc[0]
    half = float(row["high"] - row["low"]) / 2
    n = float(row["n"])
    needed = int(np.ceil(n * (half / 5) ** 2))
    text = f"With {say(n, 'count')} answers NPS is known to within about {say(half, 'points')} points either way."
    if needed > n:
        text += f" To know it to within 5 points it would take about {say(float(needed), 'count')} answers."
    return listed([text])


def after_answers(crm: Crm, *, window_days: int = 180) -> pd.DataFrame:
    """Follow customers after their NPS answer: of each band, the share lost within `window_days`.

    One answer a customer: the last one whose window has closed by `as_of`. Left out: answers without a customer, of
    people who were no customers when they answered, off the scale, and those whose window is still open, which are
    counted in `attrs["open"]`.

    Returns
    -------
    DataFrame
        One row a band: `band`, `value` (share lost), `low`, `high` (95%, Wilson), `n`, `numerator`, `denominator`.
    """
    return tried(_after_answers, crm, window_days)


def _after_answers(crm: Crm, window_days: int) -> pd.DataFrame:
    from crmkit.errors import NotInThisData

    if "surveys" not in crm.tables or "customer_id" not in crm.present["surveys"]:
        raise NotInThisData("not in this data, needs the column surveys.customer_id")
    if "spells" not in crm.relations:
        raise NotInThisData("not in this data, needs the table customers, subscriptions, orders or opportunities")
    surveys, spells = crm.relations.get("surveys"), crm.relations.get("spells")
    valid = (surveys.score >= 0) & (surveys.score <= 10) & (surveys.score == surveys.score.floor())
    asked = surveys.filter((surveys.survey == "nps") & valid & surveys.customer_id.notnull())
    asked = asked.select("customer_id", "score", "answered_at")
    held = spells.select(held_id="customer_id", acquired_at="acquired_at", lost_at="lost_at")
    joined = asked.inner_join(held, asked.customer_id == held.held_id)
    joined = joined.filter(
        (joined.acquired_at <= joined.answered_at) & (joined.lost_at.isnull() | (joined.lost_at > joined.answered_at))
    )
    rows = joined.select("customer_id", "score", "answered_at", "lost_at").to_pandas()
    window = timedelta(days=window_days)
    closed = rows["answered_at"] + window <= pd.Timestamp(crm.as_of)
    last = rows[closed].sort_values(["answered_at", "customer_id"]).drop_duplicates("customer_id", keep="last")
    band = np.select([last["score"] >= 9, last["score"] >= 7], BANDS[:2], BANDS[2])
    lost = (last["lost_at"] <= last["answered_at"] + window).to_numpy()
    counted = pd.DataFrame({"band": band, "lost": lost}).groupby("band")["lost"].agg(["sum", "count"])
    counted = counted.reindex([name for name in BANDS if name in counted.index])
    low, high = wilson(counted["sum"].to_numpy(float), counted["count"].to_numpy(float))
    frame = pd.DataFrame(
        {
            "band": counted.index,
            "value": (counted["sum"] / counted["count"]).to_numpy(float),
            "low": low,
            "high": high,
            "n": counted["count"].to_numpy(float),
            "numerator": counted["sum"].to_numpy(float),
            "denominator": counted["count"].to_numpy(float),
        }
    )
    frame.attrs |= {
        "title": f"Lost within {window_days} days of answering", "unit": "share", "better": "down",
        "as_of": crm.as_of, "open": int((~closed).sum()),
    }  # fmt: skip
    return frame


def left_open(frame: pd.DataFrame, *, window_days: int) -> Html:
    """Say how many answers are left out because their window has not closed."""
    count = frame.attrs.get("open", 0)
    if not count:
        return listed([])
    return quiet(f"Left out: {count:,} answers given less than {window_days} days before the data ends.")


__all__ = [
    "BANDS",
    "CARDS",
    "DEFINED",
    "after_answers",
    "answer_sheet",
    "left_open",
    "precision",
    "scale_in_words",
    "scale_sentence",
]
