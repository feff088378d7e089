"""The page of segments, on those that a method finds: how many, how they differ, do they come again, where are they."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crmkit.errors import DataError, UsageError
from crmkit.numbers import say, say_interval
from crmkit.pages.segments import FIRM, Found, about, fitted, moment_of
from crmkit.pages.showing import absent, listed, visible
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm

STABLE_UNITS = {"customers": "count", "of all": "share", "comes again": "share"}
OTHER_UNITS = {"difference": "ratio"}
PATTERN = 0.6


def criteria(crm: Crm, found: Found) -> pd.DataFrame:
    """Return the criteria of each number of segments, for `plots.segment_criteria`."""
    model = found.model
    frame = model.criteria_.copy()
    frame.attrs |= {"votes": model.votes_, "k": model.k_}
    if not len(frame):
        frame.attrs["missing"] = model.reason_
    return about(frame, crm)


def why_so_many(found: Found) -> Html:
    """Say why there are so many segments, and what each criterion looks at."""
    from crmkit.models.segment_criteria import CRITERIA, NAMES

    model = found.model
    number = f"{model.k_} segment{'' if model.k_ == 1 else 's'}"
    said = [f"The page goes on with {number}: {model.reason_}."]
    said += [f"{NAMES[name][:1].upper()}{NAMES[name][1:]}: {text}." for name, text in CRITERIA.items()]
    return listed(said if len(model.criteria_) else said[:1])


def profiles(crm: Crm, found: Found) -> pd.DataFrame:
    """Return how each segment differs from the rest in what it was made from, for `plots.segment_profile`."""
    frame = found.model.profiles()
    if found.model.k_ < 2:
        frame = frame.iloc[:0]
        frame.attrs["missing"] = "there is one segment, and nobody else to compare it with"
    return about(frame, crm)


def in_words(crm: Crm, found: Found) -> Html:
    """Say each segment in a sentence: how large it is, what is high and low in it."""
    from crmkit.methods.segment_profiles import segment_words

    if found.model.k_ < 2:
        return absent("there is one segment, and nobody else to compare it with")
    return listed(segment_words(visible(found.model.profiles(), drop=True), currency=crm.config.currency))


def others(crm: Crm, found: Found) -> pd.DataFrame:
    """Compare the segments in what they were not made from, tested; the differences beyond noise, ready to be shown.

    Returns
    -------
    DataFrame
        `segment`, `feature`, `here`, `elsewhere` (both written out), `difference` (standard deviations), `95%
        interval`.
    """
    from crmkit.methods.segment_features import FEATURES, segment_features
    from crmkit.methods.segment_profiles import feature_unit, segment_profiles

    unused = [name for name in FEATURES if name not in found.features.attrs["of"]]
    names = [found.model.names_[label] for label in found.model.labels_]
    shown = pd.DataFrame()
    if not unused or found.model.k_ < 2:
        shown.attrs["missing"] = "everything known was used to make the segments" if not unused else (
            "there is one segment, and nobody else to compare it with"
        )  # fmt: skip
        return shown
    more = segment_features(crm, as_of=moment_of(crm, found.day), of=unused).reindex(found.features.index)
    frame = visible(segment_profiles(more, names), drop=True)
    tested = int(frame["p"].notna().sum())
    frame = frame[frame["verdict"] != ""].assign(size=lambda rows: rows["effect"].abs())
    frame = frame.sort_values("size", ascending=False, kind="stable")
    units = [feature_unit(name) for name in frame["feature"]]
    form = {"currency": crm.config.currency}
    shown = pd.DataFrame({
        "segment": frame["segment"].tolist(),
        "feature": [name.replace("_", " ") for name in frame["feature"]],
        "here": [say(value, unit, **form) for value, unit in zip(frame["mean"], units, strict=True)],
        "elsewhere": [say(value, unit, **form) for value, unit in zip(frame["rest"], units, strict=True)],
        "difference": frame["effect"].tolist(),
        "95% interval": [say_interval(row.low, row.high, "ratio") for row in frame.itertuples()],
    })  # fmt: skip
    shown.attrs["tested"] = tested
    if not len(shown):
        shown.attrs["missing"] = f"none of {tested} comparisons shows a difference beyond noise"
    return about(shown, crm)


def stable(crm: Crm, found: Found) -> pd.DataFrame:
    """Return how much of each segment comes again in redrawn customers, and what that means."""
    model = found.model
    again = model.segment_stability_.to_numpy(float)
    shown = pd.DataFrame({"segment": model.names_, "customers": model.sizes_})
    shown["of all"] = shown["customers"] / shown["customers"].sum()
    shown["comes again"], shown["so it is"] = again, [_firm(value) for value in again]
    if model.k_ < 2:
        shown.attrs["missing"] = "there is one segment, and it comes again whoever is drawn"
    return about(shown, crm)


def _firm(value: float) -> str:
    if value != value:  # noqa: PLR0124 - not a number
        return "not known"
    return "firm" if value >= FIRM else "a pattern" if value >= PATTERN else "perhaps chance"


def two_ways(found: Found) -> Html:
    """Say how far the other method, with as many segments, finds the same ones."""
    from sklearn.metrics import adjusted_rand_score

    model = found.model
    if model.k_ < 2:
        return listed([])
    other = "mixture" if model.method_ == "kmeans" else "kmeans"
    try:
        again = fitted(found.features, k=model.k_, method=other)
    except (DataError, UsageError) as error:
        return absent(f"the other method cannot be tried: {error}")
    if again.method_ == model.method_:
        return listed(["A Gaussian mixture could not be fitted to these customers, so there is no second opinion."])
    agreed = adjusted_rand_score(model.labels_, again.labels_)
    names = {"kmeans": "k-means", "mixture": "a Gaussian mixture"}
    return listed([f"A second opinion: {names[other]} with as many segments agrees with {names[model.method_]} to "
                   f"{say(agreed, 'ratio')} (adjusted Rand index; 1 is the same, 0 is chance)."])  # fmt: skip


def on_a_map(crm: Crm, found: Found) -> pd.DataFrame:
    """Return customers on two axes, for `plots.segment_map`."""
    from crmkit.methods.segment_map import segment_map
    from crmkit.pages.frames import tried

    return about(tried(segment_map, found.model, found.features), crm)
