"""The report: every notebook run on the data, converted, and put in one dated folder."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit import paths
from crmkit.errors import CrmkitError, UsageError
from crmkit.report import facts as _facts
from crmkit.report import parameters, publish
from crmkit.report.zygote import Zygote, can_fork

if TYPE_CHECKING:
    import nbformat

    from crmkit.report.execute import Executed, Limits
    from crmkit.report.page import Body

OK, FAILED, NOT_HERE = "ok", "failed", "not in this data"


@dataclass(frozen=True)
class Result:
    """What became of one notebook.

    Attributes
    ----------
    name : str
        As in `--only`, such as 02_retention.
    status : {"ok", "failed", "not in this data"}
    reason : str
        One line; "" where all is well.
    seconds : float
    title : str
    """

    name: str
    status: str
    reason: str
    seconds: float
    title: str


@dataclass(frozen=True)
class Run:
    """A finished report.

    Attributes
    ----------
    folder : Path
        Holds index.html, a page a notebook, kpis.csv and run.json.
    results : tuple of Result
        In the notebooks' order.
    """

    folder: Path
    results: tuple[Result, ...]

    @property
    def exit_status(self) -> int:
        """1 if a notebook failed, else 0; tables that are not in the data are no failure."""
        return int(any(result.status == FAILED for result in self.results))


@dataclass(frozen=True)
class _Chosen:
    """A notebook that is to be run."""

    name: str
    notebook: nbformat.NotebookNode
    declared: Mapping[str, parameters.Parameter]
    values: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Its first heading, for messages about pages that could not be made."""
        for cell in self.notebook.cells:
            for line in cell.source.splitlines():
                if cell.cell_type == "markdown" and line.startswith("# "):
                    return line.lstrip("# ").strip()
        return self.name


def render(
    *,
    data: str | Path | None = None,
    period: str = "latest",
    out: str | Path = "reports",
    only: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    jobs: int | None = None,
    lang: str = "en",
    notebooks: Path | None = None,
    progress: Callable[[str], None] | None = None,
    limits: Limits | None = None,
    fork: bool | None = None,
    resolve: Callable[[str | Path, str], _facts.Facts] | None = None,
) -> Run:
    """Run the report notebooks on a CRM's data and write `<out>/<as-of date>/<period>/`.

    The folder appears whole or not at all, in the place of an earlier report of the same date and period: it then
    holds the pages of this run alone, also where `only` left some out, and files of yours that were there. Same data
    and options, same bytes in all files but run.json, which has the run's own times.

    Parameters
    ----------
    data : str or Path, optional
        What `crmkit.open` takes; the sample company by default.
    period : str
        2026, 2026-Q3, 2026-09, 2026-W38, 2026-07-01/2026-10-01 or latest.
    out : str or Path
        The folder of all reports, made where it is missing.
    only : sequence of str
        Names of notebooks, such as 02_retention, or the part that is enough (02, retention); all by default.
    settings : mapping of str to str, optional
        Values of the notebooks' own parameters, as typed; converted by the declared types.
    jobs : int, optional
        Notebooks run at a time; by default 2 where kernels can be forked and there are 2 cores, else 1.
    lang : str
        The language of the report's frame.
    notebooks : Path, optional
        Another folder of NN_name.ipynb files than crmkit's own.
    progress : callable, optional
        Is given one line for each notebook as it ends; by default standard error.
    limits : Limits, optional
        Seconds and bytes that a notebook may take.
    fork : bool, optional
        Whether kernels are forked from a process that holds the imports; by default where that is safe.
    resolve : callable, optional
        Another way from (data, period) to `Facts`.

    Returns
    -------
    Run

    Raises
    ------
    UsageError
        If an option is wrong: an unknown notebook, parameter, language or period, a value of the wrong type, data that
        isn't there. Nothing is run then.
    DataError
        If the data is wrong.
    CrmkitError
        If the report can't be written, or another run is writing it.
    """
    data = paths.sample_data() if data is None else data
    progress = progress or _say
    folder = Path(notebooks) if notebooks is not None else paths.notebooks()
    fork = can_fork() if fork is None else fork
    jobs = _jobs(jobs, fork)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_terminable())
        # The imports of the kernels run while this process imports papermill and opens the data.
        zygote = stack.enter_context(Zygote()) if fork else None
        from crmkit.report import page

        page.texts(lang)  # refuses a language that isn't there before anything else is done
        chosen = _choose(folder, only, settings or {})
        facts = (resolve or _facts.resolve)(data, period)
        target = Path(out) / facts.folder
        command = _command(data, facts, only, settings or {}, lang)
        former = _former_files(target)
        with publish.building(target) as fresh:
            runner = _Runner(facts, folder, zygote, jobs, limits, lang, progress)
            results, run_record = _write_pages(fresh, runner, chosen, command)
            _write_text(fresh / "run.json", json.dumps(run_record, indent=1, ensure_ascii=False, default=str) + "\n")
            publish.keep_others(target, fresh, made=former)
    with publish.locked(Path(out) / ".index.lock", what="the index of reports", patience=20):
        from crmkit.report import index

        publish.write(Path(out) / "index.html", index.all_reports(Path(out), lang=lang))
    return Run(target, tuple(results))


def _former_files(target: Path) -> set[str]:
    """Return the names of the files that an earlier run made in a folder; whatever else is there is somebody's own.

    Raises
    ------
    UsageError
        If there is a folder that crmkit did not make.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return set()
    try:
        run = json.loads((target / "run.json").read_text(encoding="utf-8"))
        return {"index.html", "kpis.csv", "run.json", *(f"{made['name']}.html" for made in run["notebooks"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{target} is not a report of crmkit's. Move it away, or give another folder with --out."
        ) from None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _jobs(jobs: int | None, fork: bool) -> int:
    if jobs is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return 2 if fork and cores >= 2 else 1
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: the number of notebooks run at a time is 1 or more.")
    return jobs


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let a request to end (SIGTERM) unwind the stack, so that kernels and half a report are cleared away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(signum: int, _: object) -> None:
        raise SystemExit(128 + signum)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _choose(folder: Path, only: Sequence[str], settings: Mapping[str, str]) -> list[_Chosen]:
    """Read the notebooks that are wanted, and check all parameters before any of them is run."""
    import nbformat

    found = {path.stem: path for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
    if not found:
        raise UsageError(f"There are no report notebooks (NN_name.ipynb) in {folder}.")
    names = [_match(wanted, list(found)) for wanted in only] or list(found)
    read = {}
    for name in sorted(set(names)):
        try:
            read[name] = nbformat.read(found[name], as_version=4)
        except (OSError, ValueError) as error:
            raise CrmkitError(f"The notebook {found[name]} can't be read: {error}.") from None
    declared = {name: parameters.declared(notebook, name=name) for name, notebook in read.items()}
    values = parameters.check(settings, list(declared.values()))
    return [_Chosen(name, read[name], declared[name], given) for name, given in zip(read, values, strict=True)]


def _match(wanted: str, names: Sequence[str]) -> str:
    """Return the one notebook that a user means by its name, number or the name without its number."""
    asked = wanted.removesuffix(".ipynb")
    for name in names:
        if asked in (name, name[:2], name[3:]):
            return name
    near = get_close_matches(asked, [*names, *(name[3:] for name in names)], 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."
    raise UsageError(f"There is no notebook {wanted!r}. {hint}")


def _command(data: str | Path, facts: _facts.Facts, only: Sequence[str], settings: Mapping[str, str], lang: str) -> str:
    """Return the command that makes this report again, without passwords and whatever folder it is in."""
    words = ["crmkit", "report"]
    if Path(str(data)) != _sample_or_none():
        words += ["--data", _facts.shown(data)]
    words += ["--period", facts.period]
    for name in only:
        words += ["--only", name]
    for name, value in settings.items():
        words += ["--set", f"{name}={value}"]
    if lang != "en":
        words += ["--lang", lang]
    return shlex.join(words)


def _sample_or_none() -> Path | None:
    with contextlib.suppress(CrmkitError):
        return paths.sample_data()
    return None


@dataclass(frozen=True)
class _Runner:
    """Runs notebooks, some at a time."""

    facts: _facts.Facts
    folder: Path
    zygote: Zygote | None
    jobs: int
    limits: Limits | None
    lang: str
    progress: Callable[[str], None]

    def run(self, chosen: Sequence[_Chosen]) -> Iterator[tuple[_Chosen, Executed]]:
        """Yield each notebook as it ends; when the caller stops early, so do the notebooks."""
        from crmkit.report import execute
        from crmkit.report.kernels import Watch

        watches = [Watch() for _ in chosen]
        with execute.quiet(), ThreadPoolExecutor(self.jobs) as pool:
            waiting: dict[Future, _Chosen] = {
                pool.submit(
                    execute.run,
                    one.notebook,
                    parameters={"data": self.facts.source, "period": self.facts.period, **one.values},
                    folder=self.folder.resolve(),
                    zygote=self.zygote,
                    limits=self.limits or execute.Limits(),
                    watch=watch,
                ): one
                for one, watch in zip(chosen, watches, strict=True)
            }
            try:
                while waiting:
                    for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                        yield waiting.pop(done), done.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                if waiting:
                    for watch in watches:
                        watch.stop("the report was stopped")


def _write_pages(
    fresh: Path, runner: _Runner, chosen: Sequence[_Chosen], command: str
) -> tuple[list[Result], dict[str, Any]]:
    """Run and convert the notebooks, and write all files of the report but run.json, whose content is returned."""
    from crmkit.report import index, page

    facts, lang = runner.facts, runner.lang
    converter = page.Converter(lang=lang)
    bodies: dict[str, Body] = {}
    results: dict[str, Result] = {}
    scorecard: list[Any] = []
    begun = time.monotonic()
    runs = runner.run(chosen)
    with contextlib.closing(runs), ThreadPoolExecutor(1) as aside:
        counted = aside.submit(facts.scorecard)
        for one, executed in runs:
            status, reason, title = executed.status, executed.reason, one.title
            if executed.notebook is not None:
                try:
                    bodies[one.name] = converter.body(executed.notebook, name=one.name)
                    title = bodies[one.name].title
                except CrmkitError as error:
                    status, reason = FAILED, str(error)
                except Exception as error:  # the other pages are made all the same
                    status, reason = FAILED, f"its page can't be made: {type(error).__name__}: {error}"
            results[one.name] = Result(one.name, status, reason, executed.seconds, title)
            runner.progress(_line(results[one.name]))
        scorecard.append(counted.result())
    ordered = [results[one.name] for one in chosen]
    common = {"facts": facts, "lang": lang, "command": command, "version": _version("crmkit")}
    made = [result for result in ordered if result.status == OK]
    for at, result in enumerate(made):
        one = next(one for one in chosen if one.name == result.name)
        text = page.frame(
            "page.html",
            body=bodies[result.name],
            name=result.name,
            pages=made,
            previous=made[at - 1] if at else None,
            following=made[at + 1] if at + 1 < len(made) else None,
            settings=_settings(one),
            **common,
        )
        _write_text(fresh / f"{result.name}.html", text)
    shown = index.cards(scorecard[0], headlines=facts.headlines, currency=facts.currency, lang=lang)
    leads = {name: body.lead for name, body in bodies.items()}
    _write_text(
        fresh / "index.html", page.frame("front.html", pages=made, results=ordered, leads=leads, cards=shown, **common)
    )
    _write_text(fresh / "kpis.csv", index.kpis_csv(scorecard[0]))
    return ordered, _record(runner, ordered, chosen, time.monotonic() - begun)


def _line(result: Result) -> str:
    what = {OK: "ok", FAILED: f"FAILED  {result.reason}", NOT_HERE: f"not in this data: {result.reason}"}[result.status]
    return f"{result.name:<28} {result.seconds:6.1f} s  {what}"


def _settings(one: _Chosen) -> list[tuple[str, str, str]]:
    """Return name, value and help of a page's own parameters."""
    return [
        (name, str(one.values.get(name, parameter.default)), parameter.help)
        for name, parameter in one.declared.items()
        if name not in parameters.RESERVED
    ]


def _record(runner: _Runner, results: Sequence[Result], chosen: Sequence[_Chosen], seconds: float) -> dict[str, Any]:
    """Return what run.json holds: how the report was made, and nothing personal."""
    from crmkit.report import index

    facts = runner.facts
    libraries = ("crmkit", "pandas", "numpy", "ibis-framework", "duckdb", "matplotlib", "papermill", "nbconvert")
    return {
        "schema_version": index.SCHEMA_VERSION,
        "company": facts.company,
        "period": facts.period,
        "as_of": facts.as_of,
        "first": facts.first,
        "data": {"files": facts.files, "rows": facts.rows},
        "parameters": {one.name: {name: value for name, value, _ in _settings(one)} for one in chosen},
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in libraries}},
        "notebooks": [
            {
                "name": result.name,
                "title": result.title,
                "status": result.status,
                "reason": result.reason,
                "seconds": round(result.seconds, 2),
            }
            for result in results
        ],
        "seconds": round(seconds, 2),
    }


def _version(distribution: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
