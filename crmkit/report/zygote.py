"""The process that kernels are forked from: it holds the imports, and does nothing else.

`Zygote` is the handle that the report holds; `main` is what runs in the process, started with a socket as its
standard input. Importing pandas, seaborn and Ibis
takes seconds; a fork of a process that has them takes milliseconds. A fork is only safe in a process without threads
and connections, so this one never opens data, draws or listens on anything: it imports, then answers requests, each
one line of JSON, with one line of JSON. When the socket closes, because the report ended or was killed, it kills what
it started and ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import random
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

#: What a report notebook is likely to import, in the order in which they build on one another.
LIBRARIES = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "pyarrow.parquet",
    "pandas",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "duckdb",
    "ibis",
    "ibis.backends.duckdb",
    "ibis.backends.sql.compilers.duckdb",
    "scipy.special",
    "scipy.sparse",
)
#: What only some of the later notebooks need, such as those of models: imported when the first kernels are at work.
LATER = (
    "scipy.optimize",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "sklearn.cluster",
    "statsmodels.duration.hazard_regression",
    "skops.io",
)
#: Notebooks run side by side: threads of one would wait for those of another, and sums depend on how many there are.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_MANY = 3
"""With so many notebooks more are likely to come."""
#: Parts of crmkit that no report notebook uses.
_ELSEWHERE = ("crmkit.adapters", "crmkit.cli", "crmkit.commands", "crmkit.report", "crmkit.sample")


def can_fork() -> bool:
    """Tell whether kernels can be forked here: on Linux, with process descriptors.

    On macOS the system's own libraries may hold threads from their import on, and Windows has no fork; there each
    notebook gets an ordinary kernel, which takes a second or two longer.
    """
    return sys.platform == "linux" and hasattr(os, "fork") and hasattr(os, "pidfd_open")


def environment(prepared: Path | None = None) -> dict[str, str]:
    """Return the environment of every kernel of a report: same inputs, same bytes, and no questions to a terminal.

    `prepared` is the folder of the tables' copy that the kernels share.
    """
    return (
        _ONE_THREAD  # unless somebody says otherwise
        | os.environ
        | _search_path()
        | {
            "PYTHONHASHSEED": "0",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONUTF8": "1",
        }
        | ({"CRMKIT_PREPARED": str(prepared)} if prepared else {})
    )


class Zygote:
    """The process that kernels are forked from ; it starts to import when it is made.

    `prepared` is the folder in which the kernels may find a copy of the tables. A context manager: leaving it ends the
    process and all kernels that are still alive.
    """

    def __init__(self, prepared: Path | None = None) -> None:
        self._channel, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    __file__,
                ],  # as a file: the package around it imports much that isn't needed here
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment(prepared),
                start_new_session=True,
            )

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def fork(self, connection_file: str, *, cwd: str, env: dict[str, str], arguments: list[str]) -> int:
        """Fork a kernel that listens as `connection_file` says, and return its process id."""
        request = {"connection_file": connection_file, "cwd": cwd, "env": env, "arguments": arguments}
        with self._lock:
            self._channel.sendall(json.dumps(request).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                received = self._channel.recv(4096)
                if not received:
                    raise RuntimeError("the process that kernels are forked from has ended")
                answer += received
        return json.loads(answer)["pid"]


def _search_path() -> dict[str, str]:
    """Return the PYTHONPATH with which a kernel finds a crmkit that is run from a checkout without being installed."""
    home = Path(__file__).resolve().parents[2]
    if not (home / "pyproject.toml").is_file():
        return {}
    return {"PYTHONPATH": os.pathsep.join([str(home), *filter(None, [os.environ.get("PYTHONPATH")])])}


def main() -> None:
    """Import, then fork a kernel for each request until the socket closes."""
    channel = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:  # noqa: PTH123, a descriptor is wanted
        os.dup2(nothing.fileno(), 0)
    gc.disable()  # nothing that is imported is garbage; looking for it takes a third of the time
    _import_all()
    gc.freeze()  # shared pages stay shared: the collector of a child doesn't touch them
    gc.enable()
    gc.set_threshold(50_000, 20, 50)  # queries are built of many small objects: looking for garbage took a sixth
    running: set[int] = set()
    try:
        _serve(channel, running)
    finally:
        for pid in running:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)


def _import_all() -> None:
    """Import the libraries and crmkit's own modules; what fails to import fails again, readably, in the notebook."""
    import crmkit

    own = (module.name for module in pkgutil.walk_packages(crmkit.__path__, "crmkit.", onerror=lambda _: None))
    for name in (*LIBRARIES, *(name for name in own if not name.startswith(_ELSEWHERE))):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    with contextlib.suppress(Exception):
        _look_up_needs()
    # The inline backend ties itself to the kernel when it is imported, so each kernel has to import it itself.
    sys.modules.pop("matplotlib_inline.backend_inline", None)


def _look_up_needs() -> None:
    """Find out once for all kernels which columns each metric needs; it takes no data, only the declarations."""
    from crmkit.engine.availability import adds, needs
    from crmkit.metric import all_metrics

    for name in all_metrics():
        needs(name)
        adds(name)


def _serve(channel: socket.socket, running: set[int]) -> None:
    """Answer requests until the other end is gone."""
    # A child that ends wakes the wait, so that its place in the process table is given back at once.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    # SIGINT from a terminal goes to the whole group; the report decides what then happens to the kernels.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pending, later, forked = b"", [], 0
    while True:
        ready, _, _ = select.select([channel, read_end], [], [], 0 if later else None)
        if not ready:
            _import_one(later)
        if read_end in ready:
            os.read(read_end, 4096)
            _reap(running)
        if channel in ready:
            received = channel.recv(65536)
            if not received:
                return
            pending += received
            *lines, pending = pending.split(b"\n")
            for line in lines:
                request = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    channel.close()
                    os.close(read_end)
                    os.close(write_end)
                    _become_kernel(request)
                forked += 1
                if forked == _MANY:
                    later = list(LATER)
                running.add(pid)
                channel.sendall(json.dumps({"pid": pid}).encode() + b"\n")


def _import_one(names: list[str]) -> None:
    """Import the first of `names` and take it from the list; nobody waits for it but a kernel asked for meanwhile."""
    gc.disable()
    with contextlib.suppress(Exception):
        importlib.import_module(names.pop(0))
    gc.freeze()
    gc.enable()


def _reap(running: set[int]) -> None:
    """Take note of the children that ended, and kill whatever they left behind."""
    for pid in list(running):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
        running.discard(pid)
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def _become_kernel(request: dict) -> None:
    """Run an IPython kernel in this forked child, and never return."""
    status = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for signum in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(request["env"], JPY_PARENT_PID=str(os.getppid()))
        os.chdir(request["cwd"])
        sys.path.insert(0, request["cwd"])  # as in a kernel that was started there
        sys.argv = ["ipykernel_launcher", "-f", request["connection_file"]]
        random.seed()
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()  # else all kernels would draw the same numbers

        from ipykernel.kernelapp import IPKernelApp

        app = IPKernelApp.instance()
        app.initialize(sys.argv[1:] + request["arguments"])
        app.start()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            sys.__stdout__.flush()
            sys.__stderr__.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
