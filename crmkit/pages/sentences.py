"""Numbers in words: the headlines of a page, made from a scorecard, and what a change is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from crmkit import notebook
from crmkit.metric import find
from crmkit.numbers import UNKNOWN, say, say_change, say_interval
from crmkit.pages.showing import listed
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    import pandas as pd

    from crmkit.crm import Crm

NOISE = "no more than noise"


def headline(card: pd.DataFrame, metric: str, *, currency: str = "", against: str = "") -> str:
    """Say one metric of a scorecard in a sentence: value, interval, change, whether that is noise, target.

    Parameters
    ----------
    card : DataFrame
        A scorecard.
    metric : str
    currency : str
        For money.
    against : str
        What the period before is called.

    Returns
    -------
    str
        "" where the scorecard does not have the metric, or no value for it.

    Examples
    --------
    >>> import pandas as pd
    >>> card = pd.DataFrame([{"metric": "nps", "title": "NPS", "unit": "points", "value": 6.8, "low": -4.9,
    ...     "high": 18.4, "previous": 12.6, "verdict": "no change beyond noise", "target": 10.0}])
    >>> said = headline(card, "nps", against="2026-Q2").replace(chr(160), " ")
    >>> said.partition(". ")[0]
    'NPS is 6.8 (95% interval −4.9 to 18.4), down 5.8 points from 12.6 in 2026-Q2: no more than noise'
    >>> said.partition(". ")[2]
    'Target 10.0: not reached.'
    """
    rows = card[card["metric"] == metric]
    if not len(rows) or missing(rows["value"].iloc[0]):
        return ""
    row = rows.iloc[0].to_dict()
    form = {"currency": currency}
    title, unit = str(row.get("title") or metric), str(row.get("unit") or "")
    text = f"{title} {'are' if _plural(title) else 'is'} {say(row['value'], unit, **form)}"
    interval = say_interval(row.get("low"), row.get("high"), unit, **form)
    text += f" (95% interval {interval})" if interval != UNKNOWN else ""
    text += _moved(row, unit, form, against) + "."
    if not missing(row.get("target")):
        met = row.get("status") or _met(metric, row)
        reached = "reached" if met == "on target" else "not reached"
        text += f" Target {say(row['target'], unit, **form)}: {reached}."
    return text


def headlines(card: pd.DataFrame, metrics: Sequence[str], *, currency: str = "", against: str = "") -> Html:
    """Say several metrics of a scorecard, a sentence each; those that it does not have are left out."""
    return listed([headline(card, name, currency=currency, against=against) for name in metrics])


def headline_cards(card: pd.DataFrame, metrics: Sequence[str], *, currency: str = "", against: str = "") -> Html:
    """Make the cards of some metrics of a scorecard, in the order given; those without a value are left out."""
    place = {name: at for at, name in enumerate(metrics)}
    rows = card[card["metric"].isin(place) & card["value"].notna()]
    rows = rows.loc[rows["metric"].map(place).sort_values().index].assign(against=against)
    rows.attrs = card.attrs
    return notebook.cards(rows, currency=currency)


def answer(card: pd.DataFrame, metrics: Sequence[str], *, currency: str = "") -> Html:
    """Make the answer of a page: the short form of the first metrics that the scorecard has, in one or two sentences.

    The front page of a report shows it, too.
    """
    said = [_short(card, name, currency) for name in metrics]
    return notebook.answer("{}", " ".join(sentence for sentence in said if sentence) or _no_answer(card, metrics))


def _no_answer(card: pd.DataFrame, metrics: Sequence[str]) -> str:
    """Say why the first of some metrics, none of which has a value, has none."""
    if not metrics:
        return "Nothing to measure yet."
    title, lacking = find(metrics[0]).title, card.attrs.get("missing")
    reasons = lacking.loc[lacking["metric"] == metrics[0], "reason"].tolist() if lacking is not None else []
    return f"{title} cannot be measured: {reasons[0]}." if reasons else f"{title} is not known for this period."


def reason_finding(frame: pd.DataFrame) -> str:
    """Say which reason was given most often, for the title of a figure of reasons; "(none)" is no reason.

    Examples
    --------
    >>> import pandas as pd
    >>> reason_finding(pd.DataFrame({"lost_reason": ["(none)", "Price", "Service"], "value": [9.0, 5.0, 3.0]}))
    'Price is the reason given most often: 5 of 8; 9 have none'
    """
    if "lost_reason" not in frame or not len(frame):
        return ""
    given = frame[frame["lost_reason"] != "(none)"].sort_values("value", ascending=False, kind="stable")
    without = float(frame["value"].sum() - given["value"].sum())
    if not len(given):
        return f"None of the {say(without, 'count')} has a reason"
    top, whole = given.iloc[0], say(float(given["value"].sum()), "count")
    rest = f"; {say(without, 'count')} have none" if without else ""
    return f"{top['lost_reason']} is the reason given most often: {say(float(top['value']), 'count')} of {whole}{rest}"


def change_explained(parts: pd.DataFrame, *, unit: str = "", by: str = "", noise: bool = False) -> str:
    """Say what a change is made of: the groups' own values, their weights, and the group that did most.

    Parameters
    ----------
    parts : DataFrame
        What `explain` returns.
    unit : str
        The metric's.
    by : str
        The column of the groups.
    noise : bool
        Whether the change as a whole is no more than noise.

    Examples
    --------
    >>> import pandas as pd
    >>> parts = pd.DataFrame({"metric": "win_rate", "team": ["A", "B"], "mix": [0.0, 0.01], "rate": [0.05, -0.01],
    ...     "effect": [0.05, 0.0]})
    >>> said = change_explained(parts, unit="share", by="team").replace(chr(160), " ")
    >>> said.partition(". ")[0]
    'Of the change of +5.0 pts, +4.0 pts came from the groups themselves and +1.0 pts from their weights in the whole'
    >>> said.partition(". ")[2]
    'The largest part is that of A (+5.0 pts).'
    """
    if not len(parts) or "effect" not in parts:
        return ""
    by = by if by in parts else parts.columns[1]
    whole, mix, rate = (float(parts[name].sum()) for name in ("effect", "mix", "rate"))
    top = parts.iloc[0]
    size = {name: say_change(value, 0.0, unit) for name, value in (("whole", whole), ("mix", mix), ("rate", rate))}
    largest = f"The largest part is that of {top[by]} ({say_change(float(top['effect']), 0.0, unit)})."
    if not parts["mix"].abs().sum():
        text = f"The groups add up to the change of {size['whole']}. {largest}"
    else:
        text = (
            f"Of the change of {size['whole']}, {size['rate']} came from the groups themselves and {size['mix']} from "
            f"their weights in the whole. {largest}"
        )
    return f"{text} The change as a whole is {NOISE}, and so its parts may be, too." if noise else text


def explained(card: pd.DataFrame, metric: str, parts: pd.DataFrame) -> Html:
    """Say in a paragraph what the change of a scorecard's metric is made of; nothing where there are no parts."""
    return listed([change_explained(parts, unit=find(metric).unit, noise=is_noise(card, metric))])


def is_noise(card: pd.DataFrame, metric: str) -> bool:
    """Tell whether a scorecard says of a metric's change that it is no more than noise."""
    rows = card[card["metric"] == metric]
    return bool(len(rows)) and "noise" in str(rows["verdict"].iloc[0])


def target(card: pd.DataFrame, metric: str) -> float | None:
    """Return the target of a metric in a scorecard, None where there is none.

    Examples
    --------
    >>> import pandas as pd
    >>> target(pd.DataFrame({"metric": ["nps"], "target": [18.0]}), "nps")
    18.0
    """
    rows = card[card["metric"] == metric]
    return None if not len(rows) or missing(rows["target"].iloc[0]) else float(rows["target"].iloc[0])


def definition_list(crm: Crm, metrics: Iterable[str], *, quality: bool = True) -> Html:
    """List the definitions of metrics from the catalogue, those that this data can answer.

    In front of them stands which findings of data quality touch them, unless `quality` is False.
    """
    from crmkit.engine.availability import lacks
    from crmkit.pages.quality_line import quality_line

    known = [name for name in metrics if not lacks(crm, name)]
    terms = notebook.definitions(_definition(name) for name in known)
    line = quality_line(crm, known) if quality else Html("", "")
    return Html(line.html + terms.html, f"{line.text}\n{terms.text}".strip())


def _definition(name: str) -> SimpleNamespace:
    """Return what the list of definitions shows of a metric, with the tables of the data that it is made from."""
    from crmkit.engine.availability import needs
    from crmkit.relations import all_derived

    derived = all_derived()
    tables = {" or ".join(derived[table].any_of) if table in derived else table for table, _ in needs(name)}
    metric = find(name)
    better = {"up": "higher", "down": "lower"}.get(metric.better, "")
    facts = {
        fact: getattr(metric, fact) for fact in ("name", "title", "unit", "formula", "meaning", "caveats", "source")
    }
    return SimpleNamespace(**facts, better=better, tables=sorted(tables))


def dimension_name(by: str) -> str:
    """Write the name of a column that groups in a sentence.

    >>> dimension_name("owner.name"), dimension_name("customer.segment"), dimension_name("owner_id")
    ('owner', 'customer segment', 'owner')
    """
    return by.removesuffix(".name").removesuffix("_id").replace(".", " ").replace("_", " ")


def _plural(title: str) -> bool:
    """Tell whether a title is a plural: Leads are, Customers at the start are; Win rate is, Sales cycle, mean is.

    >>> [_plural(title) for title in ("Leads", "Calls made", "Satisfied customers (CSAT)", "Completeness")]
    [True, True, True, False]
    """
    words = title.partition(" (")[0].split()
    if not words or "," in title:
        return False
    ends = [word.endswith("s") and not word.endswith("ss") for word in words]
    return ends[-1] or (ends[0] and words[0] != "Sales")


def _moved(row: dict[str, Any], unit: str, form: dict[str, str], against: str) -> str:
    """Say how a value moved from the period before, and whether that is more than noise."""
    if missing(row.get("previous")):
        return ""
    if row["value"] == 0 == row["previous"]:
        return f", as in {against}" if against else ", as before"
    change = say_change(row["value"], row["previous"], unit, **form)
    where = f" in {against}" if against else ""
    before = say(row["previous"], unit, **form)
    if change == UNKNOWN:
        return ""
    if not change.startswith(("+", "−")):
        return f", as{where or ' before'}"
    text = f", {'up' if change[0] == '+' else 'down'} {change[1:]} from {before}{where}"
    verdict = str(row.get("verdict") or "")
    if "noise" in verdict:
        return f"{text}: {NOISE}"
    return f"{text}: more than noise" if verdict else text


def _met(metric: str, row: dict[str, Any]) -> str:
    down = find(metric).better == "down"
    return "on target" if (row["value"] <= row["target"] if down else row["value"] >= row["target"]) else "off target"


def _short(card: pd.DataFrame, metric: str, currency: str) -> str:
    rows = card[card["metric"] == metric]
    if not len(rows) or missing(rows["value"].iloc[0]):
        return ""
    row = rows.iloc[0].to_dict()
    unit, title = str(row["unit"]), str(row["title"])
    text = f"{title} {'are' if _plural(title) else 'is'} {say(row['value'], unit, currency=currency)}"
    verdict = str(row.get("verdict") or "")
    change = say_change(row["value"], row.get("previous"), unit, currency=currency)
    if "noise" in verdict:
        text += ", no clear change"
    elif change.startswith(("+", "−")):
        text += f", {'up' if change[0] == '+' else 'down'} {change[1:]}"
    status = {"on target": ", on target", "off target": ", off target"}.get(str(row.get("status") or ""), "")
    return f"{text}{status}."
