"""Groups whose names are those of the engine's own columns, or of a result's."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit

ORDERS = {
    "order_id": ["1", "2", "3"],
    "customer_id": ["a", "a", "b"],
    "ordered_at": ["2026-01-05"] * 3,
    "amount": [1.0, 2.0, 3.0],
    "channel": ["web", "web", "shop"],
    "by_0": ["x", "y", "y"],
    "start": ["s", "t", "t"],
    "value": ["u", "v", "v"],
}


@pytest.fixture(scope="module")
def crm():
    """Three orders with columns that bear names of the engine's."""
    return crmkit.open({"orders": pd.DataFrame(ORDERS)})


@pytest.mark.parametrize("by", [["channel", "by_0"], ["start", "by_0", "channel"], ["start"]])
def test_a_column_may_have_a_name_that_the_engine_uses(crm, by):
    found = crm.measure("orders_placed", period="2026-01", by=by)
    wanted = pd.DataFrame(ORDERS).groupby(by).size()
    assert found.set_index(by)["value"].sort_index().to_dict() == wanted.to_dict()


@pytest.mark.parametrize("ask", ["measure", "sql"])
@pytest.mark.parametrize(("by", "says"), [("value", "column 'value' of its own"), (["channel", "channel"], "twice")])
def test_a_result_has_no_two_columns_of_one_name(crm, ask, by, says):
    with pytest.raises(crmkit.UsageError, match=says):
        getattr(crm, ask)("orders_placed", period="2026-01", by=by)
