"""Twins of the metrics of the web site."""

from __future__ import annotations

import numpy as np
import pandas as pd

from twins.common import AS_OF, DAY, during, ratio


def tables(files):
    """Add to each visit what is known of its visitor, one visitor after the other, and the customer's segment."""
    lead_of = dict(zip(files["leads"].lead_id, files["leads"].customer_id, strict=True))
    buyer_of = dict(zip(files["orders"].order_id, files["orders"].customer_id, strict=True))
    segment = dict(zip(files["customers"].customer_id, files["customers"].segment, strict=True))
    rows = []
    for _, own in files["web_sessions"].sort_values(["started_at", "session_id"]).groupby("visitor_id"):
        visits = list(own.itertuples())
        customers = [buyer_of.get(visit.order_id) or lead_of.get(visit.lead_id) for visit in visits]
        known = {customer for customer in customers if isinstance(customer, str)}
        led = [visit.started_at for visit in visits if isinstance(visit.lead_id, str)]
        shared = next(iter(known)) if len(known) == 1 else None
        for place, (visit, customer) in enumerate(zip(visits, customers, strict=True)):
            group = segment.get(customer if isinstance(customer, str) else shared)
            rows.append((visit.session_id, place == 0, visits[0].started_at, min(led, default=pd.NaT), group))
    about = pd.DataFrame(rows, columns=["session_id", "is_first", "first_at", "first_lead_at", "segment"])
    return {"visits": files["web_sessions"].merge(about, on="session_id", how="left", validate="one_to_one")}


def _visits(d, start, end):
    return d.visits[during(d.visits.started_at, start, end)]


def visitors(d, start, end):
    return len(set(_visits(d, start, end).visitor_id))


def sessions(d, start, end):
    return len(_visits(d, start, end))


def new_visitors(d, start, end):
    return int(_visits(d, start, end).is_first.sum())


def returning_visitor_rate(d, start, end):
    first = _visits(d, start, end).groupby("visitor_id").first_at.min()
    return ratio((first < start).sum(), len(first))


def sessions_per_visitor(d, start, end):
    return ratio(sessions(d, start, end), visitors(d, start, end))


def pages_per_session(d, start, end):
    return _visits(d, start, end).pages.mean()


def time_on_site(d, start, end):
    return _visits(d, start, end).duration_seconds.mean()


def time_on_site_per_visitor(d, start, end):
    return ratio(_visits(d, start, end).duration_seconds.sum(), visitors(d, start, end))


def bounce_rate(d, start, end):
    return (_visits(d, start, end).pages < 2).mean()


def _who(d, start, end, what):
    visits = _visits(d, start, end)
    return len(set(visits.visitor_id[visits[what].notna()]))


def visitor_to_lead_rate(d, start, end):
    return ratio(_who(d, start, end, "lead_id"), visitors(d, start, end))


def visitors_per_lead(d, start, end):
    return ratio(visitors(d, start, end), _who(d, start, end, "lead_id"))


def new_visitor_to_lead_rate(d, start, end):
    visits = _visits(d, start, end)
    followed = visits[visits.is_first & (visits.started_at + 30 * DAY <= AS_OF)]
    return (followed.first_lead_at - followed.started_at <= 30 * DAY).mean() if len(followed) else np.nan


def visitor_purchase_rate(d, start, end):
    return ratio(_who(d, start, end, "order_id"), visitors(d, start, end))


def session_lead_rate(d, start, end):
    return _visits(d, start, end).lead_id.notna().mean()


def session_purchase_rate(d, start, end):
    return _visits(d, start, end).order_id.notna().mean()


TWINS = {
    ("visits", "source"): [
        visitors,
        sessions,
        new_visitors,
        pages_per_session,
        time_on_site,
        bounce_rate,
        visitor_to_lead_rate,
        visitors_per_lead,
        new_visitor_to_lead_rate,
        visitor_purchase_rate,
    ],
    ("visits", "landing_page"): [session_lead_rate, session_purchase_rate, returning_visitor_rate],
    ("visits", "customer.segment"): [sessions_per_visitor, time_on_site_per_visitor],
}
