"""Streets, cities and postal codes of invented addresses, country by country."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmkit.sample.names import COUNTRIES


@dataclass(frozen=True)
class Streets:
    """How addresses look in a country: streets, the pattern of an address, and that of a postal code (# a digit)."""

    names: tuple[str, ...]
    pattern: str
    postal: str


def _of(names: str, pattern: str, postal: str) -> Streets:
    return Streets(tuple(name.replace("~", " ") for name in names.split()), pattern, postal)


STREETS: dict[str, Streets] = {
    "PL": _of("Klonowa Lipowa Źródlana Świerkowa Długa Krótka Młyńska Łąkowa Ogrodowa Nowa Kościuszki Piękna Jasna "
              "Portowa Zielona Słoneczna", "ul. {street} {number}", "##-###"),
    "DE": _of("Lindenstraße Ahornstraße Gartenstraße Bahnhofstraße Goethestraße Mühlenstraße Hafenstraße Bergstraße "
              "Schulstraße Waldstraße Rosenstraße Königstraße", "{street} {number}", "#####"),
    "CZ": _of("Lipová Zahradní Školní Nádražní Polní Husova Květná Dlouhá Krátká Lesní Žižkova Růžová",
              "{street} {number}", "### ##"),
    "FR": _of("des~Lilas du~Moulin de~l'Église Pasteur des~Érables du~Château de~la~Gare des~Écoles du~Pont Voltaire "
              "des~Acacias de~la~Forêt", "{number} rue {street}", "#####"),
    "ES": _of("Mayor Real del~Sol de~la~Peña Cervantes Nueva del~Río San~Juan de~la~Luna Colón Olmo Jazmín",
              "Calle {street} {number}", "#####"),
    "GB": _of("High Church Mill Station Victoria Queen King Park Bridge Orchard Chapel Market",
              "{number} {street} Street", "AB## #CD"),
    "JP": _of("本町 栄町 緑町 旭町 中央 若葉町 桜台 港町", "{street}{number}丁目3-1", "###-####"),
    "CN": _of("人民路 中山路 解放路 和平街 建设路 新华街 文化路 长江路", "{street}{number}号", "######"),
}  # fmt: skip


def draw(country: str, rng: np.random.Generator, *, city: str = "") -> dict[str, str]:
    """Return an address of a country as `address`, `postal_code` and `city`, that of `city` where it is given.

    Examples
    --------
    >>> sorted(draw("PL", np.random.default_rng(1)))
    ['address', 'city', 'postal_code']
    """
    code = country if country in STREETS else "PL"
    streets, cities = STREETS[code], COUNTRIES[code].cities
    street = streets.names[int(rng.integers(0, len(streets.names)))]
    postal = "".join(str(int(rng.integers(1, 10))) if mark == "#" else mark for mark in streets.postal)
    return {
        "address": streets.pattern.format(street=street, number=int(rng.integers(1, 180))),
        "postal_code": postal,
        "city": city or cities[int(rng.integers(0, len(cities)))],
    }


def city_in(name: str | None, country: str | None) -> str:
    """Return the city that a firm's name ends with, "" where it names none.

    Examples
    --------
    >>> city_in("Kawiarnia Lipowa Gdańsk", "PL")
    'Gdańsk'
    """
    entry = COUNTRIES.get(country or "")
    return next((city for city in entry.cities if name and city in name), "") if entry else ""
