"""Fitting BG/NBD and Gamma-Gamma to a million customers, against the lifetimes package in an environment of its own.

Run as a script, it fits lifetimes to the summaries in a folder and prints what it found: that is what the environment
of lifetimes is asked to do. Without a network, or where the package cannot be installed, the comparison is left out
with the reason.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
LIFETIMES = ("lifetimes==0.11.3", "pandas<2.2", "numpy<2", "scipy<1.13", "autograd<1.7", "setuptools<80")
FILE = "purchase_summaries.csv"


def summaries(folder: Path, customers: int) -> Path:
    """Return a folder with one row a customer: the rates of the buyers of CDs, watched from 27 to 39 weeks by day."""
    folder = folder / f"lifetime-{customers}"
    if (folder / FILE).exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    rate, drop = random.gamma(0.25, 1 / 4.4, customers), random.beta(0.8, 2.4, customers)
    age = random.integers(27 * 7, 39 * 7, customers)
    x, last, now = (np.zeros(customers) for _ in range(3))
    alive = np.ones(customers, bool)
    while alive.any():
        now = now + random.exponential(1 / rate) * 7
        again = alive & (now < age)
        x, last = x + again, np.where(again, np.ceil(now), last)
        alive = again & (random.random(customers) >= drop)
    many = np.maximum(x, 1)
    value = random.gamma(6.0 * many, 1 / random.gamma(4.0, 1 / 15.0, customers)) / many
    rows = {"frequency": x, "recency": np.minimum(last, age) / 7, "T": age / 7, "value": np.where(x > 0, value, 0.0)}
    pd.DataFrame(rows).to_csv(folder / FILE, index=False)
    return folder


def ours(rows: pd.DataFrame, repeat: int) -> dict[str, float]:
    """Fit both models as often; return the median seconds and the log-likelihoods."""
    from crmkit.models import BgNbd, GammaGamma

    BgNbd().fit(rows.head(1000))
    buying, spending, seconds = None, None, ([], [])
    for _ in range(repeat):
        start = time.perf_counter()
        buying = BgNbd().fit(rows)
        seconds[0].append(time.perf_counter() - start)
        start = time.perf_counter()
        spending = GammaGamma().fit(rows)
        seconds[1].append(time.perf_counter() - start)
    return {
        "buying": statistics.median(seconds[0]),
        "spending": statistics.median(seconds[1]),
        "buying_likelihood": buying.log_likelihood_,
        "parameters": buying.estimate_.values.tolist(),
        "spending_parameters": spending.estimate_.values.tolist(),
    }


def environment(folder: Path) -> tuple[Path | None, str]:
    """Return the Python of an environment with lifetimes, made where it is not there yet; else the reason."""
    home = folder / "lifetimes-environment"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (home / "complete").exists():
        venv.create(home, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *LIFETIMES]
        done = subprocess.run(install, check=False, capture_output=True, text=True)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            return None, f"lifetimes could not be installed: {said[-1] if said else 'no reason given'}"
        (home / "complete").touch()
    return python, ""


def theirs(python: Path, folder: Path) -> dict[str, float]:
    """Fit lifetimes in its own environment."""
    done = subprocess.run([str(python), str(HERE / "lifetime_value.py"), str(folder)], check=False,
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"lifetimes failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def likelihood(rows: pd.DataFrame, parameters: list[float]) -> float:
    """Return the log-likelihood of BG/NBD by one judge for both."""
    from crmkit.models import BgNbd

    model = BgNbd.of(**dict(zip(("r", "alpha", "a", "b"), parameters, strict=True)))
    return model.score(rows) * len(rows)


def fit_lifetimes(folder: str) -> None:
    """Fit lifetimes to the summaries of a folder and print seconds and parameters."""
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    rows = pd.read_csv(Path(folder, FILE))
    again = rows[rows["frequency"] > 0]
    start = time.perf_counter()
    buying = BetaGeoFitter().fit(rows["frequency"], rows["recency"], rows["T"])
    middle = time.perf_counter()
    spending = GammaGammaFitter().fit(again["frequency"], again["value"])
    end = time.perf_counter()
    found = {"buying": middle - start, "spending": end - middle}
    found["parameters"] = [float(buying.params_[name]) for name in ("r", "alpha", "a", "b")]
    found["spending_parameters"] = [float(spending.params_[name]) for name in ("p", "q", "v")]
    print(json.dumps(found))


if __name__ == "__main__":
    fit_lifetimes(sys.argv[1])
