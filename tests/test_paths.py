import pytest

from crmkit import paths
from crmkit.errors import CrmkitError


def lay_out(folder, *files):
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("")


def test_a_checkout_has_them_beside_the_package(tmp_path, monkeypatch):
    lay_out(tmp_path, "pyproject.toml", "notebooks/00_x.ipynb", "data/sample/customers.parquet", "crmkit/paths.py")
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "crmkit")
    assert paths.notebooks() == tmp_path / "notebooks"
    assert paths.sample_data() == tmp_path / "data" / "sample"


def test_a_wheel_has_them_inside_and_a_strangers_folder_beside_it_is_not_taken(tmp_path, monkeypatch):
    lay_out(tmp_path, "notebooks/00_x.ipynb", "crmkit/_notebooks/00_x.ipynb", "crmkit/_sample_data/customers.csv")
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "crmkit")
    assert paths.notebooks() == tmp_path / "crmkit" / "_notebooks"
    assert paths.sample_data() == tmp_path / "crmkit" / "_sample_data"


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "crmkit")
    with pytest.raises(CrmkitError, match="folder notebooks is missing from this installation"):
        paths.notebooks()


def test_the_working_directory_has_no_say(tmp_path, monkeypatch):
    lay_out(tmp_path, "pyproject.toml", "data/sample/customers.csv")
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "crmkit")
    monkeypatch.chdir("/")
    assert paths.sample_data() == tmp_path / "data" / "sample"
