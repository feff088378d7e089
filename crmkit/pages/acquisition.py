"""The page of customer value, on single customers and on winning them: who brings most, what one costs, the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.metric import find
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import tried, values
from crmkit.pages.showing import absent, few, listed
from crmkit.periods import trailing_year
from crmkit.personal import who
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

CUSTOMER_UNITS = {
    "orders": "count", "revenue": "money", "receipts": "money", "margin": "money", "recurring, a month": "money",
    "years": "per_unit",
}  # fmt: skip
READING_UNITS = {"customers": "count", "of the customers": "share", "bring": "money", "of the whole": "share"}
CAC_UNITS = {"value": "money", "spent": "money", "customers": "count"}
_SPENT_BEFORE = "if it takes {} from spending to winning"


def shares(crm: Crm, period: str | Period, *, of: str = "sales") -> pd.DataFrame:
    """Return the concentration curve of the 12 months to the end of a period."""
    from crmkit.methods.pareto import pareto

    now = crm.period(period)
    curve = _in_steps(crm, tried(pareto, crm, of=of, period=trailing_year(now)))
    if "value" in curve and len(curve) < 2:
        curve.attrs["missing"] = f"nobody brought anything in the 12 months to the end of {now.name}"
    return curve


def _in_steps(crm: Crm, curve: pd.DataFrame) -> pd.DataFrame:
    """Leave out points of a curve between which there are fewer customers than may be shown."""
    smallest = crm.readers.smallest_group if crm.readers is not None else 0
    if smallest <= 1 or "customers" not in curve:
        return curve
    kept, last, all_of_them = [], 0.0, curve["customers"].max()
    for at, so_far in curve["customers"].items():
        there, left = so_far - last >= smallest, all_of_them - so_far
        if so_far in (0, all_of_them) or (there and left >= smallest):
            kept, last = [*kept, at], so_far
    return curve.loc[kept].reset_index(drop=True)


def share_readings(curve: pd.DataFrame) -> pd.DataFrame:
    """Read off a concentration curve what its top parts bring, ready to be shown."""
    from crmkit.methods.pareto import pareto_readings

    if curve.attrs.get("missing"):
        return curve
    found = pareto_readings(curve)
    names = {"customers_share": "of the customers", "value": "bring", "value_share": "of the whole"}
    return found.rename(columns=names)


def share_remarks(curve: pd.DataFrame) -> Html:
    """Say what the curve leaves out and who stands at its lower end; nothing where that is nobody."""
    form = {"unit": "money", "currency": curve.attrs.get("currency", "")}
    said = []
    negative = curve.attrs.get("negative")
    if negative and not few(negative):
        sent = say(abs(curve.attrs["negative_value"]), **form)
        who = "1 customer" if negative == 1 else f"{say(float(negative), 'count')} customers"
        said.append(f"{who} sent back {sent} more than they bought in these 12 months, of orders placed before.")
    if curve.attrs.get("left_out"):
        said.append(f"{say(curve.attrs['left_out'], **form)} name no customer and are not in the curve.")
    return listed(said)


def top_customers(crm: Crm, period: str | Period, *, rank_by: str = "sales", top: int = 10) -> pd.DataFrame:
    """Return the first customers by what they brought in the 12 months to the end of a period.

    Returns
    -------
    DataFrame
        `rank` (equal for equals), `customer` (its code, or name and key where readers may see them), the columns of
        `CUSTOMER_UNITS` that this data has, and `last order`.
    """
    return tried(_top_customers, crm, crm.period(period), rank_by, top)


def _top_customers(crm: Crm, now: Period, rank_by: str, top: int) -> pd.DataFrame:
    from crmkit.methods.customer_value import customer_value

    found = customer_value(crm, period=trailing_year(now), rank_by=rank_by)
    found = found.filter(found["rank"] <= top)
    rows = found.order_by("rank", "customer_id").limit(top).to_pyarrow().to_pandas()
    if not len(rows) or not (rows["orders"].fillna(0).any() or rows["receipts"].fillna(0).any()):
        raise NotInThisData(f"nobody ordered in the 12 months to the end of {now.name}")
    shown: dict[str, Any] = {"customer": who(crm, rows["customer_id"]), "rank": rows["rank"].astype(int)}
    columns = {"orders": "orders", "revenue": "revenue", "receipts": "receipts", "margin": "margin",
               "mrr": "recurring, a month"}  # fmt: skip
    shown |= {label: rows[name] for name, label in columns.items() if rows[name].notna().any()}
    shown |= {"years": rows["tenure_days"] / 365.25} if rows["tenure_days"].notna().any() else {}
    frame = pd.DataFrame(shown | {"last order": rows["last_ordered_at"].dt.normalize()})
    frame.attrs |= {"currency": crm.config.currency, "as_of": crm.as_of}
    return frame


def top_words(frame: pd.DataFrame) -> Html:
    """Say how many of the first customers have been customers for less than a year; nothing where none has.

    Examples
    --------
    >>> top_words(pd.DataFrame({"customer": ["a", "b", "c"], "years": [0.4, 2.0, 0.9]}))
    2 of these 3 have been customers for less than a year: part of it is a first purchase, which may not come again.
    """
    new = int((frame["years"] < 1).sum()) if "years" in frame else 0
    if not new:
        return listed([])
    who = f"All {new}" if new == len(frame) > 1 else f"{new} of these {len(frame)}"
    text = f"{who} {'has' if new == 1 else 'have'} been customers for less than a year"
    return listed([f"{text}: part of it is a first purchase, which may not come again."])


def customer_units(frame: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns that a table of customers has."""
    return {name: unit for name, unit in CUSTOMER_UNITS.items() if name in frame}


def cac_variants(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Measure what a customer costs by several definitions, side by side.

    Returns
    -------
    DataFrame
        `definition`, `value`, `95% interval`, `spent`, `customers`, `bear in mind`. Costs are what was spent; the
        interval is that of the number of customers, which chance has its part in (Poisson, exact).
    """
    return tried(_cac_variants, crm, crm.period(period))


def _cac_variants(crm: Crm, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, "cac"):
        raise NotInThisData(f"not in this data, {reason}")
    won = values(crm, ["new_customers"], now)["new_customers"]
    if missing(won) or not won:
        raise NotInThisData(f"no customer was acquired in {now.name}")
    rows = [_variant(crm, now, "marketing and sales ÷ customers won", "the usual one")]
    if not lacks(crm, "cac_acquisition_only"):
        note = "sales costs by the share of closed deals that were new business"
        rows.append(_variant(crm, now, "new business only", note, acquisition_only=True))
    for months in (1, 3):
        text = "1 month" if months == 1 else f"{months} months"
        rows.append(_variant(crm, now, f"spent {text} earlier", _SPENT_BEFORE.format(text), lag_months=months))
    spent = crm.measure("acquisition_spend", period=now, by="category", intervals=False)
    marketing = float(spent.loc[spent["category"] == "marketing", "value"].sum())
    rows.append({"definition": "marketing alone", "spent": marketing, "bear in mind": "as if sales cost nothing"})
    shown = pd.DataFrame([row for row in rows if row["spent"] > 0])
    if not len(shown):
        raise NotInThisData(f"nothing was spent on marketing or sales in {now.name}")
    shown["customers"] = float(won)
    shown["value"] = shown["spent"] / float(won)
    most, fewest = _poisson(float(won))
    form = {"unit": "money", "currency": crm.config.currency}
    shown["95% interval"] = [say_interval(spent / most, spent / fewest, **form) for spent in shown["spent"]]
    shown = shown[["definition", "value", "95% interval", "spent", "customers", "bear in mind"]]
    shown.attrs |= {"currency": crm.config.currency, "as_of": crm.as_of}
    return shown


def _variant(crm: Crm, now: Period, name: str, note: str, **options: Any) -> dict[str, Any]:
    spent = crm.measure("acquisition_spend", period=now, intervals=False, **options)["value"].iloc[0]
    return {"definition": name, "spent": 0.0 if missing(spent) else float(spent), "bear in mind": note}


def _poisson(count: float) -> tuple[float, float]:
    """Return the largest and the smallest mean that such a count is still likely under (95%, exact)."""
    from scipy.special import gammaincinv  # quantiles of chi-squared, without the time that scipy.stats takes to load

    return float(gammaincinv(count + 1, 0.975)), float(gammaincinv(count, 0.025))


def worth_it(crm: Crm, period: str | Period) -> Html:
    """Say what a customer brings in a life against what winning one costs, and when that is paid back."""
    if reason := lacks(crm, "ltv_to_cac"):
        return absent(reason)
    now = crm.period(period)
    names = ["clv_margin", "cac", "ltv_to_cac", "cac_payback_months", "customer_lifespan_years"]
    found = values(crm, names, now)
    if missing(found["ltv_to_cac"]):
        return absent("value or cost of a customer is not known in this period")
    form = {"currency": crm.config.currency}
    text = (
        f"A customer brings {say(found['clv_margin'], 'money', **form)} of margin in a life of "
        f"{say(found['customer_lifespan_years'], 'years')} by the simple formula, and costs "
        f"{say(found['cac'], 'money', **form)} to win: {say(found['ltv_to_cac'], 'ratio', digits=1)} times as much."
    )
    if not missing(found["cac_payback_months"]):
        back, life = float(found["cac_payback_months"]), 12 * float(found["customer_lifespan_years"])
        text += f" The cost is paid back after {say(back, 'months', digits=0)}"
        text += f", of {say(life, 'months', digits=0)} that a customer stays." if back <= life else (
            f"; a customer stays {say(life, 'months', digits=0)}, so on average it is not paid back at all."
        )  # fmt: skip
    return listed([text])


def with_values(agree: pd.DataFrame, crm: Crm, period: str | Period) -> pd.DataFrame:
    """Add to the reconciliations that orders × order value, and what the customers bring, make the revenue."""
    now = crm.period(period)
    rows = agree.to_dict("records")
    money = {"unit": "money", "currency": crm.config.currency}

    def add(what: str, left: float, right: float) -> None:
        if not (missing(left) or missing(right)):
            rows.append({"what": what, "left": float(left), "right": float(right), **money})

    if not lacks(crm, "average_order_value"):
        found = values(crm, ["orders_placed", "average_order_value", "revenue"], now)
        add("Orders × average order value = revenue", found.iloc[0] * found.iloc[1], found["revenue"])
    sums = tried(_sums, crm, now)
    for name, metric in (("revenue", "revenue"), ("receipts", "receipts"), ("margin", "gross_profit")):
        if name in sums and not lacks(crm, metric):
            title = find(metric).title
            add(
                f"{title}: what each customer brings adds up to it",
                sums[name].iloc[0],
                values(crm, [metric], now)[metric],
            )
    if not lacks(crm, "receivables"):
        from crmkit.methods.receivables import receivables_by_age

        owed = receivables_by_age(crm, period=now)["value"].sum()
        add("Receivables: the classes of age add up to them", owed, values(crm, ["receivables"], now)["receivables"])
    return pd.DataFrame(rows, columns=["what", "left", "right", "unit", "currency"])


def _sums(crm: Crm, now: Period) -> pd.DataFrame:
    from crmkit.methods.customer_value import customer_value

    rows = customer_value(crm, period=now)
    return rows.agg(revenue=rows.revenue.sum(), receipts=rows.receipts.sum(), margin=rows.margin.sum()).to_pandas()
