"""Findings as the readers of a report get them: persons by code, where they may not be named."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from crmkit import schema
from crmkit.personal.codes import code, key_of

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.quality.check import Inspection

_NAMED = re.compile(r"^(customer_id|lead_id|user_id|owner_id|agent_id) (.+?)(?=: |$)")
_USERS = ("owner_id", "user_id", "agent_id")
_OF = {"customer_id": "customers", "lead_id": "leads"}


def shown(found: Inspection, crm: Crm) -> Inspection:
    """Return what was found of the whole tables as the readers of `crm` may see it."""
    if crm.readers is None:
        return found
    secret = key_of(crm.config.name or crm.label)
    findings, counted = found.findings.copy(), found.counted.copy()
    if "users" not in crm.readers.shown:
        silent = [
            _silent(row, secret) for row in findings[["rule", "column", "examples", "finding", "effect"]].to_numpy()
        ]
        findings["finding"], findings["effect"] = [row[0] for row in silent], [row[1] for row in silent]
    findings["examples"] = [[_example(text, crm, secret) for text in texts] for texts in findings["examples"]]
    if "users" not in crm.readers.shown:
        known = [owner if _of_users(table) else None for table, owner in findings[["table", "owner"]].to_numpy()]
        findings["where"] = [
            _without(text, owner, secret) for text, owner in zip(findings["where"], known, strict=True)
        ]
        for frame in (findings, counted):
            users = frame["table"].map(_of_users).fillna(False).astype(bool) & frame["owner"].notna()
            frame.loc[users, "owner"] = frame.loc[users, "owner"].map(_coder("users", secret))
    return replace(found, findings=findings, counted=counted)


def _of_users(table: str) -> bool:
    """Tell whether the owner of a table's rows is one of the users."""
    declared = schema.TABLES.get(table)
    return declared is not None and any(column.refers_to == "users" for column in declared.columns)


def _coder(table: str, secret: str) -> Callable[[str], str]:
    return lambda key: code(table, str(key), secret=secret)


def _example(text: str, crm: Crm, secret: str) -> str:
    named = _NAMED.match(text)
    if not named:
        return text
    column, key = named.groups()
    table = _OF.get(column, "users")
    return text if table in crm.readers.shown else f"{column} {code(table, key, secret=secret)}{text[named.end() :]}"


def _silent(row: Sequence, secret: str) -> tuple[str, str]:
    """Return what is said of a user who fell silent, and its effect, with the code in the place of the key."""
    rule, column, examples, finding, effect = row
    if rule != "source_silent" or column not in _USERS or not len(examples):
        return finding, effect
    key, word = examples[0].partition(" ")[2], column.removesuffix("_id")
    named, coded = f"the {word} {key}", f"the {word} {code('users', key, secret=secret)}"
    return finding.replace(named, coded, 1), effect.replace(named, coded, 1)


def _without(text: str, owner: str | None, secret: str) -> str:
    if not text or owner is None or pd.isna(owner):
        return text
    return text.replace(str(owner), code("users", str(owner), secret=secret))
