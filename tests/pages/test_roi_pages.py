"""The page of the return on the CRM: its sentences and tables on the sample, and on data that lacks everything."""

import sys
from types import SimpleNamespace

import pandas as pd
import pytest

import crmkit
from crmkit.crm_inputs import INPUTS
from crmkit.methods import scenario
from crmkit.notebook import checks
from crmkit.numbers import say
from crmkit.pages import calculator, roi


@pytest.fixture(scope="module")
def now(sample):
    return sample.period("latest")


def flat(html):
    return html.text.replace("\xa0", " ")


def test_the_verdict_says_cost_benefit_and_what_is_noise(sample, now):
    said, found = flat(roi.verdict(sample, now)), roi.benefits(sample, now)
    cost = roi.both_returns(sample, now)["cost"].iloc[-1]
    brought = found["value"].iloc[-1]
    money = {"unit": "money", "currency": "EUR"}
    assert f"the CRM cost {say(cost, **money)} and brought {say(brought, **money)}" in said
    assert f"{brought / cost:.2f} came back" in said
    clear = found[(found["low"] > 0) & (found["benefit"] != "sum")]["title"].str.lower()
    assert f"More than noise: {', '.join(clear)}." in said


def test_every_agreement_holds_and_there_are_all_five(sample, now):
    agree = roi.agreements(sample, now)
    assert len(agree) == 5
    assert "✗" not in checks(agree).text


def test_the_benefit_table_shows_the_rates_that_are_compared(sample, now):
    text = flat(roi.benefit_table(roi.benefits(sample, now), caption="Benefits"))
    before = sample.measure("cac", period="2024-07-01/2025-07-01").value.item()
    came = sample.measure("new_customers", period="2025-07-01/2026-10-01").value.item()
    assert f"€{before:,.0f}" in text
    assert f"{came:,.0f} customers acquired" in text
    assert len(text.splitlines()) == 8


def test_costs_and_both_returns(sample, now):
    assert "most of it for implementation (€" in roi.costs_finding(roi.costs(sample, now))
    both = roi.both_returns(sample, now).set_index("of")
    to_date = sample.measure("crm_roi_to_date", period=now).value.item()
    assert both.loc["to date", "net return"] == pytest.approx(to_date)
    assert (both["gross return"] - both["net return"]).tolist() == pytest.approx([1, 1])


def test_changes_are_judged_plainly_and_against_the_trend(sample, now):
    found = roi.changes(sample, ["sales_cycle_days", "cac"], now)
    plain, trend = (flat(roi.change_table(found, caption="c", trend=trend)) for trend in (False, True))
    assert plain.count("better") == 2
    assert trend.count("better") == 1
    said = flat(roi.change_sentence(found))
    assert "Beyond what the trend before would have brought as well: Sales cycle, mean." in said
    assert "may have led: Customer acquisition cost." in said


def test_a_period_before_the_introduction_has_reasons_not_errors(sample):
    early = sample.period("2024-Q1")
    assert "Nothing happened" in flat(roi.verdict(sample, early))
    assert roi.changes(sample, roi.WORK, early).attrs["missing"]
    assert roi.agreements(sample, early).empty


def test_a_crm_that_is_yet_to_come_has_costs_and_no_error(sample):
    tables = {name: sample.tables[name].to_pandas() for name in ("costs", "customers", "orders")}
    crm = crmkit.open(tables, config={"crm_introduced": "2025-07-01"}, as_of="2025-05-31")
    now = crm.period("latest", every="month")
    assert "brought 0" in flat(roi.verdict(crm, now))
    assert "✗" not in checks(roi.agreements(crm, now)).text
    assert "No whole month lies between" in roi.changes(crm, ["cac"], now).attrs["missing"]


def test_data_without_costs_or_introduction_gets_one_quiet_line_each(pipeline):
    now = pipeline.period("latest")
    for frame in (roi.costs(pipeline, now), roi.benefits(pipeline, now), roi.flows(pipeline, now),
                  roi.draws(pipeline, now), roi.both_returns(pipeline, now), roi.changes(pipeline, roi.WORK, now),
                  roi.by_month(pipeline, "win_rate", now)):  # fmt: skip
        assert frame.attrs["missing"].startswith("needs the ")
    said = flat(roi.verdict(pipeline, now))
    assert said.startswith("Not in this data: needs the ")
    assert said.endswith("the calculator on this page works without.")
    assert roi.agreements(pipeline, now).empty
    assert flat(roi.change_sentence(roi.changes(pipeline, roi.WORK, now))) == ""


def test_no_cost_at_all_is_said():
    crm = crmkit.open({"costs": {"month": ["2026-01-01"], "category": ["sales"], "amount": [5.0]}})
    found = roi.costs(crm, crm.period("2026-01"))
    assert "no cost of the CRM is booked" in found.attrs["missing"]
    assert roi.costs_finding(found) == ""


def test_the_calculator_says_what_the_scenario_is():
    said = flat(calculator.summary({"deals": 150}, currency="EUR", draws=500))
    value = scenario(deals=150).set_index("result").value
    assert f"€{value['crm_benefit']:,.0f}" in said
    assert "it has paid after" in said
    assert "does not pay within that time" in flat(calculator.summary({"implementation": 900_000}, draws=100))


def test_the_calculator_s_tables_name_every_input_and_result():
    text = flat(calculator.assumptions({}))
    assert all(name in text for name in INPUTS)
    shown = flat(calculator.results({}, draws=200))
    assert "Payback" in shown
    assert "nan" not in shown
    assert "nan" not in flat(calculator.extremes({}))
    assert "✗" not in checks(calculator.gap({"deals": 99})).text


def test_without_widgets_there_is_one_clear_line(monkeypatch):
    assert "set sliders to True" in calculator.sliders({}, live=False).text
    monkeypatch.setattr(calculator.importlib.util, "find_spec", lambda name: None)
    assert "pip install ipywidgets" in calculator.sliders({}).text


def test_sliders_begin_where_the_inputs_are_and_work_the_results_out_anew(monkeypatch):
    shown, made = [], {}

    def slider(**about):
        made[about["description"]] = about
        return SimpleNamespace(**about)

    def interactive_output(show, sliders):
        show(**{name: each.value for name, each in sliders.items()})
        return "output"

    fake = SimpleNamespace(
        FloatSlider=slider, IntSlider=slider, VBox=lambda children: children, interactive_output=interactive_output
    )
    monkeypatch.setitem(sys.modules, "ipywidgets", fake)
    monkeypatch.setattr(calculator.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr("IPython.display.display", shown.append)
    boxes, output = calculator.sliders({"deals": 77})
    assert len(boxes) == len(INPUTS)
    assert made["deals"]["value"] == 77
    assert all(each["min"] <= each["value"] <= each["max"] for each in made.values())
    assert output == "output"
    assert "Payback" in shown[0].text


def test_the_notebook_s_parameters_are_the_inputs_with_their_defaults():
    import nbformat

    from crmkit import paths
    from crmkit.report import parameters

    notebook = nbformat.read(paths.notebooks() / "09_crm_roi.ipynb", as_version=4)
    declared = parameters.declared(notebook, name="09_crm_roi")
    assert {name: declared[name].default for name in INPUTS} == {name: each.default for name, each in INPUTS.items()}
    for name, each in INPUTS.items():
        assert declared[name].help == f"calculator: {each.help}"


def test_the_sum_of_nothing_is_no_agreement():
    assert checks(pd.concat([pd.DataFrame(), calculator.gap({})], ignore_index=True)).text.count("✓") == 2
