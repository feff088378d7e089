"""Measure crmkit's speed and memory against hand-written DuckDB SQL, plain pandas and the Jupyter commands.

    python benchmarks/run.py                      # all, with 10 million orders and answers: about a quarter of an hour
    python benchmarks/run.py --orders 1000000     # smaller
    python benchmarks/run.py --only questions memory

What counts are the ratios: both sides run in turn on the same machine, and the ratio is the median of the pairs'.
Making the data is not timed; it is kept in `--folder` for the next run. Every answer is checked against the others.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import company
import entered_twice
import importing
import lifetime_value
import pages
import scorecard_sql
from questions import QUESTIONS
from ways import alone, assert_same, fresh, interleaved, sql_engine, timed

LINE = "{:<42} {:>12} {:>12} {:>9} {:>9}  {}"


def say(what: str, mine: str, other: str, ratio: float, target: float, *, fewer: bool = True) -> None:
    """Print one line: what was measured, both sides, the ratio, the target and whether it is met."""
    met = ratio <= target if fewer else ratio >= target
    sign = "≤" if fewer else "≥"
    print(LINE.format(what, mine, other, f"{ratio:.2f}", f"{sign} {target:g}", "met" if met else "MISSED"), flush=True)


def head(title: str, mine: str, other: str) -> None:
    """Print the head of a group of lines."""
    print(f"\n{title}\n{LINE.format('', mine, other, 'ratio', 'target', '')}", flush=True)


def questions(args) -> None:
    """Each question in a warm process against SQL, then in a process of its own against pandas."""
    import crmkit

    head("In a warm process, seconds", "crmkit", "DuckDB SQL")
    for question in QUESTIONS:
        folder = data(args, question.tables)
        crm, engine = crmkit.open(folder), sql_engine(folder)

        def mine(question=question, crm=crm):
            return question.crmkit(fresh(crm))

        def other(question=question, engine=engine):
            return engine.execute(question.sql).to_arrow_table()

        rows = assert_same(question, mine(), other())
        seconds, others, ratio = interleaved(mine, other, args.repeat)
        say(f"{question.name} ({rows:,} rows)", f"{seconds:.2f}", f"{others:.2f}", ratio, 1.3)
    head("In a process of its own, second asking, seconds, then peak MB", "crmkit", "pandas")
    for question in QUESTIONS:
        folder = data(args, question.tables)
        pairs = [[alone(way, question.name, folder) for way in ("crmkit", "pandas")] for _ in range(args.processes)]
        for crmkit_, pandas_ in pairs:
            assert_same(question, crmkit_["answer"], pandas_["answer"])
        for unit, target in (("seconds", 1.0), ("megabytes", 0.5)):
            ratios = [a[unit] / b[unit] for a, b in pairs]
            middle = [statistics.median(pair[side][unit] for pair in pairs) for side in (0, 1)]
            shown = [f"{number:.2f}" if unit == "seconds" else f"{number:,.0f}" for number in middle]
            say(f"{question.name}, {unit}", *shown, statistics.median(ratios), target)


SCORECARD_TABLES = ("customers", "orders", "surveys", "opportunities")


def scorecard(args) -> None:
    """The whole scorecard against the same numbers in hand-written SQL, and on the sample company."""
    import crmkit

    folder = data(args, SCORECARD_TABLES)
    crm, engine = crmkit.open(folder), sql_engine(folder)
    by_hand = functools.partial(scorecard_sql.numbers, engine)
    compared = scorecard_sql.assert_same(crm.scorecard("2026-Q3").attrs["history"], by_hand())
    head(f"Scorecard, {compared} metrics and nine quarters, seconds", "crmkit", "SQL")
    seconds, others, ratio = interleaved(lambda: fresh(crm).scorecard("2026-Q3"), by_hand, max(1, args.repeat // 2))
    say("to grouped queries of each table by hand", f"{seconds:.2f}", f"{others:.2f}", ratio, 1.5)
    seconds, others, ratio = interleaved(lambda: crm.scorecard("2026-Q3"), by_hand, max(1, args.repeat // 2))
    say("again, with what is kept of the first time", f"{seconds:.2f}", f"{others:.2f}", ratio, 1.5)
    small = crmkit.open(pages.ROOT / "data" / "sample")
    small.scorecard()
    times = [timed(small.scorecard)[1] for _ in range(args.repeat)]
    middle = statistics.median(times)
    print(LINE.format("sample company, again in the same process", f"{middle:.2f}", "", "", "", ""), flush=True)


def memory(args) -> None:
    """Five times the orders, with an engine that may use 700 MB, in a process of its own."""
    orders = 5 * args.orders
    folder = company.make(args.folder, orders=orders, customers=args.customers, opportunities=args.opportunities,
                          tables=("customers", "orders"))  # fmt: skip
    head(f"{orders:,} orders with memory='700MB', peak MB", "crmkit", "allowed")
    for name in ("RFM per customer", "Monthly cohorts"):
        found = alone("crmkit", name, folder, memory="700MB", times=1)
        say(f"{name}, {found['seconds']:.0f} s", f"{found['megabytes']:,.0f}", "1,000", found["megabytes"] / 1000, 1)


def imports(args) -> None:
    """`import crmkit` in a process of its own, less what Python itself takes to start."""
    head("Import, seconds", "import", "bare python")

    def start(code: str) -> float:
        return timed(lambda: subprocess.run([sys.executable, "-c", code], check=True))[1]

    pairs = [(start("import crmkit"), start("pass")) for _ in range(2 * args.repeat + 1)]
    loaded, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    say("import crmkit, seconds over bare python", f"{loaded:.3f}", f"{bare:.3f}", max(loaded - bare, 0), 0.5)


def notebooks(args) -> None:
    """`crmkit report` against papermill and nbconvert commands, and against plain scripts."""
    found = pages.notebooks()
    if not found:
        print("\nNotebooks: none found in notebooks/")
        return
    seconds = pages.measured(max(1, args.repeat // 2))
    head(f"Rendering {len(found)} notebooks, seconds", "crmkit report", "other")
    mine = seconds["crmkit"]
    faster = [other / own for own, other in zip(mine, seconds["commands"], strict=True)]
    slower = [own / other for own, other in zip(mine, seconds["scripts"], strict=True)]
    middle = {name: f"{statistics.median(times):.1f}" for name, times in seconds.items()}
    say("papermill and nbconvert commands ÷ crmkit", middle["crmkit"], middle["commands"], statistics.median(faster), 4,
        fewer=False)  # fmt: skip
    say("crmkit ÷ plain scripts", middle["crmkit"], middle["scripts"], statistics.median(slower), 1.2)


def lifetime(args) -> None:
    """BG/NBD and Gamma-Gamma fitted to as many customers, against the lifetimes package at the same log-likelihood."""
    folder = lifetime_value.summaries(args.folder, args.customers)
    rows = lifetime_value.pd.read_csv(folder / lifetime_value.FILE)
    mine = lifetime_value.ours(rows, args.repeat)
    head(f"Lifetime value, {len(rows):,} customers, seconds", "crmkit", "lifetimes")
    say("BG/NBD, seconds for a million", f"{mine['buying']:.2f}", "", mine["buying"] * 1e6 / len(rows), 1.0)
    python, reason = lifetime_value.environment(args.folder)
    if python is None:
        print(f"not compared: {reason}")
        return
    other = lifetime_value.theirs(python, folder)
    for name, key in (("BG/NBD", "buying"), ("Gamma-Gamma", "spending")):
        say(name, f"{mine[key]:.2f}", f"{other[key]:.2f}", other[key] / mine[key], 20 if key == "buying" else 1,
            fewer=False)  # fmt: skip
    heights = [lifetime_value.likelihood(rows, found["parameters"]) for found in (mine, other)]
    print(f"log-likelihood {heights[0]:,.3f} and {heights[1]:,.3f}: ahead by {heights[0] - heights[1]:,.3f}")


def duplicates(args) -> None:
    """Customers entered twice among 100,000: how many of those planted are found, how many are wrong, how fast."""
    found = entered_twice.measured(args.records)
    head(f"Duplicates among {found['records']:,} customers, {found['planted']:,} pairs planted", "crmkit", "target")
    for name, target in (("precision", 0.98), ("recall", 0.95)):
        say(name, f"{found[name]:.4f}", f"{target:g}", found[name], target, fewer=False)
    told = f"seconds, {found['compared']:,} pairs compared"
    say(told, f"{found['seconds']:.1f}", "60", found["seconds"], 60)
    say("seconds of processors", f"{found['work']:.1f}", "60", found["work"], 60)


def reading(args) -> None:
    """`crmkit import` of a CSV of orders, all checked and accounted for, against readers that check nothing."""
    path = importing.orders(args.folder, args.orders)
    size = path.stat().st_size / 2**20
    head(f"Import of {args.orders:,} orders, {size:,.0f} MB of CSV, to Parquet", "crmkit", "other")
    python, reason = importing.environment(args.folder)
    if python is None:
        print(f"polars is left out: {reason}")
    others = {"duckdb": sys.executable, "pandas": sys.executable, **({"polars": python} if python else {})}
    runs = [
        {way: importing.measured(way, path, where) for way, where in {"crmkit": sys.executable, **others}.items()}
        for _ in range(args.processes)
    ]
    for found in runs:
        for way in others:
            if found[way]["answer"] != found["crmkit"]["answer"]:
                raise AssertionError(f"{way} found {found[way]['answer']} and crmkit {found['crmkit']['answer']}")
    for unit, words in (("seconds", "seconds"), ("processor", "seconds of the processor")):
        for way in others:
            ratios = [found["crmkit"][unit] / found[way][unit] for found in runs]
            middle = [statistics.median(found[side][unit] for found in runs) for side in ("crmkit", way)]
            shown = [f"{number:,.1f}" for number in middle]
            say(f"{way}, {words}", *shown, statistics.median(ratios), importing.TARGETS[way])
    peaks = {way: statistics.median(found[way]["megabytes"] for found in runs) for way in ("crmkit", *others)}
    print("Peak MB: " + ", ".join(f"{way} {peak:,.0f}" for way, peak in peaks.items()))
    say("whatever the size of the file, peak MB", f"{peaks['crmkit']:,.0f}", "1,000", peaks["crmkit"] / 1000, 1)


PARTS = {
    part.__name__: part for part in (imports, questions, scorecard, memory, notebooks, lifetime, duplicates, reading)
}


def data(args, tables: tuple[str, ...]) -> Path:
    """Return the folder of the tables, made where it is not there yet."""
    return company.make(args.folder, orders=args.orders, customers=args.customers, opportunities=args.opportunities,
                        tables=tables)  # fmt: skip


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=10_000_000, help="orders, and as many survey answers")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--opportunities", type=int, default=5_000_000)
    parser.add_argument("--records", type=int, default=100_000, help="customers among whom some were entered twice")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "crmkit-benchmarks"),
                        help="where the data is made and kept (default: %(default)s)")  # fmt: skip
    parser.add_argument("--repeat", type=int, default=5, help="pairs of measurements in one process")
    parser.add_argument("--processes", type=int, default=1, help="pairs of processes of their own")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART",
                        help=f"some of {', '.join(PARTS)}")  # fmt: skip
    args = parser.parse_args()
    print(f"{args.orders:,} orders and answers, {args.customers:,} customers, {args.opportunities:,} opportunities")
    for part in args.only:
        PARTS[part](args)


if __name__ == "__main__":
    main()
