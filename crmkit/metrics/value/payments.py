"""Payments: what customers have paid of what they ordered, what they owe, and for how long."""

from crmkit.kinds import days, level, total
from crmkit.metric import metric


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
