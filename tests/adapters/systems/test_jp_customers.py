"""The customers of a Japanese chain of shops, imported and compared with a plain reading of the file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "jp_customers"


def test_customers_by_hand(tmp_path):
    account = adapters.run("jp_customers", [FIXTURES], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    customers = crm.customers.to_pandas().set_index("customer_id")
    assert customers["gender"].fillna("").tolist() == ["female", "", "male", "female", "female"]
    assert customers["birth_year"].tolist() == [1981, 1952, 1976, 1933, 1995]
    assert customers.loc["CS021313000114", "name"] == "大野 みどり"
    assert customers.loc["CS037613000071", "created_at"] == pd.Timestamp("2015-04-14")
    assert customers.loc["CS028811000001", "postal_code"] == "045-0016"  # text: the zero in front stays
    assert "女性 → female (3), 不明 → empty (1), 男性 → male (1)" in account.text()
    assert (crm.config.currency, crm.config.timezone) == ("JPY", "Asia/Tokyo")
    assert f"{crm.as_of:%Y-%m-%d}" == "2016-02-29"


def test_the_published_file_equals_a_plain_reading(shared, tmp_path):
    source = shared / "data/jp_customers"
    adapters.run("jp_customers", [source], tmp_path / "crm")
    plain = pd.read_csv(source / "customer.csv", dtype=str, encoding="utf-8-sig")
    found = crmkit.open(tmp_path / "crm").customers.to_pandas()
    assert len(found) == 3000
    assert found["gender"].value_counts(dropna=False).tolist() == [2449, 397, 154]
    assert found["customer_id"].tolist() == plain["customer_id"].tolist()
    assert found["name"].tolist() == plain["customer_name"].tolist()
    assert found["birth_year"].tolist() == plain["birth_day"].str[:4].astype(int).tolist()
    assert found["store_id"].nunique() == 52
    expected = pd.to_datetime(plain["application_date"], format="%Y%m%d")
    pd.testing.assert_series_equal(found["created_at"], expected, check_names=False, check_dtype=False)


def test_a_gender_without_a_meaning_is_refused(tmp_path):
    text = (FIXTURES / "customer.csv").read_text(encoding="utf-8-sig").replace("男性", "男")
    (tmp_path / "customer.csv").write_text(text, encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=r"customers.gender .* value '男' in customer.csv, line 4"):
        adapters.run("jp_customers", [tmp_path / "customer.csv"], tmp_path / "crm")
