"""Notebooks run through papermill, and the verdict on each.

papermill's own word for success is not taken: after a dead kernel, a timeout or `sys.exit` its metadata says
"completed". A run is complete when every code cell that holds something was executed and none shows an error.
All use of papermill is in this module.
"""

from __future__ import annotations

import contextlib
import logging
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill import execute_notebook
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from crmkit.report.kernels import Watch, manager_class
from crmkit.report.zygote import Zygote, environment

if TYPE_CHECKING:
    from crmkit.report.facts import Facts
    from crmkit.report.notebooks import Chosen

ENGINE = "crmkit"
_NOT_HERE = "NotInThisData"
_FAULTY_TEXT = re.compile(r"Glyph \S+ .*missing from font")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Limits:
    """How long a notebook may take, and how much it may show.

    Attributes
    ----------
    start_seconds, cell_seconds, notebook_seconds : float
        For the kernel's start, for each cell and for the whole notebook.
    output_bytes : int
        Of all outputs of one notebook; a page is a file that somebody opens.
    """

    start_seconds: float = 60
    cell_seconds: float = 300
    notebook_seconds: float = 900
    output_bytes: int = 20_000_000


@dataclass(frozen=True)
class Executed:
    """A notebook that was run: "ok" with its outputs, else "failed" or "not in this data" with the reason."""

    status: str
    reason: str
    seconds: float
    notebook: nbformat.NotebookNode | None = None


class _Client(PapermillNotebookClient):
    """Runs the cells, and stops a notebook that shows more than anybody can open."""

    def __init__(self, nb_man: Any, *, watch: Watch, output_bytes: int, **options: Any) -> None:
        super().__init__(nb_man, **options)
        self._watch, self._left, self._limit = watch, output_bytes, output_bytes

    def process_message(self, msg: dict, cell: Any, cell_index: int) -> Any:
        """Take in one message of the kernel unless the notebook has shown too much already."""
        self._left -= _size(msg["content"])
        if self._left < 0 and msg["msg_type"] in ("stream", "display_data", "execute_result", "error"):
            number = sum(not _injected(each) for each in self.nb.cells[: cell_index + 1])
            self._watch.stop(f"cell {number} shows more than a page may hold ({self._limit / 1e6:g} MB in all)")
            return None
        return super().process_message(msg, cell, cell_index)


def _size(content: Mapping[str, Any]) -> int:
    data = content.get("data") or {}
    return len(content.get("text") or "") + sum(len(value) for value in data.values() if isinstance(value, str))


def _injected(cell: nbformat.NotebookNode) -> bool:
    """Tell whether papermill put a cell there; its author doesn't count it."""
    return "injected-parameters" in cell.metadata.get("tags", [])


class _Engine(NBClientEngine):
    """papermill's engine with our client, our kernels and a working directory that threads don't share."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        """Run the cells of a notebook."""
        cwd, limits, watch = options["folder"], options["limits"], options["watch"]
        client = _Client(
            nb_man,
            watch=watch,
            output_bytes=limits.output_bytes,
            kernel_manager_class=manager_class(options["zygote"], watch, options["sockets"]),
            kernel_name=kernel_name,
            startup_timeout=limits.start_seconds,
            timeout=limits.cell_seconds,
            iopub_timeout=30,
            shutdown_kernel="immediate",
            coalesce_streams=True,  # how a stream is cut into messages is chance
            ipython_hist_file=":memory:",
            log=logging.getLogger("papermill"),
        )
        client.execute(cwd=str(cwd), env=environment(options["prepared"]))


papermill_engines.register(ENGINE, _Engine)


def run(
    notebook: nbformat.NotebookNode,
    *,
    parameters: Mapping[str, Any],
    folder: Path,
    zygote: Zygote | None,
    limits: Limits,
    watch: Watch,
    sockets: Path,
    prepared: Path | None = None,
) -> Executed:
    """Run a notebook with its parameters set, and judge the run.

    Parameters
    ----------
    notebook : NotebookNode
        As read from its file; it is not changed.
    parameters : mapping
        Checked values by name.
    folder : Path
        The working directory, as in JupyterLab the notebook's own.
    zygote : Zygote or None
        What kernels are forked from; None for the ordinary start.
    limits : Limits
    watch : Watch
        A way for other threads to stop the run.
    sockets : Path
        A folder for the channels to the kernel.
    prepared : Path, optional
        A folder in which the kernel may find a copy of the tables.
    """
    begun = time.monotonic()
    too_long = f"the notebook took longer than {limits.notebook_seconds:g} s"
    timer = threading.Timer(limits.notebook_seconds, watch.stop, [too_long])
    timer.daemon = True
    timer.start()
    executed = None
    try:
        executed = execute_notebook(
            notebook,
            None,
            parameters=dict(parameters),
            engine_name=ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            folder=folder,
            zygote=zygote,
            limits=limits,
            watch=watch,
            sockets=sockets,
            prepared=prepared,
        )
        executed.cells = [cell for cell in executed.cells if not _injected(cell)]
        status, reason = judge(executed)
    except PapermillExecutionError as error:
        status, reason = _explain(error, notebook)
    except CellTimeoutError:
        status, reason = "failed", f"a cell took longer than {limits.cell_seconds:g} s"
    except DeadKernelError:
        status, reason = "failed", "the notebook's process died, most often for lack of memory"
    except (RuntimeError, OSError) as error:
        status, reason = "failed", f"the notebook's process could not be started or reached: {error}"
    except Exception as error:  # whatever it is, it is this notebook's failure and not the report's
        status, reason = "failed", f"{type(error).__name__}: {error}"
    finally:
        timer.cancel()
    if watch.reason:
        status, reason = "failed", watch.reason
    return Executed(status, reason, time.monotonic() - begun, executed if status == "ok" else None)


def judge(notebook: nbformat.NotebookNode) -> tuple[str, str]:
    """Return ("ok", "") for a notebook that ran to its end without fault, else "failed" and the first reason."""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                ended = "the notebook ended itself with sys.exit" if output.ename == "SystemExit" else output.ename
                return "failed", f"cell {number}: {ended}"
            glyph = _FAULTY_TEXT.search(output.get("text", "")) if output.output_type == "stream" else None
            if glyph:
                return "failed", (
                    f"cell {number}: a figure shows boxes instead of letters ({glyph[0]}). Install a font that has "
                    "them, for Chinese, Japanese and Korean with pip install 'crmkit[cjk]'"
                )
        if cell.execution_count is None:
            return "failed", f"cell {number} was not run"
    return "ok", ""


def _explain(error: PapermillExecutionError, notebook: nbformat.NotebookNode) -> tuple[str, str]:
    """Return status and reason of a notebook that raised; cells are counted as its author sees them."""
    message = _ANSI.sub("", error.evalue or "").strip()
    if error.ename == _NOT_HERE:
        return "not in this data", message.splitlines()[0] if message else "its tables are missing"
    shown = message if len(message) <= 500 else message[:500] + " …"
    tagged = (number for number, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
    injected = next(tagged, -1) + 1  # papermill puts a cell of its own there
    number = error.cell_index + (error.cell_index < injected)
    return "failed", f"cell {number}: {error.ename}{': ' if shown else ''}{shown}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the logs of papermill and its kernels from standard error; what matters is in the verdicts."""
    loggers = [logging.getLogger(name) for name in ("papermill", "traitlets")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def run_all(
    chosen: Sequence[Chosen],
    *,
    facts: Facts,
    folder: Path,
    zygote: Zygote | None,
    jobs: int,
    limits: Limits | None = None,
    prepared: Path | None = None,
) -> Iterator[tuple[Chosen, Executed]]:
    """Run notebooks, `jobs` at a time, and yield each as it ends; when the caller stops early, so do they."""
    watches = [Watch() for _ in chosen]
    with (
        quiet(),
        tempfile.TemporaryDirectory(prefix="crmkit-", ignore_cleanup_errors=True) as sockets,
        ThreadPoolExecutor(jobs) as pool,
    ):
        waiting: dict[Future, Chosen] = {
            pool.submit(
                run,
                one.notebook,
                parameters={"data": facts.source, "period": facts.period, **one.values},
                folder=folder.resolve(),
                zygote=zygote,
                limits=limits or Limits(),
                watch=watch,
                sockets=Path(sockets),
                prepared=prepared,
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
