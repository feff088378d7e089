"""Why two records count as one, in words that name no one: what is the same, what is alike, what differs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crmkit.methods.identity import likeness
from crmkit.methods.identity.names import legal_form

_NAMES = {
    likeness.SHORT: "one name abbreviates the other",
    likeness.PART: "one name has words more than the other",
    likeness.SURNAME: "same given name, other surname",
    likeness.OTHER: "names differ",
    "unknown": "no name to compare",
}
_EMAILS = {
    "alike, same digits": "e-mails a letter apart",
    "alike": "e-mails a letter apart",
    "same before the @": "same e-mail at another provider",
    "same domain": "e-mails of one domain",
    "other": "e-mail differs",
}
_PHONES = {"same last digits": "same phone without its country's code", "other": "phone differs"}
_ADDRESSES = {
    "same": "same address",
    "same street": "same street and number",
    "same street and postal code": "same street, number and postal code",
    "street a letter apart": "streets a letter apart",
    "same street, other postal code": "same street and number, other postal code",
    "same postal code": "same postal code",
    "same city": "same city",
    "the city in the name": "same city",
    "other": "address differs",
}
_BIRTHS = {
    "same": "same year of birth",
    "next year": "born a year apart",
    "a generation apart": "year of birth differs",
    "other": "year of birth differs",
}


_SHOWN = {"sp z o o": "Sp. z o.o.", "s r o": "s.r.o.", "gmbh": "GmbH", "ggmbh": "gGmbH", "mbh": "mbH", "ltd": "Ltd",
          "inc": "Inc", "sarl": "SARL", "gesellschaft mbh": "Gesellschaft mbH", "g m b h": "G.m.b.H."}  # fmt: skip


def _form(text: str) -> str:
    """Write a legal form as people do.

    >>> _form("s a r l"), _form("sp z o o"), _form("limited"), _form("ag"), _form("sp j")
    ('S.A.R.L.', 'Sp. z o.o.', 'Limited', 'AG', 'sp.j.')
    """
    if text in _SHOWN:
        return _SHOWN[text]
    if text.replace(" ", "").isalpha() and all(len(word) == 1 for word in text.split()):
        return text.upper().replace(" ", ".") + "."
    if " " in text and all(len(word) <= 3 for word in text.split()):
        return text.replace(" ", ".") + "."
    return text.upper() if len(text) <= 3 else text.title()


def explain(pairs: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """Say of each pair what speaks for and against its records being one.

    Parameters
    ----------
    pairs : DataFrame
        As `model.score` returns them.
    records : DataFrame
        The records that the pairs point to by number.

    Returns
    -------
    list of str
        Such as "same e-mail; names 0.96 alike without GmbH; phone differs". What one of the two lacks is not named.
    """
    columns = ["told", "name", "email_told", "phone_told"]
    left = records[columns].iloc[pairs["left"]].to_dict("records")
    right = records[columns].iloc[pairs["right"]].to_dict("records")
    grades = pairs[["name", "email", "phone", "address", "born"]].to_dict("records")
    return [_sentence(grade, one, other) for grade, one, other in zip(grades, left, right, strict=True)]


def _sentence(grade: dict[str, str], one: dict[str, Any], other: dict[str, Any]) -> str:
    said = [
        _email(grade["email"], one["email_told"], other["email_told"]),
        _name(grade["name"], one, other),
        _phone(grade["phone"], one["phone_told"], other["phone_told"]),
        _ADDRESSES.get(grade["address"], ""),
        _BIRTHS.get(grade["born"], ""),
    ]
    return "; ".join(sorted(filter(None, said), key=lambda text: "differ" in text))


def _name(grade: str, one: dict[str, Any], other: dict[str, Any]) -> str:
    forms = (
        sorted({legal_form(str(each["told"])) for each in (one, other)} - {""}) if one["told"] and other["told"] else []
    )
    without = f" without {' and '.join(map(_form, forms))}" if forms else ""
    if grade == likeness.SAME:
        if str(one["told"]).strip() == str(other["told"]).strip():
            return "same name"
        return (
            f"same name{without}"
            if len(forms) > 1 or (forms and _only_one(one, other))
            else "same name, written otherwise"
        )
    if grade == likeness.ALIKE:
        how = likeness.similarity(tuple(one["name"].split()), tuple(other["name"].split()))
        return f"names {how:.2f} alike{without}"
    return _NAMES.get(grade, "")


def _only_one(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(legal_form(str(one["told"]))) != bool(legal_form(str(other["told"])))


def _email(grade: str, one: Any, other: Any) -> str:
    if grade == "same":
        return "same e-mail" if str(one).strip() == str(other).strip() else "same e-mail, written otherwise"
    return _EMAILS.get(grade, "")


def _phone(grade: str, one: Any, other: Any) -> str:
    if grade == "same":
        return "same phone" if str(one).strip() == str(other).strip() else "same phone, written otherwise"
    return _PHONES.get(grade, "")
