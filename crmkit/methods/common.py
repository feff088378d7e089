"""What the methods share: which tables they need, groups by name, one query brought into a small frame."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd

from crmkit.engine import dimensions
from crmkit.errors import NotInThisData, UsageError
from crmkit.relations import all_derived


def names(by: str | Sequence[str] | None) -> list[str]:
    """Return the dimensions asked for as a list.

    Examples
    --------
    >>> names("segment"), names(None)
    (['segment'], [])
    """
    return [by] if isinstance(by, str) else list(by or ())


def need(crm, method: str, *relations: str) -> None:
    """Refuse a method whose tables are not in this data.

    Raises
    ------
    NotInThisData
        The message names the method and the table.
    """
    for name in relations:
        if name not in crm.relations:
            missing = all_derived()[name].any_of or all_derived()[name].required if name in all_derived() else (name,)
            raise NotInThisData(f"{method}: not in this data, needs the table {' or '.join(missing)}.")


def pick(option: str, value: str, allowed: Sequence[str]) -> str:
    """Return `value` where it is allowed.

    Raises
    ------
    UsageError
    """
    if value not in allowed:
        raise UsageError(f"{option} is {value!r}; it must be one of {', '.join(allowed)}.")
    return value


def as_table(rows: ir.Table | pd.DataFrame) -> ir.Table:
    """Return an Ibis table; a data frame becomes one without what its `attrs` say, which an engine could not keep."""
    if isinstance(rows, ir.Table):
        return rows
    plain = rows.copy(deep=False)
    plain.attrs = {}
    return ibis.memtable(plain)


def run(expression: ir.Table) -> pd.DataFrame:
    """Run a query and return its rows, times to the microsecond."""
    found = expression.to_pyarrow().to_pandas()
    for column in found.select_dtypes("datetime"):
        found[column] = found[column].astype("datetime64[us]")
    return found


def median(crm, value: ir.NumericColumn) -> ir.NumericScalar:
    """Return the median of a column; approximate on an engine that has no exact one, such as BigQuery and Trino."""
    exact = crm.engine is None or crm.engine.has_operation(ops.Median)
    return (value.median() if exact else value.approx_quantile(0.5)).cast("float64")


def customers_by(crm, by: Sequence[str]) -> tuple[ir.Table, list[str]]:
    """Return one row a customer with a text column for each dimension, and these columns' names.

    Raises
    ------
    UsageError
        Where there is no such column, or no table customers to have it.
    """
    if "customers" not in crm.relations:
        raise UsageError(f"by {', '.join(by)} needs the table customers, which this data lacks.")
    dimensions.ensure_unique(crm, "customers")
    table, groups = dimensions.joined(crm, crm.relations, "customers", by)
    return table.select("customer_id", *groups), groups


def with_customers(crm, table: ir.Table, by: Sequence[str]) -> tuple[ir.Table, list[str]]:
    """Join the dimensions of its customer to each row of `table`; without a customer they are "(none)"."""
    if not by:
        return table, []
    customers, groups = customers_by(crm, by)
    customers = customers.rename(joined_id="customer_id")
    table = table.left_join(customers, table.customer_id == customers.joined_id).drop("joined_id")
    return table.mutate({group: table[group].fill_null(dimensions.NONE) for group in groups}), groups


def said(frame: pd.DataFrame, crm, **what: object) -> pd.DataFrame:
    """Return `frame` with what its numbers mean in `attrs`, where figures look for it."""
    frame.attrs |= {"as_of": crm.as_of, "currency": crm.config.currency, **what}
    return frame
