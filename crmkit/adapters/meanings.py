"""What a cell's text means: single texts set right, values and their meanings, cells that only count beside others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from crmkit.adapters.account import ColumnRead, Replaced
from crmkit.adapters.cells import identifier, literal, one_of
from crmkit.adapters.headers import CELL
from crmkit.adapters.spec import ColumnSpec
from crmkit.adapters.work import Work

_SHOWN = 5
_KNOWN = 20  # words with a meaning that a message lists


def repair(work: Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
    """Set some texts right, and count them."""
    text = identifier(f"t:{spec.name}")
    words = tuple(spec.repairs)
    counts = work.rows(f"SELECT {text}, count(*) FROM {work.view} WHERE {one_of(text, words)} GROUP BY 1 ORDER BY 1")
    cases = " ".join(f"WHEN {literal(a)} THEN nullif({literal(b)}, '')" for a, b in spec.repairs.items())
    work.change(spec, f"CASE {text} {cases} ELSE {text} END")
    return replace(account, repairs=tuple(Replaced(word, spec.repairs[word], n) for word, n in counts))


def map_values(work: Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
    """Give each value its meaning; a value without one stops the import, so that none is counted as something else."""
    text = identifier(f"t:{spec.name}")
    rules = spec.values or {word.casefold(): word for word in spec.allowed}
    found = work.rows(
        f"SELECT {text}, count(*), arg_min(_file, (_file, _row)), arg_min(_row, (_file, _row)) "
        f"FROM {work.view} WHERE {text} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    unknown = [row for row in found if row[0].casefold() not in rules]
    if unknown and spec.otherwise is None:
        value, _, file, row = unknown[0]
        listed = ", ".join(f"{word!r} ({n:,} cells)" for word, n, _, _ in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        raise work.error(
            spec.name,
            f"the value {value!r} in {work.staged.files[file].path.name}, line {work.line(file, row)} has no meaning "
            f"in the adapter. Unknown: {listed}{more}; known: {_listed(rules)}. Say what each means under values in "
            f"{_own(work)}, or say by otherwise what all others mean.{_to_write(work, spec, value)}",
        )
    meaning = {
        word: rules.get(word.casefold(), word if spec.otherwise == CELL else spec.otherwise) for word, *_ in found
    }
    words: dict[str, list[str]] = {}
    for word, target in meaning.items():
        words.setdefault(target, []).append(word)
    cases = [f"WHEN {one_of(text, tuple(w))} THEN nullif({literal(t)}, '')" for t, w in words.items()]
    if "" in rules:  # what an empty cell means, such as no
        cases.append(f"WHEN {text} IS NULL THEN {literal(rules[''])}")
        empty = work.one(f"SELECT count(*) FROM {work.view} WHERE {text} IS NULL")[0]
        found, meaning[""] = [*found, ("", empty, 0, 0)] if empty else found, rules[""]
    work.change(spec, f"CASE {' '.join(cases)} END" if cases else text)
    shown = tuple(
        Replaced(word, meaning[word], n) for word, n, *_ in found[:50] if spec.values and meaning[word] != word
    )
    return replace(account, values=tuple(shown[:50]) if spec.values else ())


def _own(work: Work) -> str:
    """Return the file in which a user may say more: the adapter, or one that extends an adapter of crmkit's own."""
    path = work.adapter.path
    if path.parent != Path(__file__).parent:
        return path.name
    return f'a file of your own that begins with extends = "{path.stem}" (--adapter my.toml)'


def _to_write(work: Work, spec: ColumnSpec, value: str) -> str:
    """Return what such a file of one's own holds, where it extends an adapter of crmkit's own."""
    if work.adapter.path.parent != Path(__file__).parent or not spec.values:
        return ""
    name, part = work.spec.name, work.spec.part or work.spec.file
    several = sum(table.name == name for table in work.adapter.tables) > 1
    meaning = next((word for word in spec.allowed or spec.values.values() if word), "…")
    word = value.replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'extends = "{work.adapter.path.stem}"', *([f"[[tables.{name}]]", f'part = "{part}"'] if several else [])]
    lines += [f"[tables.{name}.columns.{spec.name}.values]", f'"{word}" = "{meaning}"']
    return " Such as, with the right meaning:\n  " + "\n  ".join(lines)


def _listed(rules: Iterable[str]) -> str:
    """Return the words that have a meaning, the first of them where they are many."""
    words = [word or repr(word) for word in rules]
    more = len(words) - _KNOWN
    return ", ".join(words[:_KNOWN]) + (f" and {more:,} more" if more > 0 else "")


def only_if(work: Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
    """Empty the cells of rows in which another column doesn't have one of the values asked for, and count them."""
    text = identifier(f"t:{spec.name}")
    holds = " AND ".join(
        "false"  # the export has nothing that could have the value
        if other in work.missing
        else f"coalesce({one_of(identifier(f't:{other}'), words)}, false)"
        for other, words in spec.only_if.items()
    )
    emptied = work.one(f"SELECT count(*) FROM {work.view} WHERE {text} IS NOT NULL AND NOT ({holds})")[0]
    work.change(spec, f"CASE WHEN {holds} THEN {text} END")
    return replace(account, emptied=emptied)
