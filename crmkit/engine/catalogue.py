"""The catalogue: what every metric means, what it needs, and what a CRM's data can answer."""

from __future__ import annotations

import pandas as pd

from crmkit.engine.availability import lacks, needs
from crmkit.metric import all_metrics


def catalogue(crm=None) -> pd.DataFrame:
    """List all metrics.

    Parameters
    ----------
    crm : Crm, optional
        With it, what its data can and cannot measure.

    Returns
    -------
    DataFrame
        One row a metric: `metric`, `title`, `family`, `category`, `unit`, `better`, `formula`, `meaning`, `caveats`,
        `source`, `needs` (columns, as table.column), `options`; with a Crm also `available` and `missing`.

    Examples
    --------
    >>> catalogue().set_index("metric").loc["nps", "unit"]
    'points'
    """
    rows = []
    for metric in all_metrics().values():
        row = {
            "metric": metric.name,
            "title": metric.title,
            "family": metric.family,
            "category": metric.category,
            "unit": metric.unit,
            "better": metric.better,
            "formula": metric.formula,
            "meaning": metric.meaning,
            "caveats": metric.caveats,
            "source": metric.source,
            "needs": [f"{table}.{column}" if column else table for table, column in sorted(needs(metric.name))],
            "options": metric.options,
        }
        if crm is not None:
            missing = lacks(crm, metric.name)
            row |= {"available": not missing, "missing": missing}
        rows.append(row)
    return pd.DataFrame(rows)
