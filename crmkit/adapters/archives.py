"""Opening what an export is packed in: a file as it is, a member of a ZIP archive, and gzip around either.

A member of an archive has a path as if the archive were a folder: `export.zip/deals.csv`. Nothing is unpacked to disk.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from crmkit.errors import DataError

ZIP, GZIP, OLE = b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0"
DAMAGED = (  # what the readers of archives raise where bytes are damaged
    *(zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError),  # the formats' own words for it
    *(struct.error, ValueError, IndexError, OverflowError),  # sizes, places, names and dates that make no sense
    RuntimeError,  # a password, or, as NotImplementedError, a way of packing that nobody knows
)
_WORKBOOK_PARTS = ("[Content_Types].xml", "xl/workbook.xml", "xl/workbook.bin", "content.xml")
_NOT_DATA = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
_BOMB_BYTES, _BOMB_RATIO = 2**30, 250  # what a small archive may become before it's taken for a trap


def split(path: Path) -> tuple[Path, str]:
    """Part a path into the file on disk and, where that is an archive, the member of it.

    Examples
    --------
    >>> from pathlib import Path
    >>> split(Path("no archive.csv"))[1]
    ''
    """
    if not path.exists():
        for parent in path.parents:
            if parent.is_file():
                return parent, path.relative_to(parent).as_posix()
    return path, ""


def is_there(path: Path) -> bool:
    """Tell whether a path is an ordinary file, or a member of an archive that is one."""
    disk, member = split(path)
    if not member:
        return disk.is_file()
    return path in members(disk)


def members(path: Path) -> list[Path]:
    """Return the files in a ZIP archive, each as a path; none where the file is something else, such as a workbook.

    Raises
    ------
    DataError
        Where the archive is damaged or names files outside itself.
    """
    if not path.is_file():
        return []
    try:
        with path.open("rb") as file:
            if file.read(4) != ZIP:
                return []
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except DAMAGED as error:
        raise damaged(path, error) from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}.") from None
    if any(part in names for part in _WORKBOOK_PARTS):
        return []
    names = [
        n for n in names if not any(p.startswith(".") or p in _NOT_DATA for p in PurePosixPath(n).parts if p != "..")
    ]
    outside = [n for n in names if n.startswith(("/", "\\")) or ".." in PurePosixPath(n).parts or ":" in n]
    if outside:
        raise DataError(f"{path.name} names a file outside itself ({outside[0]!r}); unpack it with care, and look why.")
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise DataError(f"{path.name} holds {twice[0]!r} more than once; unpack it and choose.")
    return [path / name for name in names]


def open_bytes(path: Path) -> BinaryIO:
    """Open a file, or a member of an archive, for reading; gzip around it is taken off.

    Raises
    ------
    DataError
        Where an archive is damaged or protected by a password.
    OSError
        Where the file can't be opened.
    """
    disk, member = split(path)
    if member:
        try:
            raw = zipfile.ZipFile(disk).open(member)  # noqa: SIM115 (who opens it closes it)
        except KeyError:
            raise DataError(f"{disk.name} holds no file {member!r}.") from None
        except DAMAGED as error:
            raise damaged(path, error) from None
    else:
        raw = disk.open("rb")
    file = io.BufferedReader(raw, 1 << 20) if member else raw
    try:
        start = file.peek(4)[:4]
    except DAMAGED as error:
        raise damaged(path, error) from None
    return gzip.GzipFile(fileobj=file) if start.startswith(GZIP) else file


def is_packed(path: Path) -> bool:
    """Tell whether a file lies in an archive or is compressed."""
    disk, member = split(path)
    if member:
        return True
    with disk.open("rb") as file:
        return file.read(2) == GZIP


def size_bytes(path: Path) -> int:
    """Return about how many bytes of text a file holds: exact for plain files, an estimate for what is packed."""
    disk, member = split(path)
    if member:
        with zipfile.ZipFile(disk) as archive:
            return archive.getinfo(member).file_size
    size = disk.stat().st_size
    with disk.open("rb") as file:
        return size * 10 if file.read(4).startswith((GZIP, ZIP)) else size


def check_bomb(path: Path, read: int) -> None:
    """Refuse a packed file that grows without end.

    Raises
    ------
    DataError
        Where more than a gigabyte came out of a file hundreds of times smaller.
    """
    if read > _BOMB_BYTES and read > _BOMB_RATIO * split(path)[0].stat().st_size:
        raise DataError(
            f"{path.name} is a small archive that unpacks to more than {read / 2**30:,.0f} GB; look inside."
        )


def damaged(path: Path, error: Exception) -> DataError:
    """Return the error of an archive that can't be read."""
    if "password" in str(error) or "encrypted" in str(error):
        return DataError(f"{path.name} is protected by a password; unpack it first.")
    return DataError(f"{path.name} is damaged or cut short and can't be unpacked ({error}); fetch it again.")
