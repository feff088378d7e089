"""A report folder that appears whole or not at all: built aside, then put in its place in one step."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from crmkit.errors import CrmkitError, UsageError

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextlib.contextmanager
def building(target: Path) -> Iterator[Path]:
    """Give a folder to build a report in; put it in the place of `target` when the block ends well.

    While it is built, and if anything goes wrong, an earlier report under `target` stays as it was. Only one process
    at a time builds the same report. What a killed run left is cleared away by the next.

    Parameters
    ----------
    target : Path
        Where the report is to appear, in a folder on the same disk.

    Raises
    ------
    CrmkitError
        If another run is building the same report.
    UsageError
        If the folder can't be written to.
    """
    parent = target.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"Reports can't be written to {parent}: {error.strerror}. Give another folder with --out."
        ) from None
    fresh, former = parent / f".{target.name}.building", parent / f".{target.name}.former"
    with locked(parent / f".{target.name}.lock", what=f"the report {target}"):
        if former.exists() and not target.exists():
            former.rename(target)  # a run was killed between two renames
        _remove(fresh)
        _remove(former)
        try:
            fresh.mkdir()
            yield fresh
            _put(fresh, target, former)
        except OSError as error:
            raise CrmkitError(f"The report {target} can't be written: {error.strerror or error}.") from error
        finally:
            _remove(fresh)
            _remove(former)


def _put(fresh: Path, target: Path, former: Path) -> None:
    """Put `fresh` in the place of `target`; the earlier report, if any, is under another name after that."""
    if not target.exists():
        fresh.rename(target)
    elif not _exchange(fresh, target):
        target.rename(former)
        try:
            fresh.rename(target)
        except OSError:
            former.rename(target)
            raise


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders swap their names in one step, and say whether this system can do that (Linux can)."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError):
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_RENAME_EXCHANGE)) == 0


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def keep_others(target: Path, fresh: Path, *, made: Collection[str]) -> None:
    """Copy from an earlier report what no run made, such as somebody's own notes.

    Parameters
    ----------
    target : Path
        The earlier report, if any.
    fresh : Path
        The report that is being built.
    made : collection of str
        Names of the files that earlier runs made.
    """
    if not target.is_dir():
        return
    for path in sorted(target.iterdir()):
        if path.name in made or (fresh / path.name).exists():
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, fresh / path.name, symlinks=True)
        else:
            shutil.copy2(path, fresh / path.name, follow_symlinks=False)


def write(path: Path, text: str) -> None:
    """Write a text file so that it appears whole under its name; its mode follows the user's umask.

    Parameters
    ----------
    path : Path
    text : str
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, *, what: str, patience: float = 0) -> Iterator[None]:
    """Hold a lock file for the length of a block.

    The system itself gives up the lock of a process that ends or is killed, so none is ever stale; the process id
    inside is for people.

    Parameters
    ----------
    path : Path
    what : str
        What is being written, for the message.
    patience : float
        Seconds to wait for another process.

    Raises
    ------
    CrmkitError
        If another process holds it.
    """
    given_up = time.monotonic() + patience
    while True:
        try:
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            message = f"Reports can't be written to {path.parent}: {error.strerror}. Give another folder with --out."
            raise UsageError(message) from None
        if not _lock(file.fileno()):
            file.seek(0)
            holder = file.read().strip()
            file.close()
            if time.monotonic() < given_up:
                time.sleep(0.05)
                continue
            raise CrmkitError(
                f"Another run{f' (process {holder})' if holder else ''} is writing {what}. Wait for it to end, or "
                "give another folder with --out."
            )
        with contextlib.suppress(OSError):
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                break
        file.close()  # the former holder removed it in between
    try:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows doesn't remove open files: it stays, and does no harm
            path.unlink()
        file.close()


def _lock(descriptor: int) -> bool:
    """Try to lock an open file for this process alone."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # beyond the text, so that others can read it
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
