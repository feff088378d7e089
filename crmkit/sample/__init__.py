"""The sample company: invented, but believable, and with a known truth to find in its tables."""

from __future__ import annotations

import os


def write(to: str | os.PathLike, *, customers: int = 2000, seed: int = 7, file_format: str = "csv") -> dict:
    """Write the sample company into the folder `to` and return what is true of it; see `crmkit.sample.folder.write`."""
    from crmkit.sample.folder import write as write_company

    return write_company(to, customers=customers, seed=seed, file_format=file_format)
