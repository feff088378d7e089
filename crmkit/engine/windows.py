"""Metrics that are measured in windows of their own, such as the 12 months to the end of each period.

Windows of neighbouring periods overlap. They are dealt out to as few runs of periods as need be, so that no two windows
of a run do: 24 months of a yearly number are twelve measurements of two years each, not twenty-four.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crmkit.engine.buckets import Buckets
from crmkit.metric import Metric
from crmkit.periods import Period


@dataclass(frozen=True)
class Run:
    """Periods that are measured together.

    Attributes
    ----------
    span : Buckets
        The windows in their order, and what lies between them.
    asked : tuple of (Period, Period)
        The periods that were asked for, each with its window, which is one of `span`.
    """

    span: Buckets
    asked: tuple[tuple[Period, Period], ...]


def by_window(metrics: Iterable[Metric]) -> list[list[Metric]]:
    """Sort metrics by their windows, so that those with the same are measured together."""
    alike: dict[Any, list[Metric]] = {}
    for metric in metrics:
        alike.setdefault(metric.over, []).append(metric)
    return list(alike.values())


def runs(over: Callable[[Period, Any], Period | None] | None, span: Buckets, config) -> list[Run]:
    """Return the runs in which the windows `over` of periods are measured; a period without one is in none.

    None stands for the periods themselves.
    """
    if over is None:
        return [Run(span, tuple((period, period) for period in span.periods))]
    wanted: dict[Period, list[Period]] = {}
    for period in span.periods:
        window = over(period, config)
        if window is not None:
            wanted.setdefault(window, []).append(period)
    dealt: list[list[Period]] = []
    for window in sorted(wanted, key=lambda one: (one.start, one.end)):
        free = next((run for run in dealt if run[-1].end <= window.start), None)
        if free is None:
            dealt.append([window])
        else:
            free.append(window)
    return [
        Run(Buckets(tuple(_closed(run))), tuple((period, window) for window in run for period in wanted[window]))
        for run in dealt
    ]


def _closed(windows: Sequence[Period]) -> Iterator[Period]:
    """Yield periods and, where they do not follow directly on each other, what lies between."""
    last = windows[0].start
    for window in windows:
        if last < window.start:
            yield Period(last, window.start, None, window.calendar)
        yield window
        last = window.end
