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
