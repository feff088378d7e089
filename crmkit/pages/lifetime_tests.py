"""The page of lifetime value put to the test: a hold-out of buying, of contracts, and the check of what is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit.errors import CrmkitError, NotInThisData
from crmkit.methods.contract_summary import contract_summary, renewal_decisions
from crmkit.methods.purchase_summary import purchase_summary, repeat_purchases
from crmkit.models.choose import Choice, choose_buying, choose_spending, spending_input
from crmkit.models.projection import BUYING, Projection, project
from crmkit.models.spending import frequency_correlation
from crmkit.models.staying import choose_renewal
from crmkit.models.validation import holdout, tracking
from crmkit.numbers import say
from crmkit.pages.frames import tried
from crmkit.pages.showing import absent, listed, missing_from
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm

CONTRACT_UNITS = {"contracts": "count", "expected": "count", "ran on": "count", "off by": "share"}
SPENT_UNITS = {"customers": "count", "a purchase": "money"}
PARAMETER_UNITS = {"value": ""}
_Z = 1.959964


def cut_off(found: Projection, months: int) -> Any:
    """Return the day so many months before the end of what is known."""
    return (pd.Timestamp(found.customers.attrs["until"]) - pd.DateOffset(months=months)).to_pydatetime()


@dataclass(frozen=True)
class Held:
    """The purchases of those who had no contract at a cut-off, up to it and after it, and the model chosen then."""

    summary: pd.DataFrame
    choice: Choice | None
    missing: str = ""


def hold_out(crm: Crm, found: Projection, *, months: int = 12) -> Held:
    """Choose a model by what was known so many months before the end, and keep what came since to judge it by."""
    if "orders" not in crm.relations:
        return Held(pd.DataFrame(), None, "needs the table orders")
    day, cut = found.customers.attrs["until"], cut_off(found, months)
    try:
        summary = purchase_summary(crm, until=cut, holdout_until=day, deals=False)
    except CrmkitError as error:
        return Held(pd.DataFrame(), None, str(error))
    if "subscriptions" in crm.relations:
        bound = contract_summary(crm, until=cut)["customer_id"]
        summary = summary[~summary["customer_id"].isin(set(bound))].reset_index(drop=True)
    choice = choose_buying(summary)
    return Held(summary, choice, "" if choice.model is not None else f"at the cut-off {choice.reason}")


def buying_test(held: Held) -> pd.DataFrame:
    """Compare what the model of the cut-off expected with what came since, by how often customers had bought."""
    if held.missing:
        return _lacking(held.missing)
    made = holdout(held.choice.model, held.summary)
    made.attrs |= {"title": "Orders of a customer after the cut-off", "unit": "per_unit",
                   "as_of": held.summary.attrs["holdout_until"]}  # fmt: skip
    return made


def buying_tracking(crm: Crm, held: Held) -> pd.DataFrame:
    """Follow the repeat purchases of the same customers over time, expected and actual."""
    if held.missing:
        return _lacking(held.missing)
    day, who = held.summary.attrs["holdout_until"], held.summary["customer_id"]
    return tracking(held.choice.model, held.summary, repeat_purchases(crm, until=day, deals=False, customers=who))


def _lacking(reason: str) -> pd.DataFrame:
    frame = pd.DataFrame()
    frame.attrs["missing"] = reason
    return frame


def buying_words(frame: pd.DataFrame) -> Html:
    """Say how far the model was off on the hold-out, beside the simplest rule that could replace it."""
    if reason := missing_from(frame):
        return absent(reason)
    about = frame.attrs
    count = {"unit": "count", "digits": 0}
    said = [
        f"{about['model']} expected {say(about['expected'], **count)} orders, and {say(about['actual'], **count)} came."
        f" If everybody had gone on as before, it would have been {say(about['rule'], **count)}: the rule "
        "that nobody stops is the simplest that could replace the model.",
        f"For a single customer the model was off by {say(about['mae'], 'per_unit')} orders on average, that rule by "
        f"{say(about['rule_mae'], 'per_unit')}. Nobody can say much of one customer; a model is for many.",
    ]
    return listed(said)


def contract_test(crm: Crm, found: Projection, *, months: int = 12, by: str = "") -> pd.DataFrame:
    """Compare how many contracts that ran at the cut-off were expected to run on, and how many did."""
    return tried(_contract_test, crm, found, months, by)


def _contract_test(crm: Crm, found: Projection, months: int, by: str) -> pd.DataFrame:
    if "subscriptions" not in crm.relations:
        raise NotInThisData("not in this data, needs the table subscriptions")
    day, cut = found.customers.attrs["until"], cut_off(found, months)
    span = (pd.Timestamp(day) - pd.Timestamp(cut)).days / (365.25 / 12)
    then = project(crm, horizon=span, discount=0.0, until=cut, by=by or None)
    rows = then.customers[then.customers["p_stays"].notna()]
    if not len(rows):
        raise NotInThisData("not in this data, no contract ran at the cut-off, or too few had ended before it")
    ended = contract_summary(crm, until=day)
    lost = ended[ended["lost"] & (ended["ended_at"] > pd.Timestamp(cut) + pd.Timedelta(days=1))]["customer_id"]
    went = ~rows["customer_id"].isin(set(lost))
    made = []
    group = [by] if by else ["part"]
    for name, own in rows.assign(went=went).groupby(group, sort=True):
        made.append(_one_test(" · ".join(map(str, name)), own))
    made.append(_one_test("all", rows.assign(went=went)))
    shown = pd.DataFrame(made).rename(columns={"name": by or "contracts with"})
    shown.attrs |= {"until": cut, "as_of": day, "currency": crm.config.currency}
    return shown


def _one_test(name: str, rows: pd.DataFrame) -> dict[str, Any]:
    chance = rows["p_stays"].to_numpy(float)
    expected, spread = chance.sum(), _Z * np.sqrt((chance * (1 - chance)).sum())
    low, high = max(expected - spread, 0.0), min(expected + spread, float(len(rows)))
    ran = float(rows["went"].sum())
    return {"name": name, "contracts": len(rows), "expected": expected,
            "by chance": f"{say(low, 'count', digits=0)}–{say(high, 'count', digits=0)}", "ran on": ran,
            "off by": expected / ran - 1 if ran else np.nan,
            "within": "yes" if low <= ran <= high else "no"}  # fmt: skip


def contract_words(frame: pd.DataFrame) -> Html:
    """Say whether contracts ran on as expected, and what it means where they did not."""
    if missing_from(frame):
        return listed([])
    last = frame.iloc[-1]
    text = (
        f"Of {say(float(last['contracts']), 'count')} contracts that ran on {frame.attrs['until']:%Y-%m-%d}, "
        f"{say(last['expected'], 'count', digits=0)} were expected to run on and {say(last['ran on'], 'count')} did."
    )
    if last["within"] == "yes":
        text += " That is no more than chance makes."
    else:
        more = "more" if last["ran on"] > last["expected"] else "fewer"
        text += (
            f" That is {more} than chance makes: customers stay otherwise than those before them did, and the "
            "projection, which learns from all of the past, is too "
            f"{'cautious' if more == 'more' else 'hopeful'} by it."
        )
    return listed([text])


def renewals(crm: Crm, found: Projection) -> pd.DataFrame:
    """Return the share renewed by the number of the term, as it was and as sBG has it, for a figure."""
    return tried(_renewals, crm, found)


def _renewals(crm: Crm, found: Projection) -> pd.DataFrame:
    from crmkit.engine.intervals import wilson

    if "terms" not in crm.relations or "subscriptions" not in crm.relations:
        raise NotInThisData("not in this data, needs the table terms")
    seen = renewal_decisions(crm, until=found.customers.attrs["until"])
    chosen = choose_renewal(seen)
    if not chosen.title:
        raise NotInThisData(f"not in this data, {chosen.reason}")
    counts = seen.groupby("term", as_index=False)[["renewed", "lapsed"]].sum()
    n = (counts["renewed"] + counts["lapsed"]).to_numpy(float)
    low, high = wilson(counts["renewed"].to_numpy(float), n)
    one = 1 - chosen.values[0] if chosen.model is None else None
    expected = np.full(len(counts), one) if one is not None else chosen.model.renewal_rate(counts["term"])
    made = pd.DataFrame({"label": counts["term"].astype(str), "customers": n, "expected": expected,
                         "actual": counts["renewed"] / n, "low": low, "high": high})  # fmt: skip
    made.attrs |= {"title": "Share renewed at the end of a term", "unit": "share", "model": chosen.title,
                   "as_of": found.customers.attrs["until"]}  # fmt: skip
    return made


def spent_by_frequency(crm: Crm, found: Projection) -> pd.DataFrame:
    """Return what a purchase brings by how often customers without a contract buy: whether the two are related."""
    return tried(_spent_by_frequency, crm, found)


def _spent_by_frequency(crm: Crm, found: Projection) -> pd.DataFrame:
    summary = _without_contract(crm, found)
    again, _ = spending_input(summary)
    again = again[(again["frequency"] > 0) & (again["value"] > 0)]
    if len(again) < 2:
        raise NotInThisData("not in this data, nobody without a contract has purchases to learn from")
    edges = np.unique(np.quantile(again["frequency"], [0, 0.25, 0.5, 0.75]))
    of = np.searchsorted(edges, again["frequency"].to_numpy(float), side="right") - 1
    made = []
    for place, least in enumerate(edges):
        own = again[of == place]
        most = edges[place + 1] - 1 if place + 1 < len(edges) else np.inf
        name = (
            f"{least:.0f}"
            if most <= least
            else f"{least:.0f} or more"
            if np.isinf(most)
            else f"{least:.0f} to {most:.0f}"
        )
        mean, error = own["value"].mean(), _Z * own["value"].std(ddof=1) / np.sqrt(len(own)) if len(own) > 1 else np.nan
        made.append({"purchases": name, "value": mean, "low": mean - error, "high": mean + error, "n": len(own)})
    frame = pd.DataFrame(made)
    frame.attrs |= {"title": "Mean value of a purchase", "unit": "money", "currency": crm.config.currency,
                    "as_of": found.customers.attrs["until"], **frequency_correlation(again)}  # fmt: skip
    return frame


def _without_contract(crm: Crm, found: Projection) -> pd.DataFrame:
    if "orders" not in crm.relations:
        raise NotInThisData("not in this data, needs the table orders")
    rows = found.customers
    summary = purchase_summary(crm, until=rows.attrs["until"], deals=False)
    return summary[summary["customer_id"].isin(set(rows.loc[rows["part"] == BUYING, "customer_id"]))]


def spending_words(crm: Crm, found: Projection) -> Html:
    """Say whether value and frequency are related, and what that means for the model of spending."""
    frame = spent_by_frequency(crm, found)
    if reason := missing_from(frame):
        return absent(reason)
    about = frame.attrs
    choice = choose_spending(_without_contract(crm, found))
    if np.isnan(about["correlation"]):
        return listed([f"Whether value and frequency are related cannot be told. {_sentence(choice.reason)}"])
    text = (
        f"Their correlation is {about['correlation']:.2f} (95% interval {about['low']:.2f} to {about['high']:.2f}, "
        f"{say(float(about['customers']), 'count')} customers). "
    )
    if choice.title == "Gamma-Gamma":
        mean = say(choice.model.mean_, "money", currency=crm.config.currency)
        text += f"Gamma-Gamma may be used; by it a purchase brings {mean} on average over customers."
    else:
        text += f"Gamma-Gamma is refused: {choice.reason}."
    return listed([text.replace("-0.", "−0.")])


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def parameters(found: Projection, *, parts: Sequence[str] = (BUYING,)) -> pd.DataFrame:
    """List the parameters of the models of some parts, with their intervals, ready to be shown."""
    rows = []
    for (part, group, purpose), model in found.models.items():
        if part in parts and hasattr(model, "parameters_"):
            for row in model.parameters_.itertuples():
                rows.append({"for": purpose, "group": group, "parameter": row.parameter, "value": round(row.value, 4),
                             "95% interval": f"{row.low:,.3g}–{row.high:,.3g}"})  # fmt: skip
    frame = pd.DataFrame(rows)
    if not rows:
        frame.attrs["missing"] = "no model of buying without a contract could be used"
    return frame
