"""Tables that are being made dirty: which rows are still clean, and what has been planted so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from crmkit.schema import TABLES


@dataclass
class Dirt:
    """The tables while defects are planted: which rows are still clean, and what has been planted.

    Attributes
    ----------
    tables : dict of str to Arrow table
    rng : numpy Generator
    scale : float
        How many times as many defects as in a company of the usual size.
    clean : dict of str to array of bool
        By table, the rows that no defect has touched: each gets one at most, so that counts are exact.
    defects : list of dict
        `kind` (the rule that finds it), `table`, `column`, `rows`, `keys` (of the rows, where they have any), `how`.
    """

    tables: dict[str, pa.Table]
    rng: np.random.Generator
    scale: float = 1.0
    clean: dict[str, np.ndarray] = field(default_factory=dict)
    defects: list[dict[str, Any]] = field(default_factory=list)

    def values(self, table: str, column: str) -> list:
        """Return the values of a column."""
        return self.tables[table][column].to_pylist()

    def take(self, table: str, number: int, where: Sequence[bool] | None = None) -> list[int]:
        """Pick clean rows by chance, at least one, among those of `where`; they are clean no longer."""
        free = self.clean.setdefault(table, np.ones(self.tables[table].num_rows, bool))
        allowed = np.flatnonzero(free if where is None else free & np.asarray(where, bool))
        wanted = max(1, round(number * self.scale))
        rows = np.sort(self.rng.permutation(allowed)[:wanted])
        free[rows] = False
        return [int(row) for row in rows]

    def put(self, table: str, column: str, rows: Sequence[int], make: Callable[[Any, int], Any]) -> None:
        """Replace the values of some rows by `make(value, place among the rows)`."""
        values, old = self.values(table, column), self.tables[table]
        for at, row in enumerate(rows):
            values[row] = make(values[row], at)
        place = old.column_names.index(column)
        self.tables[table] = old.set_column(place, old.field(column), pa.array(values, old.field(column).type))

    def drop(self, table: str, gone: np.ndarray) -> None:
        """Remove rows."""
        self.tables[table] = self.tables[table].filter(pa.array(~gone))
        if table in self.clean:
            self.clean[table] = self.clean[table][~gone]

    def add(self, table: str, rows: list[dict]) -> None:
        """Append rows, which count as touched."""
        old = self.tables[table]
        self.clean.setdefault(table, np.ones(old.num_rows, bool))
        self.tables[table] = pa.concat_tables([old, pa.Table.from_pylist(rows, schema=old.schema)])
        self.clean[table] = np.append(self.clean[table], np.zeros(len(rows), bool))

    def tell(self, kind: str, table: str, column: str, rows: int, keys: Sequence, how: str, **more: Any) -> None:
        """List what was planted."""
        self.defects.append(
            {"kind": kind, "table": table, "column": column, "rows": rows, "keys": list(keys), "how": how} | more
        )

    def change(
        self,
        kind: str,
        table: str,
        column: str,
        number: int,
        make: Callable[[Any, int], Any],
        how: str,
        where: Sequence[bool] | None = None,
    ) -> list[int]:
        """Pick rows, change a column of them, list it, and return the rows."""
        rows = self.take(table, number, where)
        self.put(table, column, rows, make)
        key = (*TABLES[table].key, column)[0]
        named = self.values(table, key)
        self.tell(kind, table, column, len(rows), [named[row] for row in rows], how)
        return rows
