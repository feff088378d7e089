"""Importing orders from a spreadsheet-like CSV: crmkit, which checks and accounts for every cell, against bare readers.

The others do the least that gives the same table: read the file, cast the same columns by the formats that are known
beforehand, write them as Parquet. They check nothing, count nothing and name no line. Run as a script, it does one of
the ways and prints seconds, peak memory and sums that must agree; polars lives in an environment of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
POLARS = ("polars>=1.30,<2",)
WHEN = "%d/%m/%Y %H:%M"
ADAPTER = f"""\
title = "Orders of a spreadsheet"
[crm]
name = "Orders"
currency = "EUR"
timezone = "UTC"
as_of = {{ latest = ["orders.ordered_at"] }}
[files.orders]
names = ["orders*.csv"]
required = true
[tables.orders]
file = "orders"
[tables.orders.columns]
order_id = "Order ID"
customer_id = "Customer"
ordered_at = {{ from = "Ordered at", dates = "{WHEN}" }}
amount = "Total"
cost = "Cost"
channel = "Channel"
status = "Status"
"""
NAMES = {
    "Order ID": "order_id",
    "Customer": "customer_id",
    "Ordered at": "ordered_at",
    "Total": "amount",
    "Cost": "cost",
    "Channel": "channel",
    "Status": "status",
}


def orders(folder: Path, rows: int) -> Path:
    """Return a CSV of orders, made where it is not there yet: quoted cells, days first, notes that nothing uses."""
    import duckdb

    place = folder / f"import-{rows}"
    path = place / "orders.csv"
    if not path.exists():
        place.mkdir(parents=True, exist_ok=True)
        (place / "orders.toml").write_text(ADAPTER, encoding="utf-8")
        duckdb.sql(
            f"""COPY (SELECT 'O-' || (1000000 + i) AS "Order ID",
            'C-' || (hash(i * 7) % {max(rows // 10, 1)}) AS "Customer",
            strftime(TIMESTAMP '2023-01-01' + to_minutes(CAST(hash(i) % 1900000 AS INT)), '{WHEN}') AS "Ordered at",
            CAST(hash(i * 3) % 100000 / 100 AS DECIMAL(10, 2)) AS "Total",
            CAST(hash(i * 5) % 50000 / 100 AS DECIMAL(10, 2)) AS "Cost",
            ['Web', 'Shop', 'Phone', 'Partner, other'][CAST(1 + hash(i * 11) % 4 AS INT)] AS "Channel",
            ['paid', 'shipped', 'returned'][CAST(1 + hash(i * 13) % 3 AS INT)] AS "Status",
            CASE WHEN hash(i * 17) % 10 = 0 THEN 'call back, note ' || i ELSE '' END AS "Remark"
            FROM range({rows}) AS t(i)) TO '{path}.part' (HEADER)"""
        )
        Path(f"{path}.part").rename(path)
    return path


def crmkit(path: Path, out: Path) -> None:
    """Import by an adapter, with all that it checks and says."""
    from crmkit import adapters

    adapters.run("orders", [path], out, adapter=path.parent / "orders.toml", file_format="parquet")


def duckdb(path: Path, out: Path) -> None:
    """Read, cast and write with DuckDB alone."""
    import duckdb as engine

    out.mkdir()
    cast = {"Ordered at": f"strptime(\"Ordered at\", '{WHEN}')", "Total": 'CAST("Total" AS DOUBLE)'}
    cast["Cost"] = 'CAST("Cost" AS DOUBLE)'
    columns = ", ".join(f"{cast.get(header, chr(34) + header + chr(34))} AS {name}" for header, name in NAMES.items())
    engine.execute(
        f"COPY (SELECT {columns} FROM read_csv('{path}', all_varchar = true)) "
        f"TO '{out}/orders.parquet' (FORMAT parquet)"
    )


def pandas(path: Path, out: Path) -> None:
    """Read, cast and write with pandas."""
    import pandas as pd

    out.mkdir()
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=list(NAMES)).rename(columns=NAMES)
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"], format=WHEN)
    for name in ("amount", "cost"):
        frame[name] = pd.to_numeric(frame[name])
    frame.to_parquet(out / "orders.parquet", index=False)


def polars(path: Path, out: Path) -> None:
    """Read, cast and write with polars."""
    import polars as pl

    out.mkdir()
    frame = pl.read_csv(path, infer_schema=False, columns=list(NAMES)).rename(NAMES)
    frame.with_columns(
        pl.col("ordered_at").str.to_datetime(WHEN), pl.col("amount", "cost").cast(pl.Float64)
    ).write_parquet(out / "orders.parquet")


# crmkit ÷ the other: what its second look at every cell, the account and the checks of keys may cost
TARGETS = {"duckdb": 5, "pandas": 1.5, "polars": 6}
WAYS = {way.__name__: way for way in (crmkit, duckdb, pandas, polars)}


def environment(folder: Path) -> tuple[Path | None, str]:
    """Return the Python of an environment with polars, made where it is not there yet; else the reason."""
    home = folder / "polars-environment"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (home / "complete").exists():
        venv.create(home, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *POLARS]
        done = subprocess.run(install, check=False, capture_output=True, text=True)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            return None, f"polars could not be installed: {said[-1] if said else 'no reason given'}"
        (home / "complete").touch()
    return python, ""


def measured(way: str, path: Path, python: Path | str = sys.executable) -> dict[str, float]:
    """Run one way in a process of its own; return seconds, megabytes and the file it wrote, summed up."""
    import duckdb as engine

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        out = Path(folder, "out")
        done = subprocess.run([str(python), str(HERE / "importing.py"), way, str(path), str(out)], check=False,
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{way} failed:\n{done.stderr[-2000:]}")
        sums = engine.sql(
            "SELECT count(*), count(DISTINCT customer_id), sum(CAST(amount AS DECIMAL(12, 2))), sum(epoch(ordered_at)) "
            f"FROM '{out}/orders.parquet'"
        ).fetchone()
    return {**json.loads(done.stdout.splitlines()[-1]), "answer": sums}


def main(way: str, path: str, out: str) -> None:
    """Do one way and print what it took; the imports of libraries count, for an import is a process of its own."""
    import resource

    start = time.perf_counter()
    WAYS[way](Path(path), Path(out))
    seconds = time.perf_counter() - start
    times = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": seconds, "processor": times.ru_utime + times.ru_stime,
                      "megabytes": times.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)}))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
