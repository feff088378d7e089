"""Customer perception: what customers answer when they are asked (NPS, CES, CSAT)."""

from crmkit.kinds import count, mean, net_share, share
from crmkit.metric import metric

CATEGORY = "customer perception"
TITLE = "Customer perception"
_AT = "answered_at"


def _valid(surveys, survey):
    """Return which answers to a survey count: whole numbers on their scale."""
    on_scale = (surveys.score >= surveys.scale_min) & (surveys.score <= surveys.scale_max)
    return (surveys.survey == survey) & on_scale & (surveys.score == surveys.score.floor())


@metric(
    title="Net Promoter Score",
    unit="points",
    better="up",
    at=_AT,
    formula="100 × (promoters − detractors) ÷ answers",
    caveats="On a scale of 1 to 10 the same bands are used, though 0 cannot occur: the score tends to be higher.",
    source="F. Reichheld (2003), The one number you need to grow, Harvard Business Review 81(12)",
)
def nps(surveys):
    """Share scoring 9-10 less share scoring 0-6, times 100: from −100 to 100.

    Left out: scores that are not whole numbers or lie outside the scale; `crmkit check` counts them. Answers on
    another scale than 0-10 are counted by the same bands, and the result says so.
    Interval: adjusted Wald, with ¾, 1½ and ¾ added to detractors, passives and promoters.

    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": list("abcdef"), "survey": ["nps"] * 6,
    ...     "score": [0, 7, 7, 9, 9, 9], "answered_at": ["2026-03-01"] * 6}})
    >>> round(crm.measure("nps", period="2026-03").value.item(), 1)
    33.3
    """
    valid = _valid(surveys, "nps")
    other_scale = valid & ((surveys.scale_min != 0) | (surveys.scale_max != 10))
    score = net_share(surveys.score >= 9, surveys.score <= 6, of=valid)
    return score.remarking(other_scale, "some answers are on another scale than 0-10, with the same bands")


@metric(title="Promoters", unit="count", better="up", at=_AT, formula="answers of 9 or 10")
def promoters(surveys):
    """Answers to the NPS question of 9 or 10.

    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": list("abcd"), "survey": ["nps"] * 4,
    ...     "score": [6, 8, 9, 10], "answered_at": ["2026-03-01"] * 4}})
    >>> crm.measure(["promoters", "passives", "detractors"], period="2026-03").value.tolist()
    [2.0, 1.0, 1.0]
    """
    return count(_valid(surveys, "nps") & (surveys.score >= 9))


@metric(title="Passives", unit="count", at=_AT, formula="answers of 7 or 8")
def passives(surveys):
    """Answers to the NPS question of 7 or 8; they stay in the denominator of NPS.

    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": ["a", "b"], "survey": ["nps"] * 2, "score": [7, 9],
    ...     "answered_at": ["2026-03-01"] * 2}})
    >>> crm.measure("passives", period="2026-03").value.item()
    1.0
    """
    return count(_valid(surveys, "nps") & (surveys.score >= 7) & (surveys.score <= 8))


@metric(title="Detractors", unit="count", better="down", at=_AT, formula="answers of 0 to 6")
def detractors(surveys):
    """Answers to the NPS question of 0 to 6.

    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": ["a", "b"], "survey": ["nps"] * 2, "score": [0, 6],
    ...     "answered_at": ["2026-03-01"] * 2}})
    >>> crm.measure("detractors", period="2026-03").value.item()
    2.0
    """
    return count(_valid(surveys, "nps") & (surveys.score <= 6))


def _on_which_scale(kind, surveys, *, reverse):
    """Have a result about effort say where answers are on another scale than 1-7, and where the scale was turned."""
    valid = _valid(surveys, "ces")
    other = valid & ((surveys.scale_min != 1) | (surveys.scale_max != 7))
    kind = kind.remarking(other, "some answers are on another scale than 1-7")
    return kind.remarking(valid, "the scale is turned: a low answer means less effort") if reverse else kind


@metric(
    title="Customer Effort Score",
    unit="score",
    better="up",
    at=_AT,
    formula="mean score of the effort question",
    caveats="1-7, where 7 is least effort, unless the answers name another scale. Scales do not mix.",
    source="M. Dixon et al. (2010), Stop trying to delight your customers, Harvard Business Review 88(7)",
)
def ces(surveys, *, reverse=False):
    """Mean answer to the effort question on the survey's own scale; higher is less effort.

    `reverse=True` turns a scale on which higher is more effort: a score s becomes min + max − s.
    Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": list("abc"), "survey": ["ces"] * 3, "score": [7, 6, 2],
    ...     "answered_at": ["2026-03-01"] * 3}})
    >>> crm.measure("ces", period="2026-03").value.item()
    5.0
    >>> crm.measure("ces", period="2026-03", reverse=True).value.item()
    3.0
    """
    score = surveys.scale_min + surveys.scale_max - surveys.score if reverse else surveys.score
    return _on_which_scale(mean(score, _valid(surveys, "ces")), surveys, reverse=reverse)


@metric(
    title="Found it easy (CES)",
    unit="share",
    better="up",
    at=_AT,
    formula="answers in the top three of seven ÷ answers",
    source="as ces",
)
def ces_easy(surveys, *, reverse=False):
    """Of the answers to the effort question, the share in the top three of seven: (score − min) ÷ (max − min) ≥ 0.65.

    On 1-7 these are 5, 6 and 7: a 5 lies at 4 ÷ 6 = 0.67. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": list("abcd"), "survey": ["ces"] * 4, "score": [7, 5, 4, 1],
    ...     "answered_at": ["2026-03-01"] * 4}})
    >>> crm.measure("ces_easy", period="2026-03").value.item()
    0.5
    """
    height = (surveys.score - surveys.scale_min) / (surveys.scale_max - surveys.scale_min)
    easy = share(height <= 0.35 if reverse else height >= 0.65, of=_valid(surveys, "ces"))
    return _on_which_scale(easy, surveys, reverse=reverse)


@metric(
    title="Satisfied customers (CSAT)",
    unit="share",
    better="up",
    at=_AT,
    formula="answers in the top quarter of the scale ÷ answers",
    caveats="Neutral answers count as not satisfied; some tools leave them out, which gives a higher number.",
)
def csat(surveys):
    """Of the answers about satisfaction, the share in the top quarter of the scale: 4 and 5 of 5.

    (score − min) ÷ (max − min) ≥ 0.75. A neutral answer stays in the denominator. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": list("abcdefghij"), "survey": ["csat"] * 10,
    ...     "score": [5] * 4 + [4] * 3 + [3, 2, 1], "answered_at": ["2026-03-01"] * 10}})
    >>> crm.measure("csat", period="2026-03").value.item()
    0.7
    """
    height = (surveys.score - surveys.scale_min) / (surveys.scale_max - surveys.scale_min)
    return share(height >= 0.75, of=_valid(surveys, "csat"))


@metric(
    title="Satisfaction, mean score",
    unit="score",
    better="up",
    at=_AT,
    formula="mean score of the satisfaction question",
)
def csat_mean(surveys):
    """Mean answer about satisfaction on the survey's own scale. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": ["a", "b"], "survey": ["csat"] * 2, "score": [5, 2],
    ...     "answered_at": ["2026-03-01"] * 2}})
    >>> crm.measure("csat_mean", period="2026-03").value.item()
    3.5
    """
    return mean(surveys.score, _valid(surveys, "csat"))


@metric(title="Survey answers", unit="count", better="up", at=_AT, formula="answers of every survey")
def survey_answers(surveys):
    """Answers to all surveys, those with a score off the scale left out.

    >>> import crmkit
    >>> crm = crmkit.open({"surveys": {"response_id": list("abc"), "survey": ["nps", "csat", "csat"],
    ...     "score": [10, 5, 9], "answered_at": ["2026-03-01"] * 3}})
    >>> crm.measure("survey_answers", period="2026-03").value.item()
    2.0
    """
    return count(_valid(surveys, "nps") | _valid(surveys, "ces") | _valid(surveys, "csat"))
