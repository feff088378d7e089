"""What was planted about service in the sample company is found again."""

from __future__ import annotations

import json

import pytest

WIDER = 3.2905 / 1.96
"""How much wider an interval of 99.9% is than one of 95%."""


@pytest.fixture(scope="module")
def truths(root):
    found = json.loads((root / "data" / "sample" / "truth.json").read_text(encoding="utf-8"))["truths"]
    return {truth["name"]: truth for truth in found if truth["what"] == "service"}


def test_the_share_that_is_opened_again(sample, truths):
    planted = truths["reopened_rate"]
    found = sample.measure("reopened_rate", period=planted["window"]).iloc[0]
    assert found["low"] <= planted["value"] <= found["high"]
    by_month = sample.measure("reopened_rate", period=planted["window"], every="month")
    holds = (by_month["low"] <= planted["value"]) & (planted["value"] <= by_month["high"])
    assert holds.mean() >= 0.85


def test_agents_differ_as_they_were_made_to(sample):
    """Slowness was planted by agent and nothing else: categories and channels do not differ beyond noise."""
    whole = "2024-04-01/2026-10-01"
    middle = sample.measure("resolution_hours", period=whole)["value"].item()
    agents = sample.measure("resolution_hours", period=whole, by="agent_id")
    assert ((agents["low"] > middle) | (agents["high"] < middle)).mean() > 0.5
    channels = sample.measure("resolution_hours", period=whole, by="channel")
    assert ((channels["low"] <= middle) & (middle <= channels["high"])).mean() >= 0.75
