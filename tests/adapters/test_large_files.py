"""Files larger than the memory that an import may take: read all the same, and to the same bytes."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from crmkit import adapters
from crmkit.adapters import importing, loading, reading, repeats
from crmkit.adapters.spec import Reading
from crmkit.errors import DataError

ADAPTER = """\
title = "Orders"
[crm]
timezone = "UTC"
currency = "EUR"
[files.orders]
names = ["orders.csv"]
[tables.orders]
file = "orders"
[tables.orders.columns]
order_id = "Order"
customer_id = "Customer"
ordered_at = { from = "Day", dates = "dmy" }
amount = "Amount"
"""


def _orders(folder: Path, rows: int, more: str = "") -> Path:
    path = folder / "orders.csv"
    (folder / "orders.toml").write_text(ADAPTER, encoding="utf-8")
    duckdb.sql(
        f"""COPY (SELECT 'order number ' || i AS "Order", 'customer ' || (i % 999) AS "Customer",
        strftime(DATE '2024-01-01' + (i % 700)::INT, '%d/%m/%Y') AS "Day", i / 4 AS "Amount", '' AS "Note"
        FROM range({rows}) AS t(i)) TO '{path}' (HEADER)"""
    )
    with path.open("a", encoding="utf-8") as file:
        file.write(more)
    return path


def _imported(path: Path, to: str) -> bytes:
    adapters.run("orders", [path], path.parent / to, adapter=path.parent / "orders.toml", file_format="parquet")
    return (path.parent / to / "orders.parquet").read_bytes()


@pytest.mark.parametrize("uneven", ["", "order number 7,customer 7,08/01/2024,1.75\n"])
def test_a_large_file_waits_on_disk_and_gives_the_same_bytes(tmp_path, monkeypatch, uneven):
    path = _orders(tmp_path, 3_000, more="order number 7,customer 7,08/01/2024,1.75,\n,,,,\n" + uneven)
    before = _imported(path, "before")
    monkeypatch.setattr(loading, "_LARGE", 0)
    monkeypatch.setattr(repeats, "_AT_ONCE", 100)
    assert _imported(path, "after") == before
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/after/orders.parquet'").fetchone() == (3_000,)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_rows_that_share_a_key_are_found_wherever_they_stand(tmp_path, monkeypatch):
    monkeypatch.setattr(repeats, "_AT_ONCE", 100)
    path = _orders(tmp_path, 1_000, more="order number 7,customer 7,08/01/2024,99,\n")
    with pytest.raises(DataError, match=r"order number 7 .* rows that differ: orders.csv, line 9 and .*line 1002"):
        _imported(path, "to")


def test_a_file_larger_than_the_memory_is_imported(tmp_path, monkeypatch):
    path = _orders(tmp_path, 100_000)
    monkeypatch.setattr(importing, "_MEMORY", "16MB")
    monkeypatch.setattr(loading, "_LARGE", 0)
    monkeypatch.setattr(repeats, "_AT_ONCE", 20_000)
    _imported(path, "to")
    found = duckdb.sql(f"SELECT count(*), sum(amount) FROM '{tmp_path}/to/orders.parquet'").fetchone()
    assert found == (100_000, sum(range(100_000)) / 4)


@pytest.mark.parametrize(("large", "held"), [(0, False), (1 << 26, True)])
def test_the_cells_of_a_large_file_take_no_memory(tmp_path, monkeypatch, large, held):
    monkeypatch.setattr(loading, "_LARGE", large)
    with duckdb.connect(config={"temp_directory": str(tmp_path)}) as con:
        reading.stage(con, "orders", [_orders(tmp_path, 30_000)], Reading())
        assert con.execute("SELECT count(*) FROM stage_orders").fetchone() == (30_000,)
        used = con.execute("SELECT sum(memory_usage_bytes + temporary_storage_bytes) FROM duckdb_memory()").fetchone()[
            0
        ]
    assert (used > 1_000_000) is held
