"""The command line: what it prints, where, and its exit status."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from crmkit.cli import main
from crmkit.metric import all_metrics

OPPORTUNITIES = """opportunity_id,created_at,closed_at,outcome,amount,owner_id
1,2026-01-01,2026-03-05,won,300,A
2,2026-01-01,2026-03-06,lost,100,A
3,2026-01-01,2026-03-07,lost,200,B
4,2026-02-01,,open,,B
"""


@pytest.fixture
def company(tmp_path: Path) -> Path:
    folder = tmp_path / "my crm ł"
    folder.mkdir()
    (folder / "opportunities.csv").write_text(OPPORTUNITIES, encoding="utf-8")
    (folder / "crm.toml").write_text('currency = "PLN"\nas_of = 2026-03-31\n', encoding="utf-8")
    return folder


def run(capsys, *arguments) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_measure_prints_json_and_nothing_else(capsys, company):
    status, out, err = run(capsys, "measure", "win_rate", "--data", company, "--period", "2026-03", "--format", "json")
    assert (status, err) == (0, "")
    (row,) = json.loads(out)
    assert row["metric"] == "win_rate"
    assert row["period"] == "2026-03-01"
    assert row["value"] == pytest.approx(1 / 3)
    assert (row["numerator"], row["denominator"], row["n"]) == (1, 3, 3)
    assert 0 < row["low"] < row["value"] < row["high"] < 1


def test_measure_by_group_as_csv_and_table(capsys, company):
    asked = ("measure", "win_rate", "--data", company, "--period", "2026-03", "--by", "owner_id", "--format")
    status, out, _ = run(capsys, *asked, "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0
    assert {row["owner_id"]: float(row["value"]) for row in rows} == {"A": 0.5, "B": 0.0}
    _, out, _ = run(capsys, *asked, "table")
    assert "50.0%" in out
    assert "fewer than 5 observations" in out


def test_unknown_values_are_null_in_json(capsys, company):
    _, out, _ = run(capsys, "measure", "nps", "--data", company, "--period", "2026-03", "--format", "json")
    (row,) = json.loads(out)
    assert row["value"] is None
    assert row["note"] == "not in this data: needs the table surveys"


def test_explain_adds_up_and_says_so(capsys, company):
    asked = ("explain", "opportunities_created", "--data", company, "--period", "2026-02", "--against", "2026-01")
    status, out, _ = run(capsys, *asked, "--by", "owner_id", "--format", "json")
    assert status == 0
    assert {row["owner_id"]: row["effect"] for row in json.loads(out)} == {"A": -2, "B": 0}
    _, out, _ = run(capsys, *asked, "--by", "owner_id")
    assert "add up to the change of opportunities_created" in out


def test_sql_prints_one_statement_for_the_dialect(capsys, company):
    status, out, _ = run(capsys, "sql", "win_rate", "--data", company, "--dialect", "bigquery", "--period", "2026-03")
    assert status == 0
    assert out.startswith("-- win_rate")
    assert "`opportunities`" in out
    assert out.rstrip().endswith(";")


def test_metrics_say_what_the_data_can_answer(capsys, company):
    status, out, _ = run(capsys, "metrics", "--data", company, "--format", "json")
    listed = {row["metric"]: row for row in json.loads(out)}
    assert status == 0
    assert set(listed) == set(all_metrics())
    assert listed["win_rate"]["available"] is True
    assert listed["csat"]["missing"] == "needs the table surveys"
    assert "opportunities.closed_at" in listed["win_rate"]["needs"]


def test_check_ends_with_1_where_anything_is_an_error(capsys, company):
    assert run(capsys, "check", "--data", company)[0] == 0
    (company / "opportunities.csv").write_text(OPPORTUNITIES.replace("won", "Gewonnen"), encoding="utf-8")
    status, out, _ = run(capsys, "check", "--data", company, "--format", "json")
    (found,) = (row for row in json.loads(out) if row["severity"] == "error")
    assert status == 1
    assert (found["table"], found["column"], found["rows"]) == ("opportunities", "outcome", 1)
    assert found["examples"] == ["row 1: Gewonnen"]
    assert "win_rate" in found["metrics"]


def test_check_names_orphans_and_times_out_of_order(capsys, company):
    (company / "users.csv").write_text("user_id,name\nA,Łucja\n", encoding="utf-8")
    text = OPPORTUNITIES.replace("2026-03-05", "2025-12-31")
    (company / "opportunities.csv").write_text(text, encoding="utf-8")
    _, out, _ = run(capsys, "check", "--data", company)
    assert "opportunities.owner_id names no row of users in 2 rows (50.0%), such as owner_id B" in out
    assert "opportunities.closed_at lies before created_at in 1 row" in out


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["measure", "win_rat"], 2, "Did you mean win_rate"),
        (["measure", "win_rate", "--by", "onwer_id"], 2, "Did you mean owner_id"),
        (["measure", "win_rate", "--every", "fortnight"], 2, "week, month, quarter, year"),
        (["measure", "win_rate", "--period", "2026-Q5"], 2, "'2026-Q5' is not a period"),
        (["measure", "lead_conversion_rate", "--set", "window_day=3"], 2, "Did you mean window_days"),
        (["measure", "win_rate", "--set", "window_days"], 2, "NAME=VALUE"),
        (["sql", "win_rate", "--dialect", "oracle"], 2, "duckdb, postgres, snowflake"),
        (["sql", "nps"], 2, "needs the table surveys"),
    ],
)
def test_wrong_use_is_one_message_on_standard_error(capsys, company, arguments, status, told):
    got, out, err = run(capsys, *arguments, "--data", company)
    assert (got, out) == (status, "")
    assert told in err
    assert "Traceback" not in err


def test_wrong_data_fails_with_table_column_row_and_value(capsys, company):
    (company / "opportunities.csv").write_text(OPPORTUNITIES.replace("300", "1.117,10 zł"), encoding="utf-8")
    status, _, err = run(capsys, "measure", "win_rate", "--data", company)
    assert status == 1
    assert "opportunities" in err
    assert "Line" in err or "row 1" in err
    status, _, err = run(capsys, "measure", "win_rate", "--data", company / "nowhere")
    assert status == 2
    assert "nowhere" in err


def test_a_table_of_column_names_alone_is_no_data(capsys, tmp_path):
    (tmp_path / "orders.csv").write_text("order_id,customer_id,ordered_at,amount\n", encoding="utf-8")
    status, _, err = run(capsys, "measure", "revenue", "--data", tmp_path)
    assert status == 1
    assert "no row with a date" in err
    assert "orders (0 rows)" in err
    status, out, _ = run(capsys, "measure", "revenue", "--data", tmp_path, "--period", "2026-Q1", "--format", "csv")
    assert status == 0
    assert out.splitlines()[1].startswith("revenue,2026-01-01,0.0")


def test_import_says_what_it_wrote(capsys, tmp_path, shared):
    status, out, _ = run(capsys, "import", "maven", shared / "data" / "maven_crm_sales", "--to", tmp_path / "maven")
    assert status == 0
    assert "8,800 rows" in out


def test_sample_says_where_it_is(capsys, tmp_path):
    status, out, _ = run(capsys, "sample", "--to", tmp_path / "sample", "--customers", "150", "--seed", "1")
    assert status == 0
    assert (Path(out.strip()) / "customers.csv").is_file()


HEAVY = ("pandas", "ibis", "matplotlib", "duckdb")


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_the_command_line_starts_without_heavy_imports():
    done = python("-c", f"import crmkit.cli, sys; print([name for name in {HEAVY} if name in sys.modules])")
    assert done.stdout.strip() == "[]"


def test_version_and_missing_arguments():
    done = python("-m", "crmkit.cli", "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("crmkit ")
    done = python("-m", "crmkit.cli", "measure")
    assert done.returncode == 2
    assert "METRIC" in done.stderr
