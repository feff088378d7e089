"""Records made comparable: one row a customer or lead, with its names, addresses and numbers in one form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmkit import schema
from crmkit.methods.identity import contacts, likeness, names

KINDS_OF_COLUMNS = {
    "address": ("address", "street", "street_address", "address_line1", "billing_street", "mailing_street"),
    "city": ("city", "town", "billing_city", "mailing_city", "locality"),
    "postal_code": ("postal_code", "zip", "zip_code", "postcode", "billing_postal_code", "mailing_postal_code"),
    "phone": ("phone", "telephone", "mobile", "phone_number", "mobile_phone"),
    "email": ("email", "e_mail", "email_address"),
    "country": ("country", "country_code", "billing_country", "mailing_country"),
    "birth_year": ("birth_year",),
    "kind": ("kind",),
}
"""Which columns of a table hold what two records are compared by; the first that is there counts."""
NAMES = {"customers": ("name",), "leads": ("name", "company")}
"""Which columns name a record; the first that is filled counts."""
COMPARED = ("name", "email", "phone", "street", "city", "postal", "born")
COMMON = 40
"""A value that more records share than this (a switchboard, a form's default) brings no pairs together by itself."""


def prepare(rows: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return records in one form.

    Parameters
    ----------
    rows : DataFrame
        Rows of customers or leads, with at least the key.
    table : {"customers", "leads"}

    Returns
    -------
    DataFrame
        One row a record: `table`, `id`, `created_at`, `filled` (cells that hold something), `told` (the name as it
        stands), `name` (words joined by blanks), `name_key` (the same, sorted), `script`, `person`, `email`,
        `email_domain`, `email_local`, `email_digits`, `phone`, `phone_tail`, `street`, `city`, `postal`, `place` (city
        or postal code), `area` (that or the country), `address` (street and place), `place_named` (whether the name
        has the city in it), `born`; null where unknown.

    Examples
    --------
    >>> made = prepare(pd.DataFrame({"customer_id": ["1"], "name": ["Lipowa Sp. z o.o."], "email": ["A@lipowa.pl"]}),
    ...                "customers")
    >>> made[["id", "name", "email", "email_domain"]].values.tolist()
    [['1', 'lipowa', 'a@lipowa.pl', 'lipowa.pl']]
    """
    rows = rows.reset_index(drop=True)
    kinds = {kind: _first(rows, columns) for kind, columns in KINDS_OF_COLUMNS.items()}
    told = _named(rows, NAMES[table])
    person = kinds["kind"].eq("person")
    words = [names.words(name, person=bool(one)) if name else () for name, one in zip(told, person, strict=True)]
    made = pd.DataFrame({"table": table, "id": rows[schema.TABLES[table].key[0]].astype(str)})
    made["created_at"] = pd.to_datetime(rows["created_at"]) if "created_at" in rows else pd.NaT
    made["filled"] = rows.notna().sum(axis=1)
    made["told"] = _objects(told)
    made["name"] = _objects([" ".join(found) or None for found in words])
    made["name_key"] = _objects([likeness.key(found) or None for found in words])
    made["script"] = _objects([None if not w else "own" if names.has_ideographs(w[0]) else "latin" for w in words])
    made["person"] = person.to_numpy()
    mail = _each(kinds["email"], contacts.email)
    made["email"] = mail
    made["email_told"], made["phone_told"] = kinds["email"], kinds["phone"]
    made["email_domain"] = _each(mail, contacts.domain)
    made["email_local"] = _each(mail, contacts.own_local)
    made["email_digits"] = _each(mail, lambda text: "".join(c for c in text.partition("@")[0] if c.isdigit()))
    land = _each(kinds["country"], contacts.region)
    made["phone"] = _objects([contacts.phone(n, c) if n else None for n, c in zip(kinds["phone"], land, strict=True)])
    made["phone_tail"] = _each(made["phone"], contacts.tail)
    made["street"] = _each(kinds["address"], contacts.street)
    made["city"] = _each(kinds["city"], contacts.place)
    made["postal"] = _each(kinds["postal_code"], contacts.postal)
    made["place"] = _or(made["city"], made["postal"])
    made["area"] = _or(made["place"], land)
    made["address"] = _both(made["street"], made["place"])
    made["place_named"] = [
        c is not None and n is not None and c in n for c, n in zip(made["city"], made["name_key"], strict=True)
    ]
    made["born"] = pd.to_numeric(kinds["birth_year"], errors="coerce").astype("Int64")
    return made


def _first(rows: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Return the first of some columns that is there, as text or null."""
    for column in columns:
        if column in rows:
            return _objects([_text(value) for value in rows[column]])
    return pd.Series([None] * len(rows), dtype=object)


def _text(value: Any) -> str | None:
    """Return a cell as text, a whole number without its .0; None where it is empty.

    >>> _text(49000.0), _text(" a "), _text(float("nan")), _text("")
    ('49000', ' a ', None, None)
    """
    if isinstance(value, str):
        return value if value.strip() else None
    if value is None or pd.isna(value):
        return None
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def _named(rows: pd.DataFrame, columns: Sequence[str]) -> list[str | None]:
    told: list[str | None] = [None] * len(rows)
    for column in columns:
        if column in rows:
            told = [_text(new) if old is None else old for old, new in zip(told, rows[column], strict=True)]
    return told


def _each(values: pd.Series, make: Callable[[Any], str | None]) -> pd.Series:
    return _objects([make(str(value)) or None if value is not None else None for value in values])


def _objects(values: list) -> pd.Series:
    return pd.Series(np.array([*values, None], object)[:-1], dtype=object)


def _or(one: pd.Series, other: pd.Series) -> pd.Series:
    return _objects([b if a is None else a for a, b in zip(one, other, strict=True)])


def _both(one: pd.Series, other: pd.Series) -> pd.Series:
    pairs = zip(one, other, strict=True)
    return _objects([f"{a} | {b}" if a is not None and b is not None else None for a, b in pairs])


def ordered(records: pd.DataFrame) -> pd.DataFrame:
    """Return records in the order of what is in them, numbered, so that neither ids nor rows' order matter.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["9", "1"], "name": ["Ewa", "Adam"]})
    >>> ordered(prepare(rows, "customers"))[["number", "id"]].values.tolist()
    [[0, '1'], [1, '9']]
    """
    content = ["table", "name", "email", "phone", "street", "city", "postal", "born", "created_at", "filled"]
    keys = pd.DataFrame({name: records[name].astype("string").fillna("") for name in content})
    order = keys.sort_values(content, kind="stable").index
    return records.loc[order].reset_index(drop=True).assign(number=lambda frame: range(len(frame)))


def blocked(records: pd.DataFrame) -> pd.DataFrame:
    """Return records with the values that bring pairs together, `block_…`: null where too many share one.

    A pair is compared where its records share an e-mail address, the end of a telephone number, a name (a rare one, or
    one in a place, or one with an e-mail's digits), an e-mail's digits and domain, a street and number, the
    first or the last word of a name in a postal code, a firm's domain, or what stands before the @.
    """
    made = pd.DataFrame(index=records.index)
    made["block_email"] = _not_common(records["email"])
    made["block_phone"] = _not_common(records["phone_tail"])
    made["block_name"] = _not_common(records["name_key"], 10)
    made["block_name_place"] = _not_common(_both(records["name_key"], records["area"]))
    made["block_name_digits"] = _not_common(_both(records["name_key"], records["email_digits"]), 10)
    pairs = zip(records["email_digits"], records["email"], strict=True)
    marks = [f"{d} | {e.rpartition('@')[2]}" if d is not None and len(d) >= 3 else None for d, e in pairs]
    made["block_digits"] = _not_common(_objects(marks), 10)
    made["block_address"] = _not_common(records["address"])
    made["block_street"] = _not_common(_both(records["street"], records["postal"]))
    first, last = (_objects([name.split(" ")[at] if name else None for name in records["name"]]) for at in (0, -1))
    area = _or(records["postal"], records["area"])
    made["block_first"], made["block_last"] = (_not_common(_both(word, area)) for word in (first, last))
    made["block_domain"] = _not_common(records["email_domain"])
    made["block_local"] = _not_common(records["email_local"], 10)
    return pd.concat([records, made], axis=1)


def _not_common(values: pd.Series, most: int = COMMON) -> pd.Series:
    counts = values.map(values.value_counts())
    found = values.where(counts.between(2, most), None)
    return found.astype(object).where(found.notna(), None)
