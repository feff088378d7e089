"""What a browser makes of a page: nothing in it runs, and it fits a narrow window."""

import re
import shutil
import subprocess

import pytest
from faulty_notebooks import HOSTILE, HOSTILE_CELLS, WORKS, facts, write

from crmkit.report import render

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine")


def dom(path, folder):
    """Return a page as it is after the browser has loaded it and run what it would run."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    command = [
        BROWSER,
        *options,
        f"--user-data-dir={folder}",
        "--window-size=1280,900",
        "--dump-dom",
        path.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    notebooks = write(folder / "notebooks", works=WORKS, hostile=HOSTILE_CELLS)
    invented = facts(company=HOSTILE)
    return render(
        data="x", notebooks=notebooks, out=folder / "out", resolve=lambda *_: invented, progress=lambda _: None
    ).folder


def test_the_browser_would_run_a_script_that_is_let_through(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(f"<title>x</title><p>{HOSTILE}</p>")
    assert "<title>ran</title>" in dom(page, tmp_path / "profile")


@pytest.mark.parametrize("name", ["01_hostile.html", "index.html", "../../index.html"])
def test_nothing_runs(report, tmp_path, name):
    html = dom((report / name).resolve(), tmp_path / "profile")
    assert "<title>ran</title>" not in html
    assert "<script" not in html


def test_the_policy_alone_stops_what_is_let_through(report, tmp_path):
    policy = re.search(r"<meta http-equiv=[^>]*>", (report / "index.html").read_text("utf-8"))[0]
    page = tmp_path / "page.html"
    page.write_text(f"{policy}<title>x</title><p>{HOSTILE}</p>")
    assert "<title>x</title>" in dom(page, tmp_path / "profile")


@pytest.mark.parametrize("name", ["00_works.html", "index.html"])
def test_a_page_fits_a_narrow_window(report, tmp_path, name):
    """A probe around a copy of the page, its policy taken away, measures whether it is wider than its window."""
    html = re.sub(r"<meta http-equiv=[^>]*>", "", (report / name).read_text("utf-8"))
    inner = html.replace("&", "&amp;").replace('"', "&quot;")
    probe = (
        f'<iframe id="f" style="width:360px;height:800px" srcdoc="{inner}"></iframe><script>onload=()=>{{'
        "const d=f.contentDocument.documentElement;document.title=d.scrollWidth+' of '+d.clientWidth}</script>"
    )
    (tmp_path / "probe.html").write_text(probe, "utf-8")
    measured = re.search(r"<title>(\d+) of (\d+)</title>", dom(tmp_path / "probe.html", tmp_path / "profile"))
    assert int(measured[1]) <= int(measured[2])
