"""The last lesson's company: what is planted in it is what the way through import, check and merging finds."""

from __future__ import annotations

import re

import pytest

import crmkit
from crmkit import adapters, quality, training
from crmkit.errors import DataError, UsageError
from crmkit.methods.duplicates import duplicates
from crmkit.training import exports, lessons
from crmkit.training.answers.lesson_13 import BEFORE, NOW, answers_from_the_future, orvelin
from crmkit.training.newcomer import LEFT, SEGMENTS, WAITS, newcomer

DECIDED = """
[crm]
currency = "EUR"
rates = { GBP = 1.17 }

[tables.opportunities.columns.outcome.values]
Parked = "lost"
"""
QUARTERS = "2026-01-01/2026-10-01"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orvelin")
    training.export(folder / "export")
    (folder / "decided.toml").write_text(f'extends = "export/{exports.ADAPTER}"\n{DECIDED}', encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def imported(room):
    """The company as the lesson imports it, its accounts still apart."""
    _run(room, room / "company", "surveys.answered_at=mdy")
    return crmkit.open(room / "company")


@pytest.fixture(scope="module")
def merged(room, imported):
    return crmkit.open(room / "company", merges=duplicates(imported).merges)


def _run(room, to, dates=(), adapter="decided.toml", only="*"):
    files = list((room / "export").glob(f"{only}.csv"))
    return adapters.run("orvelin", files, to, adapter=room / adapter, dates=dates, as_of="2026-09-30")


def _change(crm):
    return crm.compare("win_rate", period=NOW, against=BEFORE, by="segment").set_index("segment")


def test_it_is_the_same_each_time_and_spares_what_is_there(tmp_path):
    first, again = training.export(tmp_path / "one"), training.export(tmp_path / "two")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    other = training.export(tmp_path / "one", seed=1)
    assert [path.read_bytes() for path in other] != [path.read_bytes() for path in again]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        training.export(tmp_path / "mine")
    with pytest.raises(UsageError, match="is a file"):
        training.export(tmp_path / "mine" / "notes.txt")


def test_the_import_asks_what_only_people_know(room):
    with pytest.raises(DataError, match=r"'Parked'.* has no meaning"):
        _run(room, None, adapter=f"export/{exports.ADAPTER}", only="opportunities*")
    with pytest.raises(DataError, match=r"surveys\.answered_at.*day and month can't be told apart"):
        _run(room, None, only="survey*")


def test_the_tables_hold_what_is_planted(imported):
    facts = orvelin(merged=False)
    names = ["win_rate", "won_revenue"]
    columns = ["metric", "period", "segment", "value", "n"]
    asked = {"every": "quarter", "by": "segment", "period": "2025-01-01/2026-10-01", "intervals": False}
    found, planted = (crm.measure(names, **asked)[columns] for crm in (imported, facts))
    assert found["n"].tolist() == planted["n"].tolist()
    assert found["value"].tolist() == pytest.approx(planted["value"].tolist(), nan_ok=True)


def test_the_accounts_entered_twice_are_found_and_no_others(imported):
    accounts = newcomer().accounts
    again = accounts[accounts["number"] != accounts["of"]]
    found = duplicates(imported).merges
    number = {name: int(name[5:15]) for name in (*found["id"], *found["into"])}
    assert {number[name]: number[into] for name, into in zip(found["id"], found["into"], strict=True)} == dict(
        zip(again["number"], again["of"], strict=True)
    )
    assert set(again["segment"]) == {"Small"}
    assert set(accounts.set_index("number").loc[again["of"], "segment"]) == {"Key"}


def test_the_trap_accuses_small_customers_and_merging_clears_them(imported, merged):
    apart, together = _change(imported), _change(merged)
    assert apart["verdict"].to_dict() == {"Small": "fell"} | dict.fromkeys(
        ["Key", "Mid-size"], "no change beyond noise"
    )
    assert together["verdict"].to_dict() == {"Key": "fell"} | dict.fromkeys(
        ["Small", "Mid-size"], "no change beyond noise"
    )
    whole = [crm.compare("win_rate", period=NOW, against=BEFORE)["change"].item() for crm in (imported, merged)]
    assert whole[0] == whole[1]


def test_the_answers_turn_with_the_order_of_dates(merged):
    def of_key(crm):
        scores = crm.measure("nps", every="quarter", by="segment", period=QUARTERS, intervals=False)
        return scores.loc[scores["segment"] == "Key", "value"].tolist()

    rows = merged.surveys.to_pandas()
    rows["answered_at"] = rows["answered_at"].dt.strftime("%Y-%d-%m")
    wrong = crmkit.open({"customers": merged.customers.to_pandas(), "surveys": rows}, as_of="2026-09-30")
    before, during, since = of_key(merged)
    assert min(before, during) > 30
    assert since < -10
    assert of_key(wrong)[-1] > max(of_key(wrong)[:-1]), "read the wrong way round they become happier"
    assert (rows["answered_at"] > "2026-09-30").mean() == pytest.approx(answers_from_the_future(None).right)
    told = quality.inspect(wrong).findings.query("rule == 'after_as_of'")
    assert told[["severity", "column", "share"]].to_numpy().tolist() == [
        ["note", "answered_at", pytest.approx(answers_from_the_future(None).right)]
    ]


def test_key_customers_wait_since_an_agent_left(merged):
    hours = merged.measure("first_response_hours", by="segment", every="month", period="2026-04-01/2026-10-01")
    for segment, (before, since) in WAITS.items():
        rows = hours[hours["segment"] == segment]
        assert rows.loc[rows["period"] < LEFT, "value"].mean() == pytest.approx(before / 60, rel=0.25)
        assert rows.loc[rows["period"] >= LEFT, "value"].mean() == pytest.approx(since / 60, rel=0.25)


def test_the_check_finds_the_mess(imported):
    found = quality.inspect(imported).findings
    assert "error" not in set(found["severity"])
    rows = set(found[["column", "rule", "rows"]].itertuples(index=False, name=None))
    assert {
        ("score", "off_scale", exports.UNANSWERED),
        ("amount", "far_out", exports.UNPRICED),
        ("closed_at", "times_out_of_order", exports.TURNED),
        ("expected_close_at", "default_date", exports.UNDATED),
        ("employees", "far_out", len(newcomer().accounts) - sum(SEGMENTS.values())),
    } <= rows
    assert found["finding"].str.contains("it looks like 1 to 10").any()
    assert found["finding"].str.contains("Maren Quist").any()


def test_each_number_of_the_model_answer_was_printed_before():
    cells = lessons.read(lessons.find_lesson("13"))["cells"]
    page = next(
        "".join(c["source"]) for c in cells if c["cell_type"] == "markdown" and lessons.BEGIN in "".join(c["source"])
    )
    shown = "".join(_texts(cells))
    prose = "".join("".join(c["source"]) for c in cells if lessons.BEGIN not in "".join(c["source"]))
    for number in re.findall(r"[−-]?\d[\d,.]*\d|\d", page.replace(lessons.BEGIN, "").replace(lessons.END, "")):
        plain = number.replace("−", "-")
        known = re.findall(r"-?\d[\d,.]*\d|\d", shown) + re.findall(r"\d[\d,.]*\d|\d", prose)
        assert plain in {*known, *(f"{float(one.replace(',', '')):.0f}" for one in known if one.count(".") < 2)}, number


def _texts(cells):
    for cell in cells:
        for out in cell.get("outputs", []):
            yield "".join(out.get("text", "")) + "".join(out.get("data", {}).get("text/plain", ""))


def test_a_command_is_run_as_in_a_terminal(tmp_path, capsys):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "orders.csv").write_text("order_id,customer_id,ordered_at,amount\n1,A,2026-03-31,20\n", encoding="utf-8")
    training.command("crmkit measure revenue --data data --period 2026-03", at=tmp_path)
    assert capsys.readouterr().out.splitlines()[-1].split()[:3] == ["revenue", "2026-03-01", "20"]
    training.command("crmkit check --data nowhere", at=tmp_path)
    said = capsys.readouterr()
    assert said.out.startswith("crmkit check: There is no folder or file 'nowhere'")
    assert not said.err
    with pytest.raises(UsageError, match="'ls' is no command"):
        training.command("ls -l", at=tmp_path)
