"""Opening: every kind of source, types, keys, times, as_of, and what wrong data is answered with."""

from __future__ import annotations

import os
from datetime import date, datetime

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import readers
from crmkit.errors import DataError, UsageError
from crmkit.source import examine

ORDERS = "order_id,customer_id,ordered_at,amount\n00123,A,2026-03-01,10.5\n124,B,2026-03-02 14:05:00,-2\n"


def folder(tmp_path, **files: str | bytes):
    """Write files named by their tables: `orders` makes orders.csv."""
    for name, text in files.items():
        path = tmp_path / f"{name}.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


def complaint(source, kind=DataError, **more) -> str:
    """Return the message that opening a source is answered with."""
    with pytest.raises(kind) as caught:
        crmkit.open(source, **more)
    return str(caught.value)


def orders(**columns):
    """Return a dict of one table of two orders, some of whose columns are given."""
    table = {"order_id": ["1", "2"], "customer_id": ["A", "B"], "ordered_at": ["2026-03-01"] * 2, "amount": [1.0, 2.0]}
    return {"orders": table | columns}


# Kinds of sources


def test_a_folder_of_csv(tmp_path):
    crm = crmkit.open(folder(tmp_path, orders=ORDERS, notes="not a table"))
    frame = crm.orders.to_pandas()
    assert frame.order_id.tolist() == ["00123", "124"]
    assert frame.amount.tolist() == [10.5, -2.0]
    assert frame.ordered_at.tolist() == [pd.Timestamp("2026-03-01"), pd.Timestamp("2026-03-02 14:05")]
    assert list(crm.tables) == ["orders"]
    assert crm.rows == {"orders": 2}
    assert [path.name for path in crm.files["orders"]] == ["orders.csv"]


def test_a_path_as_text_with_spaces_and_other_letters(tmp_path):
    place = tmp_path / "Żuk & 顧客 data"
    place.mkdir()
    assert crmkit.open(str(folder(place, orders=ORDERS))).rows == {"orders": 2}


def test_a_folder_in_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    place = tmp_path / "data"
    place.mkdir()
    folder(place, orders=ORDERS)
    assert crmkit.open("~/data").rows == {"orders": 2}


def test_a_folder_of_parquet_and_csv_side_by_side(tmp_path):
    pd.DataFrame(orders()["orders"]).assign(ordered_at=pd.Timestamp("2026-03-01")).to_parquet(
        tmp_path / "orders.parquet"
    )
    crm = crmkit.open(folder(tmp_path, leads="lead_id,created_at\n7,2026-03-05\n"))
    assert crm.rows == {"orders": 2, "leads": 1}
    assert crm.as_of == datetime(2026, 3, 5, 23, 59, 59, 999999)


def test_parts_in_folders_with_columns_that_differ(tmp_path):
    for year, extra in ((2025, {}), (2026, {"channel": "Web"})):
        place = tmp_path / "orders" / f"year={year}"
        place.mkdir(parents=True)
        row = {"order_id": f"{year}", "customer_id": "A", "ordered_at": pd.Timestamp(f"{year}-03-01"), "amount": 1.0}
        pd.DataFrame([row | extra]).to_parquet(place / "part.parquet")
    crm = crmkit.open(tmp_path)
    assert crm.rows == {"orders": 2}
    assert sorted(crm.orders.channel.to_pandas().fillna("").tolist()) == ["", "Web"]


def test_dates_in_parquet(tmp_path):
    frame = pd.DataFrame(orders()["orders"]).assign(ordered_at=[date(2026, 3, 1), date(2026, 3, 2)])
    frame.to_parquet(tmp_path / "orders.parquet")
    crm = crmkit.open(tmp_path)
    assert crm.orders.ordered_at.to_pandas().tolist() == [pd.Timestamp("2026-03-01"), pd.Timestamp("2026-03-02")]


def test_a_duckdb_file_with_settings_beside_it(tmp_path):
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE Orders AS "
            "SELECT 1 AS order_id, 2 AS customer_id, DATE '2026-03-01' AS ordered_at, 5 AS amount"
        )
        connection.execute("CREATE TABLE unrelated (x INTEGER)")
    (tmp_path / "crm.toml").write_text('name = "Duck"\n', encoding="utf-8")
    before = path.read_bytes()
    crm = crmkit.open(path)
    assert crm.config.name == "Duck"
    assert crm.orders.to_pandas().iloc[0].tolist() == ["1", "2", pd.Timestamp("2026-03-01"), 5.0]
    assert crm.measure("revenue", period="2026-03").value.item() == 5
    assert path.read_bytes() == before


def test_an_ibis_connection_and_an_address(tmp_path):
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE leads AS SELECT 'L1' AS lead_id, TIMESTAMP '2026-03-01 10:00' AS created_at")
    for source in (ibis.duckdb.connect(path, read_only=True), f"duckdb://{path}?read_only=true"):
        assert crmkit.open(source).measure("leads", period="2026-03").value.item() == 1


def test_frames_lists_and_series():
    for table in (
        pd.DataFrame(orders()["orders"]),
        orders()["orders"],
        {k: pd.Series(v) for k, v in orders()["orders"].items()},
    ):
        assert crmkit.open({"orders": table}).rows == {"orders": 2}


def test_columns_beyond_the_schema_are_kept_and_can_be_grouped_by():
    crm = crmkit.open(orders(shop=["North", None], **{"odd name": [1, 2]}))
    assert crm.orders.columns == ("order_id", "customer_id", "ordered_at", "amount", "shop", "odd name")
    found = crm.measure("revenue", period="2026-03", by="shop")
    assert found.set_index("shop").value.to_dict() == {"(none)": 2.0, "North": 1.0}
    assert crm.measure("revenue", period="2026-03", by="odd name").value.tolist() == [1.0, 2.0]


# Keys, types and times


@pytest.mark.parametrize(
    "other", [["1", "2"], [1, 2], [1.0, 2.0], np.array([1, 2], "int32"), pd.array([1, 2], "Int64")]
)
def test_a_key_is_the_same_as_text_or_as_a_number(other):
    people = {"customer_id": other, "created_at": ["2026-01-01"] * 2, "segment": ["Home", "Office"]}
    crm = crmkit.open({"customers": people} | orders(customer_id=[1.0, 2.0]))
    found = crm.measure("revenue", period="2026-03", by="segment")
    assert found.set_index("segment").value.to_dict() == {"Home": 1.0, "Office": 2.0}


def test_a_key_that_is_missing_somewhere_stays_whole():
    """With a gap pandas makes numbers of whole numbers: 1.0 and none."""
    crm = crmkit.open({"leads": {"lead_id": [1, 2], "created_at": ["2026-03-01"] * 2, "customer_id": [7, None]}})
    assert crm.leads.customer_id.to_pandas().fillna("").tolist() == ["7", ""]


def test_a_key_that_is_no_whole_number_is_an_error():
    text = complaint(orders(order_id=[1.5, 2.0]))
    assert "orders.order_id" in text
    assert "1.5" in text


def test_names_that_look_like_nothing_stay_names(tmp_path):
    text = "customer_id,created_at,name,country,segment\n1,2026-01-01,None,NA,null\n2,2026-01-01,nan,,N/A\n"
    frame = crmkit.open(folder(tmp_path, customers=text)).customers.to_pandas()
    assert frame.name.tolist() == ["None", "nan"]
    assert frame.country.fillna("(empty)").tolist() == ["NA", "(empty)"]
    assert frame.segment.tolist() == ["null", "N/A"]


def test_flags_in_words(tmp_path):
    rows = "\n".join(f"{i},2026-03-01,{word}" for i, word in enumerate(["true", "No", "1", "f", "Y", ""]))
    crm = crmkit.open(folder(tmp_path, tickets=f"ticket_id,opened_at,reopened\n{rows}\n"))
    found = crm.tickets.order_by("ticket_id").reopened.to_pandas().tolist()
    assert found[:5] == [True, False, True, False, True]
    assert found[5] is None


def test_zoned_times_become_the_companys_own(tmp_path):
    text = (
        "lead_id,created_at\n"
        "summer,2026-07-01T22:30:00Z\nwinter,2026-01-01T23:30:00+00:00\nplain,2026-03-01 10:00\n"
        "other,2026-03-01T00:00:00-05:00\n"
    )
    crm = crmkit.open(folder(tmp_path, leads=text), config={"timezone": "Europe/Warsaw"})
    found = crm.leads.to_pandas().set_index("lead_id").created_at
    assert found["summer"] == pd.Timestamp("2026-07-02 00:30")
    assert found["winter"] == pd.Timestamp("2026-01-02 00:30")
    assert found["plain"] == pd.Timestamp("2026-03-01 10:00")
    assert found["other"] == pd.Timestamp("2026-03-01 06:00")


def test_zoned_times_in_frames_and_over_the_change_of_clocks():
    """At 2026-03-29 01:00 UTC Warsaw's clocks go from 02:00 to 03:00, on 2026-10-25 they show 02:30 twice."""
    times = pd.to_datetime(["2026-03-29 00:59", "2026-03-29 01:01", "2026-10-25 00:30", "2026-10-25 01:30"], utc=True)
    crm = crmkit.open({"leads": {"lead_id": list("abcd"), "created_at": times}}, config={"timezone": "Europe/Warsaw"})
    found = crm.leads.order_by("lead_id").created_at.to_pandas().astype(str).tolist()
    assert found == ["2026-03-29 01:59:00", "2026-03-29 03:01:00", "2026-10-25 02:30:00", "2026-10-25 02:30:00"]
    assert crm.measure("leads", period="2026-10").value.item() == 2


def test_spaces_around_column_names_and_a_byte_order_mark(tmp_path):
    text = b"\xef\xbb\xbforder_id , customer_id,ordered_at,amount\n1,A,2026-03-01,5\n"
    crm = crmkit.open(folder(tmp_path, orders=text))
    assert crm.orders.columns == ("order_id", "customer_id", "ordered_at", "amount")


def test_line_ends_of_windows_and_quotes(tmp_path):
    text = 'customer_id,created_at,name\r\n1,2026-01-01,"Smith, ""Joe"""\r\n2,2026-01-01,"two\r\nlines"\r\n'
    frame = crmkit.open(folder(tmp_path, customers=text)).customers.to_pandas()
    assert frame.name.tolist()[0] == 'Smith, "Joe"'
    assert frame.name.tolist()[1].splitlines() == ["two", "lines"]


def test_a_file_of_column_names_alone_is_a_table_without_rows(tmp_path):
    crm = crmkit.open(folder(tmp_path, orders="order_id,customer_id,ordered_at,amount\n"), as_of="2026-03-31")
    assert crm.rows == {"orders": 0}
    found = crm.measure(["revenue", "ordering_customers", "repeat_rate", "new_customers"], period="2026-03")
    assert found.value.fillna(-1).tolist() == [0, 0, -1, 0]
    assert crm.as_of == datetime(2026, 3, 31, 23, 59, 59, 999999)


def test_tables_without_rows_answer_every_metric(tmp_path):
    """Only column names everywhere, and nobody says up to when the data is known."""
    from crmkit import schema
    from crmkit.metric import all_metrics

    empty = {name: ",".join(table.names) + "\n" for name, table in schema.TABLES.items()}
    told = {"crm_introduced": "2025-07-01", "hours": {"monday": "09:00-17:00"}, "sla": {"resolution_hours": {"low": 9}}}
    crm = crmkit.open(folder(tmp_path, **empty), config=told)
    assert crm.as_of is None
    found = crm.measure(list(all_metrics()), period="2026-03")
    assert found.value.fillna(0).eq(0).all()
    assert not found.note.str.startswith("not in this data").any()


# as_of


@pytest.mark.parametrize("given", ["2026-03-01", date(2026, 3, 1), datetime(2026, 3, 1, 23, 59, 59, 999999)])
def test_as_of_as_text_date_or_moment(given):
    crm = crmkit.open(orders(ordered_at=["2026-03-01 18:00", "2026-03-02"]), as_of=given)
    assert crm.as_of == datetime(2026, 3, 1, 23, 59, 59, 999999)
    assert crm.orders.to_pandas().order_id.tolist() == ["1"]
    assert any("orders.ordered_at goes on to 2026-03-02" in note for note in crm.notes)


def test_as_of_is_the_latest_event_and_no_plan():
    crm = crmkit.open(
        {
            "opportunities": {
                "opportunity_id": ["1", "2", "3"],
                "created_at": ["2026-03-01", "2026-03-02", "2026-03-03"],
                "closed_at": ["2026-03-08", "2026-12-01", None],
                "expected_close_at": ["2026-05-01", "2026-12-01", "2027-01-01"],
                "outcome": ["won", "open", "open"],
            },
            "activities": {
                "activity_id": ["a", "b", "c"],
                "kind": ["task", "meeting", "call"],
                "at": ["2027-01-01", "2026-11-11", "2026-03-05"],
            },
            "terms": {
                "subscription_id": ["s"],
                "term_start": ["2026-01-01"],
                "term_end": ["2027-01-01"],
                "outcome": ["open"],
            },
            "campaigns": {"campaign_id": ["c"], "started_at": ["2026-04-01"], "ended_at": ["2026-12-31"], "cost": [1]},
            "subscriptions": {
                "subscription_id": ["s"],
                "customer_id": ["A"],
                "started_at": ["2026-01-01"],
                "ended_at": ["2026-12-31"],
                "mrr": [5.0],
            },
            "users": {"user_id": ["u"], "active_to": ["2030-01-01"]},
        }
    )
    assert crm.as_of == datetime(2026, 3, 8, 23, 59, 59, 999999)
    assert crm.measure("customers_at_end", period="2026-03").value.item() == 1


def test_as_of_with_a_time_of_day_is_that_moment():
    crm = crmkit.open(orders(ordered_at=["2026-03-01 10:00:00", "2026-03-01 18:30:15"]))
    assert crm.as_of == datetime(2026, 3, 1, 18, 30, 15)


@pytest.mark.parametrize(("begins", "ends"), [("2026-01-01", "9999-12-31"), ("-infinity", "infinity")])
def test_an_end_that_stands_for_never_is_no_event(begins, ends):
    table = {"subscription_id": ["s", "t"], "customer_id": ["A", "B"], "started_at": ["2026-01-01", begins]}
    crm = crmkit.open({"subscriptions": table | {"ended_at": [ends, "2026-02-03"], "mrr": [5.0, 7.0]}})
    assert crm.as_of == datetime(2026, 2, 3, 23, 59, 59, 999999)
    assert crm.measure("mrr", period="2026-01")["value"].tolist() == [12]
    assert crm.measure("mrr", period="2026-02")["value"].tolist() == [5]


# What is wrong


def test_a_missing_column_is_named_with_the_nearest_that_is_there(tmp_path):
    text = complaint(folder(tmp_path, orders="order_id,customer,ordered_at,amount\n1,A,2026-03-01,5\n"))
    assert "orders.customer_id is missing" in text
    assert "'customer'" in text
    assert "Columns found: order_id, customer, ordered_at, amount" in text


def test_cells_that_cannot_be_read_are_shown_with_their_rows(tmp_path):
    rows = "1,A,2026-03-01,5\n2,A,2026-03-01,12.50 €\n3,A,31.03.2026,7\n4,A,2026-03-01,\n5,A,2026-03-01,n/a\n"
    text = complaint(folder(tmp_path, orders="order_id,customer_id,ordered_at,amount\n" + rows))
    amount, time = sorted(text.splitlines())
    assert "orders.amount must be a number" in amount
    assert "in 2 rows (row 2: '12.50 €', row 5: 'n/a')" in amount
    assert "orders.ordered_at must be a time such as 2026-09-30" in time
    assert "row 3: '31.03.2026'" in time
    assert "crmkit import" in amount


@pytest.mark.parametrize(
    ("table", "columns", "says"),
    [
        ("opportunities", {"outcome": ["Won", "won"]}, ["opportunities.outcome", "open, won, lost", "row 1: 'Won'"]),
        ("opportunities", {"kind": ["upsell", None]}, ["opportunities.kind", "new, expansion, renewal", "'upsell'"]),
        ("opportunities", {"amount": ["1,234", "5"]}, ["opportunities.amount", "a number", "'1,234'"]),
        ("opportunities", {"amount": [np.inf, 5.0]}, ["opportunities.amount", "a number", "inf"]),
        ("opportunities", {"created_at": [45000, 45001]}, ["opportunities.created_at", "Excel serial"]),
        ("opportunities", {"opportunity_id": ["1", None]}, ["opportunities.opportunity_id is empty", "row 2"]),
        ("opportunities", {"opportunity_id": ["1", " "]}, ["opportunities.opportunity_id is empty", "row 2"]),
    ],
)
def test_wrong_values_are_named(table, columns, says):
    base = {"opportunity_id": ["1", "2"], "created_at": ["2026-03-01"] * 2, "outcome": ["won", "lost"]}
    text = complaint({table: base | columns})
    for part in says:
        assert part in text
    assert text.endswith(".")


def test_an_unknown_survey_is_named():
    table = {"response_id": ["1"], "survey": ["NPS"], "score": [9], "answered_at": ["2026-03-01"]}
    assert "surveys.survey must be one of nps, ces, csat in 1 row (row 1: 'NPS')" in complaint({"surveys": table})


def test_exact_repetitions_count_once_and_are_said():
    rows = pd.DataFrame(orders()["orders"])
    crm = crmkit.open({"orders": pd.concat([rows, rows, rows.head(1)])})
    assert crm.measure("revenue", period="2026-03").value.item() == 3.0
    assert "orders: 3 rows repeat others and count once." in crm.notes


def test_repeated_keys_that_differ_are_an_error():
    text = complaint(orders(order_id=["7", "7"]))
    assert "orders.order_id must name one row" in text
    assert "'7' in 2 rows" in text
    assert "Keep one row of each" in text


@pytest.mark.parametrize(("second", "repeats"), [("10", True), ("11", False)])
def test_a_long_tables_keys_are_counted_by_hashes_and_found_all_the_same(tmp_path, monkeypatch, second, repeats):
    from crmkit import source

    monkeypatch.setattr(source, "_MANY_KEYS", 1)
    rows = {"order_id": ["a", "a", "b"], "customer_id": ["1", "1", "2"], "ordered_at": ["2026-01-01"] * 3}
    frame = pd.DataFrame(rows | {"amount": [10.0, float(second), 5.0]})
    frame.to_parquet(tmp_path / "orders.parquet")
    if not repeats:
        with pytest.raises(DataError, match=r"order_id must name one row.*'a' in 2 rows"):
            crmkit.open(tmp_path)
        return
    crm = crmkit.open(tmp_path)
    assert crm.orders.count().execute() == 2
    assert any("1 row repeats another" in note for note in crm.notes)


@pytest.mark.parametrize("memory", ["lots", "700", "0MB", ""])
def test_a_memory_that_is_no_size_is_refused(memory):
    orders = {"order_id": ["a"], "customer_id": ["1"], "ordered_at": ["2026-01-01"], "amount": [1.0]}
    if not memory:
        assert crmkit.open({"orders": orders}, memory=memory).rows == {"orders": 1}
        return
    with pytest.raises(UsageError, match="a number and a unit"):
        crmkit.open({"orders": orders}, memory=memory)


def test_a_key_of_two_columns():
    table = {
        "experiment_id": ["E", "E"],
        "customer_id": ["A", "A"],
        "variant": ["x", "y"],
        "assigned_at": ["2026-03-01"] * 2,
    }
    assert "'E / A' in 2 rows" in complaint({"experiments": table})
    crmkit.open({"experiments": table | {"customer_id": ["A", "B"]}})


def test_examining_returns_what_is_wrong_and_opens_the_rest():
    crm, problems = examine(orders(amount=["x", "1"]) | {"leads": {"lead_id": ["1"], "created_at": ["2026-03-01"]}})
    assert [(p.table, p.column, p.rows, p.examples) for p in problems] == [("orders", "amount", 1, ((1, "x"),))]
    assert crm.measure("leads", period="2026-03").value.item() == 1


def test_tables_and_sources_that_are_not_there(tmp_path):
    assert "Did you mean orders?" in complaint({"order": {}}, UsageError)
    assert "There is no folder or file" in complaint(tmp_path / "nowhere", UsageError)
    assert "Cannot open a int" in complaint(5, UsageError)
    assert "The dict of DataFrames is empty" in complaint({})
    assert "holds no table of a CRM (found: nothing)" in complaint(tmp_path)
    (tmp_path / "export.xlsx").write_bytes(b"x")
    text = complaint(tmp_path)
    assert "found: export.xlsx" in text
    assert "crmkit import" in text


def test_one_file_instead_of_its_folder(tmp_path):
    folder(tmp_path, orders=ORDERS)
    assert "give the folder that holds it" in complaint(tmp_path / "orders.csv", UsageError)


def test_a_file_with_nearly_the_right_name_is_noted(tmp_path):
    crm = crmkit.open(folder(tmp_path, orders=ORDERS, Costumers="a\n"))
    assert any("Costumers.csv is not read" in note and "customers.csv" in note for note in crm.notes)


def test_a_table_that_is_there_twice(tmp_path):
    folder(tmp_path, orders=ORDERS)
    pd.DataFrame(orders()["orders"]).to_parquet(tmp_path / "orders.parquet")
    assert "orders twice" in complaint(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty: it has not even a line of column names"),
        ("customer_id,created_at,name\n1,2026-01-01,Łódź\n".encode("cp1250"), "is not in UTF-8"),
        ("customer_id,created_at,name\n1,2026-01-01,Caf\xe9\n".encode("latin-1"), "is not in UTF-8"),
        (b"customer_id,created_at\n1,2026-01-01\n2,2026-01-01,more,still\n", "Line: 3"),
        (b"customer_id,created_at,name\n1,2026-01-01\n", "Line: 2"),
        (b'customer_id,created_at,name\n1,2026-01-01,"open\n', "cannot be read as CSV"),
        (b"customer_id,created_at,name,name\n1,2026-01-01,a,b\n", "column 'name' is there twice"),
        (b"customer_id,created_at,name,Name \n1,2026-01-01,a,b\n", "column 'Name' is there twice"),
        (b"customer_id;created_at\n1;2026-01-01\n", "separated by ';', not by commas"),
        (b"customer_id,created_at\r\n1,2026-01-01\n2,2026-01-02\r\n", "its lines end in different ways"),
        (b"\n1,2026-01-01\n", "is empty: it has not even a line of column names"),
        ("customer_id,created_at,Größe\n1,2026-01-01,5\n".encode("latin-1"), "is not in UTF-8"),
        ("customer_id,created_at\n1,2026-01-01\n".encode("utf-16"), "is not in UTF-8"),
    ],
    ids=[
        "empty",
        "cp1250",
        "latin-1",
        "too many cells",
        "too few cells",
        "open quote",
        "column twice",
        "column twice but for case",
        "semicolons",
        "mixed line ends",
        "no names",
        "names in latin-1",
        "utf-16",
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, content, says):
    text = complaint(folder(tmp_path, customers=content))
    assert "customers.csv" in text
    assert says in text


def test_nothing_is_guessed_about_a_file(tmp_path):
    """A first row that looks unlike the rest is a row, and a lone column has rows like any other."""
    text = "customer_id,created_at,name,,segment\n1,2026-01-01,# not a comment,,;\n2,2026-01-02,'a|b',x,\t\n"
    crm = crmkit.open(folder(tmp_path, customers=text))
    frame = crm.customers.to_pandas()
    assert crm.rows == {"customers": 2}
    assert frame.name.tolist() == ["# not a comment", "'a|b'"]
    assert frame.segment.tolist() == [";", "\t"]
    assert frame.column4.fillna("").tolist() == ["", "x"]


def test_parts_of_csv_with_columns_in_another_order(tmp_path):
    place = tmp_path / "orders"
    place.mkdir()
    (place / "a.csv").write_text(ORDERS, encoding="utf-8")
    (place / "b.csv").write_text("amount,ordered_at,customer_id,order_id,channel\n7,2026-03-05,C,9,Web\n", "utf-8")
    crm = crmkit.open(tmp_path)
    assert crm.rows == {"orders": 3}
    assert crm.measure("revenue", period="2026-03").value.item() == 15.5


def test_a_damaged_parquet_file(tmp_path):
    path = tmp_path / "orders.parquet"
    pd.DataFrame(orders()["orders"]).to_parquet(path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"PAR1", b""):
        path.write_bytes(damaged)
        text = complaint(tmp_path)
        assert "orders.parquet" in text
        assert "Export it again" in text or "export it again" in text


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "crm.duckdb"
    path.write_bytes(b"this is not a database" * 1000)
    assert "cannot be opened as a DuckDB file" in complaint(path)


def test_a_database_without_tables_of_a_crm(tmp_path):
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE invoices (x INTEGER)")
    assert "holds no table of a CRM (tables found: invoices)" in complaint(path)


def test_links_are_followed_and_special_files_refused(tmp_path):
    real, place = tmp_path / "real", tmp_path / "place"
    real.mkdir()
    place.mkdir()
    folder(real, orders=ORDERS)
    (place / "orders.csv").symlink_to(real / "orders.csv")
    assert crmkit.open(place).rows == {"orders": 2}
    (place / "leads.csv").symlink_to(tmp_path / "nowhere.csv")
    assert "leads.csv is not an ordinary file" in complaint(place)
    (place / "leads.csv").unlink()
    os.mkfifo(place / "leads.csv")
    assert "leads.csv is not an ordinary file" in complaint(place)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_that_may_not_be_read(tmp_path):
    folder(tmp_path, orders=ORDERS)
    (tmp_path / "orders.csv").chmod(0)
    assert "orders.csv" in complaint(tmp_path)


def test_an_address_that_cannot_be_reached_keeps_its_password_to_itself():
    text = complaint("nosuchthing://me:hush@host/db", UsageError)
    assert "hush" not in text
    assert "host/db" in text


def test_a_wrong_as_of():
    assert "as_of is 'yesterday'; write a date such as 2026-09-30" in complaint(orders(), UsageError, as_of="yesterday")


# The open CRM


def test_tables_as_attributes():
    crm = crmkit.open(orders())
    assert "orders" in dir(crm)
    assert repr(crm) == "<Crm the DataFrames, known up to 2026-03-01: orders 2>"
    with pytest.raises(AttributeError, match=r"has no table 'leads'\. Tables in it: orders"):
        _ = crm.leads
    with pytest.raises(AttributeError, match="A Crm has no 'order'"):
        _ = crm.order


def test_customers_carry_when_they_came_and_left():
    people = {"customer_id": ["A", "B", "C"], "created_at": ["2024-01-01"] * 3}
    crm = crmkit.open({"customers": people} | orders(ordered_at=["2024-05-01", "2026-03-01"]), as_of="2026-03-31")
    found = crm.customers.to_pandas().set_index("customer_id")
    assert found.acquired_at["A"] == pd.Timestamp("2024-05-01")
    assert found.lost_at["A"] == pd.Timestamp("2025-05-01")
    assert found.acquired_at["B"] == pd.Timestamp("2026-03-01")
    assert pd.isna(found.lost_at["B"])
    assert pd.isna(found.acquired_at["C"])
    assert list(found.columns) == ["created_at", "acquired_at", "lost_at"]


def test_a_group_that_is_not_there_is_refused_with_what_is():
    crm = crmkit.open(orders())
    with pytest.raises(UsageError, match=r"has no column 'channel'.*It has: customer_id"):
        crm.measure("revenue", period="2026-03", by="channel")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"metrics": "winrate"}, "There is no metric 'winrate'. Did you mean win_rate"),
        ({"metrics": []}, "Name at least one metric"),
        ({"metrics": "revenue", "period": "2027"}, "lies after 2026-03-01"),
        ({"metrics": "revenue", "every": "day"}, "every is 'day'"),
        ({"metrics": "revenue", "window": 3}, "unknown option 'window'"),
        ({"metrics": "lead_conversion_rate", "window_days": "90"}, "The option window_days is '90'"),
    ],
)
def test_a_wrong_question_is_answered_in_words(asked, says):
    with pytest.raises(UsageError) as caught:
        crmkit.open(orders()).measure(**asked)
    assert says in str(caught.value)


def test_a_column_without_any_value_fits_every_type():
    deals = {"opportunity_id": ["1"], "created_at": ["2026-01-01"], "outcome": ["open"], "closed_at": [float("nan")]}
    frame = pd.DataFrame({**deals, "lead_id": [None], "amount": [None]})
    assert frame["closed_at"].dtype == "float64"
    crm = crmkit.open({"opportunities": frame, "leads": pd.DataFrame({"lead_id": [], "created_at": []})})
    assert crm.opportunities.closed_at.to_pyarrow().null_count == 1
    assert crm.measure("leads", period="2026-01").value.item() == 0


def test_empty_text_in_parquet_is_null_whether_the_file_says_so_or_not(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "lead_id": ["a", "b", "c"],
            "source": ["", "web", None],
            "status": ["new", "old", None],
            "created_at": pa.array([datetime(2026, 1, 1)] * 3),
        }
    )
    for statistics in (True, False):
        folder = tmp_path / str(statistics)
        folder.mkdir()
        pq.write_table(table, folder / "leads.parquet", write_statistics=statistics)
        crm = crmkit.open(folder)
        assert crm.leads.source.to_pyarrow().to_pylist() == [None, "web", None]
        assert crm.leads.status.to_pyarrow().to_pylist() == ["new", "old", None]
        raw = readers.read(folder)
        assert raw.filled["leads"] == ({"lead_id", "status"} if statistics else set())


def test_few_rows_are_added_up_in_one_order(tmp_path, monkeypatch):
    def threads(crm):
        return crm.engine.con.execute("SELECT current_setting('threads')").fetchone()[0]

    orders = "order_id,customer_id,ordered_at,amount\n1,A,2026-01-01,5\n"
    assert threads(crmkit.open(folder(tmp_path, orders=orders))) == 1
    assert threads(crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-01-01"]}})) == 1
    own = ibis.duckdb.connect()
    own.raw_sql("SET threads = 3; CREATE TABLE leads AS SELECT 'a' AS lead_id, TIMESTAMP '2026-01-01' AS created_at")
    assert threads(crmkit.open(own)) == 3, "somebody else's engine is left as it is"
    monkeypatch.setattr(readers, "ROWS_FOR_ONE_THREAD", 0)
    many = folder(tmp_path, orders=orders)
    assert threads(crmkit.open(many)) == duckdb.connect().execute("SELECT current_setting('threads')").fetchone()[0]
