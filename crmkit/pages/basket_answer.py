"""The answer of the page of the market basket: its headline numbers, the sentence on top, one rule read aloud."""

from __future__ import annotations

import pandas as pd

from crmkit import notebook
from crmkit.numbers import say, say_interval
from crmkit.pages.basket import Found
from crmkit.pages.showing import absent, listed
from crmkit.tables import Html

CARDS = ("clear_pairs", "top_lift", "offers", "offers_taken")


def card(found: Found) -> pd.DataFrame:
    """Make the headline numbers of the page, in the form of a scorecard."""
    pair, offers, rows = found.pair, found.offers, []
    clear = pair[pair["clear"]]
    note = f"of {pair.attrs['tested']:,} that could be seen"
    rows.append(("clear_pairs", "Pairs that go together", "count", len(clear), None, None, note))
    if len(clear):
        top = clear.iloc[0]
        name = f"{top['name']} + {top['with_name']}"
        rows.append(
            ("top_lift", "Lift of the first pair", "ratio", top["lift"], top["lift_low"], top["lift_high"], name)
        )
    if len(offers):
        test = offers.attrs["test"].iloc[0]
        days = offers.attrs["window_days"]
        rows.append(("offers_taken", "Offers bought anyway in the test", "share", test["rate"], test["low"],
                     test["high"], f"within {days} days"))  # fmt: skip
        rows.append(("offers", "Offers that can be made now", "count", len(offers), None, None,
                     f"to {offers['customer_id'].nunique():,} customers{_worth(found)}"))  # fmt: skip
    frame = pd.DataFrame(rows, columns=["metric", "title", "unit", "value", "low", "high", "note"])
    return frame.assign(previous=None, verdict="", value=frame["value"].astype(float))


def _worth(found: Found) -> str:
    """Say what the offers are expected to bring, where products have a value."""
    offers = found.offers
    if not offers["expected_value"].notna().any():
        return ""
    money = say(offers["expected_value"].sum(), "money", currency=found.currency)
    return f"; expected {offers.attrs['value_of']} {money} in {offers.attrs['window_days']} days, offered or not"


def answer(found: Found) -> Html:
    """Say the answer of the page in two sentences; the front page of a report shows them, too."""
    pair, offers = found.pair, found.offers
    clear = pair[pair["clear"]]
    if not len(clear):
        return absent("no pair is bought together clearly more often than by chance")
    top = clear.iloc[0]
    text = (
        f"{top['name']} and {top['with_name']} stand in the same order {say(top['lift'], '', digits=1)} times as often "
        f"as chance would have it; {say(len(clear), 'count')} of {say(pair.attrs['tested'], 'count')} pairs clearly go "
        "together."
    )
    if len(offers):
        to = offers["customer_id"].nunique()
        text += f" {say(to, 'count')} customers can be offered a product that goes with what they buy."
    return notebook.answer("{}", text)


def one_rule(found: Found, *, place: int = 0) -> Html:
    """Read the rules of one pair aloud, with all numbers that they need."""
    clear = found.pair[found.pair["clear"]]
    if not len(clear):
        return absent("no pair is bought together clearly more often than by chance")
    pair = clear.iloc[place]
    one, other = pair["name"], pair["with_name"]
    chance = pair["orders_item"] * pair["orders_with"] / pair["orders"]
    both = found.rule[
        found.rule["antecedent"].isin([pair["item"], pair["with_item"]])
        & found.rule["consequent"].isin([pair["item"], pair["with_item"]])
    ].set_index("antecedent")
    there, back = both.loc[pair["item"]], both.loc[pair["with_item"]]
    people = f" of {say(pair['customers'], 'count')} customers" if pd.notna(pair["customers"]) else ""
    return listed([
        f"{one} is in {pair['orders_item']:,} of {pair['orders']:,} orders, {other} in {pair['orders_with']:,}. If "
        f"neither cared for the other, chance would put both into {chance:,.0f}. It is {pair['both']:,} "
        f"orders{people}: {say(pair['lift'], '', digits=1)} times as many (95% interval "
        f"{say(pair['lift_low'], '', digits=1)} to {say(pair['lift_high'], '', digits=1)}).",
        f"Of the orders with {one}, {say(there['confidence'], 'share')} also hold {other} (95% interval "
        f"{say_interval(there['confidence_low'], there['confidence_high'], 'share')}); of all orders "
        f"{say(there['consequent_support'], 'share')} do.",
        f"The other way round, of the orders with {other}, {say(back['confidence'], 'share')} also hold {one}. Lift "
        "has no direction; confidence has two.",
    ])  # fmt: skip
