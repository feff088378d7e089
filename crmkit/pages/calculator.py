"""The calculator on the page of the return on the CRM: inputs, results, ranges; as a table, and with sliders."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmkit.crm_inputs import INPUTS
from crmkit.methods.crm_calculator import inputs, scenario, scenario_flows
from crmkit.methods.crm_risk import best_and_worst, outlook, ranges
from crmkit.numbers import say, say_interval
from crmkit.pages.showing import listed, quiet
from crmkit.tables import Html, missing, table

TITLES = {"crm_cost": "Cost", "crm_benefit": "Benefit", "crm_roi": "Return, net", "npv": "Net present value",
          "payback_months": "Payback"}  # fmt: skip
_UNITS = {"crm_cost": "money", "crm_benefit": "money", "crm_roi": "share", "npv": "money", "payback_months": "months"}


def assumptions(given: Mapping[str, float], *, currency: str = "") -> Html:
    """List the inputs of the calculator with their value and the range in which they are taken to lie."""
    known, uncertain, rows = inputs(**given), ranges(**given), []
    for name, value in known.items():
        of = INPUTS[name]
        form = {"unit": of.unit, "currency": currency if of.unit == "money" else ""}
        low, _, high = uncertain.get(name, (None, None, None))
        rows.append((name, of.help, say(value, **form), "as given" if low is None else say_interval(low, high, **form)))
    frame = pd.DataFrame(rows, columns=["input", "what it is", "value", "range"])
    return table(frame, caption="What the calculator assumes", numbers=["value", "range"])


def results(given: Mapping[str, float], *, currency: str = "", draws: int = 10_000, seed: int = 7) -> Html:
    """Show what the calculator makes of its inputs, and where 9 of 10 simulated cases lie: what `crmkit roi` prints."""
    found = outlook(draws=draws, seed=seed, **given)
    shown = pd.DataFrame({"result": found["title"]})
    for column in ("value", "low", "high"):
        pairs = zip(found[column], found["unit"], strict=True)
        shown[column] = [say(value, unit, currency=currency if unit == "money" else "") for value, unit in pairs]
    names = {"low": "5% are below", "high": "5% are above"}
    return table(shown, caption="Costs, benefits and return", numbers=["value", "low", "high"], names=names)


def summary(given: Mapping[str, float], *, currency: str = "", draws: int = 10_000, seed: int = 7) -> Html:
    """Say in a sentence or two what the calculator finds."""
    found = outlook(draws=draws, seed=seed, **given).set_index("result")
    money = {"unit": "money", "currency": currency}
    value, low, high = found["value"], found["low"], found["high"]
    months = INPUTS["horizon_months"].default if "horizon_months" not in given else given["horizon_months"]
    text = (
        f"Over {say(months, 'months')} these inputs lead to a cost of {say(value['crm_cost'], **money)} and a "
        f"benefit of {say(value['crm_benefit'], **money)}: a net return of {say(value['crm_roi'], 'share')}, and a "
        f"net present value of {say(value['npv'], **money)} (9 of 10 simulated cases: "
        f"{say_interval(low['npv'], high['npv'], **money)})."
    )
    pays = say(value["pays"], "share", digits=0)
    back = value["payback_months"]
    when = "it does not pay within that time" if missing(back) else f"it has paid after {say(back, 'months')}"
    return listed([text, f"As expected, {when}; counting the uncertainty of the inputs, {pays} of the cases pay."])


def extremes(given: Mapping[str, float], *, currency: str = "") -> Html:
    """Show the worst, the expected and the best case."""
    found = best_and_worst(**given)
    found = found.assign(outcome=found["outcome"].map(TITLES), unit=found["outcome"].map(_UNITS))
    shown = found[["outcome"]].copy()
    for column in ("worst", "expected", "best"):
        pairs = zip(found[column], found["unit"], strict=True)
        shown[column] = [say(value, unit, currency=currency if unit == "money" else "") for value, unit in pairs]
    return table(shown, caption="All inputs at their worse end, as expected, at their better end",
                 numbers=["worst", "expected", "best"])  # fmt: skip


def gap(given: Mapping[str, float], *, currency: str = "") -> pd.DataFrame:
    """Compute both sides of what must agree in the calculator, for `notebook.checks`."""
    found, laid = scenario(**given).set_index("result")["value"], scenario_flows(**given)
    both = [
        ("Calculator: the cash flow's sum is benefit less cost", laid["cumulative"].iloc[-1],
         found["crm_benefit"] - found["crm_cost"]),
        ("Calculator: the discounted cash flow is the net present value", laid["cumulative_discounted"].iloc[-1],
         found["npv"]),
    ]  # fmt: skip
    money = {"unit": "money", "currency": currency}
    return pd.DataFrame([{"what": what, "left": left, "right": right, **money} for what, left, right in both])


def sliders(given: Mapping[str, float], *, currency: str = "", live: bool = True) -> Any:
    """Give each input a slider that works the results out anew; one line instead where that is not possible.

    Parameters
    ----------
    given : mapping of str to float
        Where the sliders begin.
    currency : str
    live : bool
        False for reports, which hold no widgets.

    Returns
    -------
    ipywidgets.VBox or Html
        The sliders need JupyterLab and the package ipywidgets (`pip install ipywidgets`).
    """
    if not live:
        return quiet("With sliders: open this notebook in JupyterLab and set sliders to True in its first cell.")
    if importlib.util.find_spec("ipywidgets") is None:
        return quiet("Sliders need the package ipywidgets: pip install ipywidgets. The table above works without it.")
    import ipywidgets

    known = inputs(**given)
    made = {name: _slider(ipywidgets, name, value) for name, value in known.items()}

    def show(**values: float) -> None:
        from IPython.display import display

        display(results(values, currency=currency, draws=2_000))

    output = ipywidgets.interactive_output(show, made)
    return ipywidgets.VBox([ipywidgets.VBox(list(made.values())), output])


def _slider(ipywidgets: Any, name: str, value: float) -> Any:
    """Make the slider of an input, from its least value to three times where it stands."""
    of = INPUTS[name]
    top = min(of.most, max(3 * abs(value), 3 * of.default, {"share": 0.3, "money": 50_000}.get(of.unit, 20)))
    low = max(of.least, -0.3 if of.unit == "share" else of.least)
    make = ipywidgets.IntSlider if of.whole else ipywidgets.FloatSlider
    number = int if of.whole else float
    about = {"description": name.replace("_", " "), "tooltip": of.help, "continuous_update": False}
    return make(
        value=number(value), min=number(low), max=number(top), step=1 if of.whole else (top - low) / 200,
        style={"description_width": "12em"}, layout={"width": "32em"}, **about,
    )  # fmt: skip
