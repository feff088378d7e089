"""The page of marketing, its part on attribution: how rules share the same revenue out, and how far they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmkit.errors import NotInThisData
from crmkit.methods.attribution import MODELS, attribution
from crmkit.numbers import say
from crmkit.pages.frames import tried
from crmkit.pages.sentences import dimension_name
from crmkit.pages.showing import grid, listed, missing_from
from crmkit.periods import Period
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm


def attributed(crm: Crm, period: str | Period, by: str = "channel", *, window_days: int = 90) -> pd.DataFrame:
    """Share the period's revenue out by each rule, as `attribution` does, or say why that cannot be done."""
    if not {"orders", "opportunities"} & set(crm.tables):
        return tried(_no_sales)
    found = tried(attribution, crm, period=crm.period(period), by=by, window_days=window_days)
    if not missing_from(found):
        found.attrs["by"] = by
    return found


def _no_sales() -> pd.DataFrame:
    raise NotInThisData("not in this data, needs the table orders or opportunities")


def attribution_table(found: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of channels by rule: the revenue that each rule gives each channel, "(none)" last."""
    if missing_from(found):
        return grid(found, caption=caption)
    by = found.attrs["by"]
    models = [name for name in MODELS if name in set(found["model"])]
    wide = found.pivot(index=by, columns="model", values="value").fillna(0.0)[models]
    wide = wide.assign(none=wide.index == "(none)", most=wide.max(axis=1))
    wide = wide.sort_values(["none", "most"], ascending=[True, False], kind="stable").drop(columns=["none", "most"])
    wide.loc["all"] = wide.sum()
    wide = wide.rename(columns=MODELS).rename_axis(columns=None).reset_index()
    wide.attrs = found.attrs
    return grid(wide, caption=caption, units={MODELS[name]: "money" for name in models})


def named_models(found: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of the revenue that touches led to, by rule as people call it; "(none)" left out."""
    if missing_from(found):
        return found
    by = found.attrs["by"]
    rows = found[(found[by] != "(none)") & (found["value"] > 0)]
    shown = rows.assign(model=rows["model"].map(MODELS))[["model", by, "value", "n"]]
    shown.attrs = found.attrs
    if not len(shown):
        shown.attrs["missing"] = "no sale of this period had a touch"
    return shown


def attribution_sentences(found: pd.DataFrame) -> Html:
    """Say how much of the sales had any touch, and where the rules differ most."""
    if missing_from(found):
        return listed([])
    about, by = found.attrs, found.attrs["by"]
    days = say(about["window_days"], "days")
    text = f"Of {say(about['sales'], 'count')} sales, {say(about['touched'], 'count')} followed a touch within {days}"
    said = [f"{text}; {say(about['several'], 'count')} of these had touches of more than one {dimension_name(by)}."]
    rules = found[(found["model"] != "named") & (found[by] != "(none)")]
    wide = rules.pivot(index=by, columns="model", values="value").fillna(0.0)
    if len(wide) and wide.shape[1] > 1:
        gap = wide.max(axis=1) - wide.min(axis=1)
        most, form = gap.idxmax(), {"currency": about.get("currency", "")}
        part = gap.sum() / 2 / max(float(np.abs(wide).to_numpy().sum() / wide.shape[1]), 1e-9)
        low, high = (say(float(end), "money", **form) for end in (wide.loc[most].min(), wide.loc[most].max()))
        if part < 0.01:
            said.append("The rules that look at touches agree to within 1%: few sales leave them anything to dispute.")
        else:
            said.append(f"The rules differ most about {most}: from {low} to {high}.")
    named = found[(found["model"] == "named") & (found[by] != "(none)")]["value"].sum()
    touched = found[(found["model"] == "last_touch") & (found[by] != "(none)")]["value"].sum()
    if named or touched:
        form = {"currency": about.get("currency", "")}
        said.append(
            f"By the campaign that the sale itself names it is {say(named, 'money', **form)}, by touches "
            f"{say(touched, 'money', **form)}: the one rests on what somebody entered, the other on what was tracked."
        )
    return listed(said)
