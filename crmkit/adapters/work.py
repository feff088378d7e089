"""One part of a table while it is made: a chain of views that grows by a column a step, and errors that name places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from crmkit.adapters.account import Example
from crmkit.adapters.cells import identifier
from crmkit.adapters.loading import line_of
from crmkit.adapters.source_file import Staged
from crmkit.adapters.spec import Adapter, ColumnSpec, TableSpec
from crmkit.errors import DataError

if TYPE_CHECKING:
    import duckdb


@dataclass
class Work:
    """One part of a table while it is made: a chain of views, each with one column more, or changed, than the last.

    Of few rows the chain is made of tables, because preparing a query on many views takes longer than what it does.
    A column NAME is two in the chain: "t:NAME", its text so far, and at last "v:NAME", its value. Where one row is made
    of several, `folded` says what a header's cell is called that was chosen for a column. `plain` holds the columns
    whose text was computed, so that it is written plainly, whatever the file's marks are. `used` collects the headers
    that were of use, by kind of file, `choices` the format in which each column of times is read, `shapes` that of the
    times which a column is computed from, `missing` the working columns that the export has nothing for.
    """

    con: duckdb.DuckDBPyConnection
    adapter: Adapter
    spec: TableSpec
    staged: Staged
    others: Mapping[str, Staged]
    zone: str
    prefix: str
    view: str = ""
    steps: int = 0
    small: bool = False
    folded: Mapping[tuple[str, str], str] = field(default_factory=dict)
    plain: set[str] = field(default_factory=set)
    used: set[tuple[str, str]] = field(default_factory=set)
    words: dict[str, str] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def find(self, wanted: Iterable[str]) -> str | None:
        """Return the first of the headers wanted that is there, and remember that it is used."""
        found = self.staged.find(wanted)
        if found is not None:
            self.used.add((self.spec.file, found))
        return found

    def find_in(self, file: str, wanted: Iterable[str]) -> str | None:
        """Return the first of the headers wanted in another kind of file, and remember that it is used."""
        there = self.others.get(file)
        found = there.find(wanted) if there else None
        if found is not None:
            self.used.add((file, found))
        return found

    def add(self, column: str, sql: str) -> None:
        """Add a column to the chain."""
        self._grow(f"p.*, {sql} AS {identifier(column)}", "")

    def change(self, spec: ColumnSpec, sql: str, join: str = "", *, failed: str = "") -> None:
        """Put a new text in the place of a column's present one; `failed` is kept beside it, as "f:name"."""
        beside = f", {failed} AS {identifier('f:' + spec.name)}" if failed else ""
        self._grow(f"p.* REPLACE ({sql} AS {identifier('t:' + spec.name)}){beside}", join)

    def keep(self, condition: str) -> None:
        """Keep the rows of the chain for which a condition holds."""
        self._grow("p.*", f"WHERE {condition}")

    def _grow(self, select: str, join: str) -> None:
        self.steps += 1
        name = f"{self.prefix}_{self.steps}"
        kind = "TABLE" if self.small else "VIEW"
        self.con.execute(f"CREATE TEMP {kind} {name} AS SELECT {select} FROM {self.view} AS p {join}")
        if self.small and self.steps > 1 and self.view == f"{self.prefix}_{self.steps - 1}":
            self.con.execute(f"DROP TABLE {self.view}")  # hundreds of headers would add up over the steps
        self.view = name

    def one(self, sql: str) -> tuple:
        """Return the one row of a query."""
        return self.con.execute(sql).fetchone()

    def rows(self, sql: str) -> list[tuple]:
        """Return all rows of a query."""
        return self.con.execute(sql).fetchall()

    def examples(self, view: str, column: str, where: str, limit: int = 3) -> tuple[Example, ...]:
        """Return the first cells of a column for which a condition holds, with their lines."""
        found = self.rows(
            f"SELECT _file, _row, {identifier(column)} FROM {view} WHERE {where} ORDER BY 1, 2 LIMIT {limit}"
        )
        return tuple(self.example(f, r, v) for f, r, v in found)

    def example(self, file: int, row: int, value: object) -> Example:
        """Return a cell with its place, for people."""
        return Example(self.staged.files[file].path.name, self.line(file, row), str(value))

    def line(self, file: int, row: int) -> int:
        """Return the line of a row in its file."""
        return line_of(self.staged.files[file], row, self.adapter.files[self.spec.file].reading)

    def error(self, column: str, what: str) -> DataError:
        """Return an error that names the column and the files it is made from."""
        return DataError(f"{self.spec.name}.{column} from {', '.join(f.path.name for f in self.staged.files)}: {what}")


def no_header(work: Work, name: str, wanted: tuple[str, ...]) -> DataError:
    """Return an error about headers that aren't there; it names those that are."""
    there = list(work.staged.headers)
    used = {work.staged.find(column.wanted) for column in work.spec.columns}  # what is something else already
    free = [header for header in there if header not in used]
    near = next((found for header in wanted if (found := get_close_matches(header, free, n=1))), [])
    hint = f" Did it become {near[0]!r}?" if near else ""
    said = ""
    if not name.startswith("rule"):
        place = f"{work.spec.name}:{work.spec.part}" if work.spec.part else work.spec.name
        said = f" --column {place}.{name}={repr(near[0]) if near else 'HEADER'} says {'so' if near else 'which it is'}."
    own = f'extends = "{work.adapter.path.stem}"' if work.adapter.path.parent == Path(__file__).parent else ""
    file = f"a file of your own that begins with {own}" if own else work.adapter.path.name
    return work.error(
        name,
        f"there is no column {' or '.join(map(repr, wanted))}.{hint}{said} Columns there: {', '.join(there)}. "
        f"For more than one export, name the headers in {file}{' (--adapter my.toml)' if own else ''}.",
    )
