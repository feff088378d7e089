"""The page of experiments: what each says by a rule that was fixed before, how sure that is, what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.experiment_plan import sample_size
from crmkit.methods.experiments import (
    Trials,
    experiment_effects,
    looks,
    sample_ratios,
    tail_effects,
    trials,
)
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import tried, values
from crmkit.pages.opening import begin as open_data
from crmkit.pages.showing import absent, listed
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

DEFINED = ("customers_at_end", "average_order_value", "gross_margin")
READ = {
    "mismatch": "not to be read: the groups are not of the planned sizes",
    "works": "works",
    "harms": "does harm",
    "ruled out": "stop: a rise worth having is ruled out",
    "open": "not known: go on, or ask a smaller question",
    "missing": "no outcome to read",
}
"""What the rule says, in words."""
_SHORT = {
    "mismatch": "is not to be read",
    "works": "works",
    "harms": "does harm",
    "ruled out": "brings no rise worth having",
    "open": "is not settled",
    "missing": "has no outcome",
}


@dataclass(frozen=True)
class Found:
    """What the page is made from.

    Attributes
    ----------
    trials : Trials
    ratios, effects : DataFrame
    verdicts : DataFrame
        One row an experiment and variant: `experiment`, `variant`, `measure` (the one that decides), its effect, and
        `verdict`, a key of `READ`.
    least_effect : float
    customers : float
        For how many the worth is worked out.
    cost : float
    """

    trials: Trials
    ratios: pd.DataFrame
    effects: pd.DataFrame
    verdicts: pd.DataFrame
    least_effect: float
    customers: float
    cost: float
    currency: str = ""

    @property
    def names(self) -> list[str]:
        """The names of the cards, one an experiment and variant."""
        return [f"{row.experiment} {row.variant}" for row in self.verdicts.itertuples()]


def begin(data: str = "") -> Crm:
    """Open the data of the page.

    Raises
    ------
    NotInThisData
        Where it has no experiments.
    """
    crm = open_data(data)
    if "experiments" not in crm.relations:
        raise NotInThisData("needs the table experiments")
    return crm


def work(
    crm: Crm,
    period: str | Period,
    *,
    control: str = "",
    least_effect: float = 0.05,
    customers: int = 0,
    cost: float = 0.0,
) -> Found:
    """Read the experiments that began before the end of a period, by the rule of the page.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    control : str
        The variant to compare with; "" for the one called control.
    least_effect : float
        The smallest rise in conversion that would be worth having.
    customers : int
        For how many to work out the worth; 0 for the customers at the end of the period.
    cost : float
        Of giving it to them, in all.

    Raises
    ------
    NotInThisData
        Where none had begun by then.
    """
    if not 0 < least_effect < 1:
        raise UsageError(f"least_effect is {least_effect!r}; it is a rise in a share, above 0 and below 1.")
    now = crm.period(period)
    every = trials(crm, control=control)
    rows = every.rows[~(every.rows["assigned_at"] >= pd.Timestamp(now.end))]
    if not len(rows):
        raise NotInThisData(f"no customer was in an experiment before the end of {now.name}")
    rows, few = _large_enough(crm, rows)
    controls = {name: every.control[name] for name in rows["experiment"].unique()}
    found = replace(every, rows=rows, control=controls, left_out={**every.left_out, **few})
    ratios = sample_ratios(found)
    effects = tried(experiment_effects, found)
    many = float(customers) if customers else _customers(crm, now, rows)
    verdicts = _verdicts(found, ratios, effects, least_effect)
    return Found(found, ratios, effects, verdicts, least_effect, many, cost, crm.config.currency)


def _large_enough(crm: Crm, rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Leave out experiments with a variant of too few customers to be shown; say so of each."""
    smallest = crm.readers.smallest_group if crm.readers is not None else 0
    sizes = rows.groupby(["experiment", "variant"])["unit"].nunique()
    few = sizes[sizes < smallest].index.get_level_values("experiment").unique()
    left = rows[~rows["experiment"].isin(few)]
    if not len(left):
        raise NotInThisData(f"every experiment has a variant of fewer than {smallest} customers, which is not shown")
    return left, dict.fromkeys(few, f"hidden: a variant has fewer than {smallest} customers")


def _customers(crm: Crm, now: Period, rows: pd.DataFrame) -> float:
    if not lacks(crm, "customers_at_end"):
        known = values(crm, ["customers_at_end"], now)["customers_at_end"]
        if known > 0:  # not where it is unknown
            return float(known)
    return float(rows["unit"].nunique())


def _verdicts(found: Trials, ratios: pd.DataFrame, effects: pd.DataFrame, least: float) -> pd.DataFrame:
    made = []
    for ratio in ratios.itertuples():
        rows = effects[effects["experiment"] == ratio.experiment] if len(effects) else effects
        others = sorted(set(found.of(ratio.experiment)["variant"]) - {found.control[ratio.experiment]})
        for variant in others:
            own = rows[rows["variant"] == variant] if len(rows) else rows
            chosen = own[own["measure"] == "conversion"] if len(own) else own
            chosen = chosen if len(chosen) else own.tail(1)
            row = chosen.iloc[0].to_dict() if len(chosen) else {"measure": "", "experiment": ratio.experiment}
            row |= {"experiment": ratio.experiment, "variant": variant}
            row["verdict"] = _verdict(row, bool(ratio.as_planned), least)
            made.append(row)
    return pd.DataFrame(made) if made else pd.DataFrame(columns=["experiment", "variant", "measure", "verdict"])


def _verdict(row: dict, as_planned: bool, least: float) -> str:
    """Apply the rule: sizes first, then p corrected for the variants, then what the interval rules out."""
    if not as_planned:
        return "mismatch"
    if not row["measure"] or pd.isna(row["p"]):
        return "missing"
    if row["p_holm"] < 0.05:
        return "works" if row["difference"] > 0 else "harms"
    if row["measure"] == "conversion" and row["high"] < least:
        return "ruled out"
    return "open"


def card(found: Found) -> pd.DataFrame:
    """Make the headline numbers: the difference of each experiment, in the form of a scorecard."""
    rows = []
    for row in found.verdicts.to_dict("records"):
        share = row["measure"] == "conversion"
        what = "points of conversion" if share else "value a customer"
        title = f"{row['experiment']} ({row['variant']}) {_SHORT[row['verdict']]}: its gain in {what}"
        scale = 100 if share else 1
        known = {name: row.get(name, np.nan) * scale for name in ("difference", "low", "high")}
        rows.append((f"{row['experiment']} {row['variant']}", title, "" if share else "money", known["difference"],
                     known["low"], known["high"], row.get("n", np.nan) + row.get("n_control", np.nan)))  # fmt: skip
    names = ["metric", "title", "unit", "value", "low", "high", "n"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(previous=None, verdict="", note="", value=frame["value"].astype(float))


def reading(found: Found) -> Html:
    """Say what the rule makes of each experiment, and why."""
    said = []
    for row in found.verdicts.to_dict("records"):
        name = f"{row['experiment']}, {row['variant']}"
        if row["verdict"] in ("mismatch", "missing"):
            said.append(f"{name}: {READ[row['verdict']]}.")
            continue
        moved = _moved(row, found.currency)
        text = f"{name}: {READ[row['verdict']]}. {moved}"
        if row["verdict"] in ("works", "harms"):
            text += f" Chance alone would do that {_odds(row['p_holm'])}."
        elif row["verdict"] == "open" and row["measure"] == "conversion":
            each = sample_size(row["base"], _possible(row["base"], found.least_effect))
            text += (
                f" The interval still holds a rise of {points(found.least_effect)}, which would be worth having. To "
                f"see that takes {each:,} customers in each group; there are {int(min(row['n'], row['n_control'])):,}."
            )
        elif row["verdict"] == "ruled out":
            text += f" A rise of {points(found.least_effect)} is outside the interval."
        said.append(text)
    return listed(said) if said else absent("no experiment has two variants")


def _possible(base: float, effect: float) -> float:
    return min(effect, (1 - base) * 0.999)


def points(share: float) -> str:
    """Write a difference of shares in percentage points."""
    return f"{say(share * 100, '', digits=1)} points"


def _odds(p: float) -> str:
    return "less than once in 1,000 times" if p < 0.001 else f"about {say(p * 1000, '', digits=0)} times in 1,000"


def _moved(row: dict, currency: str) -> str:
    if row["measure"] == "conversion":
        span = f"{say(row['low'] * 100, '', digits=1)} to {say(row['high'] * 100, '', digits=1)}"
        return (
            f"Conversion is {say(row['treated'], 'share')} against {say(row['base'], 'share')}: "
            f"{say(row['difference'] * 100, '', digits=1)} points (95% interval {span})."
        )
    span = say_interval(row["low"], row["high"], "money", currency=currency)
    return f"Value a customer differs by {say(row['difference'], 'money', currency=currency)} (95% interval {span})."


def ratio_table(found: Found) -> pd.DataFrame:
    """Return whether the groups are of the planned sizes, ready to be shown."""
    made = found.ratios[["experiment", "counts", "p", "as_planned"]].rename(
        columns={"counts": "customers in each", "p": "chance of that", "as_planned": "as planned"}
    )
    made["chance of that"] = [p_text(p) for p in made["chance of that"]]
    left = found.trials.left_out
    made["left out"] = [left.get(name, "nobody") for name in made["experiment"]]
    return made


def p_text(p: float) -> str:
    """Write a probability with three decimals.

    >>> p_text(0.0401), p_text(1e-9), p_text(float("nan"))
    ('0.040', 'below 0.001', '–')
    """
    return "below 0.001" if p < 0.001 else say(p, "", digits=3)


def effects_frame(found: Found, measure: str) -> pd.DataFrame:
    """Return the differences of one measure for the figure of estimates; shares in percentage points."""
    if not len(found.effects):
        return found.effects
    rows = found.effects[(found.effects["measure"] == measure) & found.effects["difference"].notna()]
    if not len(rows):
        return lacking(f"{measure} is not known, or the groups are not to be read")
    scale = 100 if measure == "conversion" else 1
    made = pd.DataFrame({"title": rows["experiment"] + ", " + rows["variant"]})
    made = made.assign(value=rows["difference"] * scale, low=rows["low"] * scale, high=rows["high"] * scale)
    title = (
        "Difference in conversion, percentage points"
        if scale == 100
        else "Difference in value a customer" + measure.removeprefix("value")
    )
    made.attrs = {**found.effects.attrs, "title": title, "unit": "" if scale == 100 else "money"}
    return made.reset_index(drop=True)


def lacking(reason: str) -> pd.DataFrame:
    """Return an empty frame that says why there is nothing in it."""
    frame = pd.DataFrame()
    frame.attrs["missing"] = reason
    return frame


def value_table(found: Found) -> pd.DataFrame:
    """Return the difference in value by several ways of reckoning: mean, tail set back, left out, CUPED."""
    tail = tail_effects(found.trials)
    if not len(tail) or not len(found.effects):
        return lacking("no value is known")
    readable = found.ratios.loc[found.ratios["as_planned"], "experiment"]
    tail = tail[tail["experiment"].isin(readable)]
    more = found.effects[(found.effects["measure"] == "value, CUPED") & found.effects["experiment"].isin(readable)]
    more = more.assign(way="with the value before (CUPED)")[tail.columns]
    made = pd.concat([tail, more], ignore_index=True)
    if not len(made):
        return lacking("no experiment is to be read")
    made["95% interval"] = [
        say_interval(*ends, "money", currency=found.currency) for ends in zip(made["low"], made["high"], strict=True)
    ]
    made["width"] = made["high"] - made["low"]
    made = made.sort_values(["experiment", "variant"], kind="stable").drop(columns=["low", "high"])
    made.attrs["currency"] = found.currency
    return made.reset_index(drop=True)


VALUE_UNITS = {"difference": "money", "width": "money"}


def cuped_words(found: Found) -> Html:
    """Say how much of the noise the value before the experiment takes away, and what that saves."""
    rows = found.effects[found.effects["measure"] == "value, CUPED"] if len(found.effects) else found.effects
    if not len(rows):
        return absent("no value before the experiment is known")
    return listed([
        f"{row.experiment}: the value before explains {say(row.gone, 'share')} of the differences between customers. "
        f"Without it, {say(1 / (1 - row.gone), '', digits=1)} times as many customers would be needed to be as sure."
        for row in rows.drop_duplicates("experiment").itertuples() if row.gone < 1
    ])  # fmt: skip


def looks_frame(found: Found, experiment: str = "", *, number: int = 5) -> pd.DataFrame:
    """Follow one experiment look by look; by default the first one that the rule reads."""
    known = found.verdicts[~found.verdicts["verdict"].isin(["mismatch", "missing"])]
    if experiment:
        known = found.verdicts[found.verdicts["experiment"] == experiment]
        if not len(known):
            raise UsageError(f"there is no experiment {experiment!r}; there are {', '.join(found.trials.experiments)}.")
    if not len(known):
        return lacking("no experiment is to be read")
    row = known.iloc[0]
    if not row["measure"]:
        return lacking("no outcome is known")
    made = tried(looks, found.trials, experiment=row["experiment"], variant=row["variant"], measure=row["measure"],
                 number=number)  # fmt: skip
    return made


def reconciled(found: Found) -> list[dict]:
    """Compute both sides of what has to agree: customers by variant, conversions by variant."""
    rows = found.trials.rows
    counted = float(found.ratios["n"].sum())
    made = [{"what": "customers of the variants, added up over experiments = rows read", "left": counted,
             "right": float(len(rows)), "unit": "count"}]  # fmt: skip
    if len(found.effects) and "conversion" in set(found.effects["measure"]):
        part = found.effects[found.effects["measure"] == "conversion"]
        own = (part["treated"] * part["n"]).sum()
        base = part.drop_duplicates("experiment")
        left = own + (base["base"] * base["n_control"]).sum()
        made.append({"what": "rates × customers, added up over variants = conversions", "left": float(left),
                     "right": float(rows.loc[rows["experiment"].isin(part["experiment"]), "converted"].sum()),
                     "unit": "count"})  # fmt: skip
        plain = rows.groupby(["experiment", "variant"])["converted"].mean()
        for row in part[part["difference"].notna()].head(4).itertuples():
            right = plain[row.experiment, row.variant] - plain[row.experiment, row.control]
            made.append({"what": f"{row.experiment}, {row.variant}: difference = rate less the control's rate",
                         "left": row.difference, "right": float(right), "unit": "share"})  # fmt: skip
    return made
