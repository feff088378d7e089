"""Orders: how many are placed, how large they are, and what a customer orders, in a period and so far.

An order is one that is no return: a return (a negative amount) reduces revenue and counts as no order. So orders ×
average order value = revenue, in every period and group.
"""

from crmkit.kinds import count, level, median, total
from crmkit.metric import metric


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
