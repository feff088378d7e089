"""What was spent on marketing and sales, with the part of it that went to customers who were none before."""

from __future__ import annotations

import ibis

from crmkit.casting import TIME
from crmkit.relations import derived, without


@derived(refers={}, columns=("category", "currency"), fixed=True)
def acquisition_costs(costs, opportunities=None):
    """One row a month and cost of marketing or sales, with the share of its closed deals that were new business.

    Columns: month, category, currency, amount, new_share (0-1: of the opportunities closed in the calendar month, won
    or lost, that say their kind, those of kind new; null where there is none).

    Deals are counted, not weighed by amount: a lost deal took work, too, and often carries no amount.
    """
    spent = costs.filter(costs.category.isin(["marketing", "sales"]))
    spent = spent.select("month", "category", "currency", "amount", first_=spent.month.truncate("M").cast(TIME))
    if opportunities is None:
        return spent.drop("first_").mutate(new_share=ibis.null("float64"))
    closed = opportunities.filter(
        (opportunities.outcome != "open") & opportunities.closed_at.notnull() & opportunities.kind.notnull()
    )
    closed = closed.select(closed_=closed.closed_at.truncate("M").cast(TIME), new_=(closed.kind == "new").ifelse(1, 0))
    shares = closed.group_by("closed_").agg(new_share=closed.new_.sum().cast("float64") / closed.count())
    return without(spent.left_join(shares, spent.first_ == shares.closed_), "first_", "closed_")
