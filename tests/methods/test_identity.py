"""Names, addresses and numbers in one form: what is the same, what is not, and that nothing written breaks it."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from crmkit.methods.duplicates import duplicates
from crmkit.methods.identity import contacts, likeness, names
from crmkit.methods.identity.records import ordered, prepare

SAME = [
    ("Nestlé S.A.", "NESTLE SA"),
    ("Łódzki Dom Sp. z o.o.", "Lodzki Dom spółka z ograniczoną odpowiedzialnością"),
    ("Groß & Söhne GmbH & Co. KG", "GROSS UND SOEHNE"),
    ("株式会社髙橋商店", "高橋商店㈱"),
    ("昆明远帆甜品（有限公司）", "昆明远帆甜品有限责任公司"),
    ("ООО «Ромашка»", "Romashka"),
    ("Ahlström Oyj", "Ahlstrom Oy"),
    ("Møller A/S", "Moeller AS"),
    ("Acme Co., Ltd.", "The Acme Company"),
    ("S.r.l. Bianchi", "Bianchi s.r.l."),
    ("Hospodářské noviny, a. s.", "Hospodarske noviny as"),
    ("주식회사 카카오", "카카오"),
    ("Old-Mill Café", "Old Mill Cafe"),
    ("Oldmill Cafe", "Old Mill Café"),
]
KINDS = [
    ("Kawiarnia Jaśmin", "Kawiarnia Jaśimn", False, likeness.ALIKE),
    ("International Business Machines", "IBM", False, likeness.SHORT),
    ("Kaw. Lipowa", "Kawiarnia Lipowa", False, likeness.SHORT),
    ("Anna Maria Nowak", "Anna Nowak", True, likeness.PART),
    ("Lipowa", "Lipowa Polska", False, likeness.RELATIVE),
    ("Sklep 12", "Sklep 13", False, likeness.RELATIVE),
    ("Jan Kowalczyk", "Ewa Kowalczyk", True, likeness.RELATIVE),
    ("Anna Mróz", "Hanna Mróz", True, likeness.RELATIVE),
    ("Anna Nowak", "Anna Mróz", True, likeness.SURNAME),
    ("佐藤恵", "佐藤恵子", True, likeness.RELATIVE),
    ("Sato Megumi", "佐藤恵", True, ""),
    ("Mewa", "Bursztyn", False, likeness.OTHER),
]
LETTERS = "aąäæßłøéñ ÀÎÕ.,-_'’\"&/\\()+@#0129٣½ⅣⅮ　Ａ１ｶﾞガ株式会社㈱漢字ΣςΩЖйїאبहि한글\u0301\u200b\u202e\x00\n🙂ﷺ"


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_name_in_two_notations(one, other):
    assert likeness.compare(names.words(one), names.words(other)) == likeness.SAME


@pytest.mark.parametrize(("one", "other", "person", "kind"), KINDS)
def test_how_two_names_are_related_either_way_round(one, other, person, kind):
    words = [names.words(name, person=person) for name in (one, other)]
    assert likeness.compare(*words, person=person) == kind
    assert likeness.compare(*words[::-1], person=person) == kind


@pytest.mark.parametrize("name", ["GmbH", "S.A.", "株式会社", "Ltd", "&", "The", "Sp. z o.o."])
def test_a_name_that_is_nothing_but_a_legal_form_keeps_something(name):
    assert likeness.compare(names.words(name), names.words(name)) in ("", likeness.SAME)


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+48 22 123-45-67", None, "+48221234567"),
        ("0048221234567", "DE", "+48221234567"),
        ("22 123 45 67", "PL", "+48221234567"),
        ("022 123 45 67", "Polska", "+48221234567"),
        ("(030) 901820", "Deutschland", "+4930901820"),
        ("+49 (0)30 901820", None, "+4930901820"),
        ("03-1234-5678", "JP", "+81312345678"),
        ("０３－１２３４－５６７８", "JP", "+81312345678"),
        ("tel. 030/901820 ext. 12", "DE", "+4930901820"),
        ("12345", "DE", None),
        ("0000000", "DE", None),
        ("brak", "PL", None),
    ],
)
def test_a_telephone_number_in_any_notation(text, country, number):
    assert contacts.phone(text, contacts.region(country)) == number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ul. Źródlana 12 m. 4", "Zrodlana 12/4"),
        ("Königstraße 7a", "KOENIGSTR. 7A"),
        ("12 rue des Érables", "rue des Erables 12"),
        ("37 Park Street", "37 Park St."),
        ("栄町154丁目3-1", "栄町１５４丁目３－１"),
    ],
)
def test_an_address_in_two_notations(one, other):
    assert contacts.street(one) == contacts.street(other) is not None


def test_another_house_is_another_address():
    assert contacts.street("Lipowa 12") != contacts.street("Lipowa 13")
    assert contacts.street("栄町154丁目3-1") != contacts.street("栄町6丁目3-1")


def test_an_address_that_is_none_is_no_address():
    for text in ("", " ", "none", "n/a", "anna@", "@example.com", "anna example.com", None):
        assert contacts.email(text) is None


def test_nothing_that_can_be_written_breaks_the_forms():
    draw = random.Random(5)
    texts = ["".join(draw.choices(LETTERS, k=draw.randint(0, 12))) for _ in range(3000)]
    for one, other in zip(texts, reversed(texts), strict=True):
        words = names.words(one), names.words(other)
        person = draw.random() < 0.5
        assert likeness.compare(*words, person=person) == likeness.compare(*words[::-1], person=person)
        assert likeness.compare(words[0], words[0]) in ("", likeness.SAME)
        assert 0 <= likeness.similarity(*words) <= 1
        for form in (
            contacts.email,
            contacts.street,
            contacts.place,
            contacts.postal,
            contacts.phone,
            names.legal_form,
        ):
            assert form(one) is None or isinstance(form(one), str)
    made = pd.DataFrame({"customer_id": [str(i) for i in range(300)], "name": texts[:300], "address": texts[300:600],
                         "email": texts[600:900], "phone": texts[900:1200], "city": texts[1200:1500]})  # fmt: skip
    assert duplicates(made).records == 300


def test_numbers_in_place_of_text_are_read_as_they_are_written():
    text = pd.DataFrame({"customer_id": ["1", "2"], "name": ["12", "13"], "phone": ["48221234567", None],
                         "postal_code": ["49000", None], "birth_year": ["1970", None]})  # fmt: skip
    number = text.assign(
        name=[12, 13], phone=[48221234567.0, None], postal_code=[49000.0, None], birth_year=[1970.0, None]
    )
    columns = ["name", "phone", "postal", "born"]
    one, two = (ordered(prepare(frame, "customers"))[columns] for frame in (text, number))
    pd.testing.assert_frame_equal(one, two)
