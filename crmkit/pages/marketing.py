"""The page of marketing: what campaigns cost and brought, who bought, and how that compares with the plans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.methods.campaign_returns import WHOLE, campaign_returns
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import tried
from crmkit.pages.sentences import dimension_name
from crmkit.pages.showing import grid, listed, missing_from
from crmkit.periods import Period
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm

CARDS = (
    "marketing_roi_margin", "marketing_roi", "marketing_spend", "campaign_revenue", "campaign_leads", "cost_per_lead",
    "budget_used", "response_rate",
)  # fmt: skip
DEFINED = (
    "campaigns_run", "marketing_spend", "marketing_budget", "budget_used", "campaign_leads", "cost_per_lead",
    "campaign_responses", "campaign_reactions", "responses_per_campaign", "response_rate", "campaign_revenue",
    "unattributed_revenue", "campaign_margin", "revenue_per_campaign", "expected_revenue", "revenue_attainment",
    "marketing_roi", "marketing_roi_margin", "roas",
)  # fmt: skip
_REACTIONS = ("sent", "opened", "clicked", "responded")


def returns(crm: Crm, period: str | Period, by: str = "channel") -> pd.DataFrame:
    """Return what each channel cost and brought, as `campaign_returns` does, or the reason why that is not known."""
    found = tried(campaign_returns, crm, period=crm.period(period), by=by)
    return said_why(found, crm)


def said_why(found: pd.DataFrame, crm: Crm) -> pd.DataFrame:
    """Leave on the returns why they have no leads or no sales, where a table for these is missing."""
    found.attrs["no_leads"] = lacks(crm, "cost_per_lead")
    found.attrs["no_sales"] = _no_sales(crm)
    return found


def _no_sales(crm: Crm) -> str:
    if reason := lacks(crm, "campaign_revenue"):
        return reason
    return "" if {"orders", "opportunities"} & set(crm.tables) else "needs the table orders or opportunities"


def money_back(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the returns that the figure of money back can show, or why it can show none."""
    if missing_from(found):
        return found
    shown = found[found["roas"].notna()]
    if not len(shown):
        shown.attrs["missing"] = found.attrs["no_sales"] or "nothing was spent, or nothing sold, in this period"
    return shown


def returns_table(found: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of what channels cost and brought."""
    if missing_from(found):
        return grid(found, caption=caption)
    by = found.attrs["by"]
    shown = pd.DataFrame(
        {
            by: found[by],
            "campaigns": found["campaigns_run"],
            "spent": found["marketing_spend"],
            "leads": found["campaign_leads"],
            "revenue": found["campaign_revenue"],
            "margin": found["campaign_margin"],
            "buyers": found["buyers"],
            "ROAS": found["roas"],
            "ROI, revenue": found["marketing_roi"],
            "ROI, margin": found["marketing_roi_margin"],
        }
    )
    shown.attrs = found.attrs
    money = dict.fromkeys(("spent", "revenue", "margin"), "money")
    counts = dict.fromkeys(("campaigns", "leads", "buyers"), "count")
    shares = dict.fromkeys(("ROI, revenue", "ROI, margin"), "share")
    return grid(shown, caption=caption, units={**money, **counts, **shares, "ROAS": "ratio"})


def named(names: Iterable[str], *, most: int = 6) -> str:
    """List names, the first few and how many more there are.

    >>> named(["A", "B", "C"]), named(["A", "B", "C", "D"], most=2)
    ('A, B, C', 'A, B and 2 more')
    """
    every = [str(name) for name in names]
    left = len(every) - most
    return f"{', '.join(every[:most])} and {left} more" if left > 0 else ", ".join(every)


def return_sentences(found: pd.DataFrame, *, currency: str = "") -> Html:
    """Say what came back for each unit of money, in revenue and in margin, and where that is beyond doubt."""
    if missing_from(found):
        return listed([])
    by, whole = found.attrs["by"], found[found[found.attrs["by"]] == WHOLE].iloc[0]
    said = []
    if not missing(whole["roas"]):
        one = say(1, "money", currency=currency)
        text = f"Each {one} spent came back as {say(whole['roas'], 'money', currency=currency)} of revenue"
        if not missing(whole["marketing_roi_margin"]):
            back = say(whole["marketing_roi_margin"] + 1, "money", currency=currency)
            text += f" and, once the goods are paid for, as {back} of margin"
        said.append(text + f", from {say(whole['buyers'], 'count')} buyers.")
    rows = found[found[by] != WHOLE]
    for words, where in (
        ("The margin pays for the spending beyond the play of chance in", rows["marketing_roi_margin_low"] > 0),
        ("It falls short beyond the play of chance in", rows["marketing_roi_margin_high"] < 0),
    ):
        if where.any():
            said.append(f"{words} {named(rows.loc[where, by])}.")
    open_ = rows["marketing_roi_margin"].notna() & ~(
        (rows["marketing_roi_margin_low"] > 0) | (rows["marketing_roi_margin_high"] < 0)
    )
    if open_.any():
        said.append(f"Too few buyers to be sure either way: {named(rows.loc[open_, by])}.")
    free = rows[(rows["marketing_spend"].fillna(0) == 0) & rows["campaign_revenue"].gt(0)]
    if len(free):
        said.append(f"Without any spending, and so without a return: {named(free[by])}.")
    return listed(said)


def spent(found: pd.DataFrame) -> pd.DataFrame:
    """Return the spending of each channel, for the figure of groups."""
    if missing_from(found):
        return found
    by = found.attrs["by"]
    rows = found[(found[by] != WHOLE) & (found["marketing_spend"] > 0)]
    shown = rows[[by, "marketing_spend"]].rename(columns={"marketing_spend": "value"}).reset_index(drop=True)
    shown.attrs = found.attrs | {"title": "Marketing spend", "unit": "money"}
    if not len(shown):
        shown.attrs["missing"] = "no campaign cost anything in this period"
    return shown


def lead_costs(found: pd.DataFrame) -> pd.DataFrame:
    """Return the cost per lead of each channel with its interval, for the figure of groups."""
    if missing_from(found):
        return found
    by = found.attrs["by"]
    rows = found[(found[by] != WHOLE) & found["cost_per_lead"].notna()]
    shown = pd.DataFrame(
        {
            by: rows[by], "value": rows["cost_per_lead"], "low": rows["cost_per_lead_low"],
            "high": rows["cost_per_lead_high"], "n": rows["campaign_leads"],
        }
    ).reset_index(drop=True)  # fmt: skip
    shown.attrs = found.attrs | {"title": "Cost per lead", "unit": "money", "better": "down"}
    if not len(shown):
        shown.attrs["missing"] = found.attrs.get("no_leads") or "no lead of this period names a campaign"
    return shown


def reactions(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Count the reactions of each kind by channel, and the response rate where messages were sent."""
    return tried(_reactions, crm, crm.period(period))


def _reactions(crm: Crm, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, "campaign_responses"):
        raise NotInThisData(f"not in this data, {reason}")
    by = "channel" if "campaigns" in crm.tables else "campaign_id"
    found = crm.measure("campaign_reactions", period=now, by=[by, "kind"], intervals=False)
    if not found["value"].sum():
        raise NotInThisData(f"nobody reacted to a campaign in {now.name}")
    wide = found.pivot(index=by, columns="kind", values="value").rename_axis(columns=None)
    kinds = [kind for kind in _REACTIONS if kind in wide]
    rates = crm.measure("response_rate", period=now, by=by).set_index(by)
    wide = wide[[*kinds, *(kind for kind in wide if kind not in kinds)]].fillna(0.0)
    wide["response rate"] = rates["value"].reindex(wide.index)
    ends = rates[["low", "high"]].reindex(wide.index)
    wide["95% interval"] = [say_interval(a, b, "share") for a, b in ends.itertuples(index=False)]
    return wide.reset_index()


def reaction_units(found: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns that the table of reactions has."""
    units = {column: "count" for column in found if column not in ("channel", "campaign_id", "95% interval")}
    return units | ({"response rate": "share"} if "response rate" in found else {})


def buyers(crm: Crm, period: str | Period, by: str) -> pd.DataFrame:
    """Return what each group of customers bought that names a campaign, and that names none.

    Returns
    -------
    DataFrame
        One row a group, the largest first, and "(all)": the group, `names a campaign`, `names none`, `share named`.
    """
    return tried(_buyers, crm, crm.period(period), by)


def _buyers(crm: Crm, now: Period, by: str) -> pd.DataFrame:
    names = ["campaign_revenue", "unattributed_revenue"]
    if reason := _no_sales(crm):
        raise NotInThisData(f"not in this data, {reason}")
    found = crm.measure(names, period=now, by=by or "via", intervals=False)
    wide = found.pivot(index=by or "via", columns="metric", values="value").reindex(columns=names)
    wide = wide[wide.notna().any(axis=1)].sort_values(names, ascending=False, kind="stable")
    wide.loc[WHOLE] = wide.sum()
    shown = wide.set_axis(["names a campaign", "names none"], axis=1).rename_axis(columns=None)
    total = shown.sum(axis=1)
    shown["share named"] = shown["names a campaign"] / total.where(total > 0)
    shown = shown.rename_axis(index=dimension_name(by or "via")).reset_index()
    shown.attrs |= {"currency": crm.config.currency, "as_of": crm.as_of}
    if len(shown) < 2:
        shown.attrs["missing"] = f"nothing was sold in {now.name}"
    return shown


BUYER_UNITS = {"names a campaign": "money", "names none": "money", "share named": "share"}


def plans(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Compare the campaigns that ran in a period with their plans, each over its whole life up to now.

    Returns
    -------
    DataFrame
        One row a campaign, the dearest first: `campaign`, `channel`, `cost`, `budget`, `budget used`, `revenue so far`,
        `expected`, `attained`.
    """
    return tried(_plans, crm, crm.period(period))


def _plans(crm: Crm, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, "marketing_spend"):
        raise NotInThisData(f"not in this data, {reason}")
    campaigns = crm.relations.get("campaigns")
    about = campaigns.select("campaign_id", "name", "channel", "started_at").to_pyarrow().to_pandas()
    names = ["campaigns_run", "marketing_spend"]
    ran = crm.measure("campaigns_run", period=now, by="campaign_id", intervals=False)
    about = about[about["campaign_id"].isin(ran.loc[ran["value"] > 0, "campaign_id"])]
    if about.empty:
        raise NotInThisData(f"no campaign ran in {now.name}")
    life = Period(min(about["started_at"].min().to_pydatetime(), now.start), now.end, None, now.calendar)
    names += ["marketing_budget", "budget_used", "campaign_revenue", "expected_revenue", "revenue_attainment"]
    found = crm.measure(names, period=life, by="campaign_id", intervals=False)
    wide = found[found["campaign_id"] != ""].pivot(index="campaign_id", columns="metric", values="value")
    if not lacks(crm, "campaign_revenue"):
        sold = wide["campaign_revenue"] if "campaign_revenue" in wide else pd.Series(0.0, wide.index)
        wide = wide.assign(campaign_revenue=sold.fillna(0.0))  # nothing sold is known to be nothing
    rows = (
        about.set_index("campaign_id")
        .join(wide.reindex(columns=names))
        .sort_values(["marketing_spend", "started_at"], ascending=[False, True], kind="stable")
    )
    shown = pd.DataFrame(
        {
            "campaign": rows["name"].fillna(rows.index.to_series()), "channel": rows["channel"].fillna("(none)"),
            "cost": rows["marketing_spend"], "budget": rows["marketing_budget"], "budget used": rows["budget_used"],
            "revenue so far": rows["campaign_revenue"], "expected": rows["expected_revenue"],
            "attained": rows["revenue_attainment"],
        }
    ).reset_index(drop=True)  # fmt: skip
    shown.attrs |= {"currency": crm.config.currency, "as_of": crm.as_of, "until": now.name}
    return shown.drop(columns=[c for c in ("budget", "budget used", "expected", "attained") if shown[c].isna().all()])


PLAN_UNITS = {
    "cost": "money", "budget": "money", "budget used": "share", "revenue so far": "money", "expected": "money",
    "attained": "share",
}  # fmt: skip


def plan_units(found: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns that the table of plans has."""
    return {column: unit for column, unit in PLAN_UNITS.items() if column in found}


def plan_sentences(found: pd.DataFrame) -> Html:
    """Say how many campaigns stayed within their budget, and how many reached the revenue expected of them."""
    if missing_from(found):
        return listed([])
    said = []
    if "budget used" in found:
        used = found["budget used"].dropna()
        over = int((used > 1).sum())
        said.append(f"{say(over, 'count')} of {say(len(used), 'count')} campaigns cost more than their budget.")
    if "attained" in found and found["attained"].notna().any():
        reached = found["attained"].dropna()
        met, none = int((reached >= 1).sum()), int((reached == 0).sum())
        text = f"{say(met, 'count')} of {say(len(reached), 'count')} have brought what was expected of them so far"
        said.append(text + (f", and {say(none, 'count')} nothing yet." if none else "."))
        whole = found["revenue so far"].sum() / found["expected"].sum()
        said.append(f"Together they have brought {say(whole, 'share')} of the revenue expected.")
    return listed(said)
