"""The tables that readers of a report get: nobody's name in them, and every number the same."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit.personal import for_readers, who
from crmkit.personal.readers import HIDDEN


@pytest.fixture
def crm():
    return crmkit.open({
        "customers": {"customer_id": ["1", "2", "3"], "name": ["Ann", None, " "],
                      "email": ["ann@example.com", None, ""], "gender": ["woman", "man", None],
                      "created_at": ["2026-01-01"] * 3, "owner_id": ["u", "v", None]},
        "leads": {"lead_id": ["l"], "company": ["Ann Ltd"], "created_at": ["2026-01-01"], "owner_id": ["u"]},
        "users": {"user_id": ["u", "v"], "name": ["Zoë", "Jan"], "team": ["North", "South"]},
        "surveys": {"response_id": ["r"], "survey": ["nps"], "score": [9], "answered_at": ["2026-02-01"],
                    "comment": ["call me, Ann"]},
        "targets": {"metric": ["leads"], "period": ["2026-01"], "value": [3.0], "owner_id": ["u"]},
    }, config={"name": "Ours"})  # fmt: skip


def _all_text(crm) -> str:
    return " ".join(crm.tables[name].to_pandas().to_csv() for name in crm.tables)


def test_no_name_address_or_comment_is_left(crm):
    text = _all_text(for_readers(crm))
    for word in ("Ann", "ann@", "Zoë", "Jan", "call me"):
        assert word in _all_text(crm)
        assert word not in text


def test_what_was_empty_stays_empty_so_that_completeness_is_the_same(crm):
    name = for_readers(crm).tables["customers"].order_by("customer_id").name.to_pandas()
    assert name[0] == HIDDEN
    assert pd.isna(name[1])
    assert (
        for_readers(crm)
        .measure("field_completeness", period="2026-01")["value"]
        .equals(crm.measure("field_completeness", period="2026-01")["value"])
    )


def test_a_user_has_the_same_code_in_all_tables(crm):
    tables = for_readers(crm).tables
    codes = dict(zip(["u", "v"], sorted(tables["users"].user_id.to_pandas(), reverse=False), strict=True))
    assert all(code.startswith("U-") for code in codes.values())
    mine = tables["leads"].owner_id.to_pandas().item()
    assert mine == tables["targets"].owner_id.to_pandas().item()
    assert mine in set(tables["users"].user_id.to_pandas()) & set(tables["customers"].owner_id.to_pandas().dropna())
    by = for_readers(crm).measure("leads", period="2026-01", by="owner.name")
    assert by["owner.name"].tolist() == [mine]


def test_crm_toml_and_show_names_say_who_is_shown(crm):
    colleagues = crmkit.open({"users": {"user_id": ["u"], "name": ["Zoë"]}}, config={"personal": {"show": ["users"]}})
    assert for_readers(colleagues).tables["users"].to_pandas()["name"].item() == "Zoë"
    assert "Ann" in _all_text(for_readers(crm, show_names=True))
    assert "Ann" not in _all_text(for_readers(for_readers(crm, show_names=True)))


def test_a_list_shows_codes_or_names_with_keys(crm):
    keys = pd.Series(["2", "1", None, "1"])
    coded = who(for_readers(crm), keys)
    assert coded[1] == coded[3] != coded[0]
    assert coded.isna().tolist() == [False, False, True, False]
    assert who(crm, keys).tolist()[:2] == ["2", "Ann (1)"]
    assert who(for_readers(crm, show_names=True), pd.Series(["l"]), table="leads").tolist() == ["Ann Ltd (l)"]


def test_every_number_of_the_sample_is_the_same():
    sample = crmkit.open("data/sample")
    names = ["win_rate", "nps", "churn_rate", "field_completeness", "adoption_rate", "revenue", "cac"]
    plain = sample.measure(names, period="2026-Q3")
    pd.testing.assert_frame_equal(for_readers(sample).measure(names, period="2026-Q3"), plain)


@pytest.mark.parametrize(("given", "says"), [
    ({"show": ["everybody"]}, "it can have customers, leads, users"),
    ({"smallest_group": -1}, "must be a whole number"),
    ({"hide": True}, "unknown setting 'hide'"),
])  # fmt: skip
def test_wrong_settings_are_refused(given, says):
    with pytest.raises(crmkit.UsageError, match=says):
        crmkit.open({"users": {"user_id": ["u"]}}, config={"personal": given})
