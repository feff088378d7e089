"""Duplicates: pairs in several languages judged by hand, what may never be merged, and what must not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods.duplicates import CLUSTERS, PAIRS, duplicates, leads_of_customers

CROWD = 60


def crowd(rows: list[dict]) -> pd.DataFrame:
    """Return the rows with others around them who have nothing in common with them or with each other."""
    others = [
        {
            "customer_id": f"x{i:03d}",
            "name": f"{chr(65 + i % 26)}{'aeiou'[i % 5]}rqon{i:03d} {'zyxwv'[i % 5]}ubtik{i * 7:03d}",
            "email": f"mail{i * 991}@firm{i:03d}.example.net",
            "phone": f"+44 20 7{i * 7919 % 1000000:06d} ",
        }
        for i in range(CROWD)
    ]
    made = pd.DataFrame([{"customer_id": f"a{i}", **row} for i, row in enumerate(rows)] + others)
    return made.assign(created_at=pd.date_range("2026-01-01", periods=len(made)))


def firm(name, **more):
    return {"name": name, "kind": "business", **more}


def person(name, **more):
    return {"name": name, "kind": "person", **more}


ONE = {
    "Polish legal form and accents": (
        firm("Żółć i Gęśl Sp. z o.o.", email="biuro@zolc.example.org"),
        firm("ZOLC I GESL SPÓŁKA Z O.O.", email="Biuro@zolc.example.org"),
    ),
    "German umlauts": (
        firm("Bäckerei Müller GmbH", phone="+49 30 901820", country="DE"),
        firm("Baeckerei Mueller Gesellschaft mbH", phone="030 901820", country="DE"),
    ),
    "Swiss, two languages of one form": (
        firm("Rüegg AG", email="info@ruegg.example.org", city="Zürich"),
        firm("Ruegg SA", email="info@ruegg.example.org", city="Zurich"),
    ),
    "Japanese in two widths": (
        firm("株式会社青空カフェ", phone="+81 3-1234-5678"),
        firm("（株）青空ｶﾌｪ", phone="03-1234-5678", country="JP"),
    ),
    "Chinese legal forms": (
        firm("苏州春山咖啡有限公司", email="post@chunshan.example.org"),
        firm("苏州春山咖啡有限责任公司", email="post@chunshan.example.org"),
    ),
    "Nordic": (
        firm("Ahlström Oy", email="a@ahlstrom.example.org"),
        firm("AHLSTROM OYJ", email="a+crm@ahlstrom.example.org"),
    ),
    "Spanish and a typing error": (
        firm("Panadería La Cigüeña S.L.", email="hola@ciguena.example.org", phone="+34 912 345 678"),
        firm(
            "Panaderia La Ciguena, Sociedad Limitada", email="hola@ciguena.example.org", phone="912345678", country="ES"
        ),
    ),
    "French": (
        firm(
            "Pâtisserie Rivière SARL", address="12 rue des Érables", postal_code="49000", email="a@riviere.example.org"
        ),
        firm("PATISSERIE RIVIERE S.A.R.L.", address="12, r. des Erables", postal_code="49000", email=None),
    ),
    "a person in another order": (
        person("Anna Kowalska", email="anna.kowalska77@example.com"),
        person("Kowalska, Anna", email="ANNA.KOWALSKA77@example.com"),
    ),
    "an initial": (
        person("Vojtěch Řezníček", email="vojtech.reznicek@example.com", birth_year=1970),
        person("V. Řezníček", email="vojtech.reznicek@example.com", birth_year=1970),
    ),
    "a married name": (
        person("Ewa Gąsior", email="ewa.gasior@example.org", phone="+48 22 123 45 67", birth_year=1987),
        person("Ewa Śliwa", email="ewa.gasior@example.org", phone="+48221234567", birth_year=1987),
    ),
    "another mailbox, the same street": (
        person("Siân Llewellyn", address="3 Mill Street", city="Cardiff", phone="029 2018 0000", country="GB"),
        person("Sian Llewelyn", address="3 Mill St", city="Cardiff", phone="+44 29 2018 0000", country="GB"),
    ),
}
TWO = {
    "a couple with one mailbox and one telephone": (
        person("Anna Kowalska", email="dom@example.com", phone="+48 22 123 45 67", address="Lipowa 5", city="Gdańsk"),
        person("Jan Kowalski", email="dom@example.com", phone="+48 22 123 45 67", address="Lipowa 5", city="Gdańsk"),
    ),
    "sisters of one surname": (
        person("Anna Mróz", email="mroz@example.com", phone="+48 22 123 45 67"),
        person("Hanna Mróz", email="mroz@example.com", phone="+48 22 123 45 67"),
    ),
    "Japanese siblings": (
        person("佐藤恵", email="sato@example.com", phone="+81 3 1234 5678"),
        person("佐藤恵子", email="sato@example.com", phone="+81 3 1234 5678"),
    ),
    "father and son of one name": (
        person("Jan Kowalski", email="jan@example.com", address="Lipowa 5", city="Gdańsk", birth_year=1955),
        person("Jan Kowalski", email="jan@example.com", address="Lipowa 5", city="Gdańsk", birth_year=1985),
    ),
    "subsidiaries of one group": (
        firm("Siemens Polska Sp. z o.o.", email="info@siemens.example.org", phone="+49 89 636 00"),
        firm("Siemens Deutschland GmbH", email="info@siemens.example.org", phone="+49 89 636 00"),
    ),
    "a firm and its holding": (
        firm("Lipowa GmbH", email="info@lipowa.example.org", phone="+49 30 901820"),
        firm("Lipowa Holding GmbH", email="info@lipowa.example.org", phone="+49 30 901820"),
    ),
    "clients of one accountant": (
        firm("Kawiarnia Mewa", email="ksiegowa@example.org", phone="+48 22 765 43 21"),
        firm("Drukarnia Bursztyn", email="ksiegowa@example.org", phone="+48 22 765 43 21"),
    ),
    "branches with numbers": (
        firm("Apteka Zdrowie 12", email="biuro@zdrowie.example.org"),
        firm("Apteka Zdrowie 13", email="biuro@zdrowie.example.org"),
    ),
    "a name that many bear, in two cities": (
        person("Anna Nowak", email="anna.nowak12@example.com", city="Łódź", address="Klonowa 3"),
        person("Anna Nowak", email="anna.nowak95@example.net", city="Kraków", address="Długa 9"),
    ),
    "Chinese firms of two cities": (
        firm("苏州青石茶馆有限公司", phone="+86 512 1234 5678"),
        firm("杭州青石茶馆有限公司", phone="+86 512 1234 5678"),
    ),
}


def joined(rows: pd.DataFrame) -> set[frozenset[str]]:
    found = duplicates(rows).clusters
    return {frozenset(group["id"]) for _, group in found.groupby("cluster")}


@pytest.fixture(scope="module")
def clusters():
    """All cases in one table, each with its place in it."""
    return joined(crowd([row for pair in [*ONE.values(), *TWO.values()] for row in pair]))


@pytest.mark.parametrize("case", ONE)
def test_one_customer_written_in_two_ways(clusters, case):
    at = 2 * list(ONE).index(case)
    assert frozenset({f"a{at}", f"a{at + 1}"}) in clusters


@pytest.mark.parametrize("case", TWO)
def test_two_customers_who_share_much(clusters, case):
    at = 2 * (len(ONE) + list(TWO).index(case))
    assert not any({f"a{at}", f"a{at + 1}"} <= cluster for cluster in clusters)


def test_nobody_else_is_joined(clusters):
    assert len(clusters) == len(ONE)


def test_three_records_are_one_cluster_and_the_oldest_is_kept():
    rows = crowd([firm("Lipowa GmbH", email="a@lipowa.example.org"), firm("LIPOWA", email="a@lipowa.example.org"),
                  firm("Lipowa", email="a+x@lipowa.example.org")])  # fmt: skip
    rows.loc[1, "created_at"] = pd.Timestamp("2020-01-01")
    found = duplicates(rows)
    assert found.clusters["id"].tolist() == ["a1", "a0", "a2"]
    assert found.clusters["keep"].tolist() == [True, False, False]
    assert found.extra == 2
    assert found.merges[["table", "id", "into"]].values.tolist() == [
        ["customers", "a0", "a1"],
        ["customers", "a2", "a1"],
    ]


def test_of_equally_old_records_the_fullest_is_kept_then_the_smallest_id():
    rows = crowd(
        [
            firm("Lipowa", email="a@lipowa.example.org"),
            firm("Lipowa", email="a@lipowa.example.org", phone="+48 22 1234567"),
        ]
    )
    assert duplicates(rows.assign(created_at="2026-01-01")).merges["into"].tolist() == ["a1"]
    assert duplicates(rows.assign(created_at="2026-01-01", phone=None)).merges["into"].tolist() == ["a0"]


def test_a_chain_does_not_join_those_who_exclude_each_other():
    rows = [
        person("Adam Zych", email="zych@example.com", phone="+48 22 123 45 67"),
        person("A. Zych", email="zych@example.com", phone="+48 22 123 45 67"),
        person("Alicja Zych", email="zych@example.com", phone="+48 22 123 45 67"),
    ]
    assert not any({"a0", "a2"} <= cluster for cluster in joined(crowd(rows)))


def test_evidence_is_in_words_and_names_no_one():
    found = duplicates(crowd(list(ONE["German umlauts"])))
    row = found.pairs.iloc[0]
    assert row["evidence"] == "same name without Gesellschaft mbH and GmbH; same phone, written otherwise"
    for text in [*found.pairs["evidence"], *found.merges["evidence"]]:
        assert not any(word in text.lower() for word in ("müller", "mueller", "901820", "example"))
    assert tuple(found.pairs.columns) == PAIRS
    assert tuple(found.clusters.columns) == CLUSTERS


@pytest.mark.parametrize("seed", [1, 2])
def test_order_of_rows_and_ids_change_nothing(seed):
    rows = crowd([row for pair in [*ONE.values(), *TWO.values()] for row in pair])
    rng = np.random.default_rng(seed)
    new = dict(zip(rows["customer_id"], rng.permutation([f"id{i}" for i in range(len(rows))]), strict=True))
    other = rows.iloc[rng.permutation(len(rows))].assign(customer_id=lambda frame: frame["customer_id"].map(new))
    one, two = duplicates(rows), duplicates(other)
    sets = [
        {frozenset(new.get(i, i) for i in group["id"]) for _, group in found.clusters.groupby("cluster")}
        for found in (one, two)
    ]
    assert sets[0] == sets[1]
    keeps = [{new.get(i, i) for i in found.clusters.loc[found.clusters["keep"], "id"]} for found in (one, two)]
    assert keeps[0] == keeps[1]
    probabilities = [sorted(found.pairs["probability"]) for found in (one, two)]
    assert probabilities[0] == probabilities[1], "to the last bit"


def test_rows_alone_empty_or_all_equal():
    one = pd.DataFrame({"customer_id": ["1"], "name": ["Anna"]})
    assert duplicates(one).extra == 0
    assert duplicates(one.iloc[:0]).extra == 0
    assert len(duplicates(one).pairs) == len(duplicates(one).clusters) == 0
    same = pd.DataFrame({"customer_id": list("abcd"), "name": "Anna Nowak", "email": "anna.nowak@example.com"})
    assert duplicates(same).clusters["records"].tolist() == [4] * 4


def test_cells_that_say_nothing_are_no_evidence():
    rows = pd.DataFrame({"customer_id": list("abcdef"), "name": None, "email": ["n/a", "none", "-", "", " ", None],
                         "phone": ["0", "000000000", "n/a", "", "-", None], "city": "Gdańsk"})  # fmt: skip
    assert duplicates(rows).extra == 0


def test_nothing_to_compare_by_is_said():
    with pytest.raises(DataError, match="nothing to compare"):
        duplicates(pd.DataFrame({"customer_id": ["1", "2"], "segment": ["A", "A"]}))
    with pytest.raises(DataError, match="no column customer_id"):
        duplicates(pd.DataFrame({"id": ["1"], "name": ["A"]}))
    with pytest.raises(DataError, match="name each row once"):
        duplicates(pd.DataFrame({"customer_id": ["1", "1"], "name": ["A", "B"]}))


def test_wrong_calls_are_said():
    rows = pd.DataFrame({"customer_id": ["1"], "name": ["A"]})
    with pytest.raises(UsageError, match="threshold is 1"):
        duplicates(rows, threshold=1)
    with pytest.raises(UsageError, match="customers, leads"):
        duplicates(rows, table="orders")
    crm = crmkit.open(
        {"orders": {"order_id": ["1"], "customer_id": ["1"], "ordered_at": ["2026-01-01"], "amount": [1.0]}}
    )
    with pytest.raises(NotInThisData, match="customers"):
        duplicates(crm)


def test_a_shared_switchboard_does_not_join_a_hundred_firms():
    rows = pd.DataFrame({"customer_id": [f"{i:03d}" for i in range(100)], "phone": "+48 22 123 45 67",
                         "name": [f"Firma {chr(65 + i % 26)}{i * 37:05d}" for i in range(100)]})  # fmt: skip
    assert duplicates(rows).extra == 0


def test_later_rows_after_as_of_are_not_there():
    tables = {"customers": {"customer_id": ["1", "2"], "name": ["Lipowa"] * 2, "email": ["a@lipowa.example.org"] * 2,
                            "created_at": ["2026-01-01", "2026-09-01"]}}  # fmt: skip
    assert duplicates(crmkit.open(tables, as_of="2026-12-31")).extra == 1
    assert duplicates(crmkit.open(tables, as_of="2026-06-30")).extra == 0


def test_a_lead_that_is_a_customer_is_found_and_one_that_is_linked_is_not_told_again():
    crm = crmkit.open({
        "customers": {"customer_id": ["1", "2"], "name": ["Kawiarnia Lipowa Sp. z o.o.", "Ewa Mróz"],
                      "email": ["biuro@lipowa.example.org", "ewa.mroz@example.com"], "created_at": ["2026-01-01"] * 2},
        "leads": {"lead_id": list("abcd"), "created_at": ["2026-02-01"] * 4, "customer_id": ["1", None, None, None],
                  "company": ["Kawiarnia Lipowa", "KAWIARNIA LIPOWA", None, "Zupełnie Inna"],
                  "email": ["biuro@lipowa.example.org", "Biuro@lipowa.example.org", "Ewa.Mroz+x@example.com",
                            "biuro@inna.example.org"]},
    })  # fmt: skip
    found = leads_of_customers(crm)
    assert sorted(found[["lead_id", "customer_id"]].values.tolist()) == [["b", "1"], ["c", "2"]]
