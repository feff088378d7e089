"""The notebook of the web site, its cells run one after the other, on sites that lack much and in odd periods."""

from __future__ import annotations

import re

import matplotlib
import nbformat
import pandas as pd
import pytest

from crmkit import paths
from crmkit.errors import NotInThisData

matplotlib.use("Agg")


def run(data, **parameters) -> str:
    """Return the text of all that the cells show."""
    notebook = nbformat.read(paths.notebooks() / "06_web_traffic.ipynb", as_version=4)
    space, shown = {}, []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        *before, last = re.split(r"\n(?=\S)", cell.source)
        exec("\n".join(before), space)
        if "parameters" in cell.metadata.get("tags", []):
            exec(last, space)
            space |= {"data": str(data), **parameters}
        elif re.match(r"[\w.]+\(", last):
            shown.append(eval(last, space))
        else:
            exec(last, space)
    return "\n".join(getattr(block, "text", "") for block in shown)


def folder(tmp_path, sessions: pd.DataFrame, **tables):
    sessions.to_csv(tmp_path / "web_sessions.csv", index=False)
    for name, frame in tables.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


@pytest.fixture(scope="module")
def visits():
    return pd.read_csv(paths.sample_data() / "web_sessions.csv", dtype=str).tail(1500)


def test_visits_alone_are_enough(tmp_path, visits):
    data = folder(tmp_path, visits[["session_id", "visitor_id", "started_at"]])
    shown = run(data, period="2026-Q3")
    assert re.search(r"Visitors are \d+", shown)
    assert "Not in this data: needs the column web_sessions.order_id" in shown
    assert "✗" not in shown


def test_visits_without_visitors(tmp_path, visits):
    shown = run(folder(tmp_path, visits.assign(visitor_id="")), period="2026-Q3")
    assert re.search(r"Session purchase rate is \d", shown)
    assert "No visit says who the visitor was" in shown
    assert "Visitors are" not in shown
    assert "✗" not in shown
    assert not re.search(r"\bnan\b|None", shown)


def test_a_period_before_the_first_visit(tmp_path, visits):
    shown = run(folder(tmp_path, visits), period="2019-Q1")
    assert not re.search(r"\bnan\b|✗", shown)


def test_other_groups_by_parameter(tmp_path, visits):
    shown = run(folder(tmp_path, visits), period="2026-Q3", source="weekday", page="medium", every="quarter")
    assert "by weekday" in shown
    assert "Monday" in shown
    assert "✗" not in shown


def test_data_without_visits_has_no_such_page(tmp_path):
    deals = {"opportunity_id": ["1"], "outcome": ["open"], "created_at": ["2026-04-01"], "closed_at": [None]}
    pd.DataFrame(deals).to_csv(tmp_path / "opportunities.csv", index=False)
    with pytest.raises(NotInThisData, match="needs the table web_sessions"):
        run(tmp_path)
