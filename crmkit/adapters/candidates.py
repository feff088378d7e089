"""The answer to which product wrote an export: adapters with their scores and reasons, and what to type next."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from typing import Any

from crmkit.errors import UsageError

SURE, AHEAD = 0.35, 0.08  # the least score of an answer, and how far it must be ahead of the next
LEAST = 3  # headers used: fewer say nothing of who wrote them
SAME = 0.02  # what an adapter that extends another must be ahead of it


@dataclass(frozen=True)
class Candidate:
    """One adapter, and how well it fits an export.

    Attributes
    ----------
    system, title : str
    score : float
        0-1.
    files : dict of str to str
        Files that it would read, each with the adapter's short name for it.
    files_left : tuple of str
        Files that it would not read.
    headers, headers_used : int
        Headers of those files, and how many of them it would use.
    telling : tuple of str
        Headers it would use that few other adapters know.
    lacking : tuple of str
        What it can't do without and isn't there.
    extends : str
        The adapter that it extends, if any.
    """

    system: str
    title: str
    score: float
    files: dict[str, str]
    files_left: tuple[str, ...]
    headers: int
    headers_used: int
    telling: tuple[str, ...]
    lacking: tuple[str, ...]
    extends: str = ""

    def reasons(self) -> str:
        """Say in one line why the score is what it is."""
        total = len(self.files) + len(self.files_left)
        said = f"{len(self.files)} of {total} files, {self.headers_used} of their {self.headers} headers used"
        if self.telling:
            said += f", among them {', '.join(self.telling)}"
        return said + (f"; lacks {', '.join(self.lacking)}" if self.lacking else "")


@dataclass(frozen=True)
class Recognised:
    """The adapters that could read an export, the best first."""

    candidates: tuple[Candidate, ...]
    sources: tuple[str, ...]
    encodings: dict[str, str]
    unreadable: tuple[str, ...] = ()

    @property
    def clear(self) -> bool:
        """Whether one adapter is clearly ahead of those that aren't its kin, lacks nothing and uses a few headers."""
        best, *others = self.candidates or (None,)
        if best is None or best.score < SURE or best.lacking or best.headers_used < LEAST:
            return False
        others = [other for other in others if not _kin(best, other)]
        return not others or best.score - others[0].score >= AHEAD

    @property
    def system(self) -> str:
        """The adapter that is clearly ahead.

        Raises
        ------
        UsageError
            Where none is; the text says which could be meant, and how to choose.
        """
        if not self.clear:
            raise UsageError(self.text().rstrip())
        return self.candidates[0].system

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain data that JSON can hold."""
        found = [asdict(candidate) for candidate in self.candidates]
        return {
            "clear": self.clear,
            "candidates": found,
            "encodings": self.encodings,
            "unreadable": list(self.unreadable),
        }

    def text(self) -> str:
        """Write the answer for people."""
        if not self.candidates:
            return (
                "No adapter knows any of these files. `crmkit import list` prints the products; for another, write an "
                "adapter as maven.toml shows (`crmkit import maven --show-adapter`) and give it by --adapter.\n"
                + "".join(f"{error}\n" for error in self.unreadable)
            )
        best = self.candidates[0]
        width = max(len(c.system) for c in self.candidates)
        if self.clear:
            lines = [f"This is {best.title}."]
        elif self.candidates[1:]:
            lines = [f"It isn't clear which product wrote this. It could be {best.title}, or another of these:"]
        else:
            lines = [f"This may be {best.title}, and nothing else is known that it could be. It isn't clear:"]
        lines += [f"  {c.score:4.0%}  {c.system:<{width}}  {c.reasons()}" for c in self.candidates]
        lines += [f"  {name} is read as {alias}" for name, alias in best.files.items()]
        if best.files_left:
            lines.append(f"  left out: {', '.join(best.files_left)}")
        kin = [c for c in self.candidates[1:] if _kin(best, c)]
        lines += [f"  {c.system} reads the same headers: {c.title}" for c in kin]
        lines += [
            f"  {name} isn't UTF-8; as {encoding} its headers are known" for name, encoding in self.encodings.items()
        ]
        where = " ".join(shlex.quote(source) for source in self.sources)
        encoding = "".join(f" --encoding {name}" for name in sorted(set(self.encodings.values()))[:1])
        if best.lacking:
            lines.append("Where a column that is lacking has another name, the import says how to give it.")
        lines.append(f"Next: crmkit import {best.system} {where} --to my_crm{encoding}")
        return "\n".join(lines) + "\n"


def _kin(one: Candidate, other: Candidate) -> bool:
    """Tell whether one adapter extends the other, or both the same."""
    return (one.extends or one.system) == (other.extends or other.system)
