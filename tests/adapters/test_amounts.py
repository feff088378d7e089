"""Numbers in any notation: marks decided for a whole column or asked for, signs, scales and percent."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.adapters import amounts
from crmkit.errors import DataError


def _read(text: str, decimal: str = ".", thousands: str = "any") -> float | None:
    sql = amounts.number("x", decimal, thousands)
    return duckdb.execute(f"SELECT {sql} FROM (SELECT ? AS x)", [text]).fetchone()[0]


@given(
    value=st.decimals(-(10**9), 10**9, places=2),
    decimal=st.sampled_from(".,"),
    group=st.sampled_from([",", ".", " ", "'", "’", "\u00a0", "\u202f", ""]),
    sign=st.sampled_from(["-", "−", "()", "- "]),
    money=st.sampled_from(["", "${}", "{} €", "€{}", "USD {}", "{} PLN", "US${}", "{} zł", "￥{}", "EUR{}"]),
)
@settings(max_examples=60, deadline=None)
def test_any_number_in_any_usual_notation_is_read_back(value, decimal, group, sign, money):
    if group == decimal:
        group = ""
    text = f"{abs(value):,.2f}".replace(",", "G").replace(".", decimal).replace("G", group)
    text = (money or "{}").format(text)
    if value < 0:
        text = f"({text})" if sign == "()" else f"{sign}{text}"
    assert _read(text, decimal) == pytest.approx(float(value), abs=1e-9), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1,117.10K", 1_117_100.0), ("1.5M", 1_500_000.0), ("2 bn", 2e9), ("(3k)", -3000.0), ("45%", 0.45),
        ("45 %", 0.45), ("７％", 0.07), ("$7,450,000.00 ", 7_450_000.0), ("(€300)", -300.0), ("12EUR", 12.0),
        ("12 MIO", None), ("12 pcs", None), ("1,23,456", None), ("1,2345.5", None), ("12,34", None), ("1.2.3", None),
        ("5 days", None), ("K", None), ("%", None), ("", None), ("-", None), ("$", None), ("1K5", None),
    ],
)  # fmt: skip
def test_notations(text, expected):
    assert _read(text.strip()) == expected


def _amounts(export, *cells: str) -> None:
    rows = [f'{n},Zoë,2026-01-05,Talking,,"{cell}"' for n, cell in enumerate(cells)]
    export.write("deals.csv", "\n".join(["Deal ID,Owner,Created,Stage,Closed,Amount", *rows]) + "\n")


@pytest.fixture
def auto(export):
    export.bend("required = true", 'required = true\ndecimal = "auto"')
    return export


def _how(account) -> str:
    return next(c.how for c in account.tables[-1].parts[0].columns if c.name == "amount")


@pytest.mark.parametrize(
    ("cells", "expected", "how"),
    [
        (("1,234", "12.5"), ["1234", "12.5"], "number, decimal point, decided by '12.5' in line 3"),
        (("1.234", "12,5"), ["1234", "12.5"], "number, decimal comma, decided by '12,5' in line 3"),
        (("1.234", "1.234.567"), ["1234", "1234567"], "number, decimal comma, decided by '1.234.567' in line 3"),
        (("1,234", "€1,234.50"), ["1234", "1234.5"], "number, decimal point, decided by '€1,234.50' in line 3, in €"),
        (("0,125", "3"), ["0.125", "3"], "number, decimal comma, decided by '0,125' in line 2"),
        (("1.2345", "3"), ["1.2345", "3"], "number, decimal point, decided by '1.2345' in line 2"),
        (("1 234", "1'234"), ["1234", "1234"], "number"),
        (("5", "7"), ["5", "7"], "number"),
        (("$2K", "1.5M"), ["2000", "1500000"], "in $, K, M and B as thousands, millions and billions"),
        (("45%", "5 %"), ["0.45", "0.05"], "number, percent signs as hundredths"),
    ],
)
def test_marks_are_decided_for_the_whole_column(auto, cells, expected, how):
    _amounts(auto, *cells)
    account = auto.run()
    assert auto.table()["amount"].tolist() == expected
    assert how in _how(account)


@pytest.mark.parametrize("cells", [("1,234", "7"), ("1.234", "12.345"), ("1,234", "1.234")])
def test_what_may_be_thousands_or_fractions_is_asked_for(auto, cells):
    _amounts(auto, *cells)
    with pytest.raises(DataError, match=r"decimal mark can't be told.*--decimal \. or --decimal ,"):
        auto.run()


def test_the_answer_is_taken(auto):
    _amounts(auto, "1,234", "7")
    auto.run(decimal=".")
    assert auto.table()["amount"].tolist() == ["1234", "7"]
    auto.run(decimal=",")
    assert auto.table()["amount"].tolist() == ["1.234", "7"]


def test_a_column_that_mixes_marks_is_refused_with_an_example_of_each(auto):
    _amounts(auto, "12.5", "12,5", "7")
    with pytest.raises(
        DataError, match=r"mix decimal points \('12\.5' in line 2\) and decimal commas \('12,5' in line 3"
    ):
        auto.run()


def test_groups_that_are_no_thousands_are_unread(auto):
    _amounts(auto, "1,23,456.00", "12.5")
    with pytest.raises(DataError, match=r"1 of 2 cells can't be read as number"):
        auto.run()


def test_a_percent_sign_on_some_cells_only_is_refused(auto):
    _amounts(auto, "45%", "5")
    with pytest.raises(DataError, match=r"1 cells have a percent sign and 1 others don't"):
        auto.run()


def test_several_currencies_are_refused(auto):
    _amounts(auto, "$5.10", "€5.10")
    with pytest.raises(DataError, match=r"several currencies \(\$, €\)"):
        auto.run()


def test_flags_say_which_words_they_do_not_know(export):
    export.toml = export.toml.replace(
        'user_id = "id"', 'user_id = "id"\nlicensed = { from = "lic", values = { "" = "false" } }'
    )
    export.bend('values = { "" = "false" }', 'values = { "" = "false", "1" = "true" }')
    export.write("people.csv", "id,name,lic\n007,Zoë,1\n008,Łukasz,\n")
    export.run()
    assert export.table("users")["licensed"].tolist() == ["true", "false"]
    export.toml = export.toml.replace(', values = { "" = "false", "1" = "true" }', "")
    export.write("people.csv", "id,name,lic\n" + "".join(f"{n},x{n},yes\n" for n in range(99)) + "99,y,maybe\n")
    with pytest.raises(
        DataError, match=r"licensed.*1 of 100 cells can't be read as yes or no, such as 'maybe' in people"
    ):
        export.run()
