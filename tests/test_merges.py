"""The merge map: what merging does to each cell, worked by hand, in every kind of source; and which are refused."""

from __future__ import annotations

import json

import duckdb
import pandas as pd
import pytest

import crmkit
from crmkit import prepared
from crmkit.cli import main
from crmkit.errors import DataError, UsageError
from crmkit.merging import UNMERGED, merged
from crmkit.methods.merge_effects import merge_effects, unmerged
from crmkit.quality import check

CUSTOMERS = """\
customer_id,name,created_at,acquired_at,lost_at,phone,segment,birth_year
001,Anna,2026-02-01,2026-02-10,,,Home,
002,ANNA,2026-01-05,2026-03-01,2026-05-01,+48 22 1,Office,1980
003,Ania,2026-01-20,,,+48 22 2,Shop,1981
004,Jan,2026-01-01,2026-01-02,,,Home,1970
"""
ORDERS = """\
order_id,customer_id,ordered_at,amount
a,001,2026-03-01,10
b,002,2026-03-02,20
c,003,2026-03-03,30
d,004,2026-03-04,40
e,999,2026-03-05,50
"""
SURVEYS = """\
response_id,survey,score,answered_at,customer_id
1,nps,10,2026-03-01,001
2,nps,0,2026-03-02,003
3,nps,9,2026-03-02,
"""
EXPERIMENTS = """\
experiment_id,customer_id,variant,assigned_at
E,001,A,2026-03-05
E,002,B,2026-03-01
E,004,B,2026-03-01
"""
MAP = "table,id,into,evidence\ncustomers,003,002,same phone\ncustomers,002,001,same e-mail\n"
CHAIN = {"table": ["customers"] * 2, "id": ["003", "002"], "into": ["002", "001"]}


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "data"
    home.mkdir()
    for name, text in (
        ("customers", CUSTOMERS),
        ("orders", ORDERS),
        ("surveys", SURVEYS),
        ("experiments", EXPERIMENTS),
    ):
        (home / f"{name}.csv").write_text(text, encoding="utf-8")
    (home / "crm.toml").write_text("as_of = 2026-03-31\n", encoding="utf-8")
    return home


def rows(crm, table):
    frame = crm.tables[table].to_pandas()
    return frame.sort_values(list(frame.columns)).reset_index(drop=True)


def kept_row(crm):
    frame = crm.tables["customers"].to_pandas().set_index("customer_id")
    return frame.loc["001"]


def test_a_chain_is_followed_and_the_row_that_stays_is_filled(folder):
    (folder / "merges.csv").write_text(MAP, encoding="utf-8")
    crm = crmkit.open(folder)
    assert rows(crm, "customers")["customer_id"].tolist() == ["001", "004"]
    row = kept_row(crm)
    assert row["name"] == "Anna"  # its own
    assert row["segment"] == "Home"
    assert row["phone"] == "+48 22 1"  # of the older of the two others
    assert row["birth_year"] == 1980
    assert row["created_at"] == pd.Timestamp("2026-01-05")  # the earliest
    assert row["acquired_at"] == pd.Timestamp("2026-02-10")
    assert pd.isna(row["lost_at"])  # one of the records is not lost
    assert crm.rows["customers"] == 2


def test_all_references_point_to_the_record_that_stays(folder):
    (folder / "merges.csv").write_text(MAP, encoding="utf-8")
    crm = crmkit.open(folder)
    assert rows(crm, "orders").sort_values("order_id")["customer_id"].tolist() == ["001", "001", "001", "004", "999"]
    assert rows(crm, "surveys").sort_values("response_id")["customer_id"].fillna("").tolist() == ["001", "001", ""]


def test_who_is_in_an_experiment_twice_counts_with_the_first_assignment(folder):
    (folder / "merges.csv").write_text(MAP, encoding="utf-8")
    crm = crmkit.open(folder)
    assert rows(crm, "experiments")[["customer_id", "variant"]].values.tolist() == [["001", "B"], ["004", "B"]]
    assert crm.rows["experiments"] == 2
    assert "experiments: 1 row repeats another after merging; the first of each counts." in crm.notes


def test_metrics_respect_it_and_notes_say_it(folder):
    apart = crmkit.open(folder)
    (folder / "merges.csv").write_text(MAP, encoding="utf-8")
    one = crmkit.open(folder)
    asked = {"period": "2026-Q1", "intervals": False}
    names = ["orders_per_customer", "revenue_per_customer", "revenue", "ordering_customers", "nps"]
    before, after = (crm.measure(names, **asked).set_index("metric")["value"].to_dict() for crm in (apart, one))
    assert before == {"orders_per_customer": 1.0, "revenue_per_customer": 30.0, "revenue": 150.0,
                      "ordering_customers": 5.0, "nps": pytest.approx(100 / 3)}  # fmt: skip
    assert after == {"orders_per_customer": pytest.approx(5 / 3), "revenue_per_customer": 50.0, "revenue": 150.0,
                     "ordering_customers": 3.0, "nps": pytest.approx(100 / 3)}  # fmt: skip
    by = one.measure("nps", by="segment", **asked).set_index("segment")["value"]
    assert by["Home"] == 0.0, "a promoter and a detractor, now of one segment"
    assert "merges.csv: 2 rows of customers were merged into 1 other." in one.notes


def test_it_can_be_left_out_or_named(folder):
    (folder / "merges.csv").write_text(MAP, encoding="utf-8")
    assert crmkit.open(folder, merges=False).rows["customers"] == 4
    other = folder.parent / "mine.csv"
    other.write_text("table,id,into\ncustomers,003,002\n", encoding="utf-8")
    assert crmkit.open(folder, merges=other).rows["customers"] == 3
    assert crmkit.open(folder, merges={"table": ["customers"], "id": ["004"], "into": ["001"]}).rows["customers"] == 3


def test_merging_nobody_changes_nothing(folder):
    crm = crmkit.open(folder)
    for nobody in ({"table": [], "id": [], "into": []}, {"table": ["customers"], "id": ["002"], "into": [""]}):
        assert merged(crm, nobody) is crm
    (folder / "merges.csv").write_text("table,id,into\n\n", encoding="utf-8")
    again = crmkit.open(folder)
    for name in crm.tables:
        pd.testing.assert_frame_equal(rows(again, name), rows(crm, name))
    assert again.notes == crm.notes


def test_ids_renamed_and_rows_turned_round_change_nothing(folder):
    crm = crmkit.open(folder)
    new = {"001": "zz", "002": "aa", "003": "mm", "004": "bb", "999": "cc"}
    tables = {name: rows(crm, name).iloc[::-1] for name in crm.tables}
    for frame in tables.values():
        frame["customer_id"] = frame["customer_id"].map(new).where(frame["customer_id"].notna(), None)
    other = merged(crmkit.open(tables, as_of="2026-03-31"), {**CHAIN, "id": ["mm", "aa"], "into": ["aa", "zz"]})
    one = merged(crm, CHAIN)
    for name in tables:
        here, there = rows(one, name), rows(other, name)
        here["customer_id"] = here["customer_id"].map(new).where(here["customer_id"].notna(), None)
        columns = [c for c in here if c != "customer_id"]
        order = [*columns, "customer_id"]
        pd.testing.assert_frame_equal(
            here[order].sort_values(order, ignore_index=True),
            there[order].sort_values(order, ignore_index=True),
            check_dtype=False,
        )


def test_all_records_lost_make_a_lost_customer_at_the_last_time(folder):
    text = CUSTOMERS.replace("2026-02-10,,", "2026-02-10,2026-03-20,").replace(
        "2026-01-20,,,", "2026-01-20,,2026-03-25,"
    )
    (folder / "customers.csv").write_text(text.replace("2026-05-01", "2026-03-10"), encoding="utf-8")
    assert kept_row(crmkit.open(folder, merges=CHAIN))["lost_at"] == pd.Timestamp("2026-03-25")


@pytest.mark.parametrize("form", ["parquet", "duckdb", "frames"])
def test_other_sources_are_merged_alike(folder, tmp_path, form):
    expected = crmkit.open(folder, merges=CHAIN)
    frames = {name: rows(crmkit.open(folder), name) for name in expected.tables}
    if form == "frames":
        crm = crmkit.open(frames, merges=CHAIN, as_of="2026-03-31")
    else:
        home = tmp_path / form
        home.mkdir()
        (home / "merges.csv").write_text(MAP, encoding="utf-8")
        (home / "crm.toml").write_text("as_of = 2026-03-31\n", encoding="utf-8")
        source = home
        if form == "parquet":
            for name, frame in frames.items():
                frame.to_parquet(home / f"{name}.parquet")
        else:
            source = home / "crm.duckdb"
            with duckdb.connect(source) as con:
                for name, frame in frames.items():
                    con.register("frame", frame)
                    con.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
        crm = crmkit.open(source)
    for name in expected.tables:
        pd.testing.assert_frame_equal(rows(crm, name), rows(expected, name), check_dtype=False)
    assert crm.rows == expected.rows
    assert crm.measure("orders_per_customer", period="2026-Q1")["value"].item() == pytest.approx(5 / 3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("table,id\ncustomers,001\n", "no column into"),
        ("table;id;into\ncustomers;002;001\n", "separated by commas"),
        ("table,id,into\ncustomer,002,001\n", "line 2: there is no table 'customer'.*Did you mean customers"),
        ("table,id,into\nleads,002,001\n", "there is no table 'leads'"),
        ("table,id,into\ncustomers,,001\n", "line 2: id is empty"),
        ("table,id,into\ncustomers,002,1\n", "line 2: customers has no row with customer_id '1'.*leading zeros"),
        ("table,id,into\ncustomers,777,001\n", "no row with customer_id '777'"),
        ("table,id,into\ncustomers,002,002\n", "002 → 002 goes in a circle"),
        (
            "table,id,into\ncustomers,001,002\ncustomers,002,003\ncustomers,003,001\n",
            "001 → 002 → 003 → 001 goes in a circle",
        ),
        ("table,id,into\ncustomers,002,001\ncustomers,002,003\n", "line 3: '002' goes into '001' and '003' .*line 2"),
        ('table,id,into\ncustomers,"002,001\n', "cannot be read as CSV"),
    ],
)
def test_maps_that_do_not_fit_are_refused_with_their_place(folder, text, told):
    (folder / "merges.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        crmkit.open(folder)
    assert crmkit.open(folder, merges=False).rows["customers"] == 4


def test_a_map_that_is_not_there_is_a_wrong_call(folder):
    with pytest.raises(UsageError, match="no merge map"):
        crmkit.open(folder, merges=folder / "none.csv")


def test_a_row_said_twice_and_a_byte_order_mark_do_no_harm(folder):
    (folder / "merges.csv").write_text("\ufefftable,id,into\ncustomers,002,001\ncustomers,002,001\n", encoding="utf-8")
    assert crmkit.open(folder).rows["customers"] == 3


def test_records_kept_apart_are_told(folder):
    (folder / "merges.csv").write_text("table,id,into\ncustomers,002,001\ncustomers,003,\n", encoding="utf-8")
    crm = crmkit.open(folder)
    assert crm.rows["customers"] == 3
    assert "merges.csv: 1 of customers was looked at and stays apart." in crm.notes


def test_the_copy_of_a_report_is_merged_and_a_changed_map_is_read_again(folder, monkeypatch):
    monkeypatch.setenv(prepared.VARIABLE, str(folder.parent / "copy"))
    (folder / "merges.csv").write_text(MAP, encoding="utf-8")
    opened = crmkit.open(folder)
    assert prepared.save(opened, str(folder), folder.parent / "copy")
    again = crmkit.open(str(folder))
    assert again.engine.con is not opened.engine.con
    assert (again.rows, again.notes) == (opened.rows, opened.notes)
    assert rows(again, "orders")["customer_id"].nunique() == 3
    assert crmkit.open(str(folder), merges=False).rows["customers"] == 4
    assert unmerged(crmkit.open(str(folder), merges=False)) is None
    assert unmerged(again).rows["customers"] == 4
    (folder / "merges.csv").write_text("table,id,into\ncustomers,003,002\n", encoding="utf-8")
    assert crmkit.open(str(folder)).rows["customers"] == 3
    (folder / "merges.csv").unlink()
    assert crmkit.open(str(folder)).rows["customers"] == 4


def test_before_and_after(folder):
    crm = crmkit.open(folder)
    found = merge_effects(
        crm, CHAIN, period="2026-Q1", metrics=["revenue", "orders_per_customer", "ordering_customers"]
    )
    assert found["metric"].tolist() == ["orders_per_customer", "ordering_customers", "revenue"]
    assert found["changed"].tolist() == [True, True, False]
    assert found["relative"].tolist() == pytest.approx([2 / 3, -2 / 5, 0.0])
    assert unmerged(crm) is None
    assert unmerged(merged(crm, CHAIN)) is crm
    assert UNMERGED not in crm.remembered


def test_the_command_writes_a_map_which_the_next_opening_respects(folder, capsys):
    one = ["001", "Anna Mewa", "a.mewa@example.com", "2026-02-01"]
    mewa = [one, ["002", "ANNA MEWA", "A.Mewa@example.com", "2026-01-05"]]
    others = [["003", "Ania Zych", None, "2026-01-20"], ["004", "Jan Zych", None, "2026-01-01"]]
    frame = pd.DataFrame([*mewa, *others], columns=["customer_id", "name", "email", "created_at"])
    frame.to_csv(folder / "customers.csv", index=False)
    target = folder / "merges.csv"
    assert main(["duplicates", "--data", str(folder), "--to", str(target), "--format", "json"]) == 0
    printed = capsys.readouterr()
    assert [(row["id"], row["into"]) for row in json.loads(printed.out)] == [("002", ""), ("001", "002")]
    assert "Mewa" not in printed.out
    assert "1 rows were written" in printed.err
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "table,id,into,probability,evidence"
    assert lines[1].startswith("customers,001,002,")
    assert crmkit.open(folder).rows["customers"] == 3
    assert main(["duplicates", "--data", str(folder), "--to", str(target)]) == 0
    assert target.read_text(encoding="utf-8").splitlines() == lines, "nothing new, nothing lost"
    target.write_text("table,id,into\ncustomers,001,\n", encoding="utf-8")
    assert main(["duplicates", "--data", str(folder), "--to", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == "table,id,into\ncustomers,001,\n", "what was decided stays decided"
    capsys.readouterr()
    assert main(["duplicates", "--data", str(folder), "--show-names"]) == 0
    assert "ANNA MEWA" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(folder, capsys):
    assert main(["duplicates", "--data", str(folder), "--threshold", "1.5"]) == 2
    assert "threshold is 1.5" in capsys.readouterr().err
    assert main(["duplicates", "--data", str(folder), "--table", "leads"]) == 1
    assert "needs the table leads" in capsys.readouterr().err
    assert main(["duplicates", "--data", str(folder), "--to", str(folder)]) == 2
    assert "cannot be a folder" in capsys.readouterr().err


def test_the_check_lists_all_that_is_wrong_with_a_map(folder):
    lines = ["001,9", "8,002", "002,003", "002,001", "003,002", ",1"]
    text = "table,id,into\n" + "".join(f"customers,{line}\n" for line in lines) + "custmers,1,2\n"
    (folder / "merges.csv").write_text(text, encoding="utf-8")
    found = check(folder).query("rule == 'merge_map'")
    assert found[["severity", "dimension", "unit"]].drop_duplicates().to_numpy().tolist() == [
        ["error", "relationships", "lines"]
    ]
    assert [(row.table, row.finding.partition(", ")[2], row.rows) for row in found.itertuples()] == [
        ("", "line 7: id is empty", 1),
        ("customers", f"line 5: '002' goes into '003' and '001' ({folder / 'merges.csv'}, line 4)", 1),
        ("", "line 8: there is no table 'custmers' whose rows can be merged", 1),
        ("customers", "line 3: customers has no row with customer_id '8' and 1 more", 2),
        ("customers", "line 6: 002 → 003 → 002 goes in a circle", 2),
    ]
    assert found["advice"].str.len().min() > 10
    with pytest.raises(DataError, match="line 7: id is empty"):  # what opening says is the first of them
        crmkit.open(folder)


def test_the_check_of_a_file_that_is_no_map_and_of_one_that_fits(folder, capsys):
    (folder / "merges.csv").write_text("table;id;into\ncustomers;002;001\n", encoding="utf-8")
    assert main(["check", "--data", str(folder)]) == 1
    assert "merges.csv has no column table" in capsys.readouterr().out
    (folder / "merges.csv").write_text("table,id,into\ncustomers,002,001\n", encoding="utf-8")
    assert check(folder).query("rule == 'merge_map'").empty
    assert (
        check(folder, merges={"table": ["customers"], "id": ["x"], "into": ["001"]})["rule"].tolist()[0] == "merge_map"
    )
