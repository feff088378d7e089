"""What all tests share: real data beside the checkout where it is there, and a network that isn't."""

from __future__ import annotations

import gc
import os
import socket
from pathlib import Path

import pytest

# the codes in reports are made from it; without it the tests would make a secret in the user's settings
os.environ["CRMKIT_KEY"] = "a secret that only the tests know"
ROOT = Path(__file__).resolve().parents[1]
_LOOPBACK = ("127.", "::1", "localhost")


def pytest_collection_finish():
    """Look for garbage as seldom as the command line does: queries are built of many small objects."""
    from crmkit.engine.garbage import SELDOM

    gc.freeze()
    gc.set_threshold(*SELDOM)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and exports beside the checkout; a test that asks for it skips where it's missing."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder.name}/ isn't beside the checkout")
    return folder


@pytest.fixture(autouse=True, scope="session")
def _no_network():
    """Let nothing be reached but this machine, from here or from a process started here that heeds a proxy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _only_loopback(getattr(socket.socket, name)))
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")
            patch.delenv(name.upper(), raising=False)
        patch.setenv("no_proxy", "localhost,127.0.0.1,::1")
        yield


def _only_loopback(original):
    def reach(self, address):
        if self.family != getattr(socket, "AF_UNIX", None) and not str(address[0]).startswith(_LOOPBACK):
            raise OSError(f"a test tried to reach {address[0]}: tests run without a network (process {os.getpid()})")
        return original(self, address)

    return reach
