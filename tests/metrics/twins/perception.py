"""Twins of the metrics of customer perception."""

from __future__ import annotations

import numpy as np

from twins.common import during

SCALES = {"nps": (0, 10), "ces": (1, 7), "csat": (1, 5)}


def _answers(d, start, end, survey):
    rows = d.surveys[during(d.surveys.answered_at, start, end) & (d.surveys.survey == survey)]
    low = rows.scale_min.fillna(SCALES[survey][0])
    high = rows.scale_max.fillna(SCALES[survey][1])
    valid = (rows.score >= low) & (rows.score <= high) & (rows.score % 1 == 0)
    return rows[valid].assign(height=(rows.score - low) / (high - low))


def nps(d, start, end):
    score = _answers(d, start, end, "nps").score
    return 100 * (np.mean(score > 8) - np.mean(score < 7)) if len(score) else np.nan


def promoters(d, start, end):
    return int(_answers(d, start, end, "nps").score.isin([9, 10]).sum())


def passives(d, start, end):
    return int(_answers(d, start, end, "nps").score.isin([7, 8]).sum())


def detractors(d, start, end):
    return int(_answers(d, start, end, "nps").score.isin(range(7)).sum())


def ces(d, start, end):
    return _answers(d, start, end, "ces").score.mean()


def ces_easy(d, start, end):
    return (_answers(d, start, end, "ces").height >= 0.65).mean()


def csat(d, start, end):
    return (_answers(d, start, end, "csat").height >= 0.75).mean()


def csat_mean(d, start, end):
    return _answers(d, start, end, "csat").score.mean()


def survey_answers(d, start, end):
    return sum(len(_answers(d, start, end, survey)) for survey in SCALES)


TWINS = {
    ("surveys", "touchpoint"): [
        nps,
        promoters,
        passives,
        detractors,
        ces,
        ces_easy,
        csat,
        csat_mean,
        survey_answers,
    ],
}
