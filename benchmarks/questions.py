"""The questions: each asked of crmkit, in hand-written DuckDB SQL, and in plain pandas, with one answer.

The SQL and the pandas are what somebody who knows them well would write for this one question; neither knows
anything of crmkit. An answer is a DataFrame; `keys` are its columns that name a row, `numbers` those that are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

AS_OF = "2026-09-30"
MONTHS, QUARTERS, YEARS = "2025-10-01/2026-10-01", "2024-10-01/2026-10-01", "2023-10-01/2026-10-01"


@dataclass(frozen=True)
class Question:
    """One question and three ways to answer it."""

    name: str
    tables: tuple[str, ...]
    keys: tuple[str, ...]
    numbers: tuple[str, ...]
    crmkit: Callable
    sql: str
    pandas: Callable


# RFM per customer


def rfm_crmkit(crm):
    from crmkit.methods.rfm import rfm

    return rfm(crm).to_pyarrow()


RFM_SQL = f"""
SELECT customer_id, date_diff('day', max(ordered_at) FILTER (amount >= 0), DATE '{AS_OF}') AS recency_days,
       count(*) FILTER (amount >= 0) AS frequency, sum(amount) AS monetary
FROM orders GROUP BY customer_id HAVING count(*) FILTER (amount >= 0) > 0
"""


def rfm_pandas(folder: Path):
    import pandas as pd

    orders = pd.read_parquet(folder / "orders.parquet", columns=["customer_id", "ordered_at", "amount"])
    bought = orders[orders["amount"] >= 0].groupby("customer_id")
    found = bought.agg(last_at=("ordered_at", "max"), frequency=("amount", "size"))
    found["recency_days"] = (pd.Timestamp(AS_OF) - found.pop("last_at").dt.normalize()).dt.days
    found["monetary"] = orders.groupby("customer_id")["amount"].sum()
    return found.reset_index()


# Monthly cohorts: of the customers whose first order lies in a month, how many order in each later month


def cohorts_crmkit(crm):
    from crmkit.methods.cohorts import cohorts

    found = cohorts(crm, of="orders", every="month")
    return found[found["known"] & (found["numerator"] > 0)]


COHORTS_SQL = """
WITH active AS (
  SELECT DISTINCT customer_id, date_trunc('month', ordered_at) AS month FROM orders WHERE amount >= 0
), first AS (
  SELECT customer_id, min(month) AS cohort FROM active GROUP BY customer_id
)
SELECT cohort, date_diff('month', cohort, month) AS age, count(*) AS numerator
FROM active JOIN first USING (customer_id) GROUP BY cohort, age
"""


def cohorts_pandas(folder: Path):
    import pandas as pd

    orders = pd.read_parquet(folder / "orders.parquet", columns=["customer_id", "ordered_at", "amount"])
    orders = orders[orders["amount"] >= 0]
    orders["month"] = orders["ordered_at"].dt.year * 12 + orders["ordered_at"].dt.month - 1
    active = orders[["customer_id", "month"]].drop_duplicates()
    active["first"] = active.groupby("customer_id")["month"].transform("min")
    active["age"] = active["month"] - active["first"]
    found = active.groupby(["first", "age"]).size().rename("numerator").reset_index()
    found["cohort"] = pd.to_datetime({"year": found["first"] // 12, "month": found["first"] % 12 + 1, "day": 1})
    return found


# Monthly churn: a customer is lost 180 days after an order that no other follows by then, and may come back


def churn_crmkit(crm):
    return crm.measure("churn_rate", every="month", period=MONTHS)


CHURN_SQL = """
WITH neighbours AS (
  SELECT ordered_at, lag(ordered_at) OVER buyer AS former, lead(ordered_at) OVER buyer AS following
  FROM orders WHERE amount >= 0 WINDOW buyer AS (PARTITION BY customer_id ORDER BY ordered_at)
), moves AS (
  SELECT ordered_at AS moved_at, 1 AS came, 0 AS went FROM neighbours
  WHERE former IS NULL OR ordered_at > former + INTERVAL 180 DAY
  UNION ALL
  SELECT ordered_at + INTERVAL 180 DAY, 0, 1 FROM neighbours
  WHERE following IS NULL OR following > ordered_at + INTERVAL 180 DAY
), monthly AS (
  SELECT date_trunc('month', moved_at) AS period, sum(came) AS came, sum(went) AS went FROM moves GROUP BY 1
), levels AS (
  SELECT period, went, sum(came - went) OVER (ORDER BY period) - came + went AS at_start FROM monthly
)
SELECT period, went / at_start AS value FROM levels WHERE period >= '2025-10-01' AND period < '2026-10-01'
"""


def churn_pandas(folder: Path):
    import pandas as pd

    orders = pd.read_parquet(folder / "orders.parquet", columns=["customer_id", "ordered_at", "amount"])
    orders = orders[orders["amount"] >= 0].sort_values(["customer_id", "ordered_at"])
    times, buyers = orders["ordered_at"], orders.groupby("customer_id")["ordered_at"]
    patience = pd.Timedelta(days=180)
    former, following = buyers.shift(), buyers.shift(-1)
    came = times[former.isna() | (times > former + patience)]
    went = times[following.isna() | (following > times + patience)] + patience
    months = pd.period_range("2023-10", "2026-09", freq="M")
    came = came.dt.to_period("M").value_counts().reindex(months, fill_value=0)
    went = went.dt.to_period("M").value_counts().reindex(months, fill_value=0)
    at_start = (came - went).cumsum().shift(fill_value=0)
    value = (went / at_start)["2025-10":]
    return pd.DataFrame({"period": value.index.to_timestamp(), "value": value.to_numpy()})


# NPS by month and segment


def nps_crmkit(crm):
    return crm.measure("nps", every="month", period=YEARS, by="segment")


NPS_SQL = """
SELECT date_trunc('month', answered_at) AS period, segment,
       100.0 * (count(*) FILTER (score >= 9) - count(*) FILTER (score <= 6)) / count(*) AS value, count(*) AS n
FROM surveys JOIN customers USING (customer_id)
WHERE survey = 'nps' AND score BETWEEN 0 AND 10 GROUP BY ALL
"""


def nps_pandas(folder: Path):
    import pandas as pd

    columns = ["survey", "score", "answered_at", "customer_id"]
    surveys = pd.read_parquet(folder / "surveys.parquet", columns=columns)
    surveys = surveys[(surveys["survey"] == "nps") & surveys["score"].between(0, 10)]
    customers = pd.read_parquet(folder / "customers.parquet", columns=["customer_id", "segment"])
    answers = surveys.merge(customers, on="customer_id", how="left", validate="many_to_one")
    answers["period"] = answers["answered_at"].dt.to_period("M").dt.to_timestamp()
    answers["net"] = 100.0 * ((answers["score"] >= 9).astype(int) - (answers["score"] <= 6).astype(int))
    return answers.groupby(["period", "segment"])["net"].agg(value="mean", n="size").reset_index()


# Sales velocity by rep and quarter


def velocity_crmkit(crm):
    return crm.measure("sales_velocity", every="quarter", period=QUARTERS, by="owner_id")


VELOCITY_SQL = """
WITH created AS (
  SELECT owner_id, date_trunc('quarter', created_at) AS period, count(*) AS created FROM opportunities GROUP BY ALL
), closed AS (
  SELECT owner_id, date_trunc('quarter', closed_at) AS period, count(*) AS closed,
         count(*) FILTER (outcome = 'won') AS won, avg(amount) FILTER (outcome = 'won') AS size,
         avg(epoch(closed_at) - epoch(created_at)) FILTER (outcome = 'won') / 86400 AS days
  FROM opportunities WHERE closed_at IS NOT NULL GROUP BY ALL
), worked AS (
  SELECT *, sum(created) OVER upto - coalesce(sum(closed) OVER before, 0) AS worked
  FROM created LEFT JOIN closed USING (owner_id, period)
  WINDOW upto AS (PARTITION BY owner_id ORDER BY period),
         before AS (PARTITION BY owner_id ORDER BY period ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT period, owner_id, worked * size * (won / closed) / days AS value FROM worked
WHERE period >= '2024-10-01' AND period < '2026-10-01'
"""


def velocity_pandas(folder: Path):
    import pandas as pd

    columns = ["owner_id", "created_at", "closed_at", "outcome", "amount"]
    deals = pd.read_parquet(folder / "opportunities.parquet", columns=columns)
    deals["period"] = deals["closed_at"].dt.to_period("Q").dt.to_timestamp()
    came = deals["created_at"].dt.to_period("Q").dt.to_timestamp()
    created = deals.groupby([came.rename("period"), "owner_id"]).size().unstack(fill_value=0)
    closed = deals.groupby(["period", "owner_id"]).size().unstack(fill_value=0)
    won = deals[deals["outcome"] == "won"]
    days = (won["closed_at"] - won["created_at"]).dt.total_seconds() / 86400
    won = won.assign(days=days).groupby(["period", "owner_id"]).agg(
        won=("amount", "size"), size=("amount", "mean"), days=("days", "mean")
    )  # fmt: skip
    worked = created.cumsum() - closed.cumsum().shift(fill_value=0)
    found = won.join(worked.stack().rename("worked")).join(closed.stack().rename("closed"))
    found["value"] = found["worked"] * found["size"] * (found["won"] / found["closed"]) / found["days"]
    return found.loc["2024-10-01":"2026-09-30", "value"].reset_index()


QUESTIONS = (
    Question("RFM per customer", ("customers", "orders"), ("customer_id",), ("recency_days", "frequency", "monetary"),
             rfm_crmkit, RFM_SQL, rfm_pandas),
    Question("Monthly cohorts", ("customers", "orders"), ("cohort", "age"), ("numerator",),
             cohorts_crmkit, COHORTS_SQL, cohorts_pandas),
    Question("Monthly churn", ("customers", "orders"), ("period",), ("value",),
             churn_crmkit, CHURN_SQL, churn_pandas),
    Question("NPS by month and segment", ("customers", "surveys"), ("period", "segment"), ("value", "n"),
             nps_crmkit, NPS_SQL, nps_pandas),
    Question("Velocity by rep and quarter", ("opportunities",), ("period", "owner_id"), ("value",),
             velocity_crmkit, VELOCITY_SQL, velocity_pandas),
)  # fmt: skip
