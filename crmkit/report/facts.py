"""What a report says of its data: company, as-of date, period, files, span and scorecard. Only this module opens it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_HASHED_UP_TO = 256_000_000  # bytes of one file; hashing more would cost more than the report


@dataclass(frozen=True)
class Facts:
    """What is known of the data before a notebook is run.

    Attributes
    ----------
    source : str
        What the notebooks open: an absolute path, or an address.
    as_of, first : str
        Until when the data is known, and from when it reaches back: ISO dates, "" where unknown.
    period : str
        Its name, such as 2026-Q3.
    company, currency : str
    files : tuple of dict
        `table`, `file`, `sha256` (None for large files) of each file, without its folder.
    rows : dict of str to int
        By table.
    scorecard : callable
        Returns the scorecard as a frame.
    left : callable
        Returns the scorecard that a notebook has measured and left, None where none has.
    quality : callable
        Returns the line that says which findings of data quality touch some metrics; "" where none does.
    notes : tuple of str
        What was noticed while the data was read, one sentence each.
    headlines : tuple of str
        The metrics that the company wants to see first; empty for the usual ones.
    """

    source: str
    as_of: str
    period: str
    company: str
    currency: str
    first: str
    files: tuple[dict[str, Any], ...]
    rows: dict[str, int]
    scorecard: Callable[[], pd.DataFrame]
    notes: tuple[str, ...] = ()
    headlines: tuple[str, ...] = ()
    left: Callable[[], pd.DataFrame | None] = lambda: None
    quality: Callable[[Sequence[str]], str] = lambda _metrics: ""

    @property
    def folder(self) -> Path:
        """Where in the folder of reports this one belongs: as-of date, then period, both safe as names."""
        return Path(_safe_name(self.as_of)) / _safe_name(self.period)


def _safe_name(text: str) -> str:
    """Return a text as the name of a folder: 2026-07-01/2026-10-01 becomes 2026-07-01_2026-10-01."""
    return re.sub(r"[^0-9A-Za-z-]+", "_", text).strip("_") or "none"


def resolve(data: str | Path, period: str, *, prepared: Path | None = None) -> Facts:
    """Open the data and find out what is to be reported; in `prepared` leave a copy for the notebooks, if given.

    Raises
    ------
    UsageError
        If there is no such data, or the period is not one.
    DataError
        If the data is wrong.
    """
    import crmkit
    from crmkit.prepared import leave_quality, left, save

    source = _absolute(data)
    crm = crmkit.open(source)
    chosen = crm.period(period)
    if prepared is not None:
        save(crm, source, prepared)
        leave_quality(crm, prepared)
    return Facts(
        source=source,
        as_of=crm.as_of.date().isoformat() if crm.as_of else "",
        period=chosen.name,
        company=crm.config.name,
        currency=crm.config.currency,
        first=_first(crm),
        files=tuple(_files(crm)),
        rows=dict(crm.rows),
        scorecard=lambda: crm.scorecard(chosen),
        left=lambda: None if prepared is None else left(prepared, chosen.name),
        notes=tuple(crm.notes),
        headlines=tuple(crm.config.metrics),
        quality=lambda metrics: _quality(crm, metrics),
    )


def _quality(crm: Any, metrics: Sequence[str]) -> str:
    from crmkit.pages.quality_line import quality_line
    from crmkit.personal import for_readers

    return quality_line(for_readers(crm), metrics).text


def _absolute(data: str | Path) -> str:
    """Return where the data is, independent of the working directory; an address stays as it is."""
    path = Path(data).expanduser()
    return str(path.resolve()) if path.exists() else str(data)


def _first(crm: Any) -> str:
    """Return the first date from which a row exists, "" where no table says; dates that stand for none do not."""
    from crmkit.quality.plausibility import DEFAULT_DATES

    firsts = (moment.date().isoformat() for moment in crm.since.values())
    return min((first for first in firsts if first not in DEFAULT_DATES), default="")


def _files(crm: Any) -> list[dict[str, Any]]:
    """Name and hash the files that the tables were read from."""
    return [
        {"table": table, "file": path.name, "sha256": _sha256(path)}
        for table, paths in sorted(crm.files.items())
        for path in sorted(paths)
    ]


def _sha256(path: Path) -> str | None:
    if path.stat().st_size > _HASHED_UP_TO:
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shown(data: str | Path) -> str:
    """Return how a source is called in a report: a path as the user wrote it, an address without its password.

    Examples
    --------
    >>> shown("postgres://ann:secret@db/crm?sslmode=require")
    'postgres://db/crm'
    """
    text = str(data)
    match = re.match(r"([a-z][a-z0-9+.-]*://)(?:[^/]*@)?([^?#]*)", text, re.IGNORECASE)
    return match[1] + match[2] if match else text
