import pytest
from bs4 import BeautifulSoup
from nbformat import v4

from crmkit.report.page import Converter

ABSENT = '<p class="crm-absent">Nobody bought again.</p>'


def shown(html):
    return v4.new_code_cell("show()", outputs=[v4.new_output("display_data", data={"text/html": html})])


def page(*cells):
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# Who stays?\n\n**Who decides.** You."), *cells])
    return Converter(lang="en").body(notebook, name="01_stay")


@pytest.mark.parametrize(
    ("cell", "lead"),
    [
        ('<p class="crm-answer">Nine of ten stay.</p>', "Nine of ten stay."),
        (ABSENT, "Nobody bought again."),
        ("<p>Some text.</p>", "Who decides. You."),
    ],
)
def test_the_front_page_tells_the_answer_or_why_there_is_none(cell, lead):
    assert page(shown(cell)).lead == lead


def test_the_same_reason_is_not_given_twice_in_a_row():
    table = "<table><tr><td>1</td></tr></table>"
    section = v4.new_markdown_cell("## When?")
    prose = v4.new_markdown_cell("More on this.")
    body = page(section, shown(table), shown(ABSENT), shown(ABSENT), shown(ABSENT), prose, shown(ABSENT))
    assert len(BeautifulSoup(body.html, "html.parser").select(".crm-absent")) == 2


def test_periods_codes_and_negative_amounts_are_kept_on_one_line_and_say_the_same():
    text = "<p>From 2026-Q2 to 2026-09-30 C-60592-5DA3D lost (−€101.11) of 2026-2027.</p>"
    soup = BeautifulSoup(page(shown(text)).html, "html.parser")
    assert [span.get_text() for span in soup.select(".whole")] == ["2026-Q2", "2026-09-30", "C-60592-5DA3D", "−€101.11"]
    assert "to 2026-09-30 C-60592-5DA3D lost (−€101.11) of 2026-2027." in soup.get_text()
