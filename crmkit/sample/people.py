"""Names, addresses and telephone numbers of invented people and firms, each country in its own script."""

from __future__ import annotations

import unicodedata

import numpy as np

from crmkit.sample.names import AWKWARD, COUNTRIES

CODES = tuple(COUNTRIES)
REGIONS = tuple(sorted({country.region for country in COUNTRIES.values()}))
_PLAIN = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "'": "", " ": "", "-": ""})
_BRITISH = ("113496", "114496", "115496", "116496", "117496", "118496", "121496", "131496", "141496", "151496")
_FRENCH = ("19900", "26191", "35301", "46571", "53649", "63998")


def countries(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a country for each of `size` customers, as an index into CODES."""
    weight = np.array([country.weight for country in COUNTRIES.values()])
    return rng.choice(len(CODES), size, p=weight / weight.sum()).astype(np.int8)


def place_awkward(country: np.ndarray, business: np.ndarray) -> np.ndarray:
    """Return the countries with those of the awkward names put in for the first businesses."""
    country, rows = country.copy(), np.flatnonzero(business)[: len(AWKWARD)]
    country[rows] = [CODES.index(code) for code, _ in AWKWARD[: rows.size]]
    return country


def regions(country: np.ndarray) -> np.ndarray:
    """Return the sales region of each country, as an index into REGIONS."""
    of = np.array([REGIONS.index(COUNTRIES[code].region) for code in CODES], np.int8)
    return of[country]


def plain(word: str) -> str:
    """Return a word in small Latin letters without marks, as it would stand in an e-mail address.

    Examples
    --------
    >>> plain("Święcisława"), plain("O'Hara"), plain("髙橋/takahashi")
    ('swiecislawa', 'ohara', 'takahashi')
    """
    word = unicodedata.normalize("NFKD", word.rpartition("/")[2].translate(_PLAIN).lower())
    return "".join(letter for letter in word if letter.isascii() and letter.isalnum())


def persons(rng: np.random.Generator, country: np.ndarray) -> dict[str, np.ndarray]:
    """Return `name`, `gender` (0 woman, 1 man) and `slug` (for the e-mail address) of people of these countries."""
    size = country.size
    gender = rng.integers(0, 2, size)
    first, last = rng.random(size), rng.random(size)
    name, slug = np.empty(size, object), np.empty(size, object)
    for code, entry in enumerate(COUNTRIES.values()):
        for sex, given in enumerate((entry.women, entry.men)):
            rows = np.flatnonzero((country == code) & (gender == sex))
            family = [word.split("|")[min(sex, word.count("|"))] for word in entry.surnames]
            one = (first[rows] * len(given)).astype(int)
            two = (last[rows] * len(family)).astype(int)
            shown, shown_family = _native(given), _native(family)
            gap = "" if entry.surname_first else " "
            front, back = (shown_family[two], shown[one]) if entry.surname_first else (shown[one], shown_family[two])
            name[rows] = front + gap + back
            slug[rows] = _latin(given)[one] + "." + _latin(family)[two]
    return {"name": name, "gender": gender, "slug": slug}


def _native(words) -> np.ndarray:
    return np.array([word.split("/")[0] for word in words], object)


def _latin(words) -> np.ndarray:
    return np.array([plain(word) for word in words], object)


def companies(rng: np.random.Generator, country: np.ndarray, *, awkward: bool = False) -> np.ndarray:
    """Return company names; none comes twice in a country before all of its combinations are used up."""
    name = np.empty(country.size, object)
    for code, entry in enumerate(COUNTRIES.values()):
        rows = np.flatnonzero(country == code)
        made = np.array(
            [
                entry.pattern.format(kind=kind, stem=stem, city=city)
                for kind in entry.kinds
                for stem in entry.stems
                for city in entry.cities
            ],
            object,
        )
        name[rows] = made[rng.permutation(made.size)[np.arange(rows.size) % made.size]]
    if awkward:
        for row, (_, hard) in enumerate(AWKWARD[: country.size]):
            name[row] = hard
    return name


def emails(slug: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return addresses in domains that are reserved for examples, each its own."""
    domain = np.array(["@example.com", "@example.org", "@example.net"], object)
    return slug + number.astype(str).astype(object) + domain[number % 3]


def phones(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return telephone numbers from the ranges that Britain and France reserve for fiction."""
    british = [f"+44 {area[:3]} {area[3:]} 0{line:03d}" for area in _BRITISH for line in range(1000)]
    french = [
        f"+33 {area[0]} {area[1:3]} {area[3:]} {i // 100:02d} {i % 100:02d}" for area in _FRENCH for i in range(9999)
    ]
    every = np.array(british + french, object)
    return every[rng.permutation(every.size)[np.arange(size) % every.size]]
