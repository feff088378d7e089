"""The tables of sales, shop and subscriptions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from crmkit.sample import sales, shop, subscriptions
from crmkit.sample.columns import dates, keys, labels, numbers, texts, times
from crmkit.sample.company import Company
from crmkit.sample.demand import Columns
from crmkit.sample.moments import DAY, NEVER
from crmkit.sample.world import END, SOURCES, STAGES

Named = tuple[str, pa.Table]


def euro(size: int) -> pa.Array:
    """Return the column of a currency that is the same in all rows."""
    return pa.array(["EUR"] * size, pa.string())


def known(seconds: np.ndarray) -> np.ndarray:
    """Blank what has not happened by the end."""
    return np.where(seconds < END, seconds, NEVER)


def sales_tables(company: Company) -> Iterator[Named]:
    """Yield opportunities and their stages."""
    entered = sales.stages(company.world, company.deal)
    yield "opportunities", _opportunities(company)
    yield "opportunity_stages", _stages(entered)


def _opportunities(company: Company) -> pa.Table:
    deal = company.deal
    size = deal["created"].size
    product = np.where(deal["kind"] < 2, np.where(company.who["type"][deal["customer"]] == 0, 4, 9), -1)
    title = [
        f"{kind}: {product[0]}"
        for kind in ("First order", "Expansion", "Renewal")
        for product in (*shop.PRODUCTS, ("subscription",))
    ]
    width = len(shop.PRODUCTS) + 1
    outcome = np.where(deal["open"], 0, np.where(deal["won"], 1, 2))
    return pa.table(
        {
            "opportunity_id": keys("D", np.arange(size)),
            "customer_id": keys("", deal["customer"]),
            "lead_id": keys("L", deal["lead"]),
            "owner_id": keys("U", deal["rep"], 3),
            "name": labels(title, deal["kind"] * width + np.where(product < 0, width - 1, product)),
            "created_at": times(deal["created"]),
            "closed_at": times(known(deal["closed"])),
            "expected_close_at": dates(deal["expected"] // DAY * DAY),
            "stage": labels(STAGES, deal["stage"]),
            "outcome": labels(("open", "won", "lost"), outcome),
            "amount": numbers(deal["amount"]),
            "probability": numbers(sales.CHANCE_BY_STAGE[deal["stage"]]),
            "currency": euro(size),
            "source": labels(SOURCES, deal["source"]),
            "campaign_id": keys("C", deal["campaign"], 4),
            "product_id": keys("P", product, 3),
            "lost_reason": labels(sales.LOST_REASONS, deal["lost_reason"]),
            "kind": labels(sales.KINDS, deal["kind"]),
        }
    )


def _stages(entered: Columns) -> pa.Table:
    return pa.table(
        {
            "opportunity_id": keys("D", entered["deal"]),
            "stage": labels(STAGES, entered["stage"]),
            "entered_at": times(entered["at"]),
        }
    )


def shop_tables(company: Company) -> Iterator[Named]:
    """Yield orders, their lines, products and payments."""
    world, who, order = company.world, company.who, company.order
    yield "orders", _orders(order)
    yield "order_lines", _lines(shop.lines(world, order, who))
    yield "products", _products()
    yield "payments", _payments(shop.payments(world, order, who), order)


def _orders(order: Columns) -> pa.Table:
    size = order["at"].size
    return pa.table(
        {
            "order_id": keys("O", np.arange(size)),
            "customer_id": keys("", order["customer"]),
            "ordered_at": times(order["at"]),
            "amount": numbers(order["amount"]),
            "cost": numbers(order["cost"]),
            "currency": euro(size),
            "channel": labels(shop.CHANNELS, order["channel"]),
            "campaign_id": keys("C", order["campaign"], 4),
            "opportunity_id": keys("D", order["deal"]),
            "status": labels(("done", "returned"), order["back"].astype(int)),
        }
    )


def _lines(line: Columns) -> pa.Table:
    return pa.table(
        {
            "order_id": keys("O", line["order"]),
            "product_id": keys("P", line["product"], 3),
            "quantity": numbers(line["quantity"], 0),
            "amount": numbers(line["amount"]),
        }
    )


def _products() -> pa.Table:
    return pa.table(
        {
            "product_id": keys("P", np.arange(len(shop.PRODUCTS)), 3),
            "name": texts([entry[0] for entry in shop.PRODUCTS]),
            "category": texts([shop.CATEGORIES[entry[1]] for entry in shop.PRODUCTS]),
            "price": numbers([entry[2] for entry in shop.PRODUCTS]),
        }
    )


def _payments(paid: Columns, order: Columns) -> pa.Table:
    return pa.table(
        {
            "payment_id": keys("Y", np.arange(paid["at"].size)),
            "order_id": keys("O", paid["order"]),
            "customer_id": keys("", order["customer"][paid["order"]]),
            "paid_at": times(paid["at"]),
            "amount": numbers(paid["amount"]),
        }
    )


def subscription_tables(company: Company) -> Iterator[Named]:
    """Yield subscriptions and their terms."""
    row, term = company.subscription, company.term
    yield (
        "subscriptions",
        pa.table(
            {
                "subscription_id": keys("S", np.arange(row["start"].size)),
                "customer_id": keys("", row["customer"]),
                "plan": labels(subscriptions.PLANS, row["plan"]),
                "started_at": dates(row["start"]),
                "ended_at": dates(row["end"]),
                "mrr": numbers(row["mrr"]),
                "currency": euro(row["start"].size),
                "cancel_reason": labels(subscriptions.REASONS, row["reason"]),
            }
        ),
    )
    yield (
        "terms",
        pa.table(
            {
                "subscription_id": keys("S", term["row"]),
                "term_start": dates(term["start"]),
                "term_end": dates(term["end"]),
                "amount": numbers(term["amount"]),
                "outcome": labels(("renewed", "lapsed", "open"), term["outcome"]),
            }
        ),
    )
