"""Checking what an adapter says of files, and of how their cells are written."""

from __future__ import annotations

from collections.abc import Mapping

from crmkit import config
from crmkit.adapters.places import At
from crmkit.adapters.spec import DELIMITERS, FileSpec, Reading

SPECIAL_DATES = ("iso", "auto", "dmy", "mdy", "ymd", "unix", "unix_ms", "excel")
READING_KEYS = tuple(Reading.__dataclass_fields__)


def reading_rules(at: At, given: Mapping, base: Reading, *, known: tuple[str, ...] = READING_KEYS) -> Reading:
    """Check how cells are written: keys of [read], of a file or of a column, over those that hold otherwise."""
    at.known(given, known)
    found = Reading(
        encoding=at.text(given, "encoding", base.encoding),
        delimiter=at.choice(given, "delimiter", tuple(DELIMITERS), base.delimiter),
        decimal=at.choice(given, "decimal", (".", ",", "auto"), base.decimal),
        thousands=at.choice(given, "thousands", (",", ".", " ", "'", "any", ""), base.thousands),
        dates=at.texts(given, "dates", base.dates),
        zone=at.text(given, "zone", base.zone),
        missing=at.texts(given, "missing", base.missing),
        skip_lines=int(at.number(given, "skip_lines", base.skip_lines)),
        header=at.spellings(given, "header") if "header" in given else base.header,
        section=at.text(given, "section", base.section),
        comment=at.text(given, "comment", base.comment),
        skip_after_header=int(at.number(given, "skip_after_header", base.skip_after_header)),
        ends=at.texts(given, "ends", base.ends),
        sheet=at.text(given, "sheet", base.sheet),
        skip_bad_rows=at.flag(given, "skip_bad_rows", base.skip_bad_rows),
        headers=at.texts(given, "headers", base.headers),
        unreadable=at.number(given, "unreadable", base.unreadable),
    )
    if found.decimal == found.thousands:
        raise at.error("thousands", f"is {found.thousands!r}, and so is the decimal mark")
    if found.zone:
        config.read({"timezone": found.zone})  # refuses a zone that isn't known
    if "auto" in found.dates and len(found.dates) > 1:
        raise at.error("dates", '"auto" stands alone: it chooses among all usual writings')
    if found.header and found.headers:
        raise at.error("headers", "names the columns of a file without a header, and header finds one")
    if found.skip_lines < 0 or found.skip_after_header < 0:
        raise at.error("skip_lines", "and skip_after_header count lines; they can't be negative")
    for shape in (shape for choice in found.dates for shape in choice.split(" | ")):
        if shape not in SPECIAL_DATES and "%" not in shape:
            example = '"%d/%m/%Y"'
            raise at.error("dates", f"has {shape!r}; write {', '.join(SPECIAL_DATES)} or a format such as {example}")
    return found


def file_rules(at: At, alias: str, given: Mapping, base: Reading) -> FileSpec:
    """Check one kind of file."""
    at.known(given, ("names", "required", "has", *READING_KEYS))
    if not alias.isascii() or not alias.isidentifier():
        raise at.error("", "a short name of a file is made of letters, digits and _")
    names = at.texts(given, "names", None)
    if not names:
        raise at.error("names", 'is empty; give at least one file name, such as "deals*.csv"')
    spellings = at.spellings(given, "has")
    own = {key: value for key, value in given.items() if key in READING_KEYS}
    return FileSpec(alias, names, at.flag(given, "required", False), reading_rules(at, own, base), spellings)
