"""Parts of a table for questions found by their wording, rows that need a cell, and lookups in several rows."""

from __future__ import annotations

import pandas as pd
import pytest

from crmkit import adapters
from crmkit.errors import DataError, UsageError

SURVEY = """\
title = "Small form"
[read]
dates = "auto"
[files.answers]
names = ["answers*.csv"]
[[tables.surveys]]
part = "nps"
file = "answers"
if_there = [["NPS", "*recommend*"]]
filled = ["score"]
[tables.surveys.columns]
_row = { row = true }
_kind = { constant = "nps" }
response_id = { combine = ["_row", "_kind"], separator = "-" }
survey = { constant = "nps" }
score = ["NPS", "Would you recommend*", "*recommend*"]
answered_at = ["When", "Date"]
customer_id = "Who"
[[tables.surveys]]
part = "csat"
file = "answers"
if_there = [["CSAT", "*satisf*"]]
filled = ["score"]
[tables.surveys.columns]
_row = { row = true }
_kind = { constant = "csat" }
response_id = { combine = ["_row", "_kind"], separator = "-" }
survey = { constant = "csat" }
score = { from = ["CSAT", "*satisf*"], values = { "Very satisfied" = "5", Satisfied = "4" }, otherwise = "(cell)" }
answered_at = ["When", "Date"]
customer_id = "Who"
"""
ANSWERS = """\
Date,Who,Would you recommend us?,Would anything else make you recommend us?,Are you satisfied?
2026-01-05,A,9,Lower prices,very satisfied
2026-01-06,B,,,3
2026-01-07,C,4,Nothing,
"""
SHOP = """\
title = "Small shop"
[read]
decimal = "auto"
[files.lines]
names = ["lines.csv"]
[files.calls]
names = ["calls.csv"]
[tables.order_lines]
file = "lines"
[tables.order_lines.columns]
order_id = ["No", "Order"]
product_id = "Item"
quantity = "Pieces"
_pieces = "Pieces"
_price = ["Price", "Unit price"]
_amount = { product = ["_pieces", "_price"], type = "number" }
amount = { first_filled = ["_amount"] }
[tables.orders]
file = "lines"
one_row_for = [["No", "Order"]]
in_order_of = ["On", "Date"]
[tables.orders.columns]
order_id = ["No", "Order"]
customer_id = "Who"
ordered_at = { from = ["On", "Date"], which = "first" }
amount = { from = ["No", "Order"], lookup = "order_lines.order_id", take = "amount", pick = "sum", unmatched = "empty" }
calls = { from = ["No", "Order"], type = "whole", lookup = "calls.Order", take = "Call", pick = "count" }
last_call = { from = ["No", "Order"], type = "text", lookup = "calls.Order", take = "Call", pick = "last" }
"""
LINES = (
    "Order,Date,Who,Item,Pieces,Unit price\n1,2026-01-05,A,x,2,1.50\n1,2026-01-05,A,y,1,4.25\n2,2026-01-06,B,x,3,1.50\n"
)
CALLS = "Order,Call\n1,first\n1,second\n"


def _run(tmp_path, toml: str, files: dict[str, str], **options):
    folder = tmp_path / "export"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (tmp_path / "own.toml").write_text(toml, encoding="utf-8")
    account = adapters.run("own", [folder], tmp_path / "out", adapter=tmp_path / "own.toml", **options)

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(tmp_path / "out" / f"{name}.csv", dtype=str, keep_default_na=False)

    return account, table


def test_the_first_wording_that_fits_is_taken_and_rows_without_an_answer_are_left_out(tmp_path):
    account, table = _run(tmp_path, SURVEY, {"answers.csv": ANSWERS})
    surveys = table("surveys").set_index("response_id")
    assert surveys["score"].to_dict() == {
        "answers-1-nps": "9", "answers-3-nps": "4", "answers-1-csat": "5", "answers-2-csat": "3",
    }  # fmt: skip
    text = account.text()
    assert "1 row left out by the rule filled score" in text
    assert "Would you recommend us? (number)" in text
    assert "very satisfied → 5 (1)" in text
    assert "3 → 3" not in text  # what stays as it is needs no telling


def test_a_part_whose_headers_are_missing_is_not_made(tmp_path):
    account, table = _run(tmp_path, SURVEY, {"answers.csv": "Date,Who,NPS\n2026-01-05,A,9\n"})
    assert table("surveys")["survey"].tolist() == ["nps"]
    assert "not made: answers.csv: the file has no column 'CSAT' or '*satisf*'" in account.text()


def test_a_part_can_be_given_its_header(tmp_path):
    text = "Date,Who,Q1,Q2\n2026-01-05,A,9,4\n2026-01-06,B,8,5\n"
    with pytest.raises(DataError, match=r"None of the tables .* as in --column surveys:nps.score=HEADER"):
        _run(tmp_path, SURVEY, {"answers.csv": text})
    _, table = _run(tmp_path, SURVEY, {"answers.csv": text}, columns=["surveys:csat.score=Q2"])
    assert table("surveys")["score"].tolist() == ["4", "5"]
    _, table = _run(tmp_path, SURVEY, {"answers.csv": text}, columns=["surveys:nps.score=Q1", "surveys:csat.score=Q2"])
    assert table("surveys")["score"].tolist() == ["9", "8", "4", "5"]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("surveys.score=Q1", r"surveys is made of the parts nps, csat, each with a score of its own"),
        ("surveys:ces.score=Q1", r"surveys has no part 'ces'.*it has nps, csat"),
    ],
)
def test_one_header_for_two_questions_is_refused(tmp_path, column, said):
    with pytest.raises(UsageError, match=said):
        _run(tmp_path, SURVEY, {"answers.csv": ANSWERS}, columns=[column])


def test_what_all_parts_share_is_said_once(tmp_path):
    text = ANSWERS.replace("Who", "Client")
    _, table = _run(tmp_path, SURVEY, {"answers.csv": text}, columns=["surveys.customer_id=Client"])
    assert table("surveys")["customer_id"].tolist() == ["A", "C", "A", "B"]


def test_several_rows_that_fit_are_added_up_counted_or_the_last_is_taken(tmp_path):
    account, table = _run(tmp_path, SHOP, {"lines.csv": LINES, "calls.csv": CALLS})
    orders = table("orders").set_index("order_id")
    assert orders["amount"].tolist() == ["7.25", "4.5"]  # 2 × 1.50 + 4.25, and 3 × 1.50
    assert orders["calls"].tolist() == ["2", ""]
    assert orders["last_call"].tolist() == ["second", ""]
    assert "Pieces × Unit price" in account.text()
    assert "looked up in order_lines.order_id, amount added up" in account.text()


def test_what_is_no_number_is_not_added_up(tmp_path):
    toml = SHOP.replace('take = "Call", pick = "count"', 'take = "Call", pick = "sum"')
    with pytest.raises(DataError, match=r"orders.calls .*'first' under Call in calls can't be added up"):
        _run(tmp_path, toml, {"lines.csv": LINES, "calls.csv": CALLS})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'filled = ["score"]',
            'filled = ["scor"]',
            r"filled: 'scor' is not a column of the table \(did you mean score",
        ),
        (
            'customer_id = "Who"',
            'customer_id = { from = "Who", lookup = "surveys.survey", pick = "sum" }',
            r"pick: is 's",
        ),
    ],
)
def test_slips_are_named(tmp_path, old, new, said):
    with pytest.raises(UsageError, match=said):
        _run(tmp_path, SURVEY.replace(old, new), {"answers.csv": ANSWERS})


def test_a_file_given_by_itself_is_the_only_kind_of_file_that_there_is(tmp_path):
    (tmp_path / "Q1 form.txt").write_text(ANSWERS, encoding="utf-8")
    (tmp_path / "own.toml").write_text(SURVEY, encoding="utf-8")
    adapters.run("own", [tmp_path / "Q1 form.txt"], tmp_path / "out", adapter=tmp_path / "own.toml")
    assert len(pd.read_csv(tmp_path / "out/surveys.csv")) == 4
