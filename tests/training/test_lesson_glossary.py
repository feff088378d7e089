"""The glossary beside the lessons: there for students and solutions, and every link of a lesson leads to an entry."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup

from crmkit import glossary
from crmkit.cli import main
from crmkit.metric import all_metrics
from crmkit.training import lessons

LINK = re.compile(r"\]\((glossary\.html)#([\w-]+)\)")
LESSONS = lessons.lessons()


def _words(notebook):
    """The cell on what the words of a lesson mean."""
    (cell,) = [cell for cell in notebook["cells"] if "## What the words mean" in "".join(cell["source"])]
    return "".join(cell["source"])


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lessons") / "class"
    assert main(["training", "build", "--to", str(folder), "--lang", "pl"]) == 0
    return folder


@pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
def test_each_lesson_links_its_words_to_entries_that_there_are(path):
    text = _words(lessons.read(path))
    linked = [anchor for _, anchor in LINK.findall(text)]
    assert linked
    assert set(linked) <= set(glossary.entries())
    named = {name for name in re.findall(r"`(\w+)`", text) if name in all_metrics()}
    assert named <= set(linked), "a metric that is named is linked"


@pytest.mark.parametrize("kind", ["student", "solutions"])
def test_in_a_built_folder_every_link_leads_to_an_entry_beside_it(built, kind):
    page = BeautifulSoup((built / kind / lessons.GLOSSARY).read_text(encoding="utf-8"), "html.parser")
    ids = {tag["id"] for tag in page.find_all(id=True)}
    for path in sorted((built / kind).glob("*.ipynb")):
        found = LINK.findall(_words(lessons.read(path)))
        assert found, path.name
        assert {anchor for _, anchor in found} <= ids, path.name
        assert {file for file, _ in found} == {lessons.GLOSSARY}
    assert page.find("tbody", id="nps").find("th")["lang"] == "pl"


def test_a_lesson_that_is_taken_has_the_glossary_beside_it_and_leaves_one_that_is_there(tmp_path):
    options = ["training", "start", "2", "--no-browser", "--to", str(tmp_path)]
    assert main(options) == 0
    assert 'id="nps"' in (tmp_path / lessons.GLOSSARY).read_text(encoding="utf-8")
    (tmp_path / lessons.GLOSSARY).write_text("mine")
    assert main(options) == 0
    assert (tmp_path / lessons.GLOSSARY).read_text() == "mine"


def test_a_language_that_is_not_there_is_refused_before_anything_is_written(tmp_path, capsys):
    assert main(["training", "build", "--to", str(tmp_path / "class"), "--lang", "xx"]) == 2
    assert "no language 'xx'" in capsys.readouterr().err
    assert not (tmp_path / "class").exists()
