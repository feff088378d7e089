"""`crmkit roi`: the same numbers as the notebook's calculator, as a table and as JSON, and clear refusals."""

import json

import pytest

from crmkit.cli import main
from crmkit.crm_inputs import INPUTS
from crmkit.methods.crm_risk import outlook


def printed(capsys, *arguments):
    status = main(["roi", *arguments])
    found = capsys.readouterr()
    return status, found.out, found.err


def test_json_is_the_outlook_and_nothing_else(capsys):
    status, out, err = printed(
        capsys, "--deals", "200", "--revenue-per-deal", "9000", "--draws", "500", "--format", "json"
    )
    rows = {row["result"]: row for row in json.loads(out)}
    expected = outlook(draws=500, deals=200, revenue_per_deal=9000).set_index("result")
    assert (status, err) == (0, "")
    for name in ("crm_cost", "crm_benefit", "npv", "payback_months", "pays"):
        assert rows[name]["value"] == pytest.approx(expected.value[name])
    assert rows["npv"]["low"] == pytest.approx(expected.low["npv"])
    assert rows["crm_licence"]["low"] is None


def test_the_table_reads_as_people_do(capsys):
    status, out, _ = printed(capsys, "--draws", "300", "--implementation", "30000")
    assert status == 0
    assert "Implementation" in out
    assert "30,000" in out
    assert "9 of 10 of 300 simulated cases" in out


def test_a_range_narrows_what_is_uncertain(capsys):
    wide = json.loads(printed(capsys, "--draws", "400", "--format", "json")[1])
    narrow = json.loads(printed(capsys, "--draws", "400", "--range", "cross_sell=0.05..0.05", "--format", "json")[1])
    span = [next(row["high"] - row["low"] for row in rows if row["result"] == "npv") for rows in (wide, narrow)]
    assert span[1] < span[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--deals", "-3"], "deals is -3.0; it must be a number from 0"),
        (["--gross-margin", "40"], "gross_margin is 40.0; it must be a number from 0 to 1"),
        (["--range", "hours_saved=2"], "is not NAME=LOW..HIGH"),
        (["--range", "hours_saved"], "--range 'hours_saved' is not NAME=VALUE"),
        (["--range", "hours_saved=9..12"], "does not lie in its range from 9 to 12"),
        (["--draws", "0"], "draws is 0"),
    ],
)
def test_wrong_values_are_refused_in_one_message(arguments, said, capsys):
    status, out, err = printed(capsys, *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.startswith("crmkit roi: ")
    assert len(err.splitlines()) == 1


def test_help_names_every_input_with_its_default(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["roi", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert stopped.value.code == 0
    for name, each in INPUTS.items():
        assert f"--{name.replace('_', '-')} X" in text
        assert f"(default: {each.default:g})" in text
