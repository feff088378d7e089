import csv
import datetime as dt
import io
import json
import re

import pandas as pd
import pytest

from crmkit.report.facts import resolve, shown
from crmkit.report.index import all_reports, cards, kpis_csv

# The cases by which Superset tests its own CSV: what a spreadsheet would run, and what only looks like it.
HARMLESS = ["1", "-10", "+10.5", "1e5", "a=1", "x -y", "10-12", ""]
FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "|cmd", "%x", " =1", '"=1', "'=1", "\t=1", "\r=1", "-value"]


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text):
    assert list(csv.reader(io.StringIO(kpis_csv(pd.DataFrame({"a": ["x"], "b": [text]})))))[1] == ["x", text]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_made_text_in_cells_and_headers(text):
    made = list(csv.reader(io.StringIO(kpis_csv(pd.DataFrame({"a": ["x"], text: [text]})), newline="")))
    safe = "'" + text.replace("\r", "\n")
    assert made == [["a", safe], ["x", safe]]


def test_numbers_are_the_same_in_whatever_order_they_were_added_and_unknown_is_empty():
    frame = pd.DataFrame(
        {
            "value": [0.1 + 0.2, float("nan")],
            "change": [0.1 + 0.2 - 0.3, -1e-3],
            "n": pd.array([3, None], dtype="Int64"),
            "period": [dt.datetime(2026, 7, 1), pd.NaT],
            "history": [[1.0, None], None],
            "flag": [True, False],
        }
    )
    lines = kpis_csv(frame).splitlines()
    assert lines[1] == '0.3,0.0,3,2026-07-01,"[1.0, null]",True'
    assert lines[2] == ",-0.001,,,,False"


def test_cards_leave_out_what_is_unknown():
    frame = pd.DataFrame({"metric": ["a", "b"], "title": ["A", "<B>"], "unit": ["share"] * 2, "value": [None, 0.5]})
    assert "&lt;B&gt;" in cards(frame, currency="", lang="en")
    assert ">A<" not in cards(frame, currency="", lang="en")
    assert cards(frame.head(1), currency="", lang="en") == ""


def test_cards_begin_with_the_headlines_and_fill_up_in_order():
    names = ["promoters", "nps", "win_rate", "ces"]
    frame = pd.DataFrame({"metric": names, "title": names, "unit": ["count"] * 4, "value": [1.0, 2.0, None, 4.0]})

    def titles(**more):
        html = cards(frame, currency="", lang="en", **more)
        return re.findall(r'crm-card-title">(\w+)<', html)

    assert titles() == ["nps", "promoters", "ces"]
    assert titles(headlines=("ces", "win_rate")) == ["ces", "promoters"]


def test_the_index_lists_reports_of_all_ages_and_leaves_strangers_alone(tmp_path):
    def report(as_of, period, **more):
        folder = tmp_path / as_of / period
        folder.mkdir(parents=True)
        record = {"as_of": as_of, "period": period, "notebooks": [{"name": "00_x", "status": "ok"}], **more}
        (folder / "run.json").write_text(json.dumps(record))

    report("2025-12-31", "2025-Q4", company="<b>Old</b>")
    report("2026-09-30", "2026-Q3", schema_version=99)
    (tmp_path / "2026-09-30" / "notes").mkdir()
    (tmp_path / "2026-09-30" / "notes" / "run.json").write_text("[]")
    html = all_reports(tmp_path, lang="en")
    assert html.index("2026-09-30/2026-Q3/index.html") < html.index("2025-12-31/2025-Q4/index.html")
    assert "&lt;b&gt;Old&lt;/b&gt;" in html
    assert "notes" not in html


def test_facts_come_from_the_data(tmp_path):
    (tmp_path / "orders.csv").write_text(
        "order_id,customer_id,ordered_at,amount\n1,A,2026-01-05,10\n2,B,2026-09-30,-5\n"
    )
    (tmp_path / "crm.toml").write_text('name = "Żak"\ncurrency = "PLN"\n')
    facts = resolve(tmp_path, "latest")
    assert (facts.company, facts.currency, facts.as_of, facts.period) == ("Żak", "PLN", "2026-09-30", "2026-Q3")
    assert (facts.first, facts.rows) == ("2026-01-05", {"orders": 2})
    assert [file["file"] for file in facts.files] == ["orders.csv"]
    assert len(facts.files[0]["sha256"]) == 64
    assert resolve(tmp_path, "2026-07-01/2026-08-15").folder.name == "2026-07-01_2026-08-15"


def test_a_password_is_never_shown():
    assert shown("postgres://ann:secret@db.example/crm?password=x") == "postgres://db.example/crm"
    assert shown("data/my sample@home") == "data/my sample@home"
