"""What became of a churn model: its promise against what came, drift, what offers brought, and the time to leave."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.common import run
from crmkit.methods.hazards import cox, stretches
from crmkit.models.churn_panel import churn_panel, now_cutoff
from crmkit.models.decision import profit_curve
from crmkit.models.monitoring import distribution, drift, promise_kept, uplift
from crmkit.models.reasons import typical
from crmkit.models.scores import scores
from crmkit.models.store import Saved, load, save
from crmkit.models.study import Study
from crmkit.numbers import say, say_interval
from crmkit.pages.churn import FLAT
from crmkit.pages.churn_offers import with_value
from crmkit.pages.showing import absent, listed
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm

COVARIATES = ("satisfaction", "segment", "tickets_half", "mrr")
DRIFT_UNITS = {"psi": "", "by chance": "", "ks": "", "unknown before": "share", "unknown now": "share"}


def kept_promise(crm: Crm, found: Study, model: str = "") -> dict[str, Any]:
    """Compare a model with its own promise: a saved one, or the one that could have been saved a window ago.

    Parameters
    ----------
    crm : Crm
    found : Study
    model : str
        A file that `Study.save` wrote; "" trains the model of a window ago, saves, loads and judges it.

    Returns
    -------
    dict
        `saved` (the model), `rows` (customers of then: customer_id, churned, risk), `promise` (see `promise_kept`),
        `drift` (the customers of now against its training), or `missing`, the reason why not.
    """
    if found.panel.attrs["basis"] == "table":
        return {"missing": FLAT}
    if model:
        saved = load(model)
        then = datetime.fromisoformat(saved.cutoff)
        rows = churn_panel(crm, [then], window_days=saved.window_days, basis=saved.basis, features=saved.features)
        if rows["churned"].isna().all():
            return {"missing": f"the window of the model of {saved.cutoff} is not over"}
        now = churn_panel(crm, [min(found.about["cutoff"], now_cutoff(crm))], window_days=saved.window_days,
                          basis=saved.basis, features=saved.features)  # fmt: skip
    else:
        panel = found.panel
        rows = panel[panel["cutoff"] == panel["cutoff"].max()]
        before = panel[panel["cutoff"] < panel["cutoff"].max()]
        seen = found.unseen
        seen = seen[seen["cutoff"] < panel["cutoff"].max()]
        if not len(seen):
            return {"missing": "the data is too short for a model of a window ago that was tested before"}
        fitted = found.about["judged"][found.chosen]  # it learned from the same rows, and was judged on the last window
        judged = scores(seen.assign(model="model")).iloc[0]
        names = ("auc", "low", "high", "brier", "promised", "actual", "n", "events")
        kept = Saved(
            fitted, f"{rows['cutoff'].iloc[0]:%Y-%m-%d}", panel.attrs["window_days"], panel.attrs["basis"],
            found.features, typical(before[found.features]), distribution(before[found.features]),
            {name: float(judged[name]) for name in names}, panel.attrs["titles"], panel.attrs["units"],
            company=crm.config.name or "", currency=crm.config.currency,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            saved = load(save(kept, Path(folder) / "churn.skops"))
        now = found.now
    known = rows[rows["churned"].notna()]
    risk = saved.model.predict_proba(known[saved.features])[:, 1]
    return {
        "saved": saved,
        "rows": known[["customer_id", "churned"]].assign(risk=risk),
        "promise": promise_kept(risk, known["churned"], saved.promise),
        "drift": drift(saved.drift, now[saved.features]),
    }


def promise_table(kept: dict[str, Any]) -> pd.DataFrame:
    """List what the model promised, what came, and whether the promise was kept."""
    if kept.get("missing"):
        return _lacking(kept["missing"])
    rows = kept["promise"]
    unit = {"share that leaves": "share"}
    words = {True: "kept", False: "broken", None: "cannot be told"}

    def write(row: Any, value: float) -> str:
        return say(value, unit.get(row.question, ""), digits=None if row.question in unit else 3)

    return pd.DataFrame({
        "question": rows["question"],
        "promised": [write(row, row.promised) for row in rows.itertuples()],
        "came": [write(row, row.came) for row in rows.itertuples()],
        "95% interval": [say_interval(row.low, row.high, unit.get(row.question, "")) for row in rows.itertuples()],
        "promise": [words[None if missing(value) else bool(value)] for value in rows["kept"]],
    })  # fmt: skip


def promise_words(kept: dict[str, Any]) -> Html:
    """Say when the model was made and whether it still holds."""
    if kept.get("missing"):
        return listed([])
    saved, rows = kept["saved"], kept["promise"]
    broken = [row.question for row in rows.itertuples() if not missing(row.kept) and not row.kept]
    verdict = (
        "It kept its promise in all that can be told."
        if not broken
        else f"It broke its promise of the {', the '.join(broken)}: train it again, and look for what changed."
    )
    return listed([
        f"The model learned from what was known before {saved.cutoff}, and was judged on "
        f"{say(rows['n'].iloc[0], 'count')} customers and the {saved.window_days} days after. {verdict}"
    ])  # fmt: skip


def drift_table(kept: dict[str, Any], *, top: int = 8) -> pd.DataFrame:
    """List the features that moved most between the training of the model and the customers of now."""
    if kept.get("missing"):
        return _lacking(kept["missing"])
    titles = kept["saved"].titles
    rows = kept["drift"].head(top)
    return pd.DataFrame({
        "feature": [titles.get(name, name) for name in rows["feature"]], "psi": rows["psi"],
        "by chance": rows["chance"],
        "ks": rows["ks"], "unknown before": rows["unknown before"], "unknown now": rows["unknown now"],
        "verdict": rows["verdict"],
    })  # fmt: skip


def units_of(frame: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns that a table of `drift_table` has."""
    return {name: unit for name, unit in DRIFT_UNITS.items() if name in frame}


def saved_words(found: Study, path: str, *, company: str = "") -> Html:
    """Save the model of now with its card where a file is named, and say so."""
    if not path:
        return listed([])
    return listed([f"The model of now is saved in {found.save(path, company=company).name}, its card beside it."])


def drift_words(kept: dict[str, Any]) -> Html:
    """Say how many features have moved."""
    if kept.get("missing"):
        return listed([])
    rows = kept["drift"]
    moved = rows[rows["verdict"] != "as before"]
    if not len(moved):
        return listed([f"None of the {say(len(rows), 'count')} features has moved beyond chance."])
    titles = [kept["saved"].titles.get(name, name) for name in moved["feature"]]
    return listed([
        f"{say(len(moved), 'count')} of {say(len(rows), 'count')} features have moved: {', '.join(titles)}. A model "
        "can stand that; what it promises for the new kind of customer, it has seen little of."
    ])  # fmt: skip


def offers_brought(
    crm: Crm, experiment: str, *, control: str = "control", window_days: int = 90, cost: float = 0.0,
    value: float | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Measure what offers kept, from an experiment in the table experiments: who got one, who was held out, who left.

    Parameters
    ----------
    experiment : str
        `experiment_id`; each customer left if it was lost within `window_days` after `assigned_at`. Those who were no
        customers then, or whose window is not over, are left out and counted in `attrs["left_out"]`.
    control : str
        The variant that was held out; all others got the offer.

    Returns
    -------
    DataFrame
        As `uplift` returns it, with the reason in `attrs["missing"]` where there is nothing to measure.
    """
    if not experiment:
        return _lacking("no experiment was named in which some were offered something and others held out at random")
    if "experiments" not in crm.relations or "spells" not in crm.relations:
        return _lacking("needs the table experiments")
    rows = crm.relations.get("experiments")
    rows = rows.filter(rows.experiment_id == experiment).select("customer_id", "variant", "assigned_at")
    spells = crm.relations.get("spells").select("customer_id", "acquired_at", "lost_at")
    both = run(rows.left_join(spells, "customer_id").drop("customer_id_right"))
    if not len(both):
        raise UsageError(f"There is no experiment {experiment!r} in the table experiments.")
    if control not in set(both["variant"]):
        raise UsageError(f"The experiment {experiment!r} has no variant {control!r}; it has "
                         f"{', '.join(sorted(set(both['variant'])))}.")  # fmt: skip
    there = (both["acquired_at"] <= both["assigned_at"]) & ~(both["lost_at"] <= both["assigned_at"])
    window = pd.Timedelta(days=window_days)
    over = both["assigned_at"] + window <= pd.Timestamp(now_cutoff(crm))
    known = both[there & over].drop_duplicates("customer_id")
    if not len(known):
        return _lacking("nobody of the experiment was a customer, or the window is not over")
    left = (known["lost_at"] < known["assigned_at"] + window).astype(float)
    group = known["variant"].eq(control).map({True: "hold-out", False: "offer"})
    made = uplift(group, left, cost=cost, value=value)
    made.attrs = {"left_out": both["customer_id"].nunique() - len(known), "currency": crm.config.currency}
    return made


def offers_words(frame: pd.DataFrame) -> Html:
    """Say what offers kept against the hold-out group, and whether that is more than noise."""
    if reason := frame.attrs.get("missing"):
        return absent(reason)
    row = frame.iloc[0]
    if missing(row["kept"]):
        return absent(str(row["verdict"]))
    points = [say(100 * row[name], "", digits=1) for name in ("kept", "low", "high")]
    text = (
        f"{say(row['left_offered'], 'share')} of {say(row['offered'], 'count')} with an offer left, and "
        f"{say(row['left_held_out'], 'share')} of {say(row['held_out'], 'count')} held out: offers kept {points[0]} "
        f"of 100 (95% interval {points[1]} to {points[2]}): {row['verdict']}."
    )
    said = [text]
    if not missing(row["profit"]):
        money = {"unit": "money", "currency": frame.attrs.get("currency", "")}
        span = say_interval(row["profit_low"], row["profit_high"], **money)
        said.append(f"After their cost they brought {say(row['profit'], **money)} (95% interval {span}).")
    if frame.attrs.get("left_out"):
        said.append(f"{say(frame.attrs['left_out'], 'count')} of the experiment were no customers, or are left out.")
    return listed(said)


def time_to_leave(found: Study) -> pd.DataFrame:
    """Estimate hazard ratios on the stretches between the cut-offs, customers with a term in a rhythm of their own."""
    if found.panel.attrs["basis"] != "losses":
        return _lacking(FLAT if found.panel.attrs["basis"] == "table" else "buyers do not say when they leave")
    try:
        rows = stretches(found.panel)
    except UsageError as error:
        return _lacking(str(error))
    strata = None
    if "contract" in rows:
        rows, strata = rows.assign(has_term=(rows["contract"] != "no term").astype(str)), "has_term"
    given = [name for name in COVARIATES if name in found.features]
    made = cox(rows, given, strata=strata, titles=found.panel.attrs["titles"])
    made.attrs |= {"as_of": found.about.get("as_of"), "title": "Hazard ratio", "unit": "ratio"}
    return made


def hazard_words(frame: pd.DataFrame) -> Html:
    """Read the clear hazard ratios aloud, and name those that are not the same at all ages."""
    if frame.attrs.get("missing"):
        return listed([])
    clear = frame[(frame["low"] > 1) | (frame["high"] < 1)]
    said = [
        f"{row.name_}: {say(row.value, 'ratio')} times as fast ({row.per}; 95% interval "
        f"{say_interval(row.low, row.high, 'ratio')})."
        for row in clear.rename(columns={"name": "name_"}).itertuples()
    ]
    said = said or ["No ratio is clearly apart from one."]
    uneven = frame[frame["p_proportional"] < 0.05 / max(len(frame), 1)]["name"].tolist()
    said.append(
        f"Not the same at all ages: {', '.join(uneven)}; there the ratio is a mean over them."
        if uneven
        else "The check of proportional hazards finds no ratio that changes with age beyond chance."
    )
    return listed(said)


def agreements(
    found: Study, terms: dict[str, Any], to_call: pd.DataFrame, kept: dict[str, Any]
) -> list[dict[str, Any]]:
    """List what has to add up on the page, for `crmkit.notebook.checks`."""
    from crmkit.models.scores import calibration, gain

    seen = found.unseen
    groups, curve = calibration(seen), gain(seen)
    rows = [
        {"what": "customers in the groups of the calibration = customers judged", "left": float(groups["n"].sum()),
         "right": float(len(seen)), "unit": "count"},
        {"what": "left in these groups = left in all", "left": float(groups["events"].sum()),
         "right": float(seen["churned"].sum()), "unit": "count"},
        {"what": "found among all customers = all who left", "left": float(curve["events"].iloc[-1]),
         "right": float(seen["churned"].sum()), "unit": "count"},
    ]  # fmt: skip
    if "cutoff" in found.panel:
        by = found.panel.groupby("cutoff")["churned"].sum().sum()
        rows.append({"what": "left by cut-off = left in all rows", "left": float(by),
                     "right": float(found.panel["churned"].sum()), "unit": "count"})  # fmt: skip
    if "gain" in to_call and len(to_call):
        today = with_value(found.risks(reasons_for=0).rename(columns={"churn_risk": "risk"}), found, terms)
        best = profit_curve(today, cost=terms["cost"], success_rate=terms["success_rate"], value="value")
        rows.append({"what": "gains on the list = highest point of today's profit curve",
                     "left": float(to_call["gain"].sum()), "right": float(best.attrs["profit"]), "unit": "money",
                     "currency": found.panel.attrs.get("currency", "")})  # fmt: skip
    if "saved" in kept and "rows" in kept:
        seen = found.unseen
        last = seen[seen["cutoff"] == seen["cutoff"].max()] if "cutoff" in seen else seen.iloc[:0]
        if len(last) == len(kept["rows"]):
            rows.append({"what": "sum of the risks, predicted in the test = by the model saved and loaded",
                         "left": float(last["risk"].sum()), "right": float(kept["rows"]["risk"].sum())})  # fmt: skip
    return rows


def _lacking(reason: str) -> pd.DataFrame:
    made = pd.DataFrame()
    made.attrs["missing"] = reason
    return made
