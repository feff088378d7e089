import pytest
from faulty_notebooks import notebook
from nbformat.v4 import new_code_cell, new_notebook

from crmkit.errors import CrmkitError, UsageError
from crmkit.report.parameters import Parameter, check, convert, declared


def tagged(source):
    return new_notebook(cells=[new_code_cell(source, metadata={"tags": ["parameters"]})])


BOTH = 'data: str = "d"\nperiod: str = "latest"\n'


def test_type_default_and_help_are_read():
    found = declared(
        tagged(BOTH + 'owners: list[str] = ["a", "b"]  # whose deals\nsince: "date" = "2026-01-01"'), name="x"
    )
    assert list(found) == ["data", "period", "owners", "since"]
    assert found["owners"] == Parameter("owners", "list[str]", ["a", "b"], "whose deals")
    assert found["since"].type == "date"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (BOTH + "import os", "holds `import os`"),
        (BOTH + "x = 1", "holds `x = 1`"),
        (BOTH + "x: int = len('a')", "holds `x: int = len"),
        (BOTH + "x: set = {1}", "holds `x: set = {1}`"),
        ('data: str = "d"', "lacks `period: str`"),
        ("data: str = (", "not Python"),
    ],
)
def test_only_literals_with_a_type_are_allowed(source, words):
    with pytest.raises(CrmkitError, match="x") as raised:
        declared(tagged(source), name="x")
    assert words in str(raised.value)


def test_two_tagged_cells_are_refused():
    with pytest.raises(CrmkitError, match="x has 2 cells"):
        declared(notebook("PARAMETERS", "PARAMETERS"), name="x")


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("str", "00123", "00123"),
        ("str", "NO", "NO"),
        ("str", "1e3", "1e3"),
        ("str", "", ""),
        ("int", "-3", -3),
        ("float", "1e3", 1000.0),
        ("bool", "false", False),
        ("bool", "Yes", True),
        ("date", "2024-02-29", "2024-02-29"),
        ("list[str]", "007, NO,", ["007", "NO"]),
    ],
)
def test_values_are_converted_by_type_and_not_by_looks(type_, text, value):
    converted = convert(text, Parameter("p", type_, None, ""))
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("type_", "text"),
    [("int", "1.5"), ("int", "1_000"), ("float", "nan"), ("float", "1,5"), ("bool", "2"), ("bool", ""),
     ("date", "2026-02-30"), ("date", "20260101"), ("date", "01/02/2026")],
)  # fmt: skip
def test_values_of_another_type_are_refused(type_, text):
    with pytest.raises(UsageError, match="--set p="):
        convert(text, Parameter("p", type_, None, ""))


def test_each_notebook_gets_the_settings_that_it_declares():
    one = {"segment": Parameter("segment", "str", "", ""), "days": Parameter("days", "int", 1, "")}
    other = {"days": Parameter("days", "float", 1.0, "")}
    assert check({"days": "7"}, [one, other, {}]) == [{"days": 7}, {"days": 7.0}, {}]
