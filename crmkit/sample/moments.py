"""Moments of the sample company: whole seconds since 1970 in the company's own zone, as int64 arrays.

`NEVER` is the value that NumPy and Arrow read as "no time" (NaT, null), so an array of moments may hold gaps.
"""

from __future__ import annotations

import numpy as np

DAY = 86_400
NEVER = np.iinfo(np.int64).min


def moment(text: str) -> int:
    """Return the seconds since 1970 of an ISO date or time.

    Examples
    --------
    >>> moment("1970-01-02")
    86400
    """
    return int(np.datetime64(text, "s").astype(np.int64))


def month_index(seconds: np.ndarray) -> np.ndarray:
    """Return the number of whole months since January 1970.

    Examples
    --------
    >>> month_index(np.array([moment("1971-02-15")])).tolist()
    [13]
    """
    return np.asarray(seconds).astype("M8[s]").astype("M8[M]").astype(np.int64)


def month_start(index: np.ndarray) -> np.ndarray:
    """Return the first second of each month, the inverse of `month_index`."""
    return np.asarray(index, np.int64).astype("M8[M]").astype("M8[s]").astype(np.int64)


def add_months(seconds: np.ndarray, months: np.ndarray | int) -> np.ndarray:
    """Return the same day and hour `months` later; days must lie between 1 and 28.

    Examples
    --------
    >>> add_months(np.array([moment("2024-12-05")]), 2).astype("M8[s]").astype(str).tolist()
    ['2025-02-05T00:00:00']
    """
    index = month_index(seconds)
    return month_start(index + months) + (seconds - month_start(index))


def day_of(seconds: np.ndarray) -> np.ndarray:
    """Return midnight of the same day."""
    return np.asarray(seconds) // DAY * DAY


def early_day(seconds: np.ndarray) -> np.ndarray:
    """Return midnight of the same day, moved into days 2 to 28, so that each month has it and none begins with it."""
    start = month_start(month_index(seconds))
    return start + np.clip((seconds - start) // DAY, 1, 27) * DAY


def at_work(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """Return a moment between 8:00 and 18:00 of the same day; Saturdays become Fridays and Sundays Mondays."""
    day = np.asarray(seconds) // DAY
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    day = day - (weekday == 5) + (weekday == 6)
    return day * DAY + rng.integers(8 * 3600, 18 * 3600, day.shape)


def office_hours(seconds: np.ndarray) -> np.ndarray:
    """Return the same moment, or one in the first hour of the next working day where it lies outside 8:00 to 18:00.

    Examples
    --------
    >>> office_hours(np.array([moment("2024-05-03T19:30:00")])).astype("M8[s]").astype(str).tolist()
    ['2024-05-06T08:30:00']
    """
    seconds = np.asarray(seconds)
    day, second = seconds // DAY, seconds % DAY
    late, early = second >= 18 * 3600, second < 8 * 3600
    day = day + late
    weekday = (day + 3) % 7
    weekend = weekday >= 5
    day = day + np.where(weekend, 7 - weekday, 0)
    return np.where(late | early | weekend, day * DAY + 8 * 3600 + seconds % 3600, seconds)


def at_home(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """Return a moment of the same day when people sit at their own screens: mostly in the evening."""
    hour = np.clip(rng.normal(18.0, 3.5, np.shape(seconds)), 0.5, 23.4)
    return day_of(seconds) + (hour * 3600).astype(np.int64)


def next_term_day(seconds: np.ndarray) -> np.ndarray:
    """Return the first later midnight whose day of the month is 2 to 28."""
    day = day_of(seconds) + DAY
    start = month_start(month_index(day))
    number = (day - start) // DAY
    return np.select([number == 0, number > 27], [start + DAY, month_start(month_index(day) + 1) + DAY], day)
