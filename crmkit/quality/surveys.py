"""Survey scales that do not look like what they are said to be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ibis

from crmkit.quality.rule import Look

_ONES = 10
"""On a scale that begins at 0, a 0 is about as frequent as a 1: ten 1s without one 0 happen once in 1,024 times."""
_BEYOND = 0.05
_USUAL = {"nps": (0, 10), "ces": (1, 7), "csat": (1, 5)}


def suspects(look: Look) -> Iterator[dict[str, Any]]:
    """Yield what is suspicious about the scale of each survey: `survey`, `finding`, `rows`, `advice`, `effect`.

    - Answers on 0 to 10 with at least ten 1s and no 0 were asked on 1 to 10.
    - Answers on 0 to 10 that never exceed 5 were asked on 1 to 5, or the scores are positions in a list.
    - Answers that go beyond the top of the scale in more than one of twenty cases were asked on another one, such as
      0 to 100.
    - Answers that are all alike say nothing.
    """
    if look.table != "surveys":
        return
    data, least = look.data, int(look.crm.config.quality.threshold("least_answers"))
    top = ibis.cases(*[(data.survey == name, float(scale[1])) for name, scale in _USUAL.items()])
    top = ibis.coalesce(data.scale_max, top) if look.has("scale_max") else top
    scales = [name for name in ("scale_min", "scale_max") if look.has(name)]
    found = (
        data.group_by("survey", *scales)
        .agg(
            n=data.score.count(),
            low=data.score.min(),
            high=data.score.max(),
            zeros=data.count(where=data.score == 0),
            ones=data.count(where=data.score == 1),
            beyond=data.count(where=data.score > top),
        )
        .order_by("survey", *scales)
    )
    for row in found.to_pyarrow().to_pylist():
        if row["n"] is None or row["n"] < least or row["survey"] not in _USUAL:
            continue
        bottom, top = _USUAL[row["survey"]]
        bottom = row.get("scale_min") if row.get("scale_min") is not None else bottom
        top = row.get("scale_max") if row.get("scale_max") is not None else top
        yield from _of_survey(row | {"whole": look.crm.rows["surveys"]}, float(bottom), float(top))


def _of_survey(row: dict[str, Any], bottom: float, top: float) -> Iterator[dict[str, Any]]:
    name, scale = row["survey"], f"{bottom:g} to {top:g}"
    said = {"survey": name, "rows": row["n"], "share": row["n"] / row["whole"], "unit": "rows"}
    if row["beyond"] > _BEYOND * row["n"]:
        yield said | {
            "finding": f"of {name} goes up to {row['high']:g} on a scale of {scale}",
            "advice": "Find out on which scale was asked, and set scale_min and scale_max for these answers.",
            "effect": f"Answers beyond {top:g} are left out; if all were asked on another scale, the rest is misread.",
        }
    elif row["low"] == row["high"]:
        yield said | {
            "finding": f"of {name} is {row['low']:g} in all {row['n']:,} answers",
            "advice": "Look whether the export writes the score, or the number of the question.",
            "effect": "The score says nothing.",
        }
    elif (bottom, top) == (0, 10) and row["high"] <= 5:
        yield said | {
            "finding": f"of {name} never exceeds {row['high']:g} on a scale of {scale}: it looks like 1 to 5",
            "advice": "Find out on which scale was asked; set scale_min and scale_max, or name the survey csat.",
            "effect": f"Read as {scale}, everybody is a detractor.",
        }
    elif (bottom, top) == (0, 10) and row["zeros"] == 0 and row["ones"] >= _ONES:
        yield said | {
            "finding": f"of {name} is never 0, though {row['ones']:,} answers are 1: it looks like 1 to 10",
            "advice": "Find out on which scale was asked, and set scale_min to 1 if there was no 0.",
            "effect": "On 1 to 10 the bands of promoters and detractors are not those of the NPS; do not compare it.",
        }
