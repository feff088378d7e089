"""Surveys: means of means, scales that are not what they seem, and answers that are left out."""

from __future__ import annotations

from collections.abc import Mapping

from crmkit.definitions import Case, Example, Line, Variant
from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.methods.common import run
from crmkit.relations import at

#: What answers are averaged by where somebody averages teams: the first that the data has.
TEAMS = ("owner.team", "segment", "customer.segment", "touchpoint", "survey")


def _nps(promoters: float, passives: float, detractors: float) -> float:
    return 100 * (promoters - detractors) / (promoters + passives + detractors)


def _mean_of_teams(promoters: list[float], passives: list[float], detractors: list[float]) -> float:
    teams = [_nps(*team) for team in zip(promoters, passives, detractors, strict=True) if sum(team)]
    return sum(teams) / len(teams)


def _largest(promoters: list[float], passives: list[float], detractors: list[float]) -> float:
    teams = zip(promoters, passives, detractors, strict=True)
    return max(_nps(*team) for team in teams if sum(team))


def _bands_by_team(crm, period):
    """Return the promoters, passives and detractors of each segment, or of whatever else groups the answers."""
    from crmkit.errors import UsageError

    for by in TEAMS:
        try:
            found = crm.measure(["promoters", "passives", "detractors"], period=period, by=by, intervals=False)
        except UsageError:
            continue
        wide = found.pivot(index=by, columns="metric", values="value").fillna(0.0)
        return {band: wide[band].tolist() if len(wide) else [] for band in ("promoters", "passives", "detractors")}
    raise NotInThisData("not in this data, needs a column to group answers by")


nps = Case(
    question="Would customers recommend us? By team, or by answer?",
    unit="points",
    better="up",
    variants=(
        Variant(
            "NPS of all answers",
            lambda promoters, passives, detractors: _nps(sum(promoters), sum(passives), sum(detractors)),
            metric="nps",
            used=True,
        ),
        Variant("mean of the groups' NPS", _mean_of_teams),
        Variant("NPS of the best group", _largest),
    ),
    example=Example(
        "Three teams: 60 promoters, 20 passives and 20 detractors of 100; 1, 3 and 6 of 10; 2, 3 and 5 of 10.",
        {"promoters": [60, 1, 2], "passives": [20, 3, 3], "detractors": [20, 6, 5]},
        line=0,
    ),
    more=_bands_by_team,
    line=Line(20, met="ask promoters for references", missed="call the detractors"),
    trap="A mean of the teams' scores gives ten answers of a small team the weight of a hundred of a large one. It "
    "moves when a small team has a bad week, and not when most customers change their mind.",
)


def _scores(crm, period, survey):
    """Count the valid answers to a survey by score, on the one scale that they have."""
    if reason := lacks(crm, survey):
        raise NotInThisData(f"not in this data, {reason}")
    rows = crm.relations.get("surveys")
    valid = (rows.score >= rows.scale_min) & (rows.score <= rows.scale_max) & (rows.score == rows.score.floor())
    inside = (rows.answered_at >= at(period.start)) & (rows.answered_at < at(period.end))
    rows = rows.filter((rows.survey == survey) & valid & inside)
    found = run(rows.group_by("score", "scale_min", "scale_max").agg(n=rows.count()).order_by("score"))
    scales = found[["scale_min", "scale_max"]].drop_duplicates()
    if len(scales) != 1:
        raise NotInThisData("answers are on several scales" if len(scales) else "no answer in this period")
    low, high = scales.iloc[0]
    counts = {float(score): float(n) for score, n in zip(found["score"], found["n"], strict=True)}
    return {"scores": counts, "low": float(low), "high": float(high)}


def _share(scores: Mapping[float, float], holds) -> float:
    return sum(n for score, n in scores.items() if holds(score)) / sum(scores.values())


def _mean(scores: Mapping[float, float]) -> float:
    return sum(score * n for score, n in scores.items()) / sum(scores.values())


def _stretched(scores: Mapping[float, float], low: float, high: float) -> float:
    """Work the NPS of scores that were stretched onto 0 to 10 first."""
    onto = {10 * (score - low) / (high - low): n for score, n in scores.items()}
    return 100 * (_share(onto, lambda score: score >= 9) - _share(onto, lambda score: score <= 6))


nps_score = Case(
    question="Is a mean score as good as NPS?",
    unit="points",
    better="up",
    variants=(
        Variant(
            "promoters − detractors, in % of the answers",
            lambda scores: 100 * (_share(scores, lambda s: s >= 9) - _share(scores, lambda s: s <= 6)),
            metric="nps",
            used=True,
        ),
        Variant("promoters alone, in % of the answers", lambda scores: 100 * _share(scores, lambda s: s >= 9)),
        Variant("mean score × 10, as points of 100", lambda scores: 10 * _mean(scores)),
        Variant("mean score", _mean, unit="score"),
    ),
    example=Example(
        "39 answers about a conference, of which 8 are promoters, 9 passives and 22 detractors (published with −35.9).",
        {"scores": {0: 4, 1: 1, 2: 4, 3: 8, 4: 2, 5: 2, 6: 1, 7: 4, 8: 5, 9: 4, 10: 4}, "low": 0, "high": 10},
    ),
    more=lambda crm, period: _scores(crm, period, "nps"),
    line=Line(20, met="ask promoters for references", missed="call the detractors"),
    trap="A mean cannot be told from a score that counts bands: people take five of ten for the middle, though it is "
    "an answer of somebody who advises against you. And it hides whether answers differ.",
)

nps_scale = Case(
    question="Does it matter whether the scale begins at 0 or at 1?",
    unit="points",
    better="up",
    variants=(
        Variant(
            "the usual bands on the scores as they were given, and a note",
            lambda scores: 100 * (_share(scores, lambda s: s >= 9) - _share(scores, lambda s: s <= 6)),
            metric="nps",
            used=True,
        ),
        Variant("scores stretched onto 0 to 10, then the bands", _stretched),
        Variant(
            "bands counted from the top and bottom of the scale, with as many scores",
            lambda scores, low, high: (
                100 * (_share(scores, lambda s: s >= high - 1) - _share(scores, lambda s: s <= low + 6))
            ),
        ),
    ),
    example=Example(
        "Ten answers on a scale of 1 to 10: 10, 10, 9, 9, 9, 8, 7, 7, 6 and 4.",
        {"scores": {10: 2, 9: 3, 8: 1, 7: 2, 6: 1, 4: 1}, "low": 1, "high": 10},
        line=20,
    ),
    more=lambda crm, period: _scores(crm, period, "nps"),
    line=Line(20, met="ask promoters for references", missed="call the detractors"),
    trap="Stretched, a 9 of ten becomes 8.9 and a promoter a passive; counted from the bottom, a 7 becomes a "
    "detractor. On a scale from 1 nobody can give a 0, so no arithmetic makes it comparable: ask on 0 to 10.",
)


def _of_range(score: float, low: float, high: float) -> float:
    return (score - low) / (high - low)


def _satisfied_of_decided(scores: Mapping[float, float], low: float, high: float) -> float:
    satisfied = sum(n for s, n in scores.items() if _of_range(s, low, high) >= 0.75)
    not_satisfied = sum(n for s, n in scores.items() if _of_range(s, low, high) <= 0.25)
    return satisfied / (satisfied + not_satisfied)


csat = Case(
    question="How many customers are satisfied?",
    unit="share",
    better="up",
    variants=(
        Variant(
            "answers in the top quarter of the scale ÷ all answers",
            lambda scores, low, high: _share(scores, lambda s: _of_range(s, low, high) >= 0.75),
            metric="csat",
            used=True,
        ),
        Variant(
            "satisfied ÷ (satisfied + not satisfied), neutral answers left out",
            _satisfied_of_decided,
            printed="is what some tools print",
        ),
        Variant("mean score ÷ highest score", lambda scores, high: _mean(scores) / high),
        Variant(
            "(mean score − lowest) ÷ (highest − lowest)",
            lambda scores, low, high: _of_range(_mean(scores), low, high),
        ),
    ),
    example=Example(
        "Ten answers on 1 to 5: 7 satisfied (five 5 and two 4), one neutral 3, two not satisfied (2 and 1).",
        {"scores": {5: 5, 4: 2, 3: 1, 2: 1, 1: 1}, "low": 1, "high": 5},
        line=0.75,
    ),
    more=lambda crm, period: _scores(crm, period, "csat"),
    line=Line(0.75, met="keep service as it is", missed="work on service"),
    trap="Without the neutral answers the share rises, and rises most where many cannot make up their mind. A mean "
    "divided by the highest score is no share of anybody: even if all were wholly dissatisfied it would be a fifth.",
)
