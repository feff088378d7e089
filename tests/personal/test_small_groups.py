"""Groups too small to show: none is shown, and none can be computed from what is."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmkit
from crmkit.personal import for_readers, hide_small_groups


def _frame(sizes: list[list[int]]) -> pd.DataFrame:
    rows = [
        {"metric": "leads", "period": pd.Timestamp("2026-01-01") + pd.DateOffset(months=month), "source": str(group),
         "value": float(n), "n": float(n), "note": ""}
        for month, line in enumerate(sizes) for group, n in enumerate(line)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _hidden(sizes: list[list[int]], smallest: int = 5) -> list[list[bool]]:
    found = hide_small_groups(_frame(sizes), ["source"], smallest=smallest)
    return found["n"].isna().to_numpy().reshape(len(sizes), -1).tolist()


def test_the_next_smallest_is_hidden_with_a_lone_small_one():
    assert _hidden([[2, 30, 9, 40]]) == [[True, False, True, False]]


def test_two_small_ones_that_are_few_together_need_a_third():
    assert _hidden([[1, 2, 30, 9]]) == [[True, True, False, True]]
    assert _hidden([[3, 4, 30, 9]]) == [[True, True, False, False]]


def test_nobody_is_shown_as_nobody():
    assert _hidden([[0, 30, 9]]) == [[False, False, False]]


def test_a_group_alone_in_its_period_is_hidden_by_itself():
    assert _hidden([[3]]) == [[True]]


def test_nothing_changes_without_a_limit():
    frame = _frame([[1, 2, 3]])
    assert hide_small_groups(frame, ["source"], smallest=0) is frame


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(st.integers(0, 12), min_size=width + 1,
       max_size=width + 1), min_size=1, max_size=4)))  # fmt: skip
def test_no_line_gives_a_small_group_away(sizes):
    """Whoever knows every total of a line learns of the hidden ones only their sum, which is never below the limit."""
    hidden, n = np.array(_hidden(sizes)), np.array(sizes)
    assert hidden[(n > 0) & (n < 5)].all()
    for inside, whole in itertools.chain(zip(hidden, n, strict=True), zip(hidden.T, n.T, strict=True)):
        if len(whole) > 1 and inside.any() and (~inside & (whole > 0)).any():
            assert inside.sum() > 1
            assert whole[inside].sum() >= 5


@pytest.fixture
def crm():
    sources = ["web"] * 9 + ["fair"] * 2 + ["friend"] * 6
    leads = {"lead_id": [str(i) for i in range(17)], "source": sources, "created_at": ["2026-01-05"] * 17}
    later = {"lead_id": [f"b{i}" for i in range(26)], "source": ["web"] * 12 + ["friend"] * 8 + ["fair"] * 6,
             "created_at": ["2026-02-05"] * 26}  # fmt: skip
    both = {name: leads[name] + later[name] for name in leads}
    return crmkit.open({"leads": both}, config={"personal": {"smallest_group": 5}})


def test_readers_get_no_small_group_and_the_company_itself_does(crm):
    shown = for_readers(crm).measure("leads", period="2026-01", by="source").set_index("source")["value"]
    assert shown.isna().to_dict() == {"fair": True, "friend": True, "web": False}
    assert crm.measure("leads", period="2026-01", by="source")["value"].sum() == 17
    assert for_readers(crm).measure("leads", period="2026-01")["value"].item() == 17


def test_a_comparison_hides_what_was_small_in_either_period(crm):
    shown = for_readers(crm).compare("leads", period="2026-02", against="2026-01", by="source").set_index("source")
    assert shown.loc[["friend"], ["value", "previous", "change"]].isna().all(axis=None)
    assert shown.loc["web", "change"] == 3


def test_the_parts_of_a_change_still_add_up(crm):
    parts = for_readers(crm).explain("leads", period="2026-02", against="2026-01", by="source")
    assert set(parts["source"]) == {"web", "(2 small groups)"}
    assert parts["effect"].sum() == 9
