"""The answer of the page of lifetime value: its headline numbers, the sentence on top, and how it is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmkit import notebook
from crmkit.models.projection import BUYING, Projection
from crmkit.numbers import say, say_interval
from crmkit.pages.showing import absent, listed
from crmkit.tables import Html

CARDS = ("value_in_hand", "customers_valued", "share_under_contract", "chance_alive")
_FLOWS = ("buying and stopping", "staying")


def card(found: Projection) -> pd.DataFrame:
    """Return the headline numbers of a projection in the form of a scorecard."""
    rows, whole = found.customers, found.totals.iloc[-1]
    months = f"{found.customers.attrs['horizon']:.0f} months"
    known = rows[rows["expected_value"].notna() & (rows["p_alive"] > 0)]
    loose = rows[(rows["part"] == BUYING) & rows["p_alive"].notna()]
    bound = float(found.totals.loc[~found.totals["part"].isin([BUYING, "all"]), "expected_value"].sum())
    nothing = not len(known)
    made = [
        ("value_in_hand", f"Expected margin ({months}, discounted)", "money",
         np.nan if nothing else whole["expected_value"], whole["low"], whole["high"]),
        ("customers_valued", "Customers projected", "count", float(len(known)), np.nan, np.nan),
        ("share_under_contract", "Share of it from customers under contract", "share",
         bound / whole["expected_value"] if whole["expected_value"] > 0 else np.nan, np.nan, np.nan),
        ("chance_alive", "Chance that a buyer without a contract is still there", "share",
         loose["p_alive"].mean() if len(loose) else np.nan, np.nan, np.nan),
    ]  # fmt: skip
    frame = pd.DataFrame(made, columns=["metric", "title", "unit", "value", "low", "high"])
    frame["n"] = [np.nan if name == "customers_valued" else float(len(loose if name == "chance_alive" else known))
                  for name in frame["metric"]]  # fmt: skip
    return frame.assign(previous=np.nan, verdict="", status="", target=np.nan, better="")


def answer(card: pd.DataFrame, *, currency: str = "") -> Html:
    """Say the answer of the page in two sentences; the front page of a report shows them, too.

    Parameters
    ----------
    card : DataFrame
        As `card` returns it.
    currency : str
        ISO code of the money.
    """
    row = card.set_index("metric").loc["value_in_hand"]
    value = card.set_index("metric")["value"]
    if pd.isna(row["value"]):
        return absent("what the customers in hand will bring is not known from this data")
    months = row["title"].partition("(")[2].partition(",")[0]
    money = {"unit": "money", "currency": currency}
    span = say_interval(row["low"], row["high"], **money)
    text = (
        f"{say(value['customers_valued'], 'count')} customers in hand are expected to bring a margin of "
        f"{say(row['value'], **money)} in {months} (95% interval {span})"
    )
    bound, alive = value["share_under_contract"], value["chance_alive"]
    text += f", {say(bound, 'share')} of it under contract." if 0 < bound < 1 else "."
    if pd.notna(alive):
        text += f" Of those who buy without a contract, {say(alive, 'share')} are likely still there."
    return notebook.answer("{}", text)


def how_known(found: Projection, tested: pd.DataFrame, ran: pd.DataFrame) -> Html:
    """Say how the answer is known: by which models, how they did on hold-outs, and who has no number.

    Parameters
    ----------
    found : Projection
    tested : DataFrame
        The test of the model of buying, as `lifetime_tests.buying_test` returns it.
    ran : DataFrame
        The test of the contracts, as `lifetime_tests.contract_test` returns it.
    """
    rows = found.customers
    form = {"unit": "money", "currency": rows.attrs["currency"]}
    whole = found.totals.iloc[-1]
    used = found.choices[(found.choices["verdict"] == "used") & found.choices["for"].isin(_FLOWS)]
    said = []
    if len(used):
        by_part = used.groupby("part", sort=False)["model"].agg(lambda names: " or ".join(dict.fromkeys(names)))
        names = ", ".join(f"{model} for {part}" for part, model in by_part.items())
        span = say_interval(whole["low"], whole["high"], **form)
        said.append(f"It is known by {names}. The 95% interval is {span}: it covers what is not known of the "
                    "parameters, and neither chance nor a future that differs from the past.")  # fmt: skip
    if "error" in tested.attrs and np.isfinite(tested.attrs["error"]):
        off = float(tested.attrs["error"])
        far = f"{say(abs(off), 'share', digits=1)} too {'many' if off > 0 else 'few'} expected"
        said.append(
            f"Fitted to what was known on {tested.attrs['until']:%Y-%m-%d}, {tested.attrs['model']} expected "
            f"{say(tested.attrs['expected'], 'count', digits=0)} orders after that day, and "
            f"{say(tested.attrs['actual'], 'count')} came: {far if abs(off) >= 0.0005 else 'as many'}."
        )
    if "ran on" in ran:
        last = ran.iloc[-1]
        inside = (
            "no more than chance makes"
            if last["within"] == "yes"
            else (
                f"more than chance makes, so the projection of contracts is likely too "
                f"{'low' if last['ran on'] > last['expected'] else 'high'}"
            )
        )
        said.append(
            f"Of the {say(float(last['contracts']), 'count')} contracts of that day "
            f"{say(last['expected'], 'count', digits=0)} were expected to run on and {say(last['ran on'], 'count')} "
            f"did: {inside}."
        )
    said += _left(rows)
    return listed(said)


def _left(rows: pd.DataFrame) -> list[str]:
    """Say how many customers have no number, or 0, and why."""
    made = []
    for note, group in rows[rows["note"].fillna("") != ""].groupby("note", sort=True):
        who = f"{say(float(len(group)), 'count')} customer{'' if len(group) == 1 else 's'}"
        value = "count as 0" if group["expected_value"].eq(0).all() else "have no number"
        value = value if len(group) > 1 else value.replace("count", "counts").replace("have", "has")
        made.append(f"{who} {value}: {note}.")
    return made
