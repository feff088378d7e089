"""Attribution: which campaigns get the credit for what was sold, by several rules side by side.

A touch is anything that brought a campaign and a person together: a visit to the site by a campaign's link, a response
to a campaign, a lead that names one. A sale looks back over the touches of its customer. The rules share the same
money out differently; none of them says what would have been sold without the campaign. Only a comparison with people
who were left out of it can.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit.casting import TIME
from crmkit.engine import dimensions
from crmkit.engine.dimensions import NONE
from crmkit.engine.money import check_currencies
from crmkit.errors import UsageError
from crmkit.methods.common import need, pick, run, said
from crmkit.metric import find
from crmkit.periods import Period
from crmkit.relations import at

MODELS = {
    "last_touch": "Last touch",
    "first_touch": "First touch",
    "position": "Position (40/20/40)",
    "linear": "Linear",
    "named": "As the sale names it",
}
"""The rules, and what people call them."""
_ENDS = 0.4
"""What the first and the last touch each get by position; those between them share the rest."""
_TOUCHING = ("responded", "clicked")


def attribution(
    crm,
    *,
    period: str | Period = "latest",
    by: str = "channel",
    models: Sequence[str] = tuple(MODELS),
    window_days: int = 90,
) -> pd.DataFrame:
    """Share the revenue of a period out among campaigns by several rules; each rule's parts add up to the same total.

    Parameters
    ----------
    crm : Crm
    period : str or Period
        When it was sold.
    by : str
        A column of campaigns: channel, campaign_id or name.
    models : list of str
        last_touch: all to the last touch. first_touch: all to the first. position: 40% each to the first and the last,
        20% to those between; half each where there are two. linear: the same to each. named: to the campaign that the
        order or deal itself names, as campaign_revenue has it.
    window_days : int
        Touches are counted from so many days before the sale up to the sale.

    Returns
    -------
    DataFrame
        One row a model and group: `model`, the group ("(none)" for sales that no campaign touched), `value` (revenue in
        money), `share` (of the total), `sales` (sales with any part in it), `n` (the same). In `attrs`: `total`, and
        `sales`, `touched` and `several`: how many sales there were, with a touch, and with touches of several groups.

    Raises
    ------
    UsageError
        Where a model is unknown, or `window_days` is no positive number.
    NotInThisData
        Where there are no campaigns.

    Notes
    -----
    A customer's touches are the responses and leads that name the customer (leads by `customer_id`, once converted),
    and all visits of a visitor who once became a lead or ordered, where all that is known of the visitor is one
    customer. Responses are those of the kinds responded and clicked. Sales are the rows of `campaign_sales`: orders,
    and won opportunities that no order stands for.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["f", "s"], "channel": ["Fair", "Search"], "cost": [9.0, 9.0],
    ...     "started_at": ["2026-01-01"] * 2}, "campaign_responses": {"campaign_id": ["f", "s", "s"],
    ...     "kind": ["responded"] * 3, "customer_id": ["k"] * 3, "at": ["2026-01-02", "2026-01-05", "2026-01-09"]},
    ...     "orders": {"order_id": ["1", "2"], "customer_id": ["k", "l"], "amount": [100.0, 50.0],
    ...     "ordered_at": ["2026-01-10"] * 2, "campaign_id": [None, None]}}, as_of="2026-01-31")
    >>> found = attribution(crm, period="2026-01", models=["last_touch", "first_touch", "position"])
    >>> found[["model", "channel", "value"]].values.tolist()[:4]
    [['last_touch', 'Search', 100.0], ['last_touch', '(none)', 50.0], ['first_touch', 'Fair', 100.0], \
['first_touch', '(none)', 50.0]]
    >>> found[found.model == "position"].value.tolist()
    [60.0, 40.0, 50.0]
    """
    need(crm, "attribution", "campaigns", "campaign_sales")
    for model in models:
        pick("models", model, tuple(MODELS))
    if isinstance(window_days, bool) or not window_days > 0:
        raise UsageError(f"window_days is {window_days!r}; it must be a positive number of days.")
    check_currencies(crm, find("campaign_revenue"), [])
    now = crm.period(period)
    credit = run(_credits(crm, now, window_days, by))
    found = pd.concat([_shared_out(credit, model, by) for model in models], ignore_index=True)
    sold = credit.drop_duplicates("sale_id")
    about = {"total": float(sold["revenue"].sum()), "sales": len(sold), "touched": int((sold["touches"] > 0).sum())}
    about["several"] = int((credit.groupby("sale_id")["touched"].nunique() > 1).sum())
    return said(found, crm, **about, title="Revenue attributed", unit="money", window_days=window_days)


def _shared_out(credit: pd.DataFrame, model: str, by: str) -> pd.DataFrame:
    """Return one model's revenue of each group, the largest first and "(none)" last."""
    if model == "named":
        rows = credit.drop_duplicates("sale_id")
        group, part = rows["named"], pd.Series(1.0, rows.index)
    else:
        rows = credit
        group, part = rows["touched"], rows[model]
    given = pd.DataFrame({by: group, "value": rows["revenue"] * part, "sale": rows["sale_id"]})[part > 0]
    found = given.groupby(by).agg(value=("value", "sum"), sales=("sale", "nunique")).reset_index()
    found = found.assign(none=found[by] == NONE).sort_values(["none", "value", by], ascending=[True, False, True])
    total = found["value"].sum()
    found["share"] = found["value"] / total if total else float("nan")
    found["n"] = found["sales"]
    return found.assign(model=model)[["model", by, "value", "share", "sales", "n"]]


def _credits(crm, now: Period, window_days: int, by: str) -> ir.Table:
    """Return one row a sale and touch before it (one with the group "(none)" where there is none), with its parts."""
    named = _groups(crm, by)
    sold = crm.relations.get("campaign_sales")
    sold = sold.filter((sold["at"] >= at(now.start)) & (sold["at"] < at(now.end)) & sold.revenue.notnull())
    key = sold.via.concat(":").concat(sold.sale_id)  # an order and a deal may have the same key
    sold = sold.select("customer_id", "campaign_id", "revenue", sale_id=key, sold_at=sold["at"])
    found = _touches(crm)
    if not found:
        rows = sold.mutate(touch_id=ibis.null("string"), touched_at=ibis.null(TIME))
    else:
        told = (ibis.union(*found, distinct=False) if len(found) > 1 else found[0]).distinct()
        told = told.filter(told.person.notnull() & told.touch_id.notnull())
        window = ibis.interval(days=window_days)
        rows = sold.left_join(
            told,
            [
                sold.customer_id == told.person,
                told.touched_at <= sold.sold_at,
                told.touched_at >= sold.sold_at - window,
            ],
        ).drop("person")
    return _weighed(_with_group(_with_group(rows, named, "touch_id", "touched"), named, "campaign_id", "named"))


def _weighed(rows: ir.Table) -> ir.Table:
    """Add how much of its sale each touch gets by each rule; a sale without a touch goes to "(none)" as a whole."""
    sale = ibis.window(group_by="sale_id", order_by=["touched_at", "touch_id"])
    rows = rows.mutate(
        place=ibis.row_number().over(sale) + 1, touches=rows.touch_id.count().over(ibis.window(group_by="sale_id"))
    )
    many = ibis.greatest(rows.touches, 1)
    first, last = rows.place == 1, rows.place == many
    between = (1 - 2 * _ENDS) / (many - 2).nullif(0)
    position = ibis.cases((many == 1, 1.0), (many == 2, 0.5), (first | last, _ENDS), else_=between)
    return rows.select(
        "sale_id",
        "revenue",
        "touches",
        "touched",
        "named",
        first_touch=first.ifelse(1.0, 0.0),
        last_touch=last.ifelse(1.0, 0.0),
        position=position.cast("float64"),
        linear=(1.0 / many).cast("float64"),
    )


def _groups(crm, by: str) -> ir.Table:
    """Return the key of each campaign and its group."""
    dimensions.ensure_unique(crm, "campaigns")
    path = dimensions.find(crm, "campaigns", by)
    if path.steps:
        raise UsageError(f"attribution is by a column of campaigns, such as channel or campaign_id; {by} is none.")
    campaigns = crm.relations.get("campaigns")
    return campaigns.select(key="campaign_id", group=campaigns[path.column].cast("string").fill_null(NONE))


def _with_group(rows: ir.Table, groups: ir.Table, key: str, column: str) -> ir.Table:
    """Add the group of the campaign that the column `key` names; "(none)" where there is none, or an unknown one."""
    table = groups.select(told_key="key", told_group="group")
    rows = rows.left_join(table, rows[key] == table.told_key)
    return rows.mutate(**{column: rows.told_group.fill_null(NONE)}).drop("told_key", "told_group")


def _touches(crm) -> list[ir.Table]:
    """Return what brought campaigns and people together, from each table that says so."""
    have, found = crm.relations, []
    if "campaign_responses" in have:
        rows = have.get("reactions")
        rows = rows.filter(rows.kind.isin(_TOUCHING))
        found.append(rows.select(person=rows.customer_id, touch_id=rows.campaign_id, touched_at=rows["at"]))
    if "leads" in have:
        rows = have.get("leads")
        found.append(rows.select(person=rows.customer_id, touch_id=rows.campaign_id, touched_at=rows.created_at))
    if "web_sessions" in have:
        rows = have.get("web_sessions")
        people = _visitors(have, rows)
        if people is not None:
            joined = rows.inner_join(people, rows.visitor_id == people.person_visitor)
            found.append(joined.select("person", touch_id="campaign_id", touched_at="started_at"))
    return found


def _visitors(have, sessions: ir.Table) -> ir.Table | None:
    """Return the customer of each visitor of whom one is known, from the leads made and the orders placed on the site.

    A visitor who points to several customers, such as a shared computer, is left out.
    """
    parts = []
    for table, key in (("leads", "lead_id"), ("orders", "order_id")):
        if table not in have:
            continue
        owners = have.get(table).select(owner_key=key, person="customer_id")
        joined = sessions.inner_join(owners, sessions[key] == owners.owner_key)
        parts.append(joined.filter(joined.person.notnull()).select("visitor_id", "person"))
    if not parts:
        return None
    pairs = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    one = pairs.group_by(person_visitor="visitor_id").agg(person=pairs.person.min(), other=pairs.person.max())
    return one.filter(one.person == one.other).select("person_visitor", "person")
