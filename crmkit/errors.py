"""The errors that crmkit raises: each carries one message for people, and the command line an exit status."""

from __future__ import annotations


class CrmkitError(Exception):
    """Base of all errors that crmkit raises on purpose; its text is one readable message."""

    exit_status = 1


class UsageError(CrmkitError):
    """The call is wrong: an unknown metric, column, period or option. The text names it and says what is allowed."""

    exit_status = 2


class DataError(CrmkitError):
    """The data is wrong: the text names table, column, rows and values, and the way out."""


class NotInThisData(CrmkitError):  # noqa: N818, a plain statement of fact, not a fault
    """A notebook's tables are not in this data. Its text is the one line that the report's index shows.

    A notebook raises it (through `crmkit.notebook`) before it shows anything. The report then leaves the page out
    and counts it as neither failed nor done.
    """
