import errno
import os
import subprocess
import sys

import pytest

from crmkit.errors import CrmkitError, UsageError
from crmkit.report import publish


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("exchange", [True, False])
def test_a_report_takes_the_place_of_the_former(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(publish, "_exchange", lambda *_: False)
    target = tmp_path / "2026-09-30" / "2026-Q3"
    for text in ("one", "two"):
        with publish.building(target) as fresh:
            (fresh / f"{text}.html").write_text(text)
        assert content(target) == {f"{text}.html": text}
    assert list(target.parent.iterdir()) == [target]


def break_off(target, error):
    with publish.building(target) as fresh:
        (fresh / "a").write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_goes_wrong_leaves_the_former_report(tmp_path, error):
    target = tmp_path / "report"
    with publish.building(target) as fresh:
        (fresh / "a").write_text("former")
    with pytest.raises(error):
        break_off(target, error)
    assert content(target) == {"a": "former"}
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_said_and_leaves_the_former_report(tmp_path):
    target = tmp_path / "report"
    with publish.building(target) as fresh:
        (fresh / "a").write_text("former")
    with pytest.raises(CrmkitError, match="can't be written: No space left on device"):
        break_off(target, OSError(errno.ENOSPC, "No space left on device"))
    assert content(target) == {"a": "former"}


def test_a_run_killed_between_two_renames_is_repaired(tmp_path):
    former = tmp_path / ".report.former"
    former.mkdir()
    (former / "a").write_text("former")
    with pytest.raises(ValueError, match="stop"), publish.building(tmp_path / "report"):
        raise ValueError("stop")
    assert content(tmp_path / "report") == {"a": "former"}


def test_a_lock_is_held_against_another_process_and_dies_with_it(tmp_path):
    lock = tmp_path / ".lock"
    code = (
        "import sys, pathlib; from crmkit.report.publish import locked\n"
        f"with locked(pathlib.Path({str(lock)!r}), what='it'): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(CrmkitError, match=rf"process {holder.pid}\) is writing it"), publish.locked(lock, what="it"):
        pass
    holder.kill()
    holder.communicate()
    assert lock.exists()
    with publish.locked(lock, what="it"):
        assert lock.read_text() == str(os.getpid())
    assert not lock.exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="--out"), publish.building(tmp_path / "out" / "report"):
        pass


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="Reports can't be written to"), publish.building(tmp_path / "out" / "report"):
        pass
