"""Money is never added across currencies."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit import schema
from crmkit.engine.availability import adds
from crmkit.errors import DataError
from crmkit.metric import Metric


def check_currencies(crm, metric: Metric, by: Sequence[str]) -> None:
    """Refuse a metric that would add money in several currencies.

    Raises
    ------
    DataError
        The message names table and currencies, and what to do.
    """
    if "currency" in by:
        return
    tables = {table for table, column in adds(metric.name) if _is_money(table, column)}
    for table in sorted(tables):
        found = _currencies(crm, table)
        wanted = crm.config.currency
        if len(found) > 1 or (len(found) == 1 and wanted and found != [wanted] and crm.config.rates):
            example = f"[rates] {found[-1]} = 1.1 with currency = '{wanted or found[0]}'"
            raise DataError(
                f"{table}.currency holds several currencies: {', '.join(found)}. They are not added up. Give rates in "
                f"crm.toml, such as {example}, or measure by currency."
            )


def _is_money(table: str, column: str) -> bool:
    declared = schema.TABLES.get(table)
    return declared is not None and column in declared and declared[column].unit == "money" and "currency" in declared


def _currencies(crm, table: str) -> list[str]:
    asked = ("currencies", table)
    if asked not in crm.remembered:
        found: list[str] = []
        if table in crm.tables and "currency" in crm.present[table]:
            column = crm.relations.get(table).currency
            found = sorted(value for value in column.as_table().distinct().to_pyarrow()[0].to_pylist() if value)
        crm.remembered[asked] = found
    return crm.remembered[asked]
