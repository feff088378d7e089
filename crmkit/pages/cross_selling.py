"""The offers on the page of the market basket: how they did in the test, the list, what each product would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crmkit.numbers import say, say_interval
from crmkit.pages.basket import Found, lacking
from crmkit.pages.showing import absent, listed
from crmkit.personal import who
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm

_LISTED = {
    "what goes together": "what goes with their products",
    "what most buy": "the products that most buy",
    "any": "any product not bought yet",
}


def trial_frame(found: Found) -> pd.DataFrame:
    """Return what the test of the offers gave, a row a list, with the lists' names."""
    if found.offers.attrs.get("missing"):
        return found.offers
    test = found.offers.attrs["test"]
    made = test.assign(list=test["list"].map(_LISTED))[
        ["list", "value" if "value" in test else "rate", "low", "high", "n"]
    ]
    made = made.rename(columns={"rate": "value"})
    made.attrs = dict(test.attrs)
    return made


def trial_words(found: Found) -> Html:
    """Say how the offers did in the test against simpler lists, and how far the rules' own promise held."""
    if reason := found.offers.attrs.get("missing"):
        return absent(reason)
    test, days = found.offers.attrs["test"], found.offers.attrs["window_days"]
    own, usual, chance = (test.iloc[place] for place in range(3))
    scale = found.offers.attrs["scale"]
    said = [
        f"From what was known {days} days before the end, {say(own['offers'], 'count')} offers would have been made. "
        f"{say(own['rate'], 'share')} of these products were bought within {days} days (95% interval "
        f"{say_interval(own['low'], own['high'], 'share')}), of as many of the products that most buy "
        f"{say(usual['rate'], 'share')}, of any product not bought yet {say(chance['rate'], 'share')}."
    ]
    if not pd.isna(own["low"]) and own["low"] <= usual["high"]:
        said.append("That is no clear advantage over the simpler list: use the simpler one.")
    if pd.isna(scale):
        said.append(f"No chance and no money is given, since {test.attrs['why']}.")
    else:
        said.append(
            f"The confidences of the rules promised {say(own['taken'] / scale, 'count')} purchases, and there were "
            f"{say(own['taken'], 'count')}: the chances below are the confidences times {say(scale, '', digits=2)}."
        )
    return listed(said)


def offers_table(crm: Crm, found: Found, *, top: int = 12) -> pd.DataFrame:
    """Return the first offers, one a customer and product, ready to be shown."""
    if found.offers.attrs.get("missing") or not len(found.offers):
        return found.offers if found.offers.attrs.get("missing") else lacking("no rule is clear enough for an offer")
    rows = found.offers.sort_values(["expected_value", "customer_id"], ascending=[False, True]).head(top)
    value_of = f"expected {found.offers.attrs['value_of']}"
    made = pd.DataFrame(
        {
            "customer": who(crm, rows["customer_id"]),
            "offer": rows["product_id"].map(found.names).fillna(rows["product_id"]),
            "since it bought": rows["because"].map(found.names).fillna(rows["because"]),
            "lift": rows["lift"],
            "chance": rows["chance"],
            value_of: rows["expected_value"],
        }
    ).reset_index(drop=True)
    made.attrs["currency"] = found.currency
    return made


def offers_units(shown: pd.DataFrame) -> dict[str, str]:
    """Return the units of the table of offers."""
    units = {"lift": "ratio", "chance": "share", "expected margin": "money", "expected revenue": "money"}
    return {name: unit for name, unit in units.items() if name in shown}


def by_product(found: Found) -> pd.DataFrame:
    """Return how many customers each product would be offered to, and what that is expected to bring."""
    if found.offers.attrs.get("missing") or not len(found.offers):
        return found.offers if found.offers.attrs.get("missing") else lacking("no rule is clear enough for an offer")
    made = found.offers.groupby("product_id").agg(n=("customer_id", "size"), value=("expected_value", "sum"))
    if found.offers["expected_value"].isna().all():
        made["value"] = made["n"].astype(float)
    made = made.sort_values("value", ascending=False).reset_index()
    made["product"] = made.pop("product_id").map(lambda key: found.names.get(key, key))
    made = made.groupby("product", sort=False, as_index=False)[["value", "n"]].sum()
    money = found.offers["expected_value"].notna().any()
    made.attrs = {k: v for k, v in found.offers.attrs.items() if k in ("as_of", "currency")} | {
        "title": f"Expected {found.offers.attrs['value_of']}" if money else "Customers",
        "unit": "money" if money else "count",
    }  # fmt: skip
    return made
