"""How commands print a frame: as a table for people, as CSV or as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def print_frame(frame: pd.DataFrame, form: str) -> None:
    """Print a frame as a `table` for people, as `csv`, or as `json`, a list of objects."""
    if form == "json":
        print(json.dumps([_plain(row) for row in frame.to_dict("records")], ensure_ascii=False, indent=1))
    elif form == "csv":
        frame = frame.copy()
        for name in frame.columns:
            if len(frame) and isinstance(frame[name].iloc[0], list | dict):
                frame[name] = [json.dumps(value, ensure_ascii=False) for value in frame[name]]
        sys.stdout.write(frame.to_csv(index=False))
    else:
        print(_as_table(frame))


def _as_table(frame: pd.DataFrame) -> str:
    from crmkit.tables import table

    return repr(table(frame, caption=""))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as JSON can hold it: dates as text, unknown as null, whole numbers without a fraction."""
    import numpy as np
    import pandas as pd

    def plain(value: Any) -> Any:
        if isinstance(value, list | dict):
            return value
        if value is None or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
            return None
        if isinstance(value, pd.Timestamp):
            return value.date().isoformat() if value == value.normalize() else value.isoformat()
        if isinstance(value, np.generic):
            return value.item()
        return value

    return {name: plain(value) for name, value in row.items()}
