"""A copy of opened tables on disk, which the notebooks of one report share instead of each reading all files again.

`save` writes what `crmkit.open` found out about a folder of CSV files: typed and checked tables in a DuckDB file, and
the rest as JSON. `find` gives it back for the same, unchanged folder. The copy lasts as long as the report is being
made; its folder is named in the environment of the report's kernels.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import ibis

from crmkit import config as settings
from crmkit import readers
from crmkit.crm import Crm

if TYPE_CHECKING:
    import pandas as pd

VARIABLE = "CRMKIT_PREPARED"
"""The environment variable that names the folder of the copy."""
_TABLES, _ABOUT, _QUALITY = "tables.duckdb", "about.json", "quality.json"


def save(crm: Crm, source: str | Path, folder: Path) -> bool:
    """Write a copy of what was opened from `source`, and tell whether there is one.

    There is none where the tables were not read from text, since opening them again costs little, nor where it cannot
    be written, as on a full disk: each notebook then opens the source itself.
    """
    if not (crm.embedded and crm.files) or any(path.suffix != ".csv" for path in _flat(crm.files)):
        return False
    about = {
        "source": str(source),
        "files": _stamps(source, crm.files),
        "present": {name: sorted(columns) for name, columns in crm.present.items()},
        "as_of": crm.as_of.isoformat() if crm.as_of else None,
        "label": crm.label,
        "notes": crm.notes,
        "of": {name: [str(path) for path in paths] for name, paths in crm.files.items()},
        "rows": dict(crm.rows),
        "settled": {name: sorted(columns) for name, columns in crm.settled.items()},
        "since": {name: moment.isoformat() for name, moment in crm.since.items()},
    }
    draft = folder / "draft"
    try:
        draft.mkdir(parents=True)
        _copy_tables(crm, draft / _TABLES)
        (draft / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        draft.rename(folder / "ready")
    except (OSError, duckdb.Error):
        shutil.rmtree(draft, ignore_errors=True)
        return False
    return True


def _copy_tables(crm: Crm, path: Path) -> None:
    quoted = str(path).replace("'", "''")
    crm.engine.raw_sql(f"ATTACH '{quoted}' AS prepared_copy")
    try:
        for name, table in crm.tables.items():
            crm.engine.raw_sql(f'CREATE TABLE prepared_copy."{name}" AS {ibis.to_sql(table, dialect="duckdb")}')
    finally:
        crm.engine.raw_sql("DETACH prepared_copy")


def find(source: Any) -> Crm | None:
    """Return the copy of `source` where the environment names one and the files are still the same; else None."""
    folder = os.environ.get(VARIABLE)
    if not folder or not isinstance(source, str | Path):
        return None
    with contextlib.suppress(OSError, ValueError, KeyError, duckdb.Error):
        about = json.loads((Path(folder) / "ready" / _ABOUT).read_text(encoding="utf-8"))
        files = {name: [Path(path) for path in paths] for name, paths in about["of"].items()}
        if about["source"] == str(source) and about["files"] == _stamps(source, files):
            opened = _opened(about, files, Path(folder) / "ready" / _TABLES)
            opened.remembered[VARIABLE] = Path(folder)
            return opened
    return None


def leave(crm: Crm, period: str, scorecard: pd.DataFrame) -> None:
    """Leave a whole scorecard beside the copy that `crm` is, so that the report need not measure it once more."""
    folder = crm.remembered.get(VARIABLE)
    if folder is None:
        return
    with contextlib.suppress(OSError):
        # the scorecard last: where it is, its history is, too
        for frame, path in ((scorecard.attrs["history"], _past(folder, period)), (scorecard, _left(folder, period))):
            draft = path.with_suffix(f".{os.getpid()}")
            _without_attrs(frame).to_parquet(draft)
            draft.replace(path)


def leave_quality(crm: Crm, folder: Path) -> None:
    """Check the data once, and leave what was found for all notebooks of a report."""
    from crmkit.quality import inspect

    found = inspect(crm)
    with contextlib.suppress(OSError):
        _without_attrs(found.counted).to_parquet(folder / "counted.parquet")
        about = {"of": _known_by(crm), "findings": json.loads(found.findings.to_json(orient="records"))}
        draft = folder / f"quality.{os.getpid()}"
        draft.write_text(json.dumps(about), encoding="utf-8")
        draft.replace(folder / _QUALITY)


def left_quality(crm: Crm) -> tuple[list[dict[str, Any]], pd.DataFrame] | None:
    """Return the findings and counts that were left for this report and are of this very data; else None."""
    import pandas as pd

    folder = os.environ.get(VARIABLE)
    if not folder:
        return None
    with contextlib.suppress(OSError, ValueError, KeyError):
        about = json.loads((Path(folder) / _QUALITY).read_text(encoding="utf-8"))
        if about["of"] == _known_by(crm):
            return about["findings"], pd.read_parquet(Path(folder) / "counted.parquet")
    return None


def _known_by(crm: Crm) -> list[Any]:
    """Return what two openings of the same source have in common, and those of another source do not."""
    return [crm.label, crm.as_of.isoformat() if crm.as_of else None, dict(crm.rows)]


def left(folder: Path, period: str) -> pd.DataFrame | None:
    """Return the scorecard that a notebook left in `folder`; None where none did."""
    import pandas as pd

    with contextlib.suppress(OSError, ValueError):
        found = pd.read_parquet(_left(folder, period))
        found.attrs["history"] = pd.read_parquet(_past(folder, period))
        return found
    return None


def _left(folder: Path, period: str) -> Path:
    return folder / f"scorecard-{period.replace('/', '_')}.parquet"


def _past(folder: Path, period: str) -> Path:
    return folder / f"history-{period.replace('/', '_')}.parquet"


def _without_attrs(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    frame.attrs = {}
    return frame


def _opened(about: dict[str, Any], files: dict[str, list[Path]], path: Path) -> Crm:
    engine = ibis.duckdb.connect(path, read_only=True)
    readers.settle(engine, sum(about["rows"].values()))
    told = Path(about["source"]) / "crm.toml"
    return Crm(
        engine=engine,
        tables={name: engine.table(name) for name in about["rows"]},
        present={name: frozenset(columns) for name, columns in about["present"].items()},
        config=settings.read(told if told.is_file() else None),
        as_of=datetime.fromisoformat(about["as_of"]) if about["as_of"] else None,
        label=about["label"],
        notes=tuple(about["notes"]),
        files=files,
        rows=about["rows"],
        settled={name: frozenset(columns) for name, columns in about["settled"].items()},
        since={name: datetime.fromisoformat(moment) for name, moment in about["since"].items()},
    )


def _stamps(source: str | Path, files: dict[str, list[Path]]) -> list[list[Any]]:
    """Return what would be different if a file had changed: name, size and time of each."""
    told = [path for name in ("crm.toml", "merges.csv") if (path := Path(source) / name).is_file()]
    paths = [*_flat(files), *told]
    return [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in sorted(paths)]


def _flat(files: dict[str, list[Path]]) -> Iterator[Path]:
    return (path for paths in files.values() for path in paths)
