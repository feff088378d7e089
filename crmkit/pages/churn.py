"""The page of the churn model: who is likely to leave, how sure that is, whom an offer pays for, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from sklearn.base import clone

from crmkit.engine.intervals import wilson
from crmkit.errors import NotInThisData, UsageError
from crmkit.models.churn_panel import now_cutoff
from crmkit.models.churn_study import churn_study
from crmkit.models.feature import all_features
from crmkit.models.flat_table import churn_table
from crmkit.models.reasons import importance, partial_dependence
from crmkit.models.study import Study
from crmkit.numbers import say, say_interval
from crmkit.pages.showing import fold, grid, listed
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

DEFINED = ("churn_rate", "lost_customers", "customers_at_start", "mrr", "gross_margin", "renewal_rate")
ROW_UNITS = {"customers": "count", "left": "count", "share": "share"}
SCORE_UNITS = {"promised": "share", "left": "share", "lift": "ratio"}
WRITTEN = ["AUC", "95% interval", "Brier"]
FLAT = "a flat table has no dates"
UNKNOWN_NOW = "nobody is a customer now"


def study(
    crm: Crm,
    period: Period,
    *,
    window_days: int,
    basis: str,
    kind: str,
    no_order_days: int,
    table: str = "",
    label: str = "",
    id: str = "",
) -> Study:
    """Study who leaves, as it is known at the end of a period; or a flat table with a label, where one is given.

    Raises
    ------
    NotInThisData
        Where the data cannot say who left, or is too short.
    """
    if table:
        path = Path(table)
        if not path.is_file():
            raise UsageError(f"table: there is no file {table!r}.")
        if not label:
            raise UsageError("table: name the column that says who left with label=…")
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        return churn_table(frame, label=label, id=id, kind=kind)
    until = min(period.end, now_cutoff(crm))
    options = {"window_days": window_days, "basis": basis, "kind": kind, "no_order_days": no_order_days}
    try:
        return churn_study(crm, until=until, **options)
    except NotInThisData as reason:  # a report's list of pages shows the reason alone
        raise NotInThisData(
            str(reason).removeprefix("churn: ").removeprefix("not in this data, ").rstrip(".")
        ) from None


def learned_from(found: Study) -> pd.DataFrame:
    """List the cut-offs: customers, who left in the window after, with its interval."""
    rows = found.panel
    if "cutoff" not in rows:
        counted = pd.DataFrame({"customers": [len(rows)], "left": [rows["churned"].sum()]}, index=["all rows"])
    else:
        by = rows.groupby("cutoff")["churned"].agg(customers="size", left="sum")
        counted = by.set_axis([f"{cutoff:%Y-%m-%d}" for cutoff in by.index])
    low, high = wilson(counted["left"].to_numpy(float), counted["customers"].to_numpy(float))
    return counted.assign(
        share=counted["left"] / counted["customers"],
        **{"95% interval": [say_interval(a, b, "share") for a, b in zip(low, high, strict=True)]},
    ).rename_axis("cut-off").reset_index()  # fmt: skip


def features_used(found: Study) -> Html:
    """Say how many features there are, what the probe for leaks found, and what was left out; with the list."""
    attrs = found.panel.attrs
    declared = all_features()
    strongest = found.probe.iloc[0] if len(found.probe) else None
    said = [f"{say(len(found.features), 'count')} features."]
    if strongest is not None and not missing(strongest["alone"]):
        title = attrs["titles"].get(strongest["feature"], strongest["feature"])
        same = "no value changes when later rows are removed, and " if "changed" in found.probe else ""
        said.append(
            f"No sign of a leak: {same}the strongest alone, {title}, has an AUC of "
            f"{say(strongest['alone'], '', digits=2)}."
        )
    said += [f"Left out: {note}." for note in found.notes]
    rows = pd.DataFrame({
        "feature": [attrs["titles"][name] for name in found.features],
        "meaning": [declared[name].meaning if name in declared else "" for name in found.features],
        "typical": [_typical(found, name) for name in found.features],
        "alone": [float(found.probe.set_index("feature")["alone"].get(name, float("nan"))) for name in found.features],
    })  # fmt: skip
    table = grid(rows, caption="Features, and how well each alone tells who left (AUC)", units={"alone": ""})
    text = listed(said)
    folded = fold("The features", table)
    return Html(text.html + folded.html, f"{text.text}\n{folded.text}")


def _typical(found: Study, name: str) -> str:
    value, attrs = found.typical[name], found.panel.attrs
    if value is None or isinstance(value, str):
        return str(value or "–")
    return say(value, attrs["units"].get(name, ""), currency=attrs.get("currency", ""))


def score_table(found: Study) -> pd.DataFrame:
    """List how good the models and the rules were on customers and periods that they had not seen."""
    rows = found.scores
    made = pd.DataFrame({
        "model or rule": rows["model"],
        "AUC": [say(value, "", digits=3) for value in rows["auc"]],
        "95% interval": [say_interval(a, b, "") for a, b in zip(rows["low"], rows["high"], strict=True)],
        "Brier": [say(value, "", digits=4) for value in rows["brier"]],
        "promised": rows["promised"], "left": rows["actual"], "lift": rows["lift"],
    })  # fmt: skip
    made.attrs = {"n": int(rows["n"].max()) if len(rows) else 0}
    return made


def score_words(found: Study) -> Html:
    """Say whether a model beats the rule that could replace it, which model is used, and why."""
    rows = found.scores.set_index("model")
    chosen = rows.loc[found.chosen]
    if found.model.fallback_:
        return listed([f"No model could be estimated: {found.model.fallback_}. One rate for all is used."])
    said = [
        f"{_title(found.chosen)} is used: {found.why}. It was judged on {say(chosen['n'], 'count')} customers, of whom "
        f"{say(chosen['events'], 'count')} left."
    ]
    rules = [name for name in rows.index if name not in ("logistic", "boosting")]
    if rules:
        best = rows.loc[rules]["auc"].idxmax()
        gap = float(chosen["auc"] - rows.loc[best, "auc"])
        beats = _beats(found, best)
        said.append(
            f"The best simple rule is “{best}” (AUC {say(rows.loc[best, 'auc'], '', digits=3)}). The model is "
            f"{'better by ' + say(gap, '', digits=3) + ', ' + beats if gap > 0 else 'no better: use the rule'}."
        )
    return listed(said)


def _beats(found: Study, rule: str) -> str:
    from crmkit.models.scores import scores

    both = found.predictions[found.predictions["model"].isin([found.chosen, rule])]
    row = scores(both, against=rule).set_index("model").loc[found.chosen]
    span = say_interval(row["better_low"], row["better_high"], "")
    return f"{'more' if row['better_low'] > 0 else 'no more'} than noise (95% interval {span})"


def _title(model: str) -> str:
    return {"logistic": "A logistic regression", "boosting": "Gradient boosting"}.get(model, model)


def what_matters(found: Study, *, top: int = 8, repeats: int = 5) -> pd.DataFrame:
    """Measure permutation importance on the customers of the last test, by a model that has not seen them."""
    rows = found.panel
    last = rows["cutoff"] == rows["cutoff"].max() if "cutoff" in rows else rows.index % 4 == 0
    train, test = rows[~last], rows[last]
    model = found.about.get("judged", {}).get(found.chosen)
    if model is None:
        model = clone(found.model).set_params(folds=0).fit(train[found.features], train["churned"])
    made = importance(model, test[found.features], test["churned"], repeats=repeats).head(top)
    made = made.assign(title=[found.panel.attrs["titles"][name] for name in made["feature"]])
    made[["value", "low", "high"]] *= 100
    made.attrs = {"as_of": found.about.get("as_of"), "title": "Loss of AUC when shuffled, in points", "unit": ""}
    if model.fallback_ or not made["value"].notna().any():
        made.attrs["missing"] = f"no importance: {model.fallback_ or 'nobody left in the last window'}"
    return made


def matters_finding(frame: pd.DataFrame) -> str:
    """Name what the model's order hangs on, for the title of the figure."""
    if not len(frame) or frame.attrs.get("missing"):
        return ""
    clear = frame[frame["low"] > 0]["title"].tolist()
    if not clear:
        return "No single feature matters by more than chance"
    return f"The order of the risks hangs most on {' and '.join(clear[:2])}"


def dependence(found: Study, matters: pd.DataFrame, place: int = 0) -> pd.DataFrame:
    """Follow the mean risk along one of the features that matter, the most important at place 0."""
    if matters.attrs.get("missing") or len(matters) <= place:
        made = pd.DataFrame({"value": [], "risk": [], "n": []})
        made.attrs["missing"] = matters.attrs.get("missing") or "no further feature"
        return made
    name = matters["feature"].iloc[place]
    made = partial_dependence(found.model, found.now[found.features], name)
    attrs = found.panel.attrs
    made.attrs = {"as_of": found.about.get("as_of"), "currency": attrs.get("currency", ""),
                  "name": attrs["titles"][name], "unit_of_value": attrs["units"].get(name, "")}  # fmt: skip
    return made


def about_dependence(frame: pd.DataFrame) -> dict[str, str]:
    """Return what a figure of `dependence` is of, as its options."""
    return {name: frame.attrs.get(name, "") for name in ("name", "unit_of_value")}


def not_flat(found: Study) -> str:
    """Return the reason why a section has nothing to say of a flat table; "" for the tables of a CRM."""
    return FLAT if found.panel.attrs["basis"] == "table" else ""
