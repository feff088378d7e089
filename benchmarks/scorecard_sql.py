"""The scorecard's numbers in hand-written DuckDB SQL: one statement a table, or two, each grouped by quarter.

Written as somebody would who knows SQL and these tables well, for these numbers alone, and who knows nothing of crmkit.
A statement returns one row a quarter; its columns are the metrics' names. `YEARS` and a part of `CUSTOMERS` measure the
year that ends with each quarter.
"""

from __future__ import annotations

import functools

FROM, TO, FIRST_YEAR = "2024-07-01", "2026-10-01", "2023-10-01"
"""Nine quarters, and the beginning of the year that ends with the first of them."""

SURVEYS = f"""
SELECT date_trunc('quarter', answered_at) AS period, count(*) AS survey_answers,
       count(*) FILTER (score >= 9) AS promoters, count(*) FILTER (score BETWEEN 7 AND 8) AS passives,
       count(*) FILTER (score <= 6) AS detractors, 100 * (promoters - detractors) / survey_answers AS nps
FROM surveys WHERE survey = 'nps' AND score BETWEEN 0 AND 10 AND answered_at >= '{FROM}' AND answered_at < '{TO}'
GROUP BY 1
"""

OPPORTUNITIES = f"""
WITH created AS (
  SELECT date_trunc('quarter', created_at) AS period, count(*) AS opportunities_created, sum(amount) AS added
  FROM opportunities WHERE created_at < '{TO}' GROUP BY 1
), closed AS (
  SELECT date_trunc('quarter', closed_at) AS period, count(*) AS closed, sum(amount) AS removed,
         count(*) FILTER (outcome = 'won') AS won, sum(amount) FILTER (outcome = 'won') AS won_revenue,
         avg(amount) FILTER (outcome = 'won') AS average_deal_size,
         median(amount) FILTER (outcome = 'won') AS median_deal_size,
         avg(epoch(closed_at) - epoch(created_at)) FILTER (outcome = 'won') / 86400 AS sales_cycle_days,
         median(epoch(closed_at) - epoch(created_at)) FILTER (outcome = 'won') / 86400 AS sales_cycle_days_median
  FROM opportunities WHERE closed_at < '{TO}' GROUP BY 1
), running AS (
  SELECT created.period, opportunities_created, closed.* EXCLUDE (period),
         sum(opportunities_created) OVER upto - coalesce(sum(closed) OVER before, 0) AS opportunities_worked,
         sum(opportunities_created - coalesce(closed, 0)) OVER upto AS opportunities_open,
         sum(added - coalesce(removed, 0)) OVER upto AS pipeline_value
  FROM created LEFT JOIN closed USING (period)
  WINDOW upto AS (ORDER BY created.period),
         before AS (ORDER BY created.period ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT *, won / closed AS win_rate, won_revenue / removed AS win_rate_value, won_revenue AS new_revenue,
       closed / opportunities_worked AS close_rate,
       opportunities_worked * average_deal_size * win_rate / sales_cycle_days AS sales_velocity
FROM running WHERE period >= '{FROM}'
"""

ORDERS = f"""
WITH bought AS (
  SELECT customer_id, date_trunc('quarter', ordered_at) AS period, count(*) FILTER (amount >= 0) AS placed,
         sum(amount) AS net, sum(amount) FILTER (amount >= 0) AS gross
  FROM orders WHERE ordered_at < '{TO}' GROUP BY ALL
), firsts AS (
  SELECT customer_id, min(period) AS first FROM bought WHERE placed > 0 GROUP BY 1
), buyers AS (
  SELECT * FROM bought LEFT JOIN firsts USING (customer_id)
), quarters AS (
  SELECT period, sum(placed) AS orders_placed, sum(net) AS revenue, sum(gross) AS gross_sales,
         count(*) FILTER (placed > 0) AS ordering_customers,
         count(*) FILTER (placed > 0 AND first < period) AS repeat_customers,
         sum(gross) FILTER (first < period) AS returning_revenue, count(*) FILTER (first = period) AS new_buyers
  FROM buyers GROUP BY 1
), middle AS (
  SELECT date_trunc('quarter', ordered_at) AS period, median(amount) AS median_order_value
  FROM orders WHERE amount >= 0 AND ordered_at >= '{FROM}' AND ordered_at < '{TO}' GROUP BY 1
), running AS (
  SELECT *, sum(revenue) OVER (ORDER BY period) AS revenue_to_date,
         sum(new_buyers) OVER (ORDER BY period) AS buyers_to_date FROM quarters
)
SELECT *, revenue / orders_placed AS average_order_value, gross_sales / orders_placed AS average_order_value_gross,
       orders_placed / ordering_customers AS orders_per_customer, revenue / ordering_customers AS revenue_per_customer,
       repeat_customers / ordering_customers AS repeat_rate, revenue_to_date / buyers_to_date AS customer_value,
       returning_revenue / repeat_customers AS revenue_per_returning_customer
FROM running JOIN middle USING (period)
"""

YEARS = f"""
WITH ends AS (
  SELECT unnest(generate_series(TIMESTAMP '{FROM}', TIMESTAMP '{TO}' - INTERVAL 3 MONTH, INTERVAL 3 MONTH)) AS period
)
SELECT period, sum(amount) / count(*) FILTER (amount >= 0) AS average_order_value_of_year,
       count(*) FILTER (amount >= 0) / count(DISTINCT customer_id) FILTER (amount >= 0) AS orders_per_customer_of_year
FROM ends JOIN orders ON ordered_at < period + INTERVAL 3 MONTH AND ordered_at >= period - INTERVAL 9 MONTH GROUP BY 1
"""

SPELLS = f"""
CREATE OR REPLACE TEMP TABLE spells AS
WITH neighbours AS (
  SELECT customer_id, ordered_at, lag(ordered_at) OVER buyer AS former, lead(ordered_at) OVER buyer AS following
  FROM orders WHERE amount >= 0 WINDOW buyer AS (PARTITION BY customer_id ORDER BY ordered_at)
), edges AS (
  SELECT customer_id, ordered_at, former IS NULL OR ordered_at > former + INTERVAL 180 DAY AS begins,
         following IS NULL OR following > ordered_at + INTERVAL 180 DAY AS ends FROM neighbours
), spans AS (
  SELECT begins, ordered_at AS acquired_at, row_number() OVER buyer AS spell,
         CASE WHEN ends THEN ordered_at ELSE lead(ordered_at) OVER buyer END + INTERVAL 180 DAY AS ends_at
  FROM edges WHERE begins OR ends WINDOW buyer AS (PARTITION BY customer_id ORDER BY ordered_at)
)
SELECT spell, acquired_at, CASE WHEN ends_at < '{TO}' THEN ends_at END AS lost_at FROM spans WHERE begins
"""
"""A spell is an unbroken time as a customer: it ends 180 days after an order that no other follows by then."""

CUSTOMERS = f"""
WITH periods AS (
  SELECT unnest(generate_series(TIMESTAMP '{FROM}', TIMESTAMP '{TO}' - INTERVAL 3 MONTH, INTERVAL 3 MONTH)) AS period,
         period + INTERVAL 3 MONTH AS ending, ending - INTERVAL 1 YEAR AS year_ago
), counted AS (
  SELECT period,
         count(*) FILTER (acquired_at < period AND (lost_at IS NULL OR lost_at >= period)) AS customers_at_start,
         count(*) FILTER (acquired_at >= period AND acquired_at < ending AND spell = 1) AS new_customers,
         count(*) FILTER (acquired_at >= period AND acquired_at < ending AND spell > 1) AS reactivated_customers,
         count(*) FILTER (lost_at >= period AND lost_at < ending) AS lost_customers,
         count(*) FILTER (lost_at >= period AND lost_at < ending AND acquired_at < period) AS lost_of_start,
         count(*) FILTER (acquired_at < ending AND (lost_at IS NULL OR lost_at >= ending)) AS customers_at_end,
         count(*) FILTER (acquired_at < year_ago AND (lost_at IS NULL OR lost_at >= year_ago)) AS year_start,
         count(*) FILTER (lost_at >= year_ago AND lost_at < ending AND acquired_at < year_ago) AS lost_of_year
  FROM spells CROSS JOIN periods GROUP BY 1
), days AS (
  SELECT date_trunc('quarter', lost_at) AS period,
         median(epoch(lost_at) - epoch(acquired_at)) / 86400 AS lost_after_days
  FROM spells WHERE lost_at >= '{FROM}' AND lost_at < '{TO}' GROUP BY 1
)
SELECT *, lost_of_start / customers_at_start AS churn_rate, 1 - churn_rate AS retention_rate,
       customers_at_start - lost_of_start AS customers_kept, lost_customers / new_customers AS churn_rate_acquired,
       2 * lost_customers / (customers_at_start + customers_at_end) AS churn_rate_average,
       year_start / lost_of_year AS customer_lifespan_years
FROM counted JOIN days USING (period)
"""
COMPLETENESS = f"""
WITH filled AS (
  SELECT date_trunc('quarter', created_at) AS period, count(segment) AS filled, count(*) AS cells
  FROM customers GROUP BY 1
  UNION ALL
  SELECT date_trunc('quarter', created_at), count(owner_id) + count(amount), 2 * count(*)
  FROM opportunities GROUP BY 1
), quarterly AS (
  SELECT period, sum(filled) AS filled, sum(cells) AS cells FROM filled WHERE period < '{TO}' GROUP BY 1
), running AS (
  SELECT period, sum(filled) OVER (ORDER BY period) / sum(cells) OVER (ORDER BY period) AS field_completeness
  FROM quarterly
)
SELECT * FROM running WHERE period >= '{FROM}'
"""

STATEMENTS = (SURVEYS, OPPORTUNITIES, ORDERS, YEARS, SPELLS, CUSTOMERS, COMPLETENESS)


def numbers(engine):
    """Return all that the statements give, a DataFrame with a row a quarter."""
    found = [engine.execute(statement).to_arrow_table().to_pandas() for statement in STATEMENTS]
    quarters = [frame.set_index("period") for frame in found if "period" in frame]
    every = functools.reduce(lambda one, other: one.join(other), quarters)
    life = every["customer_lifespan_years"]
    return every.assign(clv_simple=every["average_order_value_of_year"] * every["orders_per_customer_of_year"] * life)


def assert_same(history, by_hand) -> int:
    """Check a scorecard's numbers of all quarters against those by hand, and return how many metrics there are.

    Surveys that nobody was asked are left out.
    """
    import numpy as np

    asked = [name for name in history if history[name].notna().any()]
    if missing := [name for name in asked if name not in by_hand]:
        raise AssertionError(f"Nothing by hand for {', '.join(missing)}")
    for name in asked:
        mine, theirs = history[name].to_numpy(float), by_hand.reindex(history.index)[name].to_numpy(float)
        if not np.allclose(mine, theirs, rtol=1e-9, atol=0, equal_nan=True):
            raise AssertionError(f"{name}: {mine} and {theirs}")
    return len(asked)
