"""Asking a question in one way or another, in this process or in one of its own, and comparing answers."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from questions import QUESTIONS, Question

from crmkit.relations import all_derived

HERE = Path(__file__).resolve().parent
MEGABYTE = 1_000_000


def fresh(crm):
    """Return the open tables without what an earlier question computed of them, such as the kept spells."""
    crm.remembered.clear()
    for name, made in all_derived().items():
        if name in crm.relations._made:
            table = crm.relations._made.pop(name)
            crm.engine.raw_sql(f'DROP {"TABLE" if made.keep else "VIEW"} "{table.get_name()}"')
    return crm


def sql_engine(folder: Path):
    """Return a DuckDB with the tables of `folder` as views."""
    import duckdb

    engine = duckdb.connect()
    engine.execute("SET enable_progress_bar = false")
    for file in sorted(folder.glob("*.parquet")):
        engine.execute(f"CREATE VIEW {file.stem} AS SELECT * FROM '{file}'")
    return engine


def timed(call: Callable):
    """Return what `call` returns, and how many seconds it took."""
    start = time.perf_counter()
    found = call()
    return found, time.perf_counter() - start


def interleaved(one: Callable, other: Callable, repeat: int) -> tuple[float, float, float]:
    """Return the median seconds of both, each after the other in turn, and the median of the ratios one ÷ other."""
    one(), other()
    pairs = [(timed(one)[1], timed(other)[1]) for _ in range(repeat)]
    ratios = [first / second for first, second in pairs]
    return (*(statistics.median(times) for times in zip(*pairs, strict=True)), statistics.median(ratios))


def frame(answer):
    """Return an answer as a DataFrame."""
    return answer.to_pandas() if hasattr(answer, "to_pandas") else answer


def assert_same(question: Question, answer, other) -> int:
    """Check that two answers are the same but for rounding in the last places, and return how many rows they have.

    A row without any number, such as a quarter in which nothing was won, may be there or not.
    """
    import numpy as np

    keys = list(question.keys)
    known = [frame(a).dropna(subset=list(question.numbers), how="all") for a in (answer, other)]
    mine, theirs = (found.sort_values(keys, ignore_index=True) for found in known)
    if len(mine) != len(theirs):
        raise AssertionError(f"{question.name}: {len(mine):,} rows and {len(theirs):,}")
    for key in keys:
        if not (mine[key].to_numpy() == theirs[key].to_numpy()).all():
            raise AssertionError(f"{question.name}: the answers differ in {key}")
    for name in question.numbers:
        np.testing.assert_allclose(
            mine[name].to_numpy(float), theirs[name].to_numpy(float), rtol=1e-9, atol=1e-6, err_msg=question.name
        )
    return len(mine)


def alone(way: str, question: str, folder: Path, *, memory: str = "", times: int = 2) -> dict[str, float]:
    """Ask a question in a process of its own; return the seconds of its last asking, peak megabytes and the answer."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as room:
        command = [sys.executable, str(HERE / "ways.py"), way, question, str(folder), room, memory, str(times)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{question} by {way} failed:\n{done.stderr[-2000:]}")
        said = json.loads(done.stdout.splitlines()[-1])
        answer = Path(room, "answer.parquet")
        return said | {"answer": pd.read_parquet(answer) if answer.exists() else None}


def peak_megabytes() -> float:
    """Return the most memory that this process has held.

    Linux adds the parent's memory at the fork to what `getrusage` says, so the kernel's own mark goes first.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / MEGABYTE
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / MEGABYTE


def _ask(way: str, name: str, folder: str, room: str, memory: str, times: str) -> None:
    question = next(q for q in QUESTIONS if q.name == name)
    if way == "crmkit":
        import crmkit

        crm = crmkit.open(folder, memory=memory or None)
        asks: Callable = lambda: question.crmkit(fresh(crm))  # noqa: E731
    elif way == "sql":
        engine = sql_engine(Path(folder))
        asks = lambda: engine.execute(question.sql).to_arrow_table()  # noqa: E731
    else:
        import pandas  # noqa: F401, so that importing it is not timed

        asks = lambda: question.pandas(Path(folder))  # noqa: E731
    for _ in range(int(times)):
        answer, seconds = timed(asks)
    print(json.dumps({"seconds": seconds, "megabytes": peak_megabytes()}))
    if times != "1":
        plain = frame(answer).copy()
        plain.attrs = {}
        plain.to_parquet(Path(room) / "answer.parquet")


def main(arguments: Sequence[str]) -> None:
    """Answer one question, as `alone` asks."""
    _ask(*arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
