"""Codes in the place of names: the same person has the same code in all reports of a company, and no way leads back.

A code is made from the person's key in the tables and a secret that is kept outside the data. Whoever has both can
find the person again (`find_codes`, `crmkit who`); who has the report alone can't, nor can who has the tables alone.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crmkit.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir

VARIABLE = "CRMKIT_KEY"
"""The environment variable that holds the secret, where it isn't kept in a file."""
PREFIXES = {"customers": "C", "leads": "L", "users": "U"}
"""The tables whose rows are persons, or may be, and the letter with which their codes begin."""
_SHORTEST = 16


def key_of(company: str) -> str:
    """Return the secret from which a company's codes are made: another one for every company.

    It comes from the environment variable CRMKIT_KEY or, without that, from a file in the user's settings that is made
    when it is first needed. Where no file can be written, codes hold as long as this process runs.

    Parameters
    ----------
    company : str
        The company's name, or what else tells its data from others.

    Raises
    ------
    UsageError
        Where the secret given is too short to be one.
    """
    return hashlib.sha256(f"{_master()}\0{company}".encode()).hexdigest()


def code(table: str, key: str, *, secret: str) -> str:
    """Return the code of a person: C-, L- or U- and ten characters.

    Parameters
    ----------
    table : {"customers", "leads", "users"}
    key : str
        The person's key in that table.
    secret : str
        As `key_of` returns it.

    Examples
    --------
    >>> code("customers", "00593", secret="of this company")
    'C-F8C72-F73BD'
    """
    digest = hashlib.sha256(f"{secret}{table}{key}".encode()).hexdigest().upper()
    return f"{PREFIXES[table]}-{digest[:5]}-{digest[5:10]}"


def coded(column: ir.StringValue, table: str, *, secret: str) -> ir.StringValue:
    """Return the same code as an expression on a column of keys, on engines that know SHA-256; null stays null."""
    import ibis

    digest = (ibis.literal(f"{secret}{table}") + column).hexdigest("sha256").upper()
    return ibis.literal(f"{PREFIXES[table]}-") + digest.substr(0, 5) + "-" + digest.substr(5, 5)


def find_codes(crm, codes: Iterable[str]) -> pd.DataFrame:
    """Return who is behind codes.

    Parameters
    ----------
    crm : Crm
        The company's own tables.
    codes : iterable of str
        As a report shows them.

    Returns
    -------
    DataFrame
        One row a code, in the order given: `code`, `table`, `key`, `name` (null where the table has none).

    Raises
    ------
    UsageError
        Where a code belongs to nobody in these tables, or was made with another secret.
    """
    found, secret = [], key_of(crm.config.name or crm.label)
    wanted = [text.strip().upper() for text in codes]
    known: dict[str, tuple[str, str]] = {}
    for table, prefix in PREFIXES.items():
        if any(text.startswith(f"{prefix}-") for text in wanted):
            known |= {code(table, key, secret=secret): (table, key) for key in _keys(crm, table)}
    for text in wanted:
        if text not in known:
            raise UsageError(
                f"No one in {crm.label} has the code {text!r}. Codes are made with a secret of each installation: "
                f"look it up where the report was made, or set {VARIABLE} to the secret that was used there."
            )
        table, key = known[text]
        found.append({"code": text, "table": table, "key": key, "name": _name(crm, table, key)})
    return pd.DataFrame(found, columns=["code", "table", "key", "name"])


def _keys(crm, table: str) -> list[str]:
    """Return the keys of a table's persons, those that other tables name included."""
    from crmkit import schema

    own = schema.TABLES[table].key[0]
    columns = [(table, own)] if table in crm.tables else []
    for other in crm.tables:
        columns += [(other, c.name) for c in schema.TABLES[other].columns
                    if c.refers_to == table and c.name in crm.present[other]]  # fmt: skip
    keys: set[str] = set()
    for name, column in columns:
        distinct = crm.tables[name].select(key=column).distinct().to_pyarrow()["key"].to_pylist()
        keys |= {key for key in distinct if key is not None}
    return sorted(keys)


def _name(crm, table: str, key: str) -> str | None:
    from crmkit import schema

    column = "company" if table == "leads" else "name"
    if table not in crm.tables or column not in crm.present[table]:
        return None
    rows = crm.tables[table]
    rows = rows.filter(rows[schema.TABLES[table].key[0]] == key).select(name=column).limit(1)
    return next(iter(rows.to_pyarrow()["name"].to_pylist()), None)


def _master() -> str:
    """Return the secret of this installation."""
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        if len(given) < _SHORTEST:
            raise UsageError(
                f"{VARIABLE} has {len(given)} characters; a secret needs {_SHORTEST} or more, such as those of\n"
                '  python -c "import secrets; print(secrets.token_hex(32))"'
            )
        return given
    path = _file()
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        # it has to stay the same while this process and those that it starts run
        return os.environ.setdefault(VARIABLE, secrets.token_hex(32))


def _file() -> Path:
    """Return where the secret is kept: with the user's settings, never beside data."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home() / "AppData/Roaming")) / "crmkit" / "key"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "crmkit" / "key"
