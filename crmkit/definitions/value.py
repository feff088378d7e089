"""Customer value: averages of averages, revenue in the place of margin, and costs that were left out."""

from __future__ import annotations

from statistics import fmean, median

from crmkit.definitions import Case, Example, Line, Variant
from crmkit.definitions.retention import monthly_churn
from crmkit.methods.common import need, run
from crmkit.periods import trailing_year
from crmkit.relations import at

_ORDERS = {"A": [300.0], "B": [20.0] * 9}


def _customer_means(crm, period):
    need(crm, "order_value", "placed_orders")
    orders = crm.relations.get("placed_orders")
    inside = orders.filter(
        (orders.ordered_at >= at(period.start)) & (orders.ordered_at < at(period.end)) & orders.customer_id.notnull()
    )
    each = inside.group_by("customer_id").agg(mean=inside.amount.mean())
    found = run(each.aggregate(mean_of_means=each["mean"].mean()))["mean_of_means"].iloc[0]
    return {"mean_of_means": float(found)}


order_value = Case(
    question="How much is an order?",
    unit="money",
    better="up",
    variants=(
        Variant(
            "revenue ÷ orders placed",
            lambda revenue, orders: revenue / orders,
            metric="average_order_value",
            used=True,
        ),
        Variant("mean of the customers' mean orders", lambda mean_of_means: mean_of_means),
        Variant("median order", lambda middle: middle, metric="median_order_value"),
        Variant(
            "sales before returns ÷ orders placed",
            lambda gross, orders: gross / orders,
            metric="average_order_value_gross",
            printed="is what shop systems often print",
        ),
    ),
    example=Example(
        "Two customers: one placed a single order of 300, the other nine of 20 each.",
        {
            "revenue": sum(map(sum, _ORDERS.values())),
            "gross": sum(map(sum, _ORDERS.values())),
            "orders": sum(map(len, _ORDERS.values())),
            "mean_of_means": fmean(fmean(orders) for orders in _ORDERS.values()),
            "middle": median(amount for orders in _ORDERS.values() for amount in orders),
        },
        line=100,
    ),
    parts={
        "revenue": "revenue",
        "gross": "gross_sales",
        "orders": "orders_placed",
        "middle": "median_order_value",
    },
    more=_customer_means,
    line=Line(
        500,
        met="have a person look after each order",
        missed="let the shop take orders by itself",
        what="the order that pays for a person's hour",
    ),
    trap="Times the number of orders, a mean of the customers' means is not the revenue: who orders once counts as "
    "much as who orders every week. The median says what an order is like, and not what it brings.",
)


clv = Case(
    question="What is a customer worth?",
    unit="money",
    better="up",
    variants=(
        Variant(
            "order value × orders a year × life in years × margin",
            lambda order_value, orders, churn, margin: order_value * orders / churn * margin,
            metric="clv_margin",
            used=True,
        ),
        Variant(
            "order value × orders a year × life in years",
            lambda order_value, orders, churn: order_value * orders / churn,
            metric="clv_simple",
        ),
        Variant(
            "margin, but with the churn of a month beside the orders of a year",
            lambda order_value, orders, monthly, margin: order_value * orders / fmean(monthly) * margin,
        ),
    ),
    example=Example(
        "Orders of 50, four a year, 20% of customers lost a year (1.8% a month), a margin of 40%, and 150 to win one.",
        {"order_value": 50, "orders": 4, "churn": 0.2, "monthly": [0.018], "margin": 0.4, "cac": 150},
    ),
    parts={
        "order_value": "average_order_value",
        "orders": "orders_per_customer",
        "churn": "churn_rate",
        "margin": "gross_margin",
        "cac": "cac",
    },
    more=monthly_churn,
    over=lambda crm, period: trailing_year(period),
    line=Line(
        lambda cac: 3 * cac,
        met="spend more on winning customers",
        missed="spend less on winning customers",
        what="three times the cost of winning a customer",
    ),
    trap="Revenue has to pay for the goods before it can pay for winning customers: by revenue nearly every campaign "
    "seems worth it. And rates must be of the same length: the churn of a month beside the orders of a year makes a "
    "customer live for decades.",
)


def _spent(crm, period):
    by_category = crm.measure("acquisition_spend", period=period, by="category", intervals=False)
    marketing = by_category.loc[by_category["category"] == "marketing", "value"].sum()
    earlier = crm.measure("acquisition_spend", period=period, intervals=False, lag_months=3)["value"].iloc[0]
    return {"marketing": float(marketing), "earlier": float(earlier) or None}


cac = Case(
    question="What does it cost to win a customer?",
    unit="money",
    better="down",
    variants=(
        Variant(
            "marketing and sales costs ÷ customers acquired",
            lambda spent, customers: spent / customers,
            metric="cac",
            used=True,
        ),
        Variant("marketing costs ÷ customers acquired", lambda marketing, customers: marketing / customers),
        Variant(
            "costs of new business alone ÷ customers acquired",
            lambda on_new, customers: on_new / customers,
            metric="cac_acquisition_only",
        ),
        Variant("costs of three months earlier ÷ customers acquired", lambda earlier, customers: earlier / customers),
    ),
    example=Example(
        "30,000 for marketing and 60,000 for sales, of which 40,000 for new business, 120,000 three months earlier; "
        "100 customers acquired, who bring 600 of margin a year.",
        {"spent": 90_000, "marketing": 30_000, "on_new": 70_000, "earlier": 120_000, "customers": 100, "month": 50},
    ),
    parts={
        "spent": "acquisition_spend",
        "on_new": "acquisition_spend_new",
        "customers": "new_customers",
        "month": "margin_per_customer_month",
    },
    more=_spent,
    line=Line(
        lambda month: 12 * month,
        met="go on winning customers at this price",
        missed="find cheaper channels",
        what="what a customer brings in a year",
    ),
    trap="People who sell cost money, too. Without them a customer seems cheap, and the budget goes to where sales "
    "have most work. And customers of a quarter are won by earlier spending: after a cut of the budget the cost seems "
    "to fall for as long as a deal takes.",
)
