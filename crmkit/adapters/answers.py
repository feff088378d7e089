"""What an import can answer: how many metrics of each family can be measured from the columns that were filled."""

from __future__ import annotations

from crmkit import schema
from crmkit.adapters.account import Account

_TYPES = {"key": "object", "text": "object", "time": "datetime64[us]", "number": "float64", "whole": "Int64"}
_TYPES["flag"] = "boolean"


def answers(account: Account) -> dict[str, tuple[int, int]]:
    """Return, for each family of metrics, how many can be measured and how many there are.

    A metric counts where every column that it needs is there with at least one value; no row is read for it.

    Parameters
    ----------
    account : Account
        Of an import, or of a dry run.

    Returns
    -------
    dict of str to (int, int)
        By family, in the catalogue's order.
    """
    import pandas as pd

    import crmkit
    from crmkit.engine.availability import lacks, needs
    from crmkit.metric import all_metrics

    frames, empty = {}, set()
    for table in account.tables:
        declared = schema.TABLES[table.name]
        filled = {column.name for part in table.parts for column in part.columns if column.filled}
        names = [name for name in declared.names if name in filled or name in declared.required]
        empty |= {(table.name, name) for name in names if name not in filled}
        frames[table.name] = pd.DataFrame({name: pd.Series(dtype=_TYPES[declared[name].type]) for name in names})
    settings = {key: value for key, value in account.settings.items() if key != "as_of"}
    crm = crmkit.open(frames, as_of="2000-01-01", config=settings)
    found: dict[str, tuple[int, int]] = {}
    for metric in all_metrics().values():
        can = not (needs(metric.name) & empty) and not lacks(crm, metric.name)
        yes, total = found.get(metric.family, (0, 0))
        found[metric.family] = (yes + can, total + 1)
    return found
