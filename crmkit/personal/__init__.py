"""Personal data: names and codes in their place, groups too small to show, copies of the data that name no one.

The tables of `crmkit.open` are whole: who can open them may read them. What is read by others, a report, gets its
tables from `for_readers`, and there the names are simply not in them. What is personal is declared in `crmkit.schema`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmkit.personal.anonymous import anonymize
    from crmkit.personal.codes import code, find_codes, key_of
    from crmkit.personal.readers import for_readers, who
    from crmkit.personal.small_groups import hide_small_groups

__all__ = ["anonymize", "code", "find_codes", "for_readers", "hide_small_groups", "key_of", "who"]

_WHERE = {
    "anonymize": "anonymous",
    "code": "codes",
    "find_codes": "codes",
    "for_readers": "readers",
    "hide_small_groups": "small_groups",
    "key_of": "codes",
    "who": "readers",
}


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
