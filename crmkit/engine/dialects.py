"""The dialects of SQL that metrics are printed in; apart from the engine, for the command line names them at once."""

from __future__ import annotations

DIALECTS = ("duckdb", "postgres", "snowflake", "bigquery", "databricks", "trino")
