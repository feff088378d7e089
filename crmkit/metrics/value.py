"""Customer value: what orders bring, what is left of it, what a customer is worth, and what winning one costs.

An order is one that is no return: a return (a negative amount) reduces revenue and counts as no order. So orders ×
average order value = revenue, in every period and group.
"""

import ibis

from crmkit.casting import TIME
from crmkit.errors import UsageError
from crmkit.kinds import count, days, level, median, total
from crmkit.metric import metric
from crmkit.periods import trailing_year

TITLE = "Customer value"
_GUPTA = "S. Gupta et al. (2006), Modeling customer lifetime value, Journal of Service Research 9, 139-155"


@metric(title="Orders", unit="count", better="up", at="ordered_at", formula="orders placed, returns not counted")
def orders_placed(orders):
    """Orders placed in the period; a return is no order.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"),
    ...     "amount": [100.0, 50.0, -30.0], "ordered_at": ["2026-03-01", "2026-03-02", "2026-03-03"]}})
    >>> crm.measure("orders_placed", period="2026-03").value.item()
    2.0
    """
    return count(orders.amount >= 0)


@metric(
    title="Average order value",
    unit="money",
    better="up",
    formula="revenue ÷ orders placed",
    caveats="A few large orders can move it, and a return counts when it comes back: see the median, and the value "
    "before returns.",
)
def average_order_value(revenue, orders_placed):
    """Revenue of the period per order placed in it: returns reduce it and are no orders. Interval: bootstrap.

    In the interval customers are drawn, not orders, since the orders of one customer are alike. Times the orders per
    customer it is the revenue per customer.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"),
    ...     "amount": [100.0, 50.0, -30.0], "ordered_at": ["2026-03-01", "2026-03-02", "2026-03-03"]}})
    >>> crm.measure("average_order_value", period="2026-03").value.item()  # 120 ÷ 2
    60.0
    """
    return (revenue / orders_placed).drawing_customers()


@metric(
    title="Gross sales",
    unit="money",
    better="up",
    at="ordered_at",
    formula="amount of the orders placed, returns not deducted",
    caveats="Revenue is this less what came back.",
)
def gross_sales(orders):
    """Amount of the orders placed in the period, whatever came back of them.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"),
    ...     "amount": [100.0, 50.0, -30.0], "ordered_at": ["2026-03-01", "2026-03-02", "2026-03-03"]}})
    >>> crm.measure("gross_sales", period="2026-03").value.item()
    150.0
    """
    return total(orders.amount, orders.amount >= 0)


@metric(
    title="Average order value before returns",
    unit="money",
    better="up",
    formula="gross sales ÷ orders placed",
    caveats="What shop systems often print. It is higher than what stays, by what customers send back.",
)
def average_order_value_gross(gross_sales, orders_placed):
    """Mean amount of the orders placed in the period, whatever came back of them.

    Interval: bootstrap, in which customers are drawn.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"),
    ...     "amount": [100.0, 50.0, -30.0], "ordered_at": ["2026-03-01", "2026-03-02", "2026-03-03"]}})
    >>> crm.measure("average_order_value_gross", period="2026-03").value.item()
    75.0
    """
    return (gross_sales / orders_placed).drawing_customers()


@metric(
    title="Median order value",
    unit="money",
    better="up",
    at="ordered_at",
    formula="median amount of the orders placed, returns not deducted",
)
def median_order_value(orders):
    """Median amount of the orders placed in the period: half of them are smaller. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"),
    ...     "amount": [100.0, 50.0, 900.0], "ordered_at": ["2026-03-01", "2026-03-02", "2026-03-03"]}})
    >>> crm.measure("median_order_value", period="2026-03").value.item()
    100.0
    """
    return median(orders.amount, orders.amount >= 0)


_NOBODY = "orders that name no customer are left out"


@metric(
    title="Orders per customer",
    unit="per_unit",
    better="up",
    at="ordered_at",
    formula="orders placed ÷ customers who ordered",
    caveats="It grows with the length of the period: compare periods of equal length.",
)
def orders_per_customer(orders):
    """Orders placed in the period per customer who placed one in it; a return is no order. Interval: bootstrap.

    Left out: orders that name no customer.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("1234"), "customer_id": list("aabb"),
    ...     "amount": [100.0, 50.0, 30.0, -30.0], "ordered_at": ["2026-03-01"] * 4}})
    >>> crm.measure("orders_per_customer", period="2026-03").value.item()  # 3 ÷ 2
    1.5
    """
    placed, known = orders.amount >= 0, orders.customer_id.notnull()
    found = count(placed & known) / count(placed & known, distinct=orders.customer_id)
    return found.remarking(placed & ~known, _NOBODY)


@metric(
    title="Revenue per customer",
    unit="money",
    better="up",
    at="ordered_at",
    formula="revenue of known customers ÷ customers who ordered",
    caveats="It grows with the length of the period, and holds no subscription fees that are not among the orders.",
)
def revenue_per_customer(orders):
    """Revenue of the period, less returns, per customer who placed an order in it. Interval: bootstrap.

    Left out: orders that name no customer. A customer who only sent something back reduces the revenue and is not
    among those who ordered.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("1234"), "customer_id": list("aabb"),
    ...     "amount": [100.0, 50.0, 30.0, -30.0], "ordered_at": ["2026-03-01"] * 4}})
    >>> crm.measure("revenue_per_customer", period="2026-03").value.item()  # 150 ÷ 2
    75.0
    """
    known = orders.customer_id.notnull()
    found = total(orders.amount, known) / count((orders.amount >= 0) & known, distinct=orders.customer_id)
    return found.remarking(~known, _NOBODY)


@metric(
    title="Revenue so far",
    unit="money",
    better="up",
    at="ordered_at",
    formula="revenue of known customers from the beginning of the data to the end of the period",
)
def revenue_to_date(customer_orders):
    """Amount of all orders of known customers until the end of the period, less returns.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1", "2"], "customer_id": ["a", "a"], "amount": [100.0, 50.0],
    ...     "ordered_at": ["2026-01-01", "2026-03-01"]}})
    >>> crm.measure("revenue_to_date", period="2026-03").value.item()
    150.0
    """
    return level(customer_orders.ordered_at, customer_orders.over_at, value=customer_orders.amount)


@metric(
    title="Customers who have ordered so far",
    unit="count",
    better="up",
    at="ordered_at",
    formula="customers with an order by the end of the period",
)
def buyers_to_date(first_orders):
    """Customers who have placed an order by the end of the period, lately or long ago; a return is no order.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1", "2"], "customer_id": ["a", "a"], "amount": [100.0, 50.0],
    ...     "ordered_at": ["2026-01-01", "2026-03-01"]}})
    >>> crm.measure("buyers_to_date", period="2026-03").value.item()
    1.0
    """
    return level(first_orders.ordered_at, first_orders.over_at)


@metric(
    title="Customer value so far",
    unit="money",
    better="up",
    formula="revenue so far ÷ customers who have ordered so far",
    caveats="What was brought, not what will be: it grows with the age of the data. It is a mean that a few large "
    "customers make: see their shares.",
)
def customer_value(revenue_to_date, buyers_to_date):
    """Revenue per customer from the beginning of the data to the end of the period, less returns. Interval: bootstrap.

    Measured `by="customer_id"` it is one row a customer, with what each has brought so far. First and last order,
    receipts, margin and rank of each are in the table `crmkit.methods.customer_value`. Left out: orders that name no
    customer.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("1234"), "customer_id": list("aabb"),
    ...     "amount": [100.0, 50.0, 40.0, -10.0],
    ...     "ordered_at": ["2026-01-01", "2026-03-01", "2026-03-02", "2026-04-01"]}})
    >>> crm.measure("customer_value", every="month", period="2026-01-01/2026-05-01").value.tolist()
    [100.0, 100.0, 95.0, 90.0]
    >>> crm.measure("customer_value", period="2026-04", by="customer_id")[["customer_id", "value"]].values.tolist()
    [['a', 150.0], ['b', 30.0]]
    """
    return revenue_to_date / buyers_to_date


_NO_COST = "some orders carry no cost: they are in neither part"


@metric(
    title="Gross profit",
    unit="money",
    better="up",
    at="ordered_at",
    formula="amount − cost of the orders that carry a cost, returns included",
    caveats="Orders without a cost are left out, revenue and all: an unknown cost is not a cost of 0.",
)
def gross_profit(orders):
    """Amount less cost of the period's orders that carry a cost; returns give both back.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"), "cost": [60.0, -18.0, None],
    ...     "amount": [100.0, -30.0, 40.0], "ordered_at": ["2026-03-01", "2026-03-02", "2026-03-03"]}})
    >>> crm.measure("gross_profit", period="2026-03").value.item()  # 40 − 12; the last order's cost is not known
    28.0
    """
    return _profit(orders)


def _profit(orders):
    """Amount less cost where a cost is known; unknown where orders are there and none of them has one."""
    return (total(orders.amount, orders.cost.notnull()) - total(orders.cost)).remarking(orders.cost.isnull(), _NO_COST)


@metric(
    title="Gross margin",
    unit="share",
    better="up",
    at="ordered_at",
    formula="(amount − cost) ÷ amount of the orders that carry a cost",
    caveats="The mean over money, not over orders: large orders weigh more. Orders without a cost are in neither part.",
)
def gross_margin(orders):
    """Of the amount of the period's orders, the share left after their cost. Interval: bootstrap.

    Left out: orders that carry no cost, in both parts. Returns are in both, with what they give back.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"), "cost": [60.0, 20.0, None],
    ...     "amount": [100.0, 100.0, 40.0], "ordered_at": ["2026-03-01", "2026-03-02", "2026-03-03"]}})
    >>> crm.measure("gross_margin", period="2026-03").value.item()  # (40 + 80) ÷ 200
    0.6
    """
    return _profit(orders) / total(orders.amount, orders.cost.notnull())


@metric(title="Receipts", unit="money", better="up", at="paid_at", formula="payments received")
def receipts(payments):
    """Payments received in the period, less those paid back; not what was invoiced.

    >>> import crmkit
    >>> crm = crmkit.open({"payments": {"payment_id": ["1", "2"], "amount": [100.0, -20.0],
    ...     "paid_at": ["2026-03-01", "2026-03-09"]}})
    >>> crm.measure("receipts", period="2026-03").value.item()
    80.0
    """
    return total(payments.amount)


@metric(
    title="Received ÷ invoiced",
    unit="share",
    better="up",
    formula="receipts of the period ÷ revenue of the period",
    caveats="Payments of a period are partly for orders of earlier ones, so it can exceed 100%; it falls when sales "
    "grow, without anybody paying later. Payments for what is no order, such as subscription fees, raise it.",
    interval=None,
)
def receipts_rate(receipts, revenue):
    """Payments received in the period ÷ amount of its orders, less returns.

    >>> import crmkit
    >>> crm = crmkit.open({"payments": {"payment_id": ["1"], "amount": [80.0], "paid_at": ["2026-03-09"]},
    ...     "orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [100.0], "ordered_at": ["2026-03-01"]}})
    >>> crm.measure("receipts_rate", period="2026-03").value.item()
    0.8
    """
    return receipts / revenue


@metric(
    title="Receivables",
    unit="money",
    better="down",
    at="at",
    formula="orders less returns until the end of the period − payments until then",
    caveats="What was owed before the data begins is not in it. It grows with sales: read it beside the days that "
    "sales are outstanding.",
    optional=("orders.customer_id", "payments.customer_id", "payments.order_id"),
)
def receivables(account_entries):
    """What customers owe at the end of the period: all that was ordered, less returns and all that was paid by then.

    >>> import crmkit
    >>> crm = crmkit.open({
    ...     "payments": {"payment_id": ["1"], "amount": [60.0], "paid_at": ["2026-04-02"], "customer_id": ["a"]},
    ...     "orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [100.0], "ordered_at": ["2026-03-01"]}})
    >>> crm.measure("receivables", every="month", period="2026-03-01/2026-05-01").value.tolist()
    [100.0, 40.0]
    """
    return level(account_entries["at"], account_entries.over_at, value=account_entries.amount)


@metric(
    title="Days sales outstanding",
    unit="days",
    better="down",
    formula="receivables at the end of the period ÷ revenue of the period × days of the period",
    caveats="Compare periods of equal length. Where sales rise or fall within the period it says little.",
    interval=None,
    source="The count of days behind revenue, as credit managers use it",
)
def days_sales_outstanding(receivables, revenue):
    """How many days of the period's revenue are not paid yet at its end.

    >>> import crmkit
    >>> crm = crmkit.open({
    ...     "payments": {"payment_id": ["1"], "amount": [70.0], "paid_at": ["2026-04-20"], "customer_id": ["a"]},
    ...     "orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [100.0], "ordered_at": ["2026-04-01"]}},
    ...     as_of="2026-04-30")
    >>> crm.measure("days_sales_outstanding", period="2026-04").value.item()  # 30 of 100, in 30 days
    9.0
    """
    return receivables / revenue * days()


@metric(
    title="Life of a customer, 1 ÷ churn",
    unit="years",
    better="up",
    formula="1 ÷ churn rate of the 12 months to the end of the period",
    over=trailing_year,
    caveats="Holds if customers go on leaving at this rate, whatever their age. Unknown where nobody left. With few "
    "losses one more or less changes it a lot: see its interval, and the survival curve.",
    source=_GUPTA,
)
def customer_lifespan_years(churn_rate):
    """Years that a customer stays on average if each year takes the same share as the 12 months to the end of P.

    Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abcd"), "created_at": ["2025-01-01"] * 4,
    ...     "acquired_at": ["2025-01-01"] * 4, "lost_at": ["2026-01-31"] + [None] * 3}}, as_of="2026-03-31")
    >>> crm.measure("customer_lifespan_years", period="2026-03").value.item()  # 1 of 4 lost in a year
    4.0
    """
    return 1.0 / churn_rate


@metric(
    title="Customer lifetime value, simple",
    unit="money",
    better="up",
    formula="average order value × orders per customer a year × life in years (1 ÷ churn), in the 12 months to the end",
    over=trailing_year,
    caveats="Revenue, not profit. All customers are taken as one average that buys alike until it leaves: nothing is "
    "discounted, nobody grows, and fees that are not orders are not in it. `clv_backtest` shows by how much it errs.",
    source=_GUPTA,
)
def clv_simple(average_order_value, orders_per_customer, churn_rate):
    """Revenue that a customer brings in a life, if the 12 months to the end of the period went on. Interval: bootstrap.

    Worked by hand: 50 an order × 4 orders a year × 5 years = 1,000.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abcd"), "created_at": ["2025-01-01"] * 4,
    ...     "acquired_at": ["2025-01-01"] * 4, "lost_at": ["2026-01-31"] + [None] * 3},
    ...     "orders": {"order_id": list("123"), "customer_id": list("aab"), "amount": [60.0, 40.0, 50.0],
    ...     "ordered_at": ["2025-05-01", "2025-09-01", "2026-03-01"]}}, as_of="2026-03-31")
    >>> crm.measure("clv_simple", period="2026-03").value.item()  # 50 × 1.5 × 4
    300.0
    """
    return average_order_value * orders_per_customer / churn_rate  # a life of 1 ÷ churn years, all from one window


@metric(
    title="Customer lifetime value, margin",
    unit="money",
    better="up",
    formula="simple customer lifetime value × gross margin, in the 12 months to the end",
    over=trailing_year,
    caveats="As the simple value. The margin is that of the orders that carry a cost; serving and keeping a customer "
    "cost more.",
    source=_GUPTA,
)
def clv_margin(average_order_value, orders_per_customer, churn_rate, gross_margin):
    """Gross profit that a customer brings in a life, if the 12 months to the period's end went on. Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("ab"), "created_at": ["2025-01-01"] * 2,
    ...     "acquired_at": ["2025-01-01"] * 2, "lost_at": ["2026-01-31", None]},
    ...     "orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [100.0], "cost": [60.0],
    ...     "ordered_at": ["2025-05-01"]}}, as_of="2026-03-31")
    >>> crm.measure("clv_margin", period="2026-03").value.item()  # 100 × 1 × 2 × 0.4
    80.0
    """
    return average_order_value * orders_per_customer / churn_rate * gross_margin


@metric(
    title="Margin per customer and month",
    unit="money",
    better="up",
    formula="revenue per customer × gross margin ÷ 12, over the 12 months to the period's end",
    over=trailing_year,
    caveats="Per customer who ordered in these 12 months; those who order nothing bring nothing and are not in it.",
)
def margin_per_customer_month(revenue_per_customer, gross_margin):
    """Gross profit that a customer brings in a month, in the 12 months to the end of the period. Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1", "2"], "customer_id": ["a", "b"], "amount": [100.0, 140.0],
    ...     "cost": [50.0, 70.0], "ordered_at": ["2025-05-01", "2026-03-01"]}}, as_of="2026-03-31")
    >>> crm.measure("margin_per_customer_month", period="2026-03").value.item()  # 120 × ½ ÷ 12
    5.0
    """
    return revenue_per_customer * gross_margin * (1 / 12)


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
