"""A copy of a company's data that measures the same and names no one, for lessons and for reports of faults."""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from crmkit import schema
from crmkit.adapters import writing
from crmkit.errors import UsageError
from crmkit.marks import missing
from crmkit.personal.readers import HIDDEN, whole

if TYPE_CHECKING:
    import pandas as pd

    from crmkit.crm import Crm

_TITLES = {"customers": "Customer", "leads": "Lead", "users": "User", "opportunities": "Opportunity"}
_NAMES = ("name", "company")


@dataclass(frozen=True)
class Copied:
    """What `anonymize` wrote.

    Attributes
    ----------
    to : str
        The folder.
    rows : dict of str to int
        Rows of each table.
    left_out : dict of str to tuple of str
        Columns of each table that are not in the copy.
    measured, different : tuple of str
        Metrics that both can measure, and those of them whose values differ.
    """

    to: str
    rows: dict[str, int]
    left_out: dict[str, tuple[str, ...]]
    measured: tuple[str, ...]
    different: tuple[str, ...]

    def text(self) -> str:
        """Say it in a few lines."""
        rows = ", ".join(f"{name} {count:,}" for name, count in self.rows.items())
        lines = [f"{self.to}: {rows}"]
        lines += [f"left out of {name}: {', '.join(columns)}" for name, columns in self.left_out.items()]
        same = len(self.measured) - len(self.different)
        lines.append(f"{same} of {len(self.measured)} metrics of the latest quarter have the same value in the copy.")
        if self.different:
            lines.append(f"Different: {', '.join(self.different)}.")
        lines.append(
            "Times, amounts and groups are as they were: somebody who knows a deal may still know it again. Give the "
            "copy to those who may see the numbers."
        )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"rows": self.rows, "left_out": self.left_out, "measured": len(self.measured),
                "different": list(self.different)}  # fmt: skip


def anonymize(
    source: Any, to: str | Path, *, keep: Iterable[str] = (), file_format: str = "csv", secret: str = ""
) -> Copied:
    """Write a copy of the tables of a CRM that measures the same and names no one.

    Keys become others, the same in all tables, by a secret that is thrown away. Names become "Customer …", e-mail
    addresses end in example.com, comments and telephone numbers are hidden; a cell that was empty stays empty. Years
    of birth become decades, landing pages lose what stands behind the question mark. Columns that the schema doesn't
    know are left out. Times, amounts, groups and gender stay, or it would not measure the same.

    Parameters
    ----------
    source
        As for `crmkit.open`.
    to : path
        The folder to write: new, empty, or a former copy.
    keep : iterable of str
        Columns of your own that are in the copy as they are, as table.column.
    file_format : {"csv", "parquet"}
    secret : str
        Where two copies are to have the same keys; by default nobody knows it.

    Returns
    -------
    Copied
        What was written and left out, and whether the copy measures the same.

    Raises
    ------
    UsageError
        Where the target holds something else, or a column to keep isn't there.
    """
    import crmkit

    crm = whole(source) if isinstance(source, crmkit.Crm) else crmkit.open(source)
    if not crm.embedded:  # not every engine can make the keys
        crm = crmkit.open({name: table.to_pyarrow().to_pandas() for name, table in crm.tables.items()}, as_of=crm.as_of)
    kept = _kept(crm, keep)
    target, secret = Path(to), secret or secrets.token_hex(32)
    folder = Path(source) if isinstance(source, str | Path) and Path(source).is_dir() else None
    writing.check_target(target, [folder] if folder else [])
    tables = {name: _copy(crm, name, kept, secret) for name in crm.tables}
    rows = {name: crm.rows.get(name, 0) for name in tables}
    left = {name: tuple(c for c in crm.tables[name].columns if c not in table.columns)
            for name, table in tables.items()}  # fmt: skip
    left = {name: columns for name, columns in left.items() if columns}

    def fill(new: Path) -> dict[str, Any]:
        for name, table in tables.items():
            _write(table, new / f"{name}.{file_format}")
        (new / "crm.toml").write_text(writing.settings(_settings(crm, folder)), encoding="utf-8", newline="\n")
        return {"system": "anonymize", "rows": rows, "left_out": {name: list(c) for name, c in left.items()}}

    writing.whole(target, fill)
    measured, different = _compared(crm, crmkit.open(target))
    return Copied(str(to), rows, left, measured, different)


def _kept(crm: Crm, keep: Iterable[str]) -> set[tuple[str, str]]:
    found = set()
    for name in keep:
        table, _, column = name.partition(".")
        if table not in crm.tables or column not in crm.tables[table].columns:
            own = [f"{t}.{c}" for t, rows in crm.tables.items() for c in rows.columns if c not in schema.TABLES[t]]
            raise UsageError(f"There is no column {name!r} to keep. Columns of your own: {', '.join(own) or 'none'}.")
        found.add((table, column))
    return found


def _copy(crm: Crm, table: str, kept: set[tuple[str, str]], secret: str) -> ir.Table:
    """Return a table as it stands in the copy, in an order that tells nothing."""
    rows, declared, made = crm.tables[table], schema.TABLES[table], {}
    for column in rows.columns:
        known = _declared(table, column)
        if known is not None and column in crm.present[table]:
            made[column] = _cell(rows, table, known, secret)
        elif (table, column) in kept:
            made[column] = rows[column]
        elif table == "targets" and known is None:  # the groups that targets are set for
            of = {"owner_id": "users", "user_id": "users", "agent_id": "users", "customer_id": "customers"}.get(column)
            made[column] = _other(rows[column], of, secret) if of else rows[column]
    found = rows.select(**made)
    return found.order_by([*(k for k in declared.key if k in made), *(c for c in made if c not in declared.key)])


def _cell(rows: ir.Table, table: str, column: schema.Column, secret: str) -> ir.Value:
    value, key = rows[column.name], schema.TABLES[table].key
    if column.type == "key":
        found = _other(value, column.refers_to or (table if column.name in key else column.name), secret)
    elif column.name in _NAMES and table in _TITLES:
        found = _where_filled(value, ibis.literal(f"{_TITLES[table]} ") + _other(rows[key[0]], table, secret))
    elif column.name == "email":
        found = _where_filled(value, _other(rows[key[0]], table, secret).lower() + "@example.com")
    elif column.name == "birth_year":
        found = (value // 10 * 10).cast("int64")
    elif column.name == "landing_page":
        found = value.re_replace(r"[?#].*$", "")
    elif column.personal and column.name != "gender":
        found = _where_filled(value, ibis.literal(HIDDEN))
    else:
        found = value
    return found


def _declared(table: str, column: str) -> schema.Column | None:
    return next((one for one in schema.TABLES[table].columns if one.name == column), None)


def _where_filled(value: ir.StringValue, other: ir.StringValue) -> ir.StringValue:
    return ibis.cases((value.strip() == "", value), (value.notnull(), other))


def _other(key: ir.StringValue, table: str, secret: str) -> ir.StringValue:
    """Return another key in the place of one, the same wherever it stands."""
    return (ibis.literal(f"{secret}{table}") + key).hexdigest("sha256").substr(0, 12).upper()


def _write(table: ir.Table, path: Path) -> None:
    """Write a table as an import writes one."""
    import duckdb

    with duckdb.connect() as engine:
        engine.register("anonymous", table.to_pyarrow())
        writing.table(engine, "anonymous", path)


def _settings(crm: Crm, folder: Path | None) -> dict[str, Any]:
    """Return the settings of the copy: those of the company, without its name."""
    given: dict[str, Any] = {}
    if folder and (folder / "crm.toml").exists():
        given = tomllib.loads((folder / "crm.toml").read_text(encoding="utf-8-sig"))
    else:
        given = {name: getattr(crm.config, name) for name in ("currency", "timezone", "inactive_after_days")
                 if name in crm.config.given}  # fmt: skip
    given = {"name": "Company", **{name: value for name, value in given.items() if name != "name"}}
    if crm.as_of is not None:
        given["as_of"] = crm.as_of.date()
    return given


def _compared(crm: Crm, copy: Crm) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Measure all that both can answer; return the metrics, and those whose values differ."""
    if crm.as_of is None:
        return (), ()
    both = [_values(one) for one in (crm, copy)]
    names = [name for name in both[0].index if name in both[1].index]
    differ = [name for name in names if not _same(both[0][name], both[1][name])]
    return tuple(names), tuple(differ)


def _values(crm: Crm) -> pd.Series:
    catalogue = crm.catalogue()
    able: Sequence[str] = catalogue.loc[catalogue["available"], "metric"].tolist()
    return crm.measure(list(able), period="latest", intervals=False).set_index("metric")["value"]


def _same(one: float, other: float) -> bool:
    if missing(one) or missing(other):
        return missing(one) and missing(other)
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other), 1.0)
