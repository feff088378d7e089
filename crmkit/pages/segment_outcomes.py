"""The page of segments, judged: what came of each, what it is worth, whether it knows more than a rule, who is new."""

from __future__ import annotations

import datetime
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import tried
from crmkit.pages.segment_moves import ORDER, groups_then
from crmkit.pages.segments import Found, about, fitted, made, moment_of
from crmkit.pages.showing import listed
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm

OUTCOMES = {"churn_rate": "lost since", "revenue": "revenue since", "gross_margin": "margin share"}
OUTCOME_UNITS = {
    "customers": "count", "lost since": "share", "revenue since": "money", "each": "money", "margin share": "share",
}  # fmt: skip
WORTH_UNITS = {"customers": "count", "still there": "share", "expected": "money", "each": "money"}
FORESIGHT_UNITS = {"groups": "count", "of the money": "share", "who buys": "ratio", "behind at least": "share"}
NEW_UNITS = {"new customers": "count", "of the new": "share", "between two": "share", "of the others": "share"}
BETWEEN = 0.8
"""A customer whose nearest middle is more than this share of the way to the second nearest stands between the two."""


def came_of(crm: Crm, found: Found, before: datetime.date, of: str = "segments") -> pd.DataFrame:
    """Measure what came of the segments, or named groups, as they were known at a day, until the page's own.

    Returns
    -------
    DataFrame
        `segment`, `customers` (known at the day), and of the time since: `lost since` (of those who were customers at
        the day), `95% interval`, `revenue since`, `each` (revenue per customer), `margin share`: what this data has.
    """
    return about(tried(_came_of, crm, found, before, of), crm)


def _came_of(crm: Crm, found: Found, before: datetime.date, of: str) -> pd.DataFrame:
    from crmkit.methods.segment_outcomes import segment_outcomes

    metrics = [name for name in OUTCOMES if not lacks(crm, name)]
    known = segments_then(crm, found, before) if of == "segments" else groups_then(crm, before)
    measured = segment_outcomes(crm, known, metrics, period=_since(found, before))
    measured = measured[measured["segment"] != "(none)"]
    wide = measured.pivot(index="segment", columns="metric", values="value")
    sizes = known["segment"].value_counts()
    order = [name for name in ORDER if name in sizes.index] if of != "segments" else sizes.index
    shown = pd.DataFrame({"customers": sizes.reindex(order)}).rename_axis("segment")
    for name in metrics:
        shown[OUTCOMES[name]] = wide[name].reindex(order) if name in wide else None
        if name == "churn_rate":
            rows = measured[measured["metric"] == name].set_index("segment").reindex(order)
            shown["95% interval"] = [say_interval(r.low, r.high, "share") for r in rows.itertuples()]
        if name == "revenue":
            shown[OUTCOMES[name]] = shown[OUTCOMES[name]].fillna(0.0)
            shown["each"] = shown[OUTCOMES[name]] / shown["customers"]
    return shown.reset_index()


def _since(found: Found, before: datetime.date) -> str:
    day = datetime.timedelta(days=1)
    return f"{before + day}/{found.day + day}"


def segments_then(crm: Crm, found: Found, before: datetime.date) -> pd.DataFrame:
    """Return the segments that could have been made at an earlier day, as many as now, each customer's by name."""
    model, features = _model_then(crm, found, before)
    names = [model.names_[label] for label in model.labels_]
    return pd.DataFrame({"customer_id": features.index.to_numpy(), "segment": names})


def _model_then(crm: Crm, found: Found, before: datetime.date) -> tuple[Any, pd.DataFrame]:
    kept = crm.remembered.setdefault("segments of a day", {})
    key = (before, found.features.attrs["of"], found.model.k_, found.model.method_)
    if key not in kept:
        features = made(crm, before, features=",".join(found.features.attrs["of"]))
        if not len(features):
            raise NotInThisData(f"nobody had ordered by {before}")
        kept[key] = fitted(features, k=found.model.k_, method=found.model.method_), features
    return kept[key]


def outcome_units(table: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns that a table of outcomes has."""
    return {name: unit for name, unit in (OUTCOME_UNITS | WORTH_UNITS).items() if name in table}


def worth(crm: Crm, found: Found) -> pd.DataFrame:
    """Return what each segment is expected to bring in the next 12 months by the model of customer value.

    Returns
    -------
    DataFrame
        `segment`, `customers` (of whom the model can tell), `still there` (mean chance), `expected` (margin,
        discounted), `each`.
    """
    return about(tried(_worth, crm, found), crm)


def _worth(crm: Crm, found: Found) -> pd.DataFrame:
    from crmkit.models import lifetime_value

    value = lifetime_value(crm, until=found.day)[["customer_id", "p_alive", "expected_value"]]
    rows = found.named.merge(value, on="customer_id").dropna(subset="expected_value")
    if not len(rows):
        raise NotInThisData("the model of customer value cannot tell what any of these customers will bring")
    shown = rows.groupby("segment").agg(
        customers=("expected_value", "size"), still=("p_alive", "mean"), expected=("expected_value", "sum"),
        each=("expected_value", "mean"),
    )  # fmt: skip
    shown = shown.reindex([name for name in found.model.names_ if name in shown.index]).rename_axis("segment")
    return shown.rename(columns={"still": "still there"}).reset_index()


def foresight(crm: Crm, found: Found, before: datetime.date, by: str = "") -> pd.DataFrame:
    """Compare how well several splits of customers, as known at a day, tell what they ordered since.

    Returns
    -------
    DataFrame
        `split`, `groups`, `of the money` (share of the differences in revenue that the groups tell), `95% interval`,
        `who buys` (how often the better group holds the one of two customers who ordered again; 0.5 is a coin),
        `behind at least` (at least so much less than the first split, 95%).
    """
    return about(tried(_foresight, crm, found, before, by), crm)


def _foresight(crm: Crm, found: Found, before: datetime.date, by: str) -> pd.DataFrame:
    from crmkit.methods.common import customers_by
    from crmkit.methods.rfm import rfm
    from crmkit.methods.segment_outcomes import foresight as compare

    then = groups_then(crm, before)
    scored = rfm(crm, as_of=moment_of(crm, before), scores=5).to_pyarrow().to_pandas()
    recency = scored[["customer_id"]].assign(segment=scored["recency_score"].to_numpy())
    splits = {"the last order alone, in fifths": recency, "named groups": then,
              "segments by what they buy": segments_then(crm, found, before)}  # fmt: skip
    if by:
        table, (column,) = customers_by(crm, [by])
        own = table.select("customer_id", segment=column).to_pyarrow().to_pandas()
        splits[f"the company's own column, {by}"] = own
    end = None if found.day == crm.as_of.date() else f"{found.day}"
    table = compare(crm, splits, as_of=f"{before}", until=end or f"{crm.as_of.date()}")
    table = table.sort_values("money", ascending=False, kind="stable")
    return pd.DataFrame({
        "split": table["split"].tolist(), "groups": table["groups"].tolist(), "of the money": table["money"].tolist(),
        "95% interval": [say_interval(row.money_low, row.money_high, "share") for row in table.itertuples()],
        "who buys": table["buys"].tolist(), "behind at least": table["behind_low"].tolist(),
    })  # fmt: skip


def foresight_words(table: pd.DataFrame) -> Html:
    """Say which split tells most, and whether segments add to the simplest rule."""
    if table.attrs.get("missing") or len(table) < 2 or table["of the money"].isna().any():
        return listed([])
    best, second, rest = table.iloc[0], table.iloc[1], table.set_index("split")
    share = say(best["of the money"], "share", digits=0)
    noise = "more than any other split beyond noise" if (table["behind at least"].iloc[1:] > 0).all() else (
        f"though “{second['split']}” may tell as much"
    )  # fmt: skip
    said = [f"“{best['split']}” tells most of the differences in what customers ordered since: {share}, {noise}."]
    mine = "segments by what they buy"
    if mine in rest.index and best["split"] != mine:
        said.append(f"“{mine}” tells {say(rest.loc[mine, 'of the money'], 'share', digits=0)}. "
                    "Such segments say what to offer, not whom to call.")  # fmt: skip
    return listed([sentence[0] + sentence[1:2].upper() + sentence[2:] for sentence in said])


def newcomers(crm: Crm, found: Found, before: datetime.date) -> pd.DataFrame:
    """Assign the customers who came after a day to the segments that were made of those before it.

    Returns
    -------
    DataFrame
        `segment`, `new customers`, `of the new`, `of the others` (share of those before), `between two` (share of the
        new who are nearly as near to another segment). In `attrs`: `outside`, how many lie outside what the segments
        were made from, and `new`, how many there are.
    """
    return about(tried(_newcomers, crm, found, before), crm)


def _newcomers(crm: Crm, found: Found, before: datetime.date) -> pd.DataFrame:
    model, known = _model_then(crm, found, before)
    new = found.features.loc[~found.features.index.isin(known.index)]
    if not len(new):
        raise NotInThisData(f"nobody ordered for the first time after {before}")
    columns = list(model.feature_names_in_)
    new = new.assign(**{name: 0.0 for name in columns if name not in new and name.startswith("share of ")})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        labels = model.predict(new)
    distances = model.transform(new)
    distances.sort(axis=1)
    between = distances[:, 0] > BETWEEN * distances[:, 1] if model.k_ > 1 else distances[:, 0] < 0
    rows = pd.DataFrame({"label": labels, "between": between}).groupby("label")["between"].agg(["size", "mean"])
    rows = rows.reindex(range(model.k_))
    shown = pd.DataFrame({"segment": model.names_, "new customers": rows["size"].fillna(0).astype(int).to_numpy(),
                          "of the new": (rows["size"].fillna(0) / len(new)).to_numpy(),
                          "of the others": model.sizes_ / model.sizes_.sum(),
                          "between two": rows["mean"].to_numpy(float)})  # fmt: skip
    shown.attrs |= {"outside": int(model.scaler_.outside(new).any(axis=1).sum()), "new": len(new)}
    return shown


def newcomer_words(table: pd.DataFrame) -> Html:
    """Say how many new customers lie outside what the segments were made from."""
    if table.attrs.get("missing"):
        return listed([])
    new, outside = table.attrs["new"], table.attrs["outside"]
    who = "None" if not outside else f"{outside:,}"
    return listed([f"{who} of the {new:,} new customers {'lies' if outside < 2 else 'lie'} outside what the segments "
                   "were made from; such a one gets the nearest segment, which may not be near."])  # fmt: skip
