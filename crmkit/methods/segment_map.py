"""Segments on a map of two axes: which features the axes stand for, and how much of the differences the map shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import UsageError


def segment_map(model: Any, features: Any, *, most: int = 1_500) -> pd.DataFrame:
    """Put customers on the two axes along which they differ most (principal components).

    Parameters
    ----------
    model : CustomerSegments
        Fitted.
    features : DataFrame
        One row a customer, as the model was fitted on.
    most : int
        So many customers are drawn, evenly from all.

    Returns
    -------
    DataFrame
        One row a drawn customer: `x`, `y` (standardised features, along the axes), `segment` (number), `name`. In
        `attrs`: `shown` (two shares of the spread, that of each axis), `loadings` (DataFrame of `feature`, `x`, `y`,
        the weight of each feature on the axes, the heaviest first), `centers` (DataFrame of `segment`, `x`, `y`,
        `customers`), `n` (all customers).

    Raises
    ------
    UsageError
        Where customers differ in fewer than two features: there is no map then.

    Notes
    -----
    The axes' signs are free; each is turned so that its heaviest feature grows to the right or upwards.
    """
    points = model.scaler_.transform(features)
    if points.shape[1] < 2 or len(points) < 3:
        raise UsageError("A map needs three customers and two features in which they differ.")
    middle = points.mean(axis=0)
    _, sizes, axes = np.linalg.svd(points - middle, full_matrices=False)
    spread = sizes**2
    if not spread.sum() > 0:
        raise UsageError("A map needs customers who differ; these are all alike.")
    axes = axes[:2] * np.sign(axes[:2][np.arange(2), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    places = (points - middle) @ axes.T
    labels = model.predict(features)
    frame = pd.DataFrame({"x": places[:, 0], "y": places[:, 1], "segment": labels})
    frame["name"] = [model.names_[label] for label in labels]
    centers = frame.groupby("segment").agg(x=("x", "mean"), y=("y", "mean"), customers=("x", "size")).reset_index()
    loadings = pd.DataFrame({"feature": model.scaler_.get_feature_names_out(), "x": axes[0], "y": axes[1]})
    heaviest = (loadings["x"] ** 2 + loadings["y"] ** 2).sort_values(ascending=False, kind="stable").index
    n, step = len(frame), max(1, -(-len(frame) // most))
    drawn = frame.iloc[::step].reset_index(drop=True)
    drawn.attrs |= {"shown": tuple(float(share) for share in (spread / spread.sum())[:2]), "n": n,
                    "loadings": loadings.loc[heaviest].reset_index(drop=True), "centers": centers,
                    **{name: getattr(features, "attrs", {}).get(name) for name in ("as_of", "currency")}}  # fmt: skip
    return drawn
