"""Landing pages and the way from visit to customer, on the page of the web site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.engine.intervals import wilson
from crmkit.errors import NotInThisData
from crmkit.methods.landing_pages import ABOVE, ALIKE, BELOW, TOO_FEW, landing_pages
from crmkit.methods.site_funnel import site_funnel
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import tried, values
from crmkit.pages.sales import with_funnels
from crmkit.pages.sentences import dimension_name
from crmkit.pages.showing import absent, grid, listed, missing_from
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

_WORDS = {"bounce": "leave at once", "lead": "become a lead", "purchase": "buy"}
_MARKS = {ABOVE: "▲", BELOW: "▼", ALIKE: "", TOO_FEW: "few"}


def landing(crm: Crm, period: str | Period, by: str) -> pd.DataFrame:
    """Compare the groups of visits, as `landing_pages` does, with the reason where there are none."""
    if not by:
        frame = pd.DataFrame()
        frame.attrs["missing"] = "needs the column web_sessions.landing_page"
        return frame
    return tried(landing_pages, crm, period=crm.period(period), by=by)


def landing_table(frame: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of what `landing` returns: a rate, its interval and a mark for each of bounce, lead, purchase."""
    if reason := missing_from(frame):
        return absent(reason)
    by = frame.columns[0]
    shown = pd.DataFrame({dimension_name(by): frame[by], "visits": frame["visits"], "share": frame["share"]})
    units, numbers = {"visits": "count", "share": "share"}, []
    for place, what in enumerate(frame.attrs["compared"]):
        marked = zip(frame[f"{what}_rate"], frame[f"{what}_differs"], strict=True)
        shown[_WORDS[what]] = [f"{say(rate, 'share')} {_MARKS[differs]}".strip() for rate, differs in marked]
        ends = zip(frame[f"{what}_low"], frame[f"{what}_high"], strict=True)
        shown[_interval(place)] = [say_interval(low, high, "share") for low, high in ends]
        numbers += [_WORDS[what], _interval(place)]
    return grid(shown, caption=caption, units=units, numbers=numbers)


def _interval(place: int) -> str:
    """Name one of several columns of intervals; they read the same, and are not."""
    return "95% interval" + " " * place


def landing_in_words(frame: pd.DataFrame) -> Html:
    """Say which groups differ from the rest by more than chance, and which have too few visits to tell."""
    if missing_from(frame):
        return listed([])
    by = frame.columns[0]
    said = []
    for what in frame.attrs["compared"]:
        for sign, word in ((ABOVE, "more"), (BELOW, "fewer")):
            rows = frame[frame[f"{what}_differs"] == sign].to_dict("records")
            named = ", ".join(f"{row[by]} ({say(row[f'{what}_rate'], 'share')})" for row in rows)
            if named:
                said.append(f"Of the visits that began with {named}, clearly {word} than of the rest {_WORDS[what]}.")
    told = [f"{what}_differs" for what in frame.attrs["compared"]]
    told = [column for column in told if (frame[column] != TOO_FEW).any()]
    if not told:
        return listed([f"There are too few visits to say anything about a single {dimension_name(by)}."])
    if not said:
        said.append(f"No {dimension_name(by)} differs from the rest by more than chance: a ranking of them is luck.")
    few = frame.loc[(frame[told] == TOO_FEW).any(axis=1), by]
    if len(few):
        said.append(f"Too few visits to tell in at least one of the columns: {', '.join(map(str, few))}.")
    return listed(said)


def followed(crm: Crm, period: str | Period, **options: object) -> pd.DataFrame:
    """Follow new visitors, as `site_funnel` does, with the reason where there is nobody to follow."""
    now = crm.period(period)
    frame = tried(site_funnel, crm, period=now, **options)
    if "entered" in frame and not frame["entered"].sum():
        frame.attrs["missing"] = f"no new visitor of {now.name} is known who could be followed"
    frame.attrs["followed"] = now.name
    return frame


def path_in_words(path: pd.DataFrame, *, name: str) -> Html:
    """Say how many new visitors reached the end of a funnel, from those whose window has closed.

    Examples
    --------
    >>> path = pd.DataFrame({"stage": ["Visitors", "Leads"], "entered": [50, 2], "went_on": [2, 0], "lost": [48, 0],
    ...     "open": [0, 0]})
    >>> path.attrs |= {"window_days": 90}
    >>> said = path_in_words(path, name="2026-Q2").text.replace(chr(160), " ")
    >>> said.partition(". ")[0]
    'Of 50 new visitors of 2026-Q2, 2 reached the last step (Leads) within 90 days: 4.0% (95% interval 1.1–13.5%)'
    """
    if missing_from(path):
        return listed([])
    first, last = path.iloc[0], path.iloc[-1]
    days = path.attrs.get("window_days")
    n, end = float(first["entered"]), float(last["entered"])
    low, high = wilson(np.array([end]), np.array([n]))
    said = [
        f"Of {say(n, 'count')} new visitors of {name}, {say(end, 'count')} reached the last step ({last['stage']}) "
        f"within {days} days: {say(end / n, 'share')} (95% interval {say_interval(low[0], high[0], 'share')}). "
    ]
    said[0] += f"That is one for every {say(n / end, 'per_unit', digits=1)} visitors." if end else ""
    if waiting := int(path["open"].sum()):
        said.append(f"{waiting:,} of them are followed for less than {days} days so far and may go on yet.")
    if bought := int(path.attrs.get("bought") or 0):
        said.append(
            f"{bought:,} more ordered on the site without that way: customers, too, whom this funnel does not show."
        )
    return listed([sentence.strip() for sentence in said])


def path_by(crm: Crm, period: str | Period, by: str, **options: object) -> pd.DataFrame:
    """Put the ends of the funnel of each group side by side: visitors, who took the first step, who reached the last.

    Returns
    -------
    DataFrame
        One row a group, the most visitors first: the group, `new visitors`, then for the second and the last step a
        count, its share of the visitors and `95% interval`; only visitors whose window has closed are counted.
    """
    return tried(_path_by, crm, crm.period(period), by, **options)


def _path_by(crm: Crm, now: Period, by: str, **options: object) -> pd.DataFrame:
    if not by:
        raise NotInThisData("not in this data, needs the column web_sessions.source")
    found = site_funnel(crm, period=now, by=by, **options)
    if not len(found) or not found["entered"].sum():
        raise NotInThisData(f"no new visitor of {now.name} is known who could be followed")
    stages = list(dict.fromkeys(found["stage"]))
    wide = found.pivot(index=by, columns="stage", values="entered")
    wide = wide.sort_values(stages[0], ascending=False, kind="stable")
    n = wide[stages[0]].to_numpy(float)
    shown = pd.DataFrame({dimension_name(by): wide.index, "new visitors": n})
    for place, stage in enumerate(dict.fromkeys([stages[1], stages[-1]])):
        part = wide[stage].to_numpy(float)
        low, high = wilson(part, n)
        shown[stage.lower()] = part
        shown[f"% {stage.lower()}"] = part / n
        shown[_interval(place)] = [say_interval(a, b, "share") for a, b in zip(low, high, strict=True)]
    shown.attrs |= {"as_of": crm.as_of, "stages": stages}
    return shown


def path_table(frame: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of what `path_by` returns."""
    if reason := missing_from(frame):
        return absent(reason)
    units = {column: "share" if column.startswith("% ") else "count" for column in frame.columns[1:]}
    intervals = [column for column in frame if column.strip() == "95% interval"]
    units = {column: unit for column, unit in units.items() if column not in intervals}
    return grid(frame, caption=caption, units=units, numbers=intervals)


def with_paths(agree: pd.DataFrame, crm: Crm, period: str | Period, *paths: pd.DataFrame) -> pd.DataFrame:
    """Add to the reconciliations that a rate and its inverse are one number, and that the funnels close.

    The product of visitor_to_lead_rate and visitors_per_lead must be 1; a funnel must follow as many as there are new
    visitors in its period, never widen, and lose, keep or pass on everybody who entered a step.
    """
    rows = agree.to_dict("records")
    if not lacks(crm, "visitors_per_lead"):
        both = values(crm, ["visitor_to_lead_rate", "visitors_per_lead"], period)
        if both.notna().all():
            what = "Visitor to lead rate × visitors per lead = 1"
            rows.append({"what": what, "left": float(both.prod()), "right": 1.0, "unit": "ratio"})
    there = [path for path in paths if "entered" in path and not path.attrs.get("missing")]
    for path in there:
        new = values(crm, ["new_visitors"], path.attrs["followed"])["new_visitors"]
        what = f"{path.attrs['title']}: followed are the new visitors of {path.attrs['followed']}"
        rows.append({"what": what, "left": float(path["entered"].iloc[0]), "right": float(new), "unit": "people"})
    return with_funnels(pd.DataFrame(rows), pd.DataFrame(), *there)
