"""Saving a model with what it promised, and loading it again: skops files, never pickle, and a card in Markdown.

A skops file is read without running what is in it. Types that skops does not know are loaded only where they are on
the list here; any other, as in a file that somebody changed, is refused. The versions that made the model are
in the file and compared with those that read it.

Source
------
M. Mitchell et al. (2019), "Model cards for model reporting", FAT* '19, 220-229.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from crmkit.errors import DataError, UsageError
from crmkit.numbers import say, say_interval

FORMAT = 1
PACKAGES = ("crmkit", "numpy", "scikit-learn", "skops")
#: Types beyond those that skops trusts of itself. Nothing else is loaded.
TRUSTED = (
    "crmkit.models.churn.ChurnModel",
    "crmkit.models.churn.GroupRate",
    "crmkit.models.churn.RecencyRule",
    "functools.partial",  # of a function that must be trusted itself; boosting has one of the next
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)


_DAMAGED = (zipfile.BadZipFile, json.JSONDecodeError, LookupError, ValueError, TypeError, AttributeError, ImportError)


@dataclass(frozen=True)
class Saved:
    """A model and what was known of it when it was saved.

    Attributes
    ----------
    model : estimator
    cutoff : str
        The moment up to which it learned, as a date.
    window_days : int
        The window after a cut-off that its risk is of.
    basis : str
        What leaving is.
    features : list of str
    typical : dict
        The typical value of each feature in training.
    drift : dict
        The distribution of each feature in training, for `crmkit.models.monitoring.drift`.
    promise : dict
        How good it said it was: `auc`, `brier`, `promised`, `actual`, `n`, `events`, each on unseen customers.
    titles, units : dict
        Of the features.
    versions : dict of str to str
        Packages that made it.
    company, currency : str
    """

    model: Any
    cutoff: str
    window_days: int
    basis: str
    features: list[str]
    typical: dict[str, Any]
    drift: dict[str, Any]
    promise: dict[str, float]
    titles: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    company: str = ""
    currency: str = ""


def versions() -> dict[str, str]:
    """Return the versions of the packages on which a saved model hangs."""
    return {name: version(name) for name in PACKAGES}


def save(saved: Saved, path: str | Path) -> Path:
    """Write a model to `path` (its name ends in .skops) and its card beside it (.md).

    Returns
    -------
    Path
        Of the model.

    Raises
    ------
    UsageError
        Where the name ends otherwise.
    DataError
        Where the model holds a type that would not be loaded again, or the folder cannot be written to.
    """
    import skops.io

    path = Path(path)
    if path.suffix != ".skops":
        raise UsageError(f"{path.name}: a model is saved as a file that ends in .skops.")
    kept = asdict_shallow(saved) | {"versions": versions(), "format": FORMAT}
    raw = skops.io.dumps(kept)
    if odd := _untrusted(raw):
        raise DataError(f"{path.name}: the model holds {odd[0]}, which would not be loaded again; it is not saved.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
        path.with_suffix(".md").write_text(card(saved), encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}). Choose another folder.") from None
    return path


def load(path: str | Path) -> Saved:
    """Read a model that `save` wrote.

    Raises
    ------
    DataError
        Where the file is missing, was changed, holds a type that is not on the list, is of another format, or was made
        by another version of scikit-learn, whose models may not compute the same. The message says how to go on.
    """
    import skops.io

    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such model file. Save one first, or give its whole path.")
    raw = path.read_bytes()
    again = "Do not use it; train the model again and save it."
    try:
        kept = skops.io.loads(raw, trusted=list(TRUSTED))
    except skops.io.exceptions.UntrustedTypesFoundException:
        odd = _untrusted(raw)[0]
        raise DataError(f"{path.name}: refused, it holds {odd}, which is not in a model of crmkit. {again}") from None
    except (
        zipfile.BadZipFile,
        json.JSONDecodeError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        ImportError,
    ) as error:
        raise DataError(
            f"{path.name}: refused, the file is damaged or was changed ({type(error).__name__}). {again}"
        ) from None
    if not isinstance(kept, dict) or kept.get("format") != FORMAT:
        raise DataError(f"{path.name}: refused, it is no model that crmkit saved. {again}")
    kept.pop("format")
    here = versions()
    made = kept["versions"]
    if made.get("scikit-learn") != here["scikit-learn"]:
        raise DataError(
            f"{path.name}: made with scikit-learn {made.get('scikit-learn')}, here is {here['scikit-learn']}; its "
            "numbers could differ. Train the model again, or install that version."
        )
    return Saved(**kept)


def card(saved: Saved) -> str:
    """Write the model card: what it is for, what it learned from, how good it was, when not to use it."""
    promise, model = saved.promise, saved.model
    titles = [saved.titles.get(name, name) for name in saved.features]
    leaving = "no order in the window" if saved.basis == "orders" else "the end of being a customer in the window"
    notes = "".join(f"- Note: {note}.\n" for note in getattr(model, "notes_", []))
    fallback = getattr(model, "fallback_", "")
    kind = getattr(model, "kind", type(model).__name__)
    what = f"base rate for all ({fallback})" if fallback else f"{kind}"
    area = say(promise.get("auc"), "", digits=3)
    span = say_interval(promise.get("low"), promise.get("high"), "")
    return (
        f"# Churn model{f' of {saved.company}' if saved.company else ''}\n\n"
        f"- Model: {what}\n"
        f"- Learned from what was known before {saved.cutoff}\n"
        f"- Predicts: the chance of leaving within {saved.window_days} days; leaving is {leaving}\n"
        f"- Training: {say(getattr(model, 'n_rows_', None), 'count')} customers at cut-offs, "
        f"{say(getattr(model, 'n_events_', None), 'count')} of whom left\n{notes}\n"
        "## Its promise, on customers and periods that it had not seen\n\n"
        f"- AUC {area} (95% interval {span})\n"
        f"- Brier score {say(promise.get('brier'), '', digits=4)}\n"
        f"- Promised {say(promise.get('promised'), 'share')}, left {say(promise.get('actual'), 'share')}, of "
        f"{say(promise.get('n'), 'count')}\n\n"
        "## Features\n\n" + "".join(f"- {title}\n" for title in titles) + "\n"
        "## Use\n\n"
        "For deciding whom to offer something so that they stay, together with what an offer costs and keeps. The "
        "risks are no causes: what moves them need not keep anybody. Not for prices, credit or anything that harms a "
        "customer. Personal columns are no features. Train it again when drift or calibration say so.\n\n"
        "## Made with\n\n" + "".join(f"- {name} {number}\n" for name, number in versions().items())
    )


def asdict_shallow(saved: Saved) -> dict[str, Any]:
    """Return the fields of a saved model, the model itself not taken apart."""
    return {name: getattr(saved, name) for name in saved.__dataclass_fields__}


def _untrusted(raw: bytes) -> list[str]:
    import skops.io

    found = skops.io.get_untrusted_types(data=raw)
    return sorted(set(map(str, found)) - set(TRUSTED))


def as_frame(saved: Saved) -> pd.DataFrame:
    """Return the promise of a model as a frame of one row."""
    return pd.DataFrame([saved.promise])
