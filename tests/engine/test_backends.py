"""One test body, many sources: every metric is equal on frames, on files, in a database, and as printed SQL."""

from __future__ import annotations

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.metric import all_metrics

NAMES = list(all_metrics())
PERIOD = "2026-Q2"


@pytest.fixture(scope="module")
def expected(small):
    """All metrics as measured on the CSV files."""
    return small.measure(NAMES, every="month", period=PERIOD)


@pytest.fixture(scope="module")
def database(tmp_path_factory, frames, small_folder):
    """The small company as a DuckDB file with its settings beside it."""
    path = tmp_path_factory.mktemp("database") / "crm.duckdb"
    with duckdb.connect(str(path)) as connection:
        for name, frame in frames.items():
            connection.register("frame_", frame)
            connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM frame_')
    path.with_name("crm.toml").write_bytes((small_folder / "crm.toml").read_bytes())
    return path


@pytest.fixture(scope="module")
def parquet(tmp_path_factory, frames, small_folder):
    """The small company as Parquet: most tables one file, orders in parts by year as Hive lays them out."""
    folder = tmp_path_factory.mktemp("parquet")
    for name, frame in frames.items():
        if name == "orders":
            for year, part in frame.groupby(frame.ordered_at.dt.year):
                place = folder / "orders" / f"year={year}"
                place.mkdir(parents=True)
                part.to_parquet(place / "part-0.parquet", index=False)
        else:
            frame.to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "crm.toml").write_bytes((small_folder / "crm.toml").read_bytes())
    return folder


@pytest.fixture(scope="module")
def sources(frames, parquet, database, small_folder):
    """How each kind of source is opened."""
    settings = small_folder / "crm.toml"
    return {
        "frames": lambda: crmkit.open(frames, config=settings),
        "parquet": lambda: crmkit.open(parquet),
        "database": lambda: crmkit.open(database),
        "connection": lambda: crmkit.open(ibis.duckdb.connect(database, read_only=True), config=settings),
        "address": lambda: crmkit.open(f"duckdb://{database}?read_only=true", config=settings),
    }


@pytest.mark.parametrize("source", ["frames", "parquet", "database", "connection", "address"])
def test_every_metric_is_equal_on_every_source(source, sources, expected):
    crm = sources[source]()
    found = crm.measure(NAMES, every="month", period=PERIOD)
    assert found[["metric", "period", "note"]].equals(expected[["metric", "period", "note"]])
    for column in ("value", "low", "high", "n", "numerator", "denominator"):
        a, b = found[column].to_numpy(float), expected[column].to_numpy(float)
        differ = ~np.isclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True)
        assert not differ.any(), f"{column} differs in {sorted(set(found.metric[differ]))}"


def test_every_source_knows_the_same_moment_and_rows(sources, small):
    for source in ("parquet", "database"):
        crm = sources[source]()
        assert crm.as_of == small.as_of
        assert crm.rows == {name: rows for name, rows in small.rows.items() if name in crm.rows}
        assert set(crm.tables) == set(small.tables)


@pytest.fixture(scope="module")
def connection(database):
    """A plain DuckDB connection to the tables."""
    with duckdb.connect(str(database), read_only=True) as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_the_printed_sql_gives_what_measure_gives(name, small, connection, expected):
    text = small.sql(name, dialect="duckdb", every="month", period=PERIOD)
    rows = connection.sql(text).df()
    time = next(column for column in rows if pd.api.types.is_datetime64_any_dtype(rows[column]))
    found = rows.set_index(pd.DatetimeIndex(rows[time])).value.astype(float)
    wanted = expected[expected.metric == name].set_index("period").value
    # a statement has no row for a month in which nothing happened: measure says 0 or unknown
    found = found.reindex(wanted.index)
    silent = found.isna()
    assert (wanted[silent].isna() | (wanted[silent] == 0)).all()
    np.testing.assert_allclose(found[~silent], wanted[~silent], rtol=1e-9, atol=1e-9)
