"""Arrow columns from NumPy arrays: the text of keys and labels is made only when a table is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crmkit.sample.moments import NEVER


def keys(prefix: str, index: np.ndarray, width: int = 5) -> pa.Array:
    """Return text keys such as O00042 for rows counted from 0; a negative index is null.

    Examples
    --------
    >>> keys("O", np.array([41, -1])).to_pylist()
    ['O00042', None]
    """
    index = np.asarray(index, np.int64)
    text = pc.utf8_lpad(pc.cast(pa.array(index + 1, mask=index < 0), pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, text, "") if prefix else text


def labels(names: tuple[str, ...] | list[str], codes: np.ndarray) -> pa.Array:
    """Return the names that the codes point to; a negative code is null."""
    codes = np.asarray(codes)
    return pc.take(pa.array(list(names), pa.string()), pa.array(codes.astype(np.int32), mask=codes < 0))


def times(seconds: np.ndarray) -> pa.Array:
    """Return timestamps to the second; NEVER is null."""
    return pa.array(np.asarray(seconds, np.int64).astype("M8[s]"))


def dates(seconds: np.ndarray) -> pa.Array:
    """Return dates; NEVER is null."""
    seconds = np.asarray(seconds, np.int64)
    return pa.array(np.where(seconds == NEVER, 0, seconds).astype("M8[s]").astype("M8[D]"), mask=seconds == NEVER)


def numbers(values: np.ndarray, decimals: int = 2) -> pa.Array:
    """Return rounded numbers; NaN is null."""
    return pa.array(np.round(np.asarray(values, float), decimals), from_pandas=True)


def wholes(values: np.ndarray) -> pa.Array:
    """Return whole numbers; a negative one is null."""
    values = np.asarray(values, np.int64)
    return pa.array(values, mask=values < 0)


def texts(values: np.ndarray) -> pa.Array:
    """Return text; None and the empty text are null."""
    return pa.array([value or None for value in values], pa.string())


def flags(values: np.ndarray) -> pa.Array:
    """Return true and false."""
    return pa.array(np.asarray(values, bool))


def write_csv(table: pa.Table, path: Path) -> None:
    """Write a table as CSV in UTF-8: quotes only where they are needed, ISO dates, nothing for null."""
    columns = [_quoted(pc.cast(column.combine_chunks(), pa.string())) for column in table.columns]
    rows = pc.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="")
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(table.column_names) + "\n")
        for start in range(0, len(rows), 100_000):
            file.writelines(f"{row}\n" for row in rows.slice(start, 100_000).to_pylist())


def _quoted(column: pa.Array) -> pa.Array:
    needs = pc.match_substring_regex(column, '[",\r\n]')
    if not pc.any(needs).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), column)
