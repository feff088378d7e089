"""What the sample company's site is made from is found again in its visits, within the intervals that crmkit gives.

The process (crmkit/sample/site.py): a visit in which a lead or an order is made sees 1 + Poisson(6) pages, any other
1 + Poisson(2); each page takes 33 seconds on average; the landing page is drawn alike for all; a source brings a part
of its leads by the site, and the others by telephone or at a stand.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from crmkit.engine.intervals import wilson
from crmkit.sample import site
from crmkit.sample.world import SOURCES

ALL = "2023-10-01/2026-10-01"
WIDER = 3.2905 / 1.96
"""How much wider an interval of 99.9% is than one of 95%."""
SHARES = [0.30, 0.15, 0.18, 0.12, 0.08, 0.06, 0.08, 0.03]


@pytest.fixture(scope="module")
def whole(sample):
    """The metrics of the site over the whole history, and of its visits with a lead or an order."""
    names = ["pages_per_session", "time_on_site", "bounce_rate", "session_lead_rate", "session_purchase_rate"]
    return sample.measure(names, period=ALL).set_index("metric")


def holds(row, truth: float) -> bool:
    return row.value - WIDER * (row.value - row.low) <= truth <= row.value + WIDER * (row.high - row.value)


@pytest.fixture(scope="module")
def busy(sample, whole):
    """The share of visits in which a lead or an order was made: no visit makes both."""
    return whole.value["session_lead_rate"] + whole.value["session_purchase_rate"]


def test_pages_of_a_visit(whole, busy):
    assert holds(whole.loc["pages_per_session"], 1 + 6 * busy + 2 * (1 - busy))


def test_seconds_of_a_visit(whole, busy):
    assert holds(whole.loc["time_on_site"], 33 * (1 + 6 * busy + 2 * (1 - busy)))


def test_bounces(whole, busy):
    assert holds(whole.loc["bounce_rate"], math.exp(-6) * busy + math.exp(-2) * (1 - busy))


def test_landing_pages_are_drawn_with_their_shares(sample):
    found = sample.measure("sessions", period=ALL, by="landing_page").set_index("landing_page").value
    n = found.sum()
    for page, planted in zip(site.PAGES, SHARES, strict=True):
        low, high = wilson(np.array([found[page]]), np.array([n]))
        middle = found[page] / n
        assert middle - WIDER * (middle - low[0]) <= planted <= middle + WIDER * (high[0] - middle), page


def test_each_source_brings_its_share_of_leads_by_the_site(sample):
    leads = sample.measure("leads", period=ALL, by="source", intervals=False).set_index("source").value
    led = sample.measure("session_lead_rate", period=ALL, by="lead.source", intervals=False)
    came = led.set_index("lead.source").numerator
    assert set(leads.index) <= set(SOURCES[: site.ON_SITE.size])
    assert (leads >= 20).sum() >= 5
    for source, planted in zip(SOURCES, site.ON_SITE, strict=False):
        n, part = leads.get(source, 0), came.get(source, 0)
        if n < 20:
            continue
        low, high = (bound[0] for bound in wilson(np.array([part]), np.array([n])))
        middle = part / n
        assert middle - WIDER * (middle - low) <= planted <= middle + WIDER * (high - middle), source


def test_pages_seen_do_not_depend_on_the_landing_page(sample):
    names = ["pages_per_session", "bounce_rate"]
    found = sample.measure(names, period=ALL, by="landing_page").merge(
        sample.measure(names, period=ALL)[["metric", "value"]], on="metric", suffixes=("", "_whole")
    )
    inside = [holds(row, row.value_whole) for row in found.itertuples()]
    assert len(inside) == 16
    assert all(inside)


def test_visits_before_a_lead_are_followed_to_it(sample):
    """A visit that made a lead began 2 to 25 minutes before the lead was written down."""
    visits = sample.relations.get("web_visits")
    leads = sample.relations.get("leads").select(made_id="lead_id", made_at="created_at")
    rows = visits.inner_join(leads, visits.lead_id == leads.made_id).select("started_at", "made_at").to_pandas()
    minutes = (rows.made_at - rows.started_at) / pd.Timedelta(minutes=1)
    assert minutes.between(2, 25).mean() > 0.99
