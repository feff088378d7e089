"""Finding the files of an export: which of those given is which of the adapter's, and which nothing asks for."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from crmkit.adapters.spec import Adapter, FileSpec
from crmkit.errors import DataError, UsageError


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
    loose: list[Path] = []
    single: list[Path] = []
    named: dict[str, list[Path]] = {}
    for source in map(str, sources):
        alias, equals, rest = source.partition("=")
        if equals and alias in adapter.files and not Path(source).exists():
            named.setdefault(alias, []).append(_regular(Path(rest).expanduser()))
            continue
        path = Path(source).expanduser()
        if path.is_dir():
            loose += sorted(p for p in path.iterdir() if not p.name.startswith(".") and not p.is_dir())
        else:
            single.append(_regular(path))
    if not (loose or single or named):
        raise DataError("There are no files in what was given to import.")
    found = {alias: named.get(alias) or _matching(spec, [*single, *loose]) for alias, spec in adapter.files.items()}
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


def _patterns(adapter: Adapter) -> str:
    return ", ".join(name for spec in adapter.files.values() for name in spec.names)


def _matching(spec: FileSpec, paths: list[Path]) -> list[Path]:
    for pattern in spec.names:
        fits = [path for path in paths if fnmatchcase(path.name.casefold(), pattern.casefold())]
        if fits:
            return [_regular(path) for path in fits]
    return []


def _regular(path: Path) -> Path:
    if not path.exists():
        near = (
            get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1) if path.parent.is_dir() else []
        )
        raise UsageError(f"There is no file or folder {path}.{f' Did you mean {near[0]}?' if near else ''}")
    if not path.is_file():
        raise UsageError(f"{path} is not an ordinary file; give a file or a folder of files.")
    return path
