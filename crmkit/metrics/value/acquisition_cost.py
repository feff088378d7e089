"""Acquisition cost: what winning a customer costs, and when and how often the customer brings it back."""

import ibis

from crmkit.casting import TIME
from crmkit.errors import UsageError
from crmkit.kinds import total
from crmkit.metric import metric


@metric(
    title="Acquisition spend",
    unit="money",
    better="down",
    at="month",
    formula="costs of the categories marketing and sales",
    optional=("costs.currency", "opportunities"),
    caveats="Costs are known by month: measure months, quarters or years, not weeks.",
)
def acquisition_spend(acquisition_costs, *, acquisition_only=False, lag_months=0):
    """Costs of marketing and sales in the period; retention and support are not among them.

    With `acquisition_only=True` sales costs count only by the share of the month's closed opportunities, won or lost,
    that were new business (kind new; expansion and renewal are work on present customers). Marketing counts in full.
    In a month in which no closed opportunity says its kind, all sales costs count, and the result says so.

    With `lag_months=3` what was spent three months before the period: spending comes before the customers it wins.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2026-02-01", "2026-03-01", "2026-03-01"], "amount": [70.0, 20.0, 80.0],
    ...     "category": ["marketing", "marketing", "sales"]}, "opportunities": {"opportunity_id": list("ab"),
    ...     "outcome": ["won", "lost"], "kind": ["new", "renewal"], "created_at": ["2026-03-01"] * 2,
    ...     "closed_at": ["2026-03-20"] * 2}})
    >>> crm.measure("acquisition_spend", period="2026-03").value.item()
    100.0
    >>> crm.measure("acquisition_spend", period="2026-03", acquisition_only=True).value.item()  # 20 + 80 × ½
    60.0
    >>> crm.measure("acquisition_spend", period="2026-03", lag_months=1).value.item()
    70.0
    """
    return _spend(acquisition_costs, new_only=acquisition_only, lag_months=lag_months)


def _spend(costs, *, new_only, lag_months=0):
    """Sum the costs, those of sales by their share of new business where only that counts, moved on by a lag."""
    if lag_months < 0 or lag_months != int(lag_months):
        raise UsageError(f"lag_months is {lag_months!r}; give a whole number of months, 0 or more.")
    when = costs.month
    if lag_months:  # dates can be moved by months on every engine, times cannot
        when = (costs.month.date() + ibis.interval(months=int(lag_months))).cast(TIME)
    if not new_only:
        return total(costs.amount, at=when)
    sales = costs.category == "sales"
    share = ibis.ifelse(sales, costs.new_share.fill_null(1.0), 1.0)
    unknown = sales & costs.new_share.isnull()
    text = "in some months no closed opportunity says its kind: all sales costs of these count"
    return total(costs.amount * share, at=when).remarking(unknown, text, at=when)


@metric(
    title="Acquisition spend on new customers only",
    unit="money",
    better="down",
    at="month",
    formula="marketing costs + sales costs × share of closed opportunities that were new business",
    optional=("costs.currency",),
    caveats="Deals are counted: it assumes that a renewal takes as much work as a new customer.",
)
def acquisition_spend_new(acquisition_costs):
    """Costs of marketing, and of sales as far as its closed opportunities of the month were new business.

    As `acquisition_spend` with `acquisition_only=True`.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2026-03-01"], "amount": [80.0], "category": ["sales"]},
    ...     "opportunities": {"opportunity_id": list("ab"), "outcome": ["won", "lost"], "kind": ["new", "renewal"],
    ...     "created_at": ["2026-03-01"] * 2, "closed_at": ["2026-03-20"] * 2}})
    >>> crm.measure("acquisition_spend_new", period="2026-03").value.item()
    40.0
    """
    return _spend(acquisition_costs, new_only=True)


@metric(
    title="Customer acquisition cost",
    unit="money",
    better="down",
    formula="marketing and sales costs ÷ customers acquired",
    caveats="Sales costs hold work on present customers, too: see acquisition_only. Customers of a period are won by "
    "earlier spending: see lag_months. A mean over customers whom different channels won at different prices.",
)
def cac(acquisition_spend, new_customers):
    """Marketing and sales costs of the period per customer acquired in it; unknown where none was.

    Its options are those of the spending: `acquisition_only=True` leaves out sales work on present customers,
    `lag_months` sets spending of so many months earlier against the period's new customers.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2026-03-01"] * 2, "amount": [600.0, 400.0],
    ...     "category": ["marketing", "sales"]}, "customers": {"customer_id": ["a", "b"],
    ...     "created_at": ["2026-03-05"] * 2, "acquired_at": ["2026-03-05", "2026-03-20"]}})
    >>> crm.measure("cac", period="2026-03").value.item()
    500.0
    """
    return acquisition_spend / new_customers


@metric(
    title="Customer acquisition cost, new business only",
    unit="money",
    better="down",
    formula="acquisition spend on new customers only ÷ customers acquired",
    caveats="Lower than the usual one by the sales work that expansion and renewal take.",
)
def cac_acquisition_only(acquisition_spend_new, new_customers):
    """Marketing costs, and sales costs as far as they went to new business, per customer acquired in the period.

    As `cac` with `acquisition_only=True`.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2026-03-01"], "amount": [800.0], "category": ["sales"]},
    ...     "customers": {"customer_id": ["a"], "created_at": ["2026-03-05"], "acquired_at": ["2026-03-05"]},
    ...     "opportunities": {"opportunity_id": list("ab"), "outcome": ["won", "lost"], "kind": ["new", "renewal"],
    ...     "created_at": ["2026-03-01"] * 2, "closed_at": ["2026-03-20"] * 2}})
    >>> crm.measure("cac_acquisition_only", period="2026-03").value.item()
    400.0
    """
    return acquisition_spend_new / new_customers


@metric(
    title="LTV : CAC",
    unit="ratio",
    better="up",
    formula="customer lifetime value, margin ÷ customer acquisition cost",
    interval=None,
    caveats="A ratio of two averages over different customers. The 3 that is often asked for is a rule of thumb, and "
    "means nothing where value comes late: see the payback.",
)
def ltv_to_cac(clv_margin, cac):
    """Lifetime value by margin, over the 12 months to the end of the period, ÷ cost of a customer in the period.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abc"), "created_at": ["2025-01-01"] * 3,
    ...     "acquired_at": ["2025-01-01", "2025-01-01", "2026-03-02"], "lost_at": ["2026-01-31", None, None]},
    ...     "orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [100.0], "cost": [60.0],
    ...     "ordered_at": ["2025-05-01"]},
    ...     "costs": {"month": ["2026-03-01"], "amount": [20.0], "category": ["sales"]}}, as_of="2026-03-31")
    >>> crm.measure("ltv_to_cac", period="2026-03").value.item()  # 100 × 1 × 2 × 0.4 ÷ 20
    4.0
    """
    return clv_margin / cac


@metric(
    title="CAC payback",
    unit="months",
    better="down",
    formula="customer acquisition cost ÷ margin per customer and month",
    caveats="Assumes that a new customer buys like the average one from the first month on, and stays that long.",
)
def cac_payback_months(cac, margin_per_customer_month):
    """Months until the margin of an average customer has paid what winning one costs.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": ["a"], "created_at": ["2026-03-02"],
    ...     "acquired_at": ["2026-03-02"]}, "orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [240.0],
    ...     "cost": [120.0], "ordered_at": ["2026-03-02"]},
    ...     "costs": {"month": ["2026-03-01"], "amount": [60.0], "category": ["sales"]}}, as_of="2026-03-31")
    >>> crm.measure("cac_payback_months", period="2026-03").value.item()  # 60 ÷ (240 × ½ ÷ 12)
    6.0
    """
    return cac / margin_per_customer_month
