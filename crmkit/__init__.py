"""crmkit: every number by which the relationship with customers is judged, from the tables of a CRM.

>>> import crmkit
>>> crm = crmkit.open({"surveys": {"response_id": list("abcdef"), "survey": ["nps"] * 6, "score": [0, 7, 7, 9, 9, 9],
...                                "answered_at": ["2026-03-01"] * 6}})
>>> round(crm.measure("nps", period="2026-03").value.item(), 1)
33.3
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.errors import CrmkitError, DataError, UsageError
    from crmkit.source import open

__version__ = "0.1.0"
__all__ = ["Crm", "CrmkitError", "DataError", "UsageError", "open"]

_WHERE = {
    "open": "crmkit.source",
    "Crm": "crmkit.crm",
    "CrmkitError": "crmkit.errors",
    "DataError": "crmkit.errors",
    "UsageError": "crmkit.errors",
}


def __getattr__(name: str):
    """Import what is asked for when it is asked for, so that `import crmkit` costs nearly nothing."""
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'crmkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
