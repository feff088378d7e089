"""What a report says of the data it was made from."""

from __future__ import annotations

import crmkit
from crmkit.report import facts


def test_data_does_not_begin_at_a_date_that_stands_for_none():
    crm = crmkit.open({
        "customers": {"customer_id": ["a", "b"], "created_at": ["1900-01-01", "2024-05-01"]},
        "orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [9.0], "ordered_at": ["2025-03-02"]},
    })  # fmt: skip
    assert facts._first(crm) == "2025-03-02"
