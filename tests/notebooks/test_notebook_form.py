"""The form of the report notebooks: thin cells, half prose, one parameters cell, nothing typed that code should say."""

import ast
import re
import statistics

import nbformat
import pytest

from crmkit import paths
from crmkit.report import parameters

NOTEBOOKS = sorted(paths.notebooks().glob("[0-9][0-9]_*.ipynb"))
BANNED = (ast.For, ast.While, ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.With, ast.Try)
#: Numbers that are part of a definition, not a result: scales and bands, a level of confidence, half, a hundred.
DEFINITIONS = {"0", "1", "5", "4", "6", "7", "8", "9", "10", "95", "100"}


@pytest.fixture(params=NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def working(notebook):
    """Code cells other than the parameters."""
    return [cell for cell in code(notebook) if "parameters" not in cell.metadata.get("tags", [])]


def test_there_are_the_four_families():
    assert [path.stem for path in NOTEBOOKS][:4] == [
        "00_scorecard",
        "01_customer_perception",
        "02_retention",
        "03_sales",
    ]


def test_it_is_committed_without_outputs(notebook):
    assert all(not cell.outputs and cell.execution_count is None for cell in code(notebook))
    assert notebook.metadata.kernelspec.name == "python3"
    ids = [cell.id for cell in notebook.cells]
    assert ids == [str(place) for place in range(len(ids))], "`nbstripout FILE` numbers the cells in their order"


def test_it_declares_its_parameters_once_with_type_and_help(notebook):
    declared = parameters.declared(notebook, name="notebook")  # refuses a second cell and all that is no literal
    assert declared["data"].default == ""
    assert declared["period"].default == "latest"
    assert all(each.help for each in declared.values())


def test_the_parameters_are_the_first_code(notebook):
    assert "parameters" in code(notebook)[0].metadata.tags


def test_cells_are_thin(notebook):
    lines = [len(cell.source.splitlines()) for cell in working(notebook)]
    assert max(lines) <= 12
    assert statistics.median(lines) <= 3


def test_cells_call_and_do_not_program(notebook):
    for cell in working(notebook):
        found = [type(node).__name__ for node in ast.walk(ast.parse(cell.source)) if isinstance(node, BANNED)]
        assert not found, cell.source
        assert not re.search(r"\.(merge|join|groupby|apply|pivot)\(", cell.source), cell.source


def test_cells_show_nothing_that_could_run(notebook):
    for cell in code(notebook):
        assert "Markdown" not in cell.source
        assert "escape=False" not in cell.source
        assert "HTML(" not in cell.source


def test_about_half_of_it_is_prose(notebook):
    words = len(" ".join(prose(notebook)).split())
    typed = len(" ".join(cell.source for cell in working(notebook)).split())
    assert 0.5 <= words / (words + typed) <= 0.9


def test_it_begins_with_a_question_and_who_decides(notebook):
    first = prose(notebook)[0]
    assert re.match(r"# .+\?\n", first)
    assert "**Who decides what with it.**" in first


def test_sections_are_questions(notebook):
    headings = [line for text in prose(notebook) for line in text.splitlines() if line.startswith("## ")]
    assert len(headings) >= 5, f"a page has five sections or more, and here are {headings}"
    assert all(line.endswith("?") for line in headings), headings


def test_the_answer_stands_before_the_first_section(notebook):
    before = []
    for cell in notebook.cells:
        if cell.source.startswith("## "):
            break
        before.append(cell.source)
    told = any("pages.answer(" in text or "overview.summary(" in text or ".answer(" in text for text in before)
    assert told, "call pages.answer before the first section"
    assert any("pages.headline_cards(" in text for text in before), "call pages.headline_cards before the first section"


def test_it_ends_with_checks_and_definitions(notebook):
    sources = [cell.source for cell in code(notebook)]
    assert any(source.count("checks(") for source in sources[-3:]), "one of the last three code cells calls checks"
    assert "pages.definition_list(" in sources[-1], "the last code cell calls pages.definition_list"


def test_no_result_is_typed_into_prose(notebook):
    for text in prose(notebook):
        typed = set(re.findall(r"(?<![\w.])\d[\d.,]*(?<![.,])", text)) - DEFINITIONS
        assert not typed, (typed, text)


@pytest.mark.parametrize("word", ["simply", "just", "obviously", "significant", "TODO"])
def test_prose_does_without(notebook, word):
    assert not re.search(rf"\b{word}\b", " ".join(prose(notebook)))
