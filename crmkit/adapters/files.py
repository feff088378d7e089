"""Finding the files of an export: which of those given is which of the adapter's, and which nothing asks for.

A ZIP archive counts as a folder. A file is known by its name, whatever its ending says (a deals.csv may come as
deals.xlsx or deals.csv.gz), or else by the headers that the adapter says it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from crmkit.adapters import archives, lines, reading
from crmkit.adapters.spec import Adapter, FileSpec
from crmkit.errors import DataError, UsageError

_ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".html", ".htm")


def find(adapter: Adapter, sources: Iterable[str | Path]) -> tuple[dict[str, list[Path]], list[Path]]:
    """Match the files among `sources` (folders, files, or NAME=file) with the adapter's kinds of file.

    Returns
    -------
    dict of str to list of Path, list of Path
        Files by the adapter's short name, and the files of the folders that nothing asks for.

    Raises
    ------
    UsageError
        Where a source doesn't exist or a file given by itself fits nothing.
    DataError
        Where a kind of file that must be there isn't, or none is.
    """
    loose, single, named = given_files(adapter, sources)
    if not (loose or single or named):
        raise DataError("There are no files in what was given to import.")
    there = [*single, *loose]
    found = {alias: named.get(alias) or matching(spec, there) for alias, spec in adapter.files.items()}
    by_name = {path for paths in found.values() for path in paths}
    for alias, spec in adapter.files.items():
        if not found[alias] and spec.has:
            found[alias] = [path for path in there if path not in by_name and _has(path, spec)]
    if len(found) == 1 and single:  # what is given by itself can be no other
        alias = next(iter(found))
        found[alias] = [*single, *(path for path in found[alias] if path not in single)]
    found = {alias: paths for alias, paths in found.items() if paths}
    used = {path for paths in found.values() for path in paths}
    for path in single:
        if path not in used:
            raise UsageError(
                f"{path.name} fits none of the files that {adapter.path.name} knows ({_patterns(adapter)}). "
                f"Say which one it is, as in {next(iter(adapter.files))}={path}."
            )
    for alias, spec in adapter.files.items():
        if alias not in found and (spec.required or not found):
            there = ", ".join(p.name for p in loose[:10]) or "no files"
            what = f"No file {' or '.join(spec.names)}" if spec.required else f"None of {_patterns(adapter)}"
            raise DataError(
                f"{what} was found, and {adapter.title} can't be imported without; there: {there}. "
                f"Where it has another name, give {alias}=FILE."
            )
    return found, [path for path in loose if path not in used]


def given_files(
    adapter: Adapter, sources: Iterable[str | Path]
) -> tuple[list[Path], list[Path], dict[str, list[Path]]]:
    """Return the files of folders and archives, those given by themselves, and those given as NAME=file."""
    loose: list[Path] = []
    single: list[Path] = []
    named: dict[str, list[Path]] = {}
    for source in map(str, sources):
        alias, equals, rest = source.partition("=")
        path = Path(source).expanduser()
        if equals and alias in adapter.files and not Path(source).exists():
            named.setdefault(alias, []).append(_only(alias, _regular(Path(rest).expanduser())))
        elif path.is_dir():
            try:
                there = sorted(p for p in path.iterdir() if not p.name.startswith(".") and not p.is_dir())
            except OSError as error:
                raise DataError(f"The folder {path} can't be read: {error.strerror}.") from None
            loose += [file for p in there for file in _inside(p)]
        elif packed := archives.members(_regular(path)):
            loose += packed
        else:
            single.append(path)
    return loose, single, named


def _inside(path: Path) -> list[Path]:
    """Return the files of an archive, or the file itself; a damaged archive is an error only where it's asked for."""
    try:
        return archives.members(path) or [path]
    except DataError:
        return [path]


def _patterns(adapter: Adapter) -> str:
    return ", ".join(name for spec in adapter.files.values() for name in spec.names)


def matching(spec: FileSpec, paths: list[Path]) -> list[Path]:
    """Return the files that fit the first pattern that any fits: by names in full, else whatever their endings."""
    ways: list[Callable[[str], str]] = [str.casefold, _stem]
    for plain in ways:
        for pattern in spec.names:
            fits = [path for path in paths if fnmatchcase(plain(path.name), plain(pattern))]
            if fits:
                return [_regular(path) for path in fits]
    return []


def _stem(name: str) -> str:
    """Return a name without what says how the file is written.

    >>> _stem("Deals 2026.csv.gz"), _stem("deals*.xlsx"), _stem("deals.pdf")
    ('deals 2026', 'deals*', 'deals.pdf')
    """
    name = name.casefold().removesuffix(".gz")
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)


def _has(path: Path, spec: FileSpec) -> bool:
    """Tell whether a file has the headers by which its kind is known under any name."""
    if not archives.is_there(path):
        return False
    try:
        return lines.holds(reading.headers_of(path, spec.reading, spec.has), spec.has)
    except (DataError, UsageError):
        return False


def _only(alias: str, path: Path) -> Path:
    """Return the one file of an archive, or the file itself where it is none."""
    packed = archives.members(path)
    if len(packed) > 1:
        names = ", ".join(str(p.relative_to(path)) for p in packed[:10])
        raise UsageError(f"{path.name} holds several files ({names}); say which, as in {alias}={packed[0]}.")
    return packed[0] if packed else path


def _regular(path: Path) -> Path:
    disk, member = archives.split(path)
    if member:
        if path not in archives.members(disk):
            raise UsageError(f"There is no file {member!r} in {disk}.")
        return path
    if not path.exists():
        near = (
            get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1) if path.parent.is_dir() else []
        )
        raise UsageError(f"There is no file or folder {path}.{f' Did you mean {near[0]}?' if near else ''}")
    if not path.is_file():
        raise UsageError(f"{path} is not an ordinary file; give a file or a folder of files.")
    return path
