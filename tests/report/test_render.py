import csv
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from faulty_notebooks import FAULTS, HOSTILE_CELLS, WORKS, facts, write

from crmkit.errors import CrmkitError, UsageError
from crmkit.report import render
from crmkit.report.execute import Limits
from crmkit.report.publish import locked
from crmkit.report.zygote import can_fork

QUICK = Limits(cell_seconds=6, notebook_seconds=90, output_bytes=1_000_000)


def run(notebooks, out, **options):
    lines = []
    given = {"data": "invented", "resolve": facts, "limits": QUICK, "progress": lines.append, "fork": False}
    made = render(notebooks=notebooks, out=out, **(given | options))
    return made, lines


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """One report of a notebook that works, a hostile one and all faulty ones."""
    folder = tmp_path_factory.mktemp("everything")
    first = {"hangs": FAULTS["hangs"], "works": WORKS, "hostile": HOSTILE_CELLS, "again": WORKS}
    notebooks = write(folder / "notebooks", **(first | FAULTS))
    begun = time.monotonic()
    made, lines = run(notebooks, folder / "reports", settings={"segment": "00123", "window_days": "30"}, fork=None)
    return made, lines, time.monotonic() - begun


def pages(made):
    return {path.name: path.read_text("utf-8") for path in sorted(made.folder.glob("*.html"))}


def test_each_fault_is_told_by_its_reason(everything):
    made, _, _ = everything
    told = {result.name[3:]: (result.status, result.reason) for result in made.results}
    assert told["works"] == told["hostile"] == told["again"] == ("ok", "")
    assert told["raises"] == ("failed", "cell 4: KeyError: 'amount'")
    assert told["sys_exit"] == ("failed", "cell 3: the notebook ended itself with sys.exit")
    assert told["not_in_data"] == ("not in this data", "it needs the table surveys")
    for name, words in {
        "kernel_killed": "process died",
        "hangs": "a cell took longer than 6 s",
        "huge_output": "cell 3 shows more than a page may hold (1 MB",
        "asks": "StdinNotImplementedError",
        "missing_alt": "no alt text",
        "boxes": "boxes instead of letters",
    }.items():
        assert told[name][0] == "failed"
        assert words in told[name][1]
    assert made.exit_status == 1


def test_faults_are_noticed_at_once(everything):
    made, _, seconds = everything
    killed = next(result for result in made.results if result.name.endswith("kernel_killed"))
    assert killed.seconds < 15
    assert seconds < 60


def test_only_good_pages_are_written_and_the_rest_is_listed(everything):
    made, _, _ = everything
    assert {path.name for path in made.folder.iterdir()} == {
        *("01_works.html", "02_hostile.html", "03_again.html", "index.html", "kpis.csv", "run.json")
    }
    front = BeautifulSoup((made.folder / "index.html").read_text("utf-8"), "html.parser")
    assert "KeyError: 'amount'" in front.get_text()
    absent = front.find("section", {"aria-labelledby": "absent"})
    assert absent.h2.get_text() == "Not in this data"
    assert [item.get_text() for item in absent.find_all("li")] == ["Does it not_in_data? (it needs the table surveys)"]
    assert "We won 48% of what was decided in 2026-Q3, up 5 points in 30 days." in front.get_text()
    assert [card.get_text() for card in front.select(".crm-card-value")] == ["48.1%", "4.1%", "−12.5", "€12,480"]
    listed = BeautifulSoup((made.folder.parents[1] / "index.html").read_text("utf-8"), "html.parser")
    assert listed.find("a", href="2026-09-30/2026-Q3/index.html").get_text() == "2026-Q3"
    assert "8 failed" in listed.get_text()


def test_one_line_of_progress_a_notebook(everything):
    made, lines, _ = everything
    assert len(lines) == len(made.results)
    assert sum("FAILED" in line for line in lines) == 8


def test_pages_hold_no_script_no_outside_address_and_describe_their_pictures(everything):
    for name, html in pages(everything[0]).items():
        page = BeautifulSoup(html, "html.parser")
        assert not page.find_all(["script", "iframe", "object", "embed", "link", "base", "form"]), name
        assert page.html["lang"] == "en"
        assert "default-src 'none'" in page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
        for tag in page.find_all(True):
            assert not [attribute for attribute in tag.attrs if attribute.startswith("on")], name
            for attribute in ("href", "src", "action", "data", "srcset"):
                value = str(tag.get(attribute, ""))
                assert not re.match(r"(?i)\s*(https?:|//|javascript:|file:|/)", value), (name, value)
        assert not re.search(r"url\(|@import|https?://[^ <]*\.(js|css)", page.style.get_text()), name
        assert all(image["alt"].strip() for image in page.find_all("img")), name
        assert "Traceback" not in html


def test_every_link_inside_a_report_leads_somewhere(everything):
    made, _, _ = everything
    for name, html in pages(made).items():
        page = BeautifulSoup(html, "html.parser")
        anchors = [tag["id"] for tag in page.find_all(id=True)]
        assert len(anchors) == len(set(anchors)), name
        for link in page.find_all("a", href=True):
            target, _, anchor = link["href"].partition("#")
            assert (made.folder / target).exists() if target else anchor in anchors, (name, link["href"])


def test_a_page_says_what_it_was_made_from(everything):
    page = BeautifulSoup(pages(everything[0])["01_works.html"], "html.parser")
    assert page.title.get_text() == "Do we win more of what we pursue? · 2026-Q3 · Łódź & Söhne <Handel>"
    assert page.h1.get_text() == "Do we win more of what we pursue?"
    contents = [link.get_text() for link in page.select("nav.contents a")]
    assert contents == ["The answer", "How has it moved?", "Who wins what?", "Definitions"]
    foot = page.find("footer").get_text(" ", strip=True)
    for words in ("2026-Q3", "2023-10-01 to 2026-09-30", "14,345", "00123", "crmkit report --data invented"):
        assert words in foot
    assert "injected" not in str(page).lower()
    assert page.select_one("details.source summary").get_text() == "Show the code"
    assert not page.select("details[open]")


def test_values_reach_the_notebook_as_declared(everything):
    page = BeautifulSoup(pages(everything[0])["01_works.html"], "html.parser")
    assert page.select("pre.output")[-1].get_text() == "'00123'\n"


def test_hostile_text_stays_text(everything):
    page = BeautifulSoup(pages(everything[0])["02_hostile.html"], "html.parser")
    cells = [cell.get_text() for cell in page.select("table.crm-table td, table.crm-table th")]
    assert any("<script>document.title='ran'</script></td>" in text for text in cells)
    shown = page.select_one("p.output-text").get_text()
    assert "[x](javascript:alert(1))" in shown
    assert page.h1.get_text(strip=True) == "Hostile text?"


def test_kpis_are_numbers_and_no_formulas(everything):
    rows = list(csv.DictReader((everything[0].folder / "kpis.csv").read_text("utf-8").splitlines()))
    assert [row["value"] for row in rows] == ["0.481", "12480.0", "-12.5", "0.041"]
    assert [row["note"] for row in rows] == ["", "'=cmd|'/c calc'!A1", "-1", "'@x"]


def test_the_record_says_how_it_was_made(everything):
    record = json.loads((everything[0].folder / "run.json").read_text("utf-8"))
    assert record["schema_version"] == 1
    assert record["data"]["files"] == [{"table": "orders", "file": "orders.csv", "sha256": "00"}]
    assert {notebook["status"] for notebook in record["notebooks"]} == {"ok", "failed", "not in this data"}
    assert record["versions"]["python"].startswith(f"{sys.version_info[0]}.")


def test_files_can_be_read_by_whom_the_umask_allows(everything):
    umask = os.umask(0)
    os.umask(umask)
    for path in everything[0].folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_no_process_and_no_temporary_file_is_left(everything):
    out = everything[0].folder.parents[1]
    assert not list(out.rglob(".*"))
    if Path("/proc").exists():
        commands = [
            stat.with_name("cmdline").read_text()
            for stat in Path("/proc").glob("[0-9]*/stat")
            if _parent(stat) == os.getpid()
        ]
        assert not [command for command in commands if "zygote" in command or "ipykernel" in command]


def _parent(stat):
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


@pytest.mark.skipif(not can_fork(), reason="kernels are not forked on this system")
def test_forked_and_ordinary_kernels_make_the_same_bytes(tmp_path):
    notebooks = write(tmp_path / "notebooks", works=WORKS, missing=FAULTS["not_in_data"])
    forked, _ = run(notebooks, tmp_path / "reports", fork=True)
    first = {path.name: path.read_bytes() for path in forked.folder.iterdir()}
    ordinary, _ = run(notebooks, tmp_path / "reports", fork=False)
    second = {path.name: path.read_bytes() for path in ordinary.folder.iterdir()}
    first.pop("run.json"), second.pop("run.json")
    assert first == second
    assert forked.exit_status == ordinary.exit_status == 0


@pytest.mark.skipif(not can_fork(), reason="kernels are not forked on this system")
def test_forked_kernels_can_use_threads_and_share_nothing(tmp_path):
    cells = [
        "# Threads?",
        "PARAMETERS",
        "import duckdb, ibis, numpy as np, pandas as pd, pyarrow as pa, pyarrow.compute as pc",
        "print(int(np.linalg.matrix_rank(np.eye(300) @ np.eye(300))))",
        "print(duckdb.connect().sql('select sum(range) from range(3_000_000)').fetchone()[0])",
        "print(ibis.memtable(pd.DataFrame({'x': [1, 2]})).x.sum().to_pandas())",
        "print(pc.sum(pa.chunked_array([range(1000)] * 8)).as_py())",
        "import __main__; print(hasattr(__main__, 'mine')); __main__.mine = 1",
        "import random; open(f'{data}/{random.random()}-{np.random.rand()}', 'w').close()",
    ]
    (tmp_path / "drawn").mkdir()
    notebooks = write(tmp_path / "notebooks", one=cells, two=cells, three=cells)
    made, _ = run(
        notebooks,
        tmp_path / "reports",
        jobs=2,
        fork=True,
        resolve=lambda *_: facts(data=tmp_path / "drawn"),
        limits=Limits(),
    )
    assert [result.reason for result in made.results] == ["", "", ""]
    for html in [pages(made)[f"{result.name}.html"] for result in made.results]:
        shown = [output.get_text().strip() for output in BeautifulSoup(html, "html.parser").select("pre.output")]
        assert shown == ["300", "4499998500000", "3", "3996000", "False"]
    drawn = [path.name.split("-") for path in (tmp_path / "drawn").iterdir()]
    assert len({one for one, _ in drawn}) == len({other for _, other in drawn}) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"settings": {"segmnt": "x"}}, "Did you mean segment?"),
        ({"settings": {"period": "2026"}}, "use --period"),
        ({"settings": {"x=1;import os": "1"}}, "No notebook has a parameter"),
        ({"settings": {"window_days": "ninety"}}, "is not a whole number"),
        ({"only": ["works", "wrks"]}, "Did you mean works?"),
        ({"lang": "tlh"}, "There are: en"),
        ({"jobs": 0}, "--jobs 0"),
    ],
)
def test_wrong_use_is_refused_before_anything_runs(tmp_path, options, words):
    notebooks = write(tmp_path / "notebooks", works=WORKS)
    with pytest.raises(UsageError, match=re.escape(words)):
        run(notebooks, tmp_path / "reports", **options)
    assert not (tmp_path / "reports").exists()


def test_a_notebook_without_parameters_is_refused(tmp_path):
    notebooks = write(tmp_path / "notebooks", none=["# None?", "1"])
    with pytest.raises(CrmkitError, match="00_none has no cells tagged parameters"):
        run(notebooks, tmp_path / "reports")


def test_only_some_notebooks_and_an_odd_period(tmp_path):
    notebooks = write(tmp_path / "notebooks", raises=FAULTS["raises"], missing=FAULTS["not_in_data"])
    made, _ = run(notebooks, tmp_path / "reports", only=["missing"], period="2026-07-01/2026-10-01")
    assert made.folder == tmp_path / "reports" / "2026-09-30" / "2026-07-01_2026-10-01"
    assert [result.name for result in made.results] == ["01_missing"]
    assert made.exit_status == 0


def test_a_notebook_that_takes_too_long_in_all_is_stopped(tmp_path):
    notebooks = write(tmp_path / "notebooks", hangs=FAULTS["hangs"])
    begun = time.monotonic()
    made, _ = run(notebooks, tmp_path / "reports", limits=Limits(notebook_seconds=3))
    assert [result.reason for result in made.results] == ["the notebook took longer than 3 s"]
    assert time.monotonic() - begun < 30


def test_somebodys_own_files_in_a_report_are_kept(tmp_path):
    notebooks = write(tmp_path / "notebooks", works=WORKS[:2], missing=FAULTS["not_in_data"])
    made, _ = run(notebooks, tmp_path / "reports")
    (made.folder / "notes.txt").write_text("mine")
    run(notebooks, tmp_path / "reports", only=["missing"])
    assert (made.folder / "notes.txt").read_text() == "mine"
    assert not (made.folder / "00_works.html").exists()


def test_a_folder_that_is_no_report_is_not_replaced(tmp_path):
    notebooks = write(tmp_path / "notebooks", missing=FAULTS["not_in_data"])
    folder = tmp_path / "reports" / "2026-09-30" / "2026-Q3"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not a report of crmkit's"):
        run(notebooks, tmp_path / "reports")
    assert (folder / "thesis.txt").read_text() == "mine"


def test_warnings_are_folded_away_and_name_no_path_of_this_machine(tmp_path):
    warn = "import warnings, pandas as pd\nwarnings.warn('old <b>')\nprint(pd.__file__, file=__import__('sys').stderr)"
    styled = "pd.DataFrame({'a': [1]}).style.format(precision=1)"
    notebooks = write(tmp_path / "notebooks", warns=["# Warns?", "PARAMETERS", warn, styled])
    texts = []
    for _ in range(2):
        made, _ = run(notebooks, tmp_path / "reports")
        texts.append(pages(made)["00_warns.html"])
    assert texts[0] == texts[1]
    shown = BeautifulSoup(texts[0], "html.parser").select_one("details.warnings pre").get_text()
    assert shown.startswith("cell:2: UserWarning: old <b>")
    assert shown.endswith("pandas/__init__.py\n")


@pytest.mark.parametrize(
    "fork", [False, pytest.param(True, marks=pytest.mark.skipif(not can_fork(), reason="no fork"))]
)
def test_kernels_can_be_reached_over_tcp_where_a_socket_path_would_be_too_long(tmp_path, monkeypatch, fork):
    monkeypatch.setattr("crmkit.report.kernels._LONGEST_SOCKET_FOLDER", 0)
    notebooks = write(tmp_path / "notebooks", works=WORKS[:2])
    made, _ = run(notebooks, tmp_path / "reports", fork=fork)
    assert made.exit_status == 0


def test_a_second_run_at_the_same_time_is_refused(tmp_path):
    notebooks = write(tmp_path / "notebooks", missing=FAULTS["not_in_data"])
    day = tmp_path / "reports" / "2026-09-30"
    day.mkdir(parents=True)
    with (
        locked(day / ".2026-Q3.lock", what="it"),
        pytest.raises(CrmkitError, match=rf"Another run \(process {os.getpid()}\) is writing"),
    ):
        run(notebooks, tmp_path / "reports")


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_the_former_report(tmp_path, signum):
    notebooks = write(tmp_path / "notebooks", hangs=FAULTS["hangs"])
    former = tmp_path / "reports" / "2026-09-30" / "2026-Q3"
    former.mkdir(parents=True)
    (former / "index.html").write_text("former")
    (former / "run.json").write_text('{"notebooks": []}')
    script = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        from faulty_notebooks import facts
        from crmkit.report import render
        render(data="x", notebooks={str(notebooks)!r}, out={str(tmp_path / "reports")!r}, resolve=facts)
    """
    (tmp_path / "t").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(tmp_path / "t")},
    )
    deadline = time.monotonic() + 30
    while not (kernels := _kernels_of(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signum)
    assert process.wait(timeout=15) != 0
    assert (former / "index.html").read_text() == "former"
    if signum != signal.SIGKILL:  # nothing can be cleared away then; the next run does
        assert [path.name for path in former.parent.iterdir()] == ["2026-Q3"]
        assert not list((tmp_path / "t").iterdir())
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in kernels) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in kernels if Path(f"/proc/{pid}").exists()]


def _kernels_of(pid):
    """Return the processes two generations below `pid`: kernels that are forked from a zygote (or nothing)."""
    if not Path("/proc").exists():
        time.sleep(3)
        return [0]
    parents = {int(stat.parent.name): _parent(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
    return [child for child, parent in parents.items() if parents.get(parent) == pid]


def test_leftovers_of_a_killed_run_are_cleared_away(tmp_path):
    notebooks = write(tmp_path / "notebooks", missing=FAULTS["not_in_data"])
    day = tmp_path / "reports" / "2026-09-30"
    (day / ".2026-Q3.building").mkdir(parents=True)
    (day / ".2026-Q3.lock").write_text("1")
    made, _ = run(notebooks, tmp_path / "reports")
    assert [path.name for path in day.iterdir()] == ["2026-Q3"]
    assert (made.folder / "index.html").exists()
