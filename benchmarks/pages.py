"""Rendering notebooks: crmkit's way, the Jupyter commands one by one, and the same code as plain scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ways import timed

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def notebooks() -> list[Path]:
    """Return the report notebooks, `NN_family.ipynb`."""
    return sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def _run(command: list[str], **more) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def by_crmkit(room: Path) -> None:
    """`crmkit report`, everything included: reading parameters, running, converting, index."""
    _run([str(BIN / "crmkit"), "report", "--out", str(room / "crmkit")])


def by_commands(room: Path) -> None:
    """`papermill` and then `jupyter nbconvert`, notebook after notebook."""
    (room / "commands").mkdir(exist_ok=True)
    for notebook in notebooks():
        made = room / "commands" / notebook.name
        _run([str(BIN / "papermill"), str(notebook), str(made), "--no-progress-bar"])
        _run([str(BIN / "jupyter"), "nbconvert", "--to", "html", str(made)])


def by_scripts(room: Path) -> None:
    """The code cells of each notebook as a script, one Python process after another; nothing is converted."""
    import nbformat

    (room / "scripts").mkdir(exist_ok=True)
    for notebook in notebooks():
        cells = nbformat.read(notebook, as_version=4).cells
        code = "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")
        script = room / "scripts" / f"{notebook.stem}.py"
        script.write_text(f"from IPython.display import display\n{code}\n")
        _run([sys.executable, str(script)], env=os.environ | {"MPLBACKEND": "agg"})


def measured(repeat: int) -> dict[str, list[float]]:
    """Return the seconds of each way, asked in turn."""
    seconds: dict[str, list[float]] = {"crmkit": [], "commands": [], "scripts": []}
    ways = {"crmkit": by_crmkit, "commands": by_commands, "scripts": by_scripts}
    for _ in range(repeat):
        for name, way in ways.items():
            room = Path(tempfile.mkdtemp(prefix="pages-"))
            try:
                seconds[name].append(timed(lambda way=way, room=room: way(room))[1])
            finally:
                shutil.rmtree(room, ignore_errors=True)
    return seconds
