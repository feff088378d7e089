"""The set-up: one declaration of what is needed, a lock and a conda file that agree with it, a wheel that is whole."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version


@pytest.fixture(scope="module")
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def locked(root) -> dict[str, str]:
    lines = (root / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.!+]+", pin) for pin in pins), "only NAME==VERSION, no URLs"
    return {_normal(name): version for name, version in (pin.split("==") for pin in pins)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _direct(project: dict) -> list[Requirement]:
    extras = project["optional-dependencies"]
    return [Requirement(text) for text in [*project["dependencies"], *extras["dev"], *extras["cjk"]]]


def test_every_direct_dependency_is_locked_within_its_bounds(project, locked):
    for needed in _direct(project):
        assert _normal(needed.name) in locked, f"{needed.name} is missing from requirements.lock: make lock"
        assert needed.specifier.contains(locked[_normal(needed.name)]), f"{needed} against the lock: make lock"


def test_lock_holds_pandas_3_and_the_pins_that_ibis_needs(locked):
    assert Version(locked["pandas"]) >= Version("3")
    assert Version("1.5") <= Version(locked["duckdb"]) < Version("2")
    assert Version(locked["sqlglot"]) < Version("30.18")


def test_conda_environment_agrees_with_pyproject(root, project):
    found = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    assert found["channels"] == ["conda-forge", "nodefaults"]
    python = next(part for part in found["dependencies"] if isinstance(part, str) and part.startswith("python="))
    assert SpecifierSet(project["requires-python"]).contains(python.removeprefix("python="))
    (pip,) = [part["pip"] for part in found["dependencies"] if isinstance(part, dict)]
    (line,) = pip
    path, extras = re.fullmatch(r"-e (\.)\[(.+)\]", line).groups()
    assert path == "."
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_python_versions_of_the_classifiers_are_within_requires_python(project):
    versions = [c.rsplit(" ", 1)[1] for c in project["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert versions
    assert all(SpecifierSet(project["requires-python"]).contains(version) for version in versions)


def test_make_prints_help_and_every_command_is_in_it(root):
    shown = subprocess.run(["make", "-s"], cwd=root, capture_output=True, text=True, check=True).stdout
    for command in ("report", "test", "lab", "bench", "check", "help"):
        assert re.search(rf"^  {command} +\S", shown, re.MULTILINE)


def _make_anew(root: Path, folder: Path, *, pythons: dict[str, str]) -> subprocess.CompletedProcess:
    """Run the rule that builds .venv in an empty folder where only these commands and the basic tools are to be had."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (folder / name).write_bytes((root / name).read_bytes())
    tools = folder / "bin"
    tools.mkdir()
    for tool in ("sh", "rm", "touch", "make", "sed"):
        found = subprocess.run(["which", tool], capture_output=True, text=True, check=True).stdout.strip()
        (tools / tool).symlink_to(found)
    for name, script in pythons.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    return subprocess.run(
        [str(tools / "make"), ".venv/.crmkit-installed"], cwd=folder, capture_output=True, text=True, check=False,
        env={"PATH": str(tools)},
    )  # fmt: skip


def test_make_says_so_where_no_python_is_new_enough(root, tmp_path):
    done = _make_anew(root, tmp_path, pythons={"python3": "exit 1", "python3.13": "exit 127"})
    assert done.returncode != 0
    assert "crmkit needs Python 3.11 or newer" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_takes_the_first_python_that_is_new_enough_and_leaves_nothing_half_built(root, tmp_path):
    # python3.13 is a shim that fails, python3.12 suits but can't make environments, python3 must not be asked
    suits = 'case "$1" in -c) exit 0;; --version) echo Python 3.12.9;; *) mkdir -p .venv 2>/dev/null; exit 1;; esac'
    done = _make_anew(root, tmp_path, pythons={"python3.13": "exit 127", "python3.12": suits, "python3": "exit 0"})
    assert done.returncode != 0
    assert "Building .venv with Python 3.12.9" in done.stdout
    assert "python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()
    assert not (tmp_path / ".venv/.crmkit-installed").exists()


def test_ci_ends_with_pytests_closing_line_and_its_exit_status(root, tmp_path):
    (tmp_path / ".ci").mkdir()
    script = tmp_path / ".ci/run"
    script.write_bytes((root / ".ci/run").read_bytes())
    script.chmod(0o755)
    (tmp_path / "chromium").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "chromium").chmod(0o755)
    line = "=========== 1 failed, 41 passed, 2 skipped in 12.34s ==========="
    (tmp_path / "Makefile").write_text(f'test:\n\t@echo "{line}"\n\t@echo more\n\t@exit 3\n', encoding="utf-8")
    path = f"{tmp_path}:/usr/local/bin:/usr/bin:/bin"
    done = subprocess.run([script], capture_output=True, text=True, check=False, env={"PATH": path})
    assert done.returncode == 2  # make's status for a failed command
    assert done.stdout.splitlines()[-1] == "1 failed, 41 passed, 2 skipped in 12.34s"


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory) -> list[str]:
    """The names in a wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(root)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_wheel_holds_package_adapters_notebooks_sample_and_template(root, wheel):
    def below(folder: str, pattern: str, inside: str) -> set[str]:
        return {f"{inside}/{p.relative_to(root / folder).as_posix()}" for p in (root / folder).rglob(pattern)}

    wanted = below("crmkit", "*.py", "crmkit") | below("crmkit", "*.toml", "crmkit")
    wanted |= below("crmkit/report/template", "*.*", "crmkit/report/template")
    wanted |= {n for n in below("notebooks", "*.ipynb", "crmkit/_notebooks") if ".ipynb_checkpoints" not in n}
    wanted |= below("data/sample", "*.*", "crmkit/_sample_data")
    assert wanted <= set(wheel), sorted(wanted - set(wheel))
    assert "crmkit/adapters/maven.toml" in wheel


def test_wheel_holds_nothing_else(wheel):
    places = {name.split("/", 1)[0] for name in wheel}
    assert {place for place in places if not place.endswith(".dist-info")} == {"crmkit"}
    assert not [name for name in wheel if re.search(r"checkpoint|__pycache__|\.pyc$|(^|/)tests/", name)]


def test_importing_crmkit_loads_none_of_the_heavy_libraries():
    heavy = ["matplotlib", "seaborn", "sklearn", "statsmodels", "scipy", "papermill", "nbconvert"]
    code = f"import json, sys, crmkit; print(json.dumps([m for m in {heavy!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def _notebooks(root: Path) -> dict[str, dict]:
    paths = sorted(p for p in (root / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def test_every_locked_version_runs_on_the_oldest_python_that_is_promised(root):
    """A version that asks for 3.11.5 can't be installed with the 3.11.2 of a stable distribution."""
    from importlib.metadata import PackageNotFoundError, metadata

    from packaging.specifiers import SpecifierSet

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = f"{project['requires-python'].removeprefix('>=')}.0"
    lines = (root / "requirements.lock").read_text(encoding="utf-8").splitlines()
    names = [line.partition("==")[0] for line in lines if "==" in line and not line.startswith("#")]
    refused, seen = {}, 0
    for name in names:
        try:
            wanted = metadata(name).get("Requires-Python") or ""
        except PackageNotFoundError:  # one of an extra that isn't installed, or of another system
            continue
        seen += 1
        if not SpecifierSet(wanted).contains(oldest):
            refused[name] = wanted
    assert seen > 100
    assert refused == {}


def test_notebooks_name_the_kernel_that_every_environment_has(root):
    kernels = {name: nb["metadata"].get("kernelspec", {}).get("name") for name, nb in _notebooks(root).items()}
    assert {name: kernel for name, kernel in kernels.items() if kernel != "python3"} == {}


def test_notebooks_are_saved_without_output(root):
    lessons = {path.name for path in (root / "notebooks" / "training").glob("*.ipynb")}  # the tests compare theirs
    cells = [(name, cell) for name, nb in _notebooks(root).items() if name not in lessons for cell in nb["cells"]]
    assert [name for name, cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_tests_cannot_reach_the_network():
    import socket

    with pytest.raises(OSError, match="tests run without a network"), socket.socket() as probe:
        probe.connect(("192.0.2.1", 80))
