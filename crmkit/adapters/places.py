"""Places in an adapter's file: values of the right kind, or a message that names file and key."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from crmkit.adapters.spec import EITHER
from crmkit.errors import UsageError


class At:
    """A place in an adapter's file: builds messages that name it, and takes values of the right kind.

    Every method that takes a value raises UsageError where it is of another kind.
    """

    def __init__(self, where: str) -> None:
        self.where = where

    def __truediv__(self, key: str) -> At:
        return At(f"{self.where}: {key}" if ": " not in self.where else f"{self.where}.{key}")

    def error(self, key: str, what: str) -> UsageError:
        """Return an error about a key of this place."""
        return UsageError(f"Adapter {(self / key).where if key else self.where}: {what}.")

    def known(self, given: Mapping, keys: tuple[str, ...]) -> None:
        """Refuse keys that nothing understands."""
        for key in given:
            if key not in keys:
                raise self.error(key, f"unknown key{near(key, keys)}; known: {', '.join(keys)}")

    def as_table(self, key: str, value: object) -> Mapping[str, Any]:
        """Return a value that must be a table."""
        if not isinstance(value, Mapping):
            raise self.error(key, f"is {value!r}; it must be a table")
        return value

    def table(self, given: Mapping, key: str, default: Mapping | None = None) -> Mapping[str, Any]:
        """Return the table under a key."""
        if key not in given and default is None:
            raise self.error(key, "is missing")
        return self.as_table(key, given.get(key, default))

    def text(self, given: Mapping, key: str, default: str | None = None) -> str:
        """Return the text under a key; without a default it must be there."""
        if key not in given and default is None:
            raise self.error(key, "is missing")
        value = given.get(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"is {value!r}; it must be text in quotation marks")
        return value

    def texts(self, given: Mapping, key: str, default: tuple[str, ...] | None = ()) -> tuple[str, ...]:
        """Return the texts under a key, one or a list of them."""
        if key not in given and default is None:
            raise self.error(key, "is missing")
        value = given.get(key, default)
        value = (value,) if isinstance(value, str) else value
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise self.error(key, f"is {value!r}; it must be a text or a list of texts")
        return tuple(value)

    def spellings(self, given: Mapping, key: str) -> tuple[tuple[str, ...], ...]:
        """Return a list of headers, each a text or a list of its spellings."""
        value = given.get(key, [])
        if not isinstance(value, list):
            raise self.error(key, f"is {value!r}; it must be a list of headers, or of lists of their spellings")
        return tuple(self.texts({key: header}, key) for header in value)

    def headers(self, given: Mapping, key: str) -> tuple[str, ...]:
        """Return the headers under a key, one or a list; a list in the list holds the spellings of one header."""
        value = given.get(key, [])
        if isinstance(value, list):
            return tuple(EITHER.join(self.texts({key: header}, key)) for header in value)
        return self.texts(given, key)

    def number(self, given: Mapping, key: str, default: float) -> float:
        """Return the number under a key."""
        value = given.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, f"is {value!r}; it must be a number")
        return value

    def flag(self, given: Mapping, key: str, default: bool) -> bool:
        """Return the true or false under a key."""
        value = given.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"is {value!r}; it must be true or false")
        return value

    def choice(self, given: Mapping, key: str, allowed: tuple[str, ...], default: str = "") -> str:
        """Return the text under a key, one of those allowed."""
        value = self.text(given, key, default)
        if key in given and value not in allowed:
            raise self.error(key, f"is {value!r}; it must be one of {', '.join(map(repr, allowed))}")
        return value

    def mapping(self, given: Mapping, key: str) -> dict[str, str]:
        """Return a table from words to texts."""
        found = self.table(given, key, {})
        for word, value in found.items():
            if not isinstance(value, str):
                raise (self / key).error(repr(word), f"is {value!r}; it must be text in quotation marks")
        return dict(found)

    def numbers(self, given: Mapping, key: str) -> dict[str, float]:
        """Return a table from words to numbers."""
        found = self.table(given, key, {})
        return {word: float((self / key).number(found, word, 0.0)) for word in found}

    def conditions(self, given: Mapping, key: str) -> dict[str, tuple[str, ...]]:
        """Return a table from headers or columns to the words they may hold."""
        found = self.table(given, key, {})
        return {name: (self / key).texts(found, name) for name in found}


def near(word: str, words: object) -> str:
    """Return a hint at the word that was perhaps meant, or nothing.

    >>> near("fils", ("title", "files"))
    ' (did you mean files?)'
    """
    found = get_close_matches(word, list(words), n=1)
    return f" (did you mean {found[0]}?)" if found else ""
