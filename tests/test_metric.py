"""What a declaration becomes when it is bound to tables."""

from __future__ import annotations

from pathlib import Path

import ibis
import pytest

import crmkit.metrics
from crmkit.config import Config
from crmkit.kinds import count
from crmkit.metric import Metric, all_metrics, bind, family_of


def test_an_interval_of_its_own_leaves_a_formula_its_remarks():
    def kept(leads):
        return (count() / count(leads.lead_id.notnull())).remarking(leads.lead_id.isnull(), "some have no key")

    words = dict.fromkeys(("title", "family", "category", "unit", "better", "formula", "meaning"), "")
    words |= {"caveats": "", "source": ""}
    metric = Metric(name="kept", **words, at="created_at", optional=(), interval="wilson", declare=kept)
    leads = ibis.table({"lead_id": "string", "created_at": "timestamp"}, name="leads")
    kind = bind(metric, lambda name: leads, context={"period": None, "as_of": None, "config": Config()})
    assert kind.interval == "wilson"
    assert [text for _, text in kind.all_remarks()] == ["some have no key"]
    assert {atom.relation for atom in kind.asked(intervals=False)} == {"leads"}


def test_metrics_come_in_the_order_of_families_and_of_their_files():
    declared = [metric.declare.__module__.removeprefix("crmkit.metrics.") for metric in all_metrics().values()]
    expected = []
    for family in crmkit.metrics.FAMILIES:
        first = next(metric for metric in all_metrics().values() if metric.family == family)
        files = getattr(family_of(first.declare), "FILES", ())
        expected += [f"{family}.{file}" for file in files] or [family]
    assert list(dict.fromkeys(declared)) == expected


@pytest.mark.parametrize("family", crmkit.metrics.FAMILIES)
def test_a_family_names_all_its_files(family):
    folder = Path(crmkit.metrics.__file__).parent / family
    there = {path.stem for path in folder.glob("*.py")} - {"__init__", "common"}
    metric = next(metric for metric in all_metrics().values() if metric.family == family)
    assert set(getattr(family_of(metric.declare), "FILES", ())) == there
