"""The report: every notebook run on the data, converted, and put in one dated folder."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crmkit import paths
from crmkit.errors import CrmkitError, UsageError
from crmkit.personal.codes import key_of
from crmkit.report import contents, publish
from crmkit.report import facts as _facts
from crmkit.report.contents import Result
from crmkit.report.notebooks import choose
from crmkit.report.zygote import Zygote, can_fork

if TYPE_CHECKING:
    from crmkit.report.execute import Limits


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
        return int(any(result.status == contents.FAILED for result in self.results))


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
        key_of("")  # where no secret can be kept, the kernels get the one that is drawn here
        prepared = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crmkit-")))
        zygote = stack.enter_context(Zygote(prepared)) if fork else None
        from crmkit.report import execute, index, page

        page.texts(lang)  # refuses a language that isn't there before anything else is done
        chosen = choose(folder, only, settings or {})
        facts = resolve(data, period) if resolve else _facts.resolve(data, period, prepared=prepared)
        target = Path(out) / facts.folder
        command = _command(data, facts, only, settings or {}, lang)
        former = _former_files(target)
        with publish.building(target) as fresh:
            runs = execute.run_all(
                chosen, facts=facts, folder=folder, zygote=zygote, jobs=jobs, limits=limits, prepared=prepared
            )
            with contextlib.closing(runs):
                results = contents.write(
                    fresh, runs, chosen=chosen, facts=facts, command=command, lang=lang, progress=progress
                )
            publish.keep_others(target, fresh, made=former)
    with publish.locked(Path(out) / ".index.lock", what="the index of reports", patience=20):
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
