"""README.md and CONTRIBUTING.md say what is there: files, tables, pages, commands with their options, and settings."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import tomllib

import pytest

from crmkit import cli, paths, schema
from crmkit.config import read as read_config
from crmkit.crm import Crm

NAMES = ("README.md", "CONTRIBUTING.md")
STARTS = ("crmkit/", "tests/", "notebooks/", "data/", "docs/", "reports/", "benchmarks/", ".venv/bin/python")


@pytest.fixture(params=NAMES)
def document(request, root) -> str:
    return (root / request.param).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def readme(root) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_every_file_that_is_named_is_there(document, root):
    named = re.findall(r"\]\(([^)#:]+)\)", document)
    named += [word for word in re.findall(r"`([^`\s]+)`", document) if word.startswith(STARTS[:-1])]
    gone = [name for name in named if not re.search(r"NN|<|cs\.toml", name) and not list(root.glob(name.rstrip("/")))]
    assert named
    assert not gone


def test_every_link_to_a_section_leads_to_one(document):
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    sections = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", document)) <= sections


def commands(text: str) -> list[list[str]]:
    """The words after `crmkit` in code, in the text and in blocks of their own."""
    fence = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
    spans = [line for block in blocks(text, "") for line in block.splitlines()]
    spans += [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", fence.sub("", text))]
    shown = [match[1] for span in spans if (match := re.match(r"(?:\.venv/bin/)?crmkit ([a-z].*)", span))]
    return [shlex.split(line, comments=True) for line in shown]


#: What a mention may leave out: `crmkit check` stands for any use of the command.
LEFT_OUT = {"anonymize": ["--to", "x"], "import": ["maven"], "measure": ["nps"], "sample": ["--to", "x"],
            "sql": ["nps"], "training": ["list"], "who": ["C-1"]}  # fmt: skip


def test_every_command_takes_the_options_that_it_is_shown_with(document):
    assert commands(document)
    for words in commands(document):
        given = words if len(words) > 1 else words + LEFT_OUT.get(words[0], [])
        options, left_over = cli._parser().parse_known_args(given)
        assert options.command == words[0]
        assert not left_over, words


def test_the_readme_has_every_table_and_every_page(readme):
    tables = readme.partition("| table | one row is")[2].partition("\n\n")[0]
    assert set(re.findall(r"\w+", tables)).issuperset(schema.TABLES)
    pages = readme.partition("| page | questions |")[2].partition("\n\n")[0]
    numbers = re.findall(r"^\| (\d\d) ", pages, re.MULTILINE)
    there = sorted(path.name[:2] for path in paths.notebooks().glob("[0-9][0-9]_*.ipynb"))
    assert numbers == there, "the README's table of pages has a line for each notebook"


def test_the_readmes_settings_are_read(readme, tmp_path):
    settings = next(block for block in blocks(readme, "toml") if "[quality]" in block)
    (tmp_path / "crm.toml").write_text(settings, encoding="utf-8")
    assert read_config(tmp_path / "crm.toml").quality.rules[0].column == "expected_close_at"


def test_the_readmes_example_of_two_definitions_stands_in_the_example_report(readme, root):
    first, second = re.search(r"churn is ([\d.]+%) by one definition in use and ([\d.]+%) by another", readme).groups()
    (page,) = (root / "reports/example").glob("*/*/02_retention.html")
    assert f"{second} by one definition is {first} by another" in page.read_text(encoding="utf-8")


def test_adapters_and_languages_that_are_shown_are_toml(document):
    for block in blocks(document, "toml"):
        assert tomllib.loads(block)


def test_the_readmes_python_calls_what_there_is(readme):
    (block,) = blocks(readme, "python")
    calls = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)]
    calls = [call for call in calls if getattr(getattr(call.func, "value", None), "id", "") == "crm"]
    assert {call.func.attr for call in calls} >= {"measure", "explain", "scorecard", "sql"}
    for call in calls:
        words = {keyword.arg: keyword.value.value for keyword in call.keywords}
        values = [argument.value for argument in call.args]
        assert inspect.signature(getattr(Crm, call.func.attr)).bind(None, *values, **words)
