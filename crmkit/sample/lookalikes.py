"""Customers who look like one who is there and are not: namesakes, family, sister firms, clients of one accountant."""

from __future__ import annotations

import numpy as np

from crmkit.sample.addresses import draw
from crmkit.sample.names import COUNTRIES
from crmkit.sample.people import plain

LOOKALIKES = ("same name elsewhere", "family", "parent of the same name", "subsidiary", "shared mailbox")
_LANDS = (("Polska Sp. z o.o.", "PL"), ("Deutschland GmbH", "DE"), ("France SARL", "FR"), ("UK Ltd", "GB"))


def _elsewhere(row: dict, rng: np.random.Generator, mailbox: str) -> dict:
    born = None if row["birth_year"] is None else 1946 + (row["birth_year"] - 1946 + int(rng.integers(7, 40))) % 58
    cities = [city for city in COUNTRIES[row["country"]].cities if city != row["city"]]
    city = cities[int(rng.integers(0, len(cities)))]
    return draw(row["country"], rng, city=city) | {"email": mailbox, "phone": None, "birth_year": born}


def _family(row: dict, rng: np.random.Generator, mailbox: str) -> dict:
    """Somebody of the same surname, address and telephone, and in half of the cases of the same household e-mail."""
    land, woman = COUNTRIES[row["country"]], rng.random() < 0.5
    given, surname = row["name"].partition(" ")[::2]
    names = [name for name in (land.women if woman else land.men) if not plain(name).startswith(plain(given)[:2])]
    for both in land.surnames:
        if surname in both.split("|"):
            surname = both.split("|")[0 if woman else -1]
    return {
        "name": f"{names[int(rng.integers(0, len(names)))]} {surname}",
        "gender": "woman" if woman else "man",
        "birth_year": row["birth_year"] and row["birth_year"] + int(rng.integers(1, 9)),
        "email": row["email"] if rng.random() < 0.5 else mailbox,
    }


def _parent(row: dict, rng: np.random.Generator, mailbox: str) -> dict:
    """A father of the same name at the same address."""
    return {"birth_year": (row["birth_year"] or 1990) - int(rng.integers(22, 38)), "email": mailbox, "phone": None}


def _subsidiary(row: dict, rng: np.random.Generator, mailbox: str) -> dict:
    lands = [each for each in _LANDS if each[1] != row["country"]]
    suffix, land = lands[int(rng.integers(0, len(lands)))]
    base = row["name"]
    for form in (" GmbH", " s.r.o.", " SARL", " S.L.", " Ltd", " sp. z o.o.", "株式会社", "有限公司"):
        base = base.replace(form, "")
    switchboard = row["phone"] if rng.random() < 0.5 else None
    return {"name": f"{base} {suffix}", "country": land, "email": mailbox, "phone": switchboard} | draw(land, rng)


def _same_mailbox(row: dict, rng: np.random.Generator, mailbox: str) -> dict:
    """Another firm whose books the same accountant keeps."""
    land = COUNTRIES["GB"]
    kind, stem = (words[int(rng.integers(0, len(words)))] for words in (land.kinds, land.stems))
    return {"name": f"{stem} {kind} Bath Ltd", "phone": None, "country": "GB"} | draw("GB", rng, city="Bath")


OTHERS = dict(zip(LOOKALIKES, (_elsewhere, _family, _parent, _subsidiary, _same_mailbox), strict=True))
