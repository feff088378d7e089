"""Kernels for the report: forked from one process that holds the imports (`Zygote`), or started in the ordinary way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import LocalProvisioner

from crmkit.report.zygote import Zygote

_LONGEST_SOCKET_FOLDER = 80  # the path of a Unix socket may have about 107 bytes in all


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
        env = {"IPYTHONDIR": kwargs["env"]["IPYTHONDIR"]}  # the rest is in the zygote's own environment
        loop = asyncio.get_running_loop()
        self.pid = await loop.run_in_executor(
            None, lambda: self.zygote.fork(cmd[where + 1], cwd=cwd, env=env, arguments=cmd[where + 2 :])
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
        """Kill the kernel and what it started, and wait the few milliseconds until it has ended."""
        await self.send_signal(signal.SIGKILL)
        for _ in range(100):
            if await self.poll() is not None:
                break
            await asyncio.sleep(0.002)

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


class _Client(AsyncKernelClient):
    """Talks to a kernel, and finds out sooner than others when it has started."""

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers on both channels that matter; a forked one does so within 0.1 s."""
        deadline = time.monotonic() + (timeout or 60)
        while time.monotonic() < deadline:
            self.kernel_info()
            with contextlib.suppress(Empty):
                reply = await self.shell_channel.get_msg(timeout=1)
                if reply["msg_type"] == "kernel_info_reply":
                    await self.iopub_channel.get_msg(timeout=0.2)
                    self._handle_kernel_info_reply(reply)
                    return
            if not await self._async_is_alive():
                raise RuntimeError("it ended before it answered")
        raise RuntimeError(f"it didn't answer within {timeout:g} s")

    wait_for_ready = _async_wait_for_ready


class ReportKernelManager(AsyncKernelManager):
    """Starts the kernel of the Python that runs crmkit, whatever kernels are registered on the machine."""

    zygote: Zygote | None = None
    watch: Watch
    sockets: Path

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("kernel_name", None)
        super().__init__(kernel_name="python3", **kwargs)
        self.client_factory = _Client
        self._kernel_spec = KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            metadata={"supported_encryption": "curve"},
        )
        self._folder = Path(tempfile.mkdtemp(dir=self.sockets))
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
        # A person's own start-up files and settings of IPython are not part of a report.
        kwargs["env"] = {**kwargs.get("env", os.environ), "IPYTHONDIR": str(self._folder / "ipython")}
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


def manager_class(zygote: Zygote | None, watch: Watch, sockets: Path) -> type[ReportKernelManager]:
    """Return the class of kernel managers for one run of one notebook, as nbclient wants to be given.

    `sockets` is a folder that is the user's alone; who made it removes it, with whatever a broken start left in it.
    """
    return type("NotebookKernelManager", (ReportKernelManager,), {"zygote": zygote, "watch": watch, "sockets": sockets})
