"""Who got what in an experiment, and what came of it: read from a Crm or from any table, and cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods.common import need, run, with_customers

_ROWS = ("experiment", "unit", "variant", "assigned_at", "converted", "value", "before")


@dataclass(frozen=True)
class Trials:
    """Who got what, and what came of it: one row a customer of an experiment.

    Attributes
    ----------
    rows : DataFrame
        `experiment`, `unit`, `variant`, `assigned_at`, `converted` (0 or 1), `value`, `before`, and `part`, the group
        of the customer, where asked for; what a table lacks is null.
    control : dict of str to str
        The variant that the others are compared with, by experiment.
    left_out : dict of str to str
        By experiment, who is not in it and why.
    about : dict
        For figures: the day of the data and its currency.
    """

    rows: pd.DataFrame
    control: Mapping[str, str]
    left_out: Mapping[str, str]
    about: Mapping[str, Any]

    @property
    def experiments(self) -> list[str]:
        """The experiments in the order in which they began."""
        began = self.rows.groupby("experiment", sort=True)["assigned_at"].min()
        return list(began.sort_values(kind="stable", na_position="last").index)

    def of(self, experiment: str) -> pd.DataFrame:
        """Return the rows of one experiment.

        Raises
        ------
        UsageError
            Where there is none of that name.
        """
        if experiment not in self.control:
            raise UsageError(f"there is no experiment {experiment!r}; there are {', '.join(self.experiments)}.")
        return self.rows[self.rows["experiment"] == experiment]


def trials(
    source: Any,
    *,
    control: str = "",
    experiment: str = "experiment_id",
    unit: str = "customer_id",
    variant: str = "variant",
    converted: str = "converted",
    value: str = "value",
    before: str = "pre_value",
    assigned_at: str = "assigned_at",
    by: str = "",
) -> Trials:
    """Return who got what and what came of it, from a Crm or from a table with any names of columns.

    Parameters
    ----------
    source : Crm, Ibis table or DataFrame
        A Trials is returned as it is.
    control : str
        The variant to compare with; by default the one called control, else the first in the alphabet.
    experiment, unit, variant, converted, value, before, assigned_at : str
        Columns of a table; only `variant` must be there. Without `experiment` it is one, without `unit` each row is a
        customer of its own. `converted` holds true and false, or 1 and 0.
    by : str
        Of a Crm a column of customers, of a table one of its own, by which customers are grouped.

    Raises
    ------
    NotInThisData
        Where a Crm has no experiments, or none has begun.
    UsageError
        Where a column or the control is not there.
    DataError
        Where `converted` holds anything but true and false.

    Notes
    -----
    Left out, and counted: customers who are in two variants of the same experiment, and rows without a variant.

    Examples
    --------
    >>> rows = pd.DataFrame({"variant": ["new", "old", "old"], "converted": [True, False, None]})
    >>> found = trials(rows, control="old")
    >>> found.control, found.rows["converted"].tolist()
    ({'experiment': 'old'}, [1.0, 0.0, nan])
    """
    if isinstance(source, Trials):
        return source
    if hasattr(source, "relations"):
        need(source, "experiments", "experiments")
        table, made = with_customers(source, source.relations.get("experiments"), [by] if by else [])
        frame = run(table)
        about = {"as_of": source.as_of, "currency": source.config.currency}
        experiment, unit, variant = "experiment_id", "customer_id", "variant"
        converted, value, before, assigned_at = "converted", "value", "pre_value", "assigned_at"
        by = made[0] if made else ""
    else:
        frame = source.to_pandas() if hasattr(source, "to_pandas") else pd.DataFrame(source)
        about = {}
    wanted = [variant, *([by] if by else [])]
    if missing := [name for name in wanted if name not in frame]:
        there = ", ".join(map(str, frame.columns))
        raise UsageError(f"the table lacks the column {' and '.join(missing)}. It has: {there}.")
    rows = pd.DataFrame({"variant": frame[variant]})
    rows["experiment"] = frame[experiment].astype(str) if experiment in frame else "experiment"
    rows["unit"] = frame[unit].astype(str) if unit in frame else np.arange(len(frame)).astype(str)
    times = frame[assigned_at] if assigned_at in frame else pd.Series(pd.NaT, index=frame.index)
    rows["assigned_at"] = pd.to_datetime(times)
    rows["converted"] = _flag(frame[converted], converted) if converted in frame else np.nan
    for name, column in (("value", value), ("before", before)):
        rows[name] = pd.to_numeric(frame[column]).astype(float) if column in frame else np.nan
    rows = rows[list(_ROWS)].assign(**({"part": frame[by].astype(object).fillna("(none)").astype(str)} if by else {}))
    rows, left_out = _clean(rows)
    if not len(rows):
        raise NotInThisData("experiments: not in this data, no customer was assigned to a variant by then.")
    controls = {name: _control(name, sorted(part["variant"].unique()), control)
                for name, part in rows.groupby("experiment")}  # fmt: skip
    return Trials(rows.reset_index(drop=True), controls, left_out, about)


def _flag(column: pd.Series, name: str) -> pd.Series:
    known = column.dropna()
    if not known.isin([0, 1]).all():
        wrong = known[~known.isin([0, 1])].iloc[0]
        raise DataError(f"{name} holds {wrong!r}; it must be true or false (1 or 0), or empty where it is not known.")
    return column.astype(object).where(column.notna(), np.nan).astype(float)


def _clean(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Leave out rows without a variant and customers in two variants; rows that repeat another are one."""
    said: dict[str, list[str]] = {}
    none = rows["variant"].isna()
    for name, count in rows[none].groupby("experiment").size().items():
        said.setdefault(str(name), []).append(f"rows without a variant: {count:,}")
    rows = rows[~none].assign(variant=lambda frame: frame["variant"].astype(str))
    kinds = rows.groupby(["experiment", "unit"])["variant"].transform("nunique")
    for name, count in rows[kinds > 1].groupby("experiment")["unit"].nunique().items():
        said.setdefault(str(name), []).append(f"customers in several variants: {count:,}")
    rows = rows[kinds == 1]
    kept = rows.sort_values("assigned_at", kind="stable").drop_duplicates(["experiment", "unit"])
    for name, count in (rows.groupby("experiment").size() - kept.groupby("experiment").size()).items():
        if count:
            said.setdefault(str(name), []).append(f"rows that repeat a customer: {count:,}")
    return kept.sort_index(), {name: " and ".join(parts) for name, parts in said.items()}


def _control(experiment: str, variants: list[str], wanted: str) -> str:
    if wanted:
        if wanted not in variants:
            raise UsageError(f"{experiment} has no variant {wanted!r}; it has {', '.join(variants)}.")
        return wanted
    return next((name for name in variants if name.casefold() == "control"), variants[0])
