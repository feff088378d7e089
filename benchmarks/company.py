"""A company of any size in Parquet for the measurements: made by DuckDB from hashes, the same each time.

Orders and answers are spread over three years to the end of September 2026. Customers differ in how often they buy
(the share of the busiest is that of a skewed power), 3% of the orders are returns.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

AS_OF = "2026-09-30"
SINCE = "2023-10-01"
SECONDS = 94_694_400
"""From `SINCE` to the end of `AS_OF`: 1,096 days."""
REPS = 200
_SETTINGS = f'name = "Benchmark"\nas_of = "{AS_OF}"\ncurrency = "EUR"\ninactive_after_days = 180\n'


def _uniform(salt: int) -> str:
    """A number from 0 to 1 for each row `i`."""
    return f"(hash(i * 16 + {salt}) / 18446744073709551616.0)"


def _when(salt: int) -> str:
    return f"TIMESTAMP '{SINCE}' + to_seconds(CAST(floor({_uniform(salt)} * {SECONDS}) AS BIGINT))"


def _customer(customers: int, salt: int) -> str:
    return f"'C' || lpad(CAST(CAST(floor({customers} * power({_uniform(salt)}, 1.7)) AS BIGINT) AS VARCHAR), 8, '0')"


def _queries(orders: int, customers: int, opportunities: int) -> dict[str, tuple[int, str]]:
    """Return for each table its rows and the query that makes it from the numbers `i`."""
    deal = f"""SELECT 'D' || lpad(CAST(i AS VARCHAR), 8, '0') AS opportunity_id,
        'R' || lpad(CAST(CAST(floor({_uniform(1)} * {REPS}) AS BIGINT) AS VARCHAR), 3, '0') AS owner_id,
        {_when(2)} AS created_at,
        created_at + to_seconds(CAST(3600 + floor(power({_uniform(3)}, 2) * 200 * 86400) AS BIGINT)) AS ends_at,
        round(500 + 20000 * power({_uniform(4)}, 4), 2) AS amount, {_uniform(5)} AS luck FROM range({{rows}}) t(i)"""
    return {
        "customers": (
            customers,
            f"""SELECT 'C' || lpad(CAST(i AS VARCHAR), 8, '0') AS customer_id,
            list_value('Small', 'Medium', 'Large', 'Public')[1 + CAST(floor({_uniform(1)} * 4) AS INTEGER)] AS segment,
            TIMESTAMP '{SINCE}' AS created_at FROM range({{rows}}) t(i)""",
        ),
        "orders": (
            orders,
            f"""SELECT 'O' || lpad(CAST(i AS VARCHAR), 9, '0') AS order_id, {_customer(customers, 1)} AS customer_id,
            {_when(2)} AS ordered_at,
            round(CASE WHEN {_uniform(3)} < 0.03 THEN -1 ELSE 1 END * (5 + 300 * power({_uniform(4)}, 3)), 2) AS amount
            FROM range({{rows}}) t(i)""",
        ),
        "surveys": (
            orders,
            f"""SELECT 'S' || lpad(CAST(i AS VARCHAR), 9, '0') AS response_id, 'nps' AS survey,
            CAST(floor(11 * sqrt({_uniform(3)})) AS TINYINT) AS score, {_when(2)} AS answered_at,
            {_customer(customers, 1)} AS customer_id FROM range({{rows}}) t(i)""",
        ),
        "opportunities": (
            opportunities,
            f"""SELECT opportunity_id, owner_id, created_at,
            CASE WHEN ends_at < TIMESTAMP '{AS_OF}' THEN ends_at END AS closed_at, amount,
            CASE WHEN closed_at IS NULL THEN 'open' WHEN luck < 0.3 THEN 'won' ELSE 'lost' END AS outcome FROM ({deal})
            """,
        ),
    }


def make(folder: Path, *, orders: int, customers: int, opportunities: int, tables: tuple[str, ...]) -> Path:
    """Write the tables, unless they are there, below `folder`, and return where they are."""
    home = folder / f"{orders}-{customers}-{opportunities}" / "-".join(tables)
    home.mkdir(parents=True, exist_ok=True)
    (home / "crm.toml").write_text(_SETTINGS)
    wanted = _queries(orders, customers, opportunities)
    for name in tables:
        rows, query = wanted[name]
        target = home / f"{name}.parquet"
        if not target.exists():
            unfinished = target.with_suffix(".unfinished")
            with duckdb.connect() as engine:
                engine.execute(f"COPY ({query.format(rows=rows)}) TO '{unfinished}' (FORMAT parquet)")
            unfinished.replace(target)
    return home
