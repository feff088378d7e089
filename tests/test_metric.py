"""What a declaration becomes when it is bound to tables."""

from __future__ import annotations

import ibis

from crmkit.config import Config
from crmkit.kinds import count
from crmkit.metric import Metric, bind


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
