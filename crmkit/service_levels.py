"""What `[sla]` in crm.toml promises: within how many hours a ticket is answered and resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from crmkit.errors import UsageError

PROMISES = ("first_response_hours", "resolution_hours")
_COUNTED = ("calendar", "business")
_EVERY = ""  # the key of a level that holds for every ticket


@dataclass(frozen=True)
class Levels:
    """Service levels as the metrics of service use them.

    Attributes
    ----------
    first_response_hours, resolution_hours : mapping of str to float
        From what the column `by` says, in lower case, to the hours within which a ticket is to be answered or
        resolved; under "" the level of every ticket. Empty where nothing is promised.
    by : str
        The column of tickets that decides which level holds.
    counted : {"calendar", "business"}
        Which hours count.
    """

    first_response_hours: Mapping[str, float] = field(default_factory=dict)
    resolution_hours: Mapping[str, float] = field(default_factory=dict)
    by: str = "priority"
    counted: str = "calendar"

    def __bool__(self) -> bool:
        return bool(self.first_response_hours or self.resolution_hours)


def levels(given: Mapping[str, object]) -> Levels:
    """Read the table `[sla]` of crm.toml.

    Parameters
    ----------
    given : mapping
        `first_response_hours` and `resolution_hours`: a number for all tickets, or one for each value of a column of
        tickets, which `by` names ("priority" where it does not). `counted` is "calendar" or "business".

    Raises
    ------
    UsageError
        Where a key is unknown or a level is no number above 0.

    Examples
    --------
    >>> levels({"first_response_hours": {"High": 4, "Low": 24}}).first_response_hours
    {'high': 4.0, 'low': 24.0}
    >>> levels({"resolution_hours": 48, "counted": "business"}).counted
    'business'
    """
    known = ("by", "counted", *PROMISES)
    for key in given:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"[sla] in crm.toml has an unknown key {key!r}.{hint} Known: {', '.join(known)}.")
    by, counted = given.get("by", "priority"), given.get("counted", "calendar")
    if not isinstance(by, str) or not by:
        raise UsageError(f"[sla] in crm.toml: by is {by!r}; it must be the name of a column of tickets.")
    if counted not in _COUNTED:
        raise UsageError(f"[sla] in crm.toml: counted is {counted!r}; it must be {' or '.join(_COUNTED)}.")
    return Levels(*(_promised(name, given.get(name, {})) for name in PROMISES), by=by, counted=counted)


def _promised(name: str, given: object) -> dict[str, float]:
    if not isinstance(given, Mapping):
        return {_EVERY: _hours(name, given)}
    return {str(word).strip().lower(): _hours(f"{name}.{word}", hours) for word, hours in given.items()}


def _hours(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise UsageError(f"[sla] in crm.toml: {where} is {value!r}; it must be a number of hours above 0.")
    return float(value)
