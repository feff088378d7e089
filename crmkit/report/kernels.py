"""Kernels for the report: forked from one process that holds the imports, or started in the ordinary way.

Forking is used on Linux alone. On macOS the system's own libraries may hold threads from their import on, and
Windows has no fork; there each notebook gets an ordinary kernel, which takes a second or two longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import LocalProvisioner

_LONGEST_SOCKET_FOLDER = 80  # the path of a Unix socket may have about 107 bytes in all


def can_fork() -> bool:
    """Tell whether kernels can be forked here: on Linux with process descriptors."""
    return sys.platform == "linux" and hasattr(os, "fork") and hasattr(os, "pidfd_open")


def environment() -> dict[str, str]:
    """Return the environment of every kernel of a report: same inputs, same bytes, and no questions to a terminal."""
    return os.environ | {
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONUTF8": "1",
    }


class Zygote:
    """The process that kernels are forked from (see `crmkit.report.zygote`); it starts to import when it is made.

    A context manager: leaving it ends the process and all kernels that are still alive.
    """

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "crmkit.report.zygote"],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment() | {"PYTHONPATH": _search_path()},
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


def _search_path() -> str:
    """Return the PYTHONPATH with which another Python finds this very crmkit."""
    home = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])


class ForkProvisioner(LocalProvisioner):
    """Starts and watches a kernel that is forked from a `Zygote`, and so is no child of this process."""

    zygote: Zygote
    descriptor: int | None = None

    @property
    def has_process(self) -> bool:
        """Tell whether a kernel was started and its end not yet noticed."""
        return self.descriptor is not None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Fork; `cmd` is the command of the ordinary start and ends with the connection file and further arguments."""
        where = cmd.index("-f")
        cwd = str(kwargs.get("cwd") or Path.cwd())
        loop = asyncio.get_running_loop()
        self.pid = await loop.run_in_executor(
            None, lambda: self.zygote.fork(cmd[where + 1], cwd=cwd, env={}, arguments=cmd[where + 2 :])
        )
        self.pgid, self.cwd = self.pid, cwd
        with contextlib.suppress(ProcessLookupError):  # ended already: poll says so
            self.descriptor = os.pidfd_open(self.pid)
        return self.connection_info

    async def poll(self) -> int | None:
        """Return None while the kernel lives. A process descriptor becomes readable when its process ends."""
        if self.descriptor is None:
            return 1
        ended, _, _ = select.select([self.descriptor], [], [], 0)
        return 1 if ended else None

    async def wait(self) -> int | None:
        """Wait until the kernel has ended."""
        while await self.poll() is None:
            await asyncio.sleep(0.01)
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
        return 0

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and what it started."""
        if await self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signum)

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel and what it started."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """Ask the kernel and what it started to end."""
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        """Give back the process descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class Watch:
    """A hold on one running kernel from outside its thread: why it was stopped, and a way to stop it."""

    def __init__(self) -> None:
        self.reason = ""
        self.provisioner: LocalProvisioner | None = None
        self._stopped = threading.Event()

    def stop(self, reason: str) -> None:
        """Kill the kernel and what it started; the first reason given is the one that is reported."""
        self.reason = self.reason or reason
        self._stopped.set()
        pid = getattr(self.provisioner, "pid", None)
        if pid:
            _kill_group(pid)

    @property
    def stopped(self) -> bool:
        """Tell whether the kernel was stopped from outside."""
        return self._stopped.is_set()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGTERM)


class ReportKernelManager(AsyncKernelManager):
    """Starts the kernel of the Python that runs crmkit, whatever kernels are registered on the machine."""

    zygote: Zygote | None = None
    watch: Watch

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("kernel_name", None)
        super().__init__(kernel_name="python3", **kwargs)
        self._kernel_spec = KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            metadata={"supported_encryption": "curve"},
        )
        self._folder = Path(tempfile.mkdtemp(prefix="crmkit-kernel-"))
        self.connection_file = str(self._folder / "kernel.json")
        if os.name == "posix" and len(str(self._folder)) < _LONGEST_SOCKET_FOLDER:
            # Sockets in a folder that is the user's alone: nobody else on the machine can reach the kernel, and two
            # reports at once can't pick the same port.
            self.transport, self.ip = "ipc", str(self._folder / "k")
        else:
            self.transport_encryption = "auto"

    async def _async_pre_start_kernel(self, **kwargs: Any) -> tuple[list[str], dict[str, Any]]:
        if self.zygote is not None and self.provisioner is None:
            self.provisioner = ForkProvisioner(kernel_id="report", kernel_spec=self.kernel_spec, parent=self)
            self.provisioner.zygote = self.zygote
        return await super()._async_pre_start_kernel(**kwargs)

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kwargs: Any) -> None:
        await super()._async_launch_kernel(kernel_cmd, **kwargs)
        self.watch.provisioner = self.provisioner
        if self.watch.stopped:  # stopped while it was being started
            self.watch.stop("")

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart=restart)
        if self.watch.provisioner is not None and self.watch.provisioner.pid:
            _kill_group(self.watch.provisioner.pid)  # what the kernel started and left
        shutil.rmtree(self._folder, ignore_errors=True)

    cleanup_resources = _async_cleanup_resources  # nbclient calls it by this name


def manager_class(zygote: Zygote | None, watch: Watch) -> type[ReportKernelManager]:
    """Return the class of kernel managers for one run of one notebook, as nbclient wants to be given."""
    return type("NotebookKernelManager", (ReportKernelManager,), {"zygote": zygote, "watch": watch})
