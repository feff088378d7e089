"""The lessons: in their form, with outputs; students' copies fail until they are filled in, solutions pass."""

from __future__ import annotations

import contextlib
import json
import re

import pytest

from crmkit.cli import main
from crmkit.errors import CrmkitError, UsageError
from crmkit.training import checking, lessons
from crmkit.training.exercises import numbers
from crmkit.training.run import COMPARED

LESSONS = lessons.lessons()
CHECK = re.compile(r'training\.check\("([\d.]+)"')


@pytest.fixture(params=LESSONS, ids=[path.stem for path in LESSONS])
def source(request):
    return lessons.read(request.param)


def _code(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _prose(notebook):
    return "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")


def _run(notebook, monkeypatch):
    """Run the cells of a notebook in one namespace, as a kernel does, and return what was checked."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("agg")
    monkeypatch.setattr(checking, "RESULTS", {})
    space = {"__name__": "__main__"}
    for text in _code(notebook):
        with contextlib.suppress(Exception):  # what builds on an answer that isn't there yet
            exec(compile(text, "lesson", "exec"), space)
    plt.close("all")
    return dict(checking.RESULTS)


def test_the_form(source):
    prose, code = _prose(source), _code(source)
    for part in (
        "**You will**",
        "**Time:**",
        "## Predict first",
        "By hand",
        "rap",
        "## Quiz",
        "## What would you tell",
    ):
        assert part in prose, part
    assert len(re.findall(r"^### Exercise \d+\.\d", prose, re.MULTILINE)) == 3
    assert prose.count("<details>") == prose.count("</details>") >= 3
    assert sum(lessons.BEGIN in text for text in code) == 3
    assert lessons.BEGIN in prose, "a model answer to what you would tell"
    for text in code:
        assert len(text.splitlines()) <= 14, text
    words = len(prose.split())
    assert 500 <= words <= 2200, words


def test_every_exercise_is_asked_and_answered(source):
    asked = [number for text in _code(source) for number in CHECK.findall(text)]
    lesson = asked[0].partition(".")[0]
    assert asked == [number for number in numbers() if number.partition(".")[0] == lesson]


def test_it_is_committed_with_outputs_that_are_compared(source):
    cells = [cell for cell in source["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells)
    compared = [cell for cell in cells if COMPARED in cell["metadata"].get("tags", [])]
    assert len(compared) >= 5
    assert not [out for cell in cells for out in cell["outputs"] if out["output_type"] == "error"]
    assert not [out for cell in cells for out in cell["outputs"] if out.get("name") == "stderr"]


def test_a_students_copy_fails_until_it_is_filled_in(source, monkeypatch):
    results = _run(lessons.student(source), monkeypatch)
    assert len(results) == 3
    assert not any(results.values())


def test_the_solution_passes(source):
    """Its cells are run, and their outputs compared with these, with the other notebooks."""
    shown = [out["data"]["text/plain"] for cell in source["cells"] if cell["cell_type"] == "code"
             and COMPARED in cell["metadata"].get("tags", []) for out in cell["outputs"] if "data" in out]  # fmt: skip
    marks = [text for text in map("".join, shown) if re.match(r"[✓✗] \d+\.\d", text)]
    assert len(marks) == 3
    assert all(mark.startswith("✓") for mark in marks)


def test_a_students_copy_gives_nothing_away(source):
    made = lessons.student(source)
    text = json.dumps(made)
    assert "SOLUTION" not in text
    assert all(not cell["outputs"] for cell in made["cells"] if cell["cell_type"] == "code")
    blocks = [block for cell in source["cells"] for block in lessons._BLOCK.findall("".join(cell["source"]) + "\n")]
    for block in blocks:
        assert json.dumps(block.strip())[1:-1] not in text


def test_all_exercises_belong_to_a_lesson():
    asked = {number for path in LESSONS for text in _code(lessons.read(path)) for number in CHECK.findall(text)}
    assert asked == set(numbers())


def test_build_writes_copies_solutions_and_the_plan(tmp_path, capsys):
    assert main(["training", "build", "--to", str(tmp_path / "class")]) == 0
    for folder in ("student", "solutions"):
        assert [path.name for path in sorted((tmp_path / "class" / folder).glob("*.ipynb"))] == [
            p.name for p in LESSONS
        ]
    assert (tmp_path / "class" / "TRAINER.md").is_file()
    assert "lessons" in capsys.readouterr().out
    assert main(["training", "build", "--to", str(tmp_path / "class")]) == 0, "again into its own folder"
    work = next((tmp_path / "class" / "student").glob("01_*.ipynb"))
    work.write_text("an answer")
    capsys.readouterr()
    assert main(["training", "build", "--to", str(tmp_path / "class")]) == 2, "somebody works in it"
    assert f"{work.name} was changed" in capsys.readouterr().err
    assert work.read_text() == "an answer"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    assert main(["training", "build", "--to", str(tmp_path / "mine")]) == 2
    assert "notes.txt" in capsys.readouterr().err


def test_start_leaves_what_somebody_works_in(tmp_path, capsys):
    options = ["training", "start", "2", "--no-browser", "--to", str(tmp_path)]
    assert main(options) == 0
    path = next(tmp_path.glob("02_*.ipynb"))
    path.write_text("my work")
    assert main(options) == 0
    assert path.read_text() == "my work"
    assert str(path) in capsys.readouterr().out


def test_a_lesson_is_found_by_number_or_word_and_a_wrong_one_is_refused(capsys):
    assert lessons.find_lesson("2").stem.startswith("02_")
    assert lessons.find_lesson("asking") == lessons.find_lesson("02")
    with pytest.raises(UsageError, match="There are: "):
        lessons.find_lesson("cooking")
    assert main(["training", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(LESSONS)


def test_marks_without_their_end_are_refused():
    cell = {
        "cell_type": "code",
        "metadata": {},
        "outputs": [],
        "execution_count": 1,
        "source": [f"{lessons.BEGIN}\n", "x"],
    }
    with pytest.raises(CrmkitError, match="without its"):
        lessons.student({"cells": [cell]})
