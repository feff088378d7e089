"""The sample company: invented, but believable, and with a known truth to find in its tables.

`world` holds the parameters, `company` lets three years pass, `truth` says what is planted, `folder` writes it all.
"""

from __future__ import annotations

import os


def write(
    to: str | os.PathLike, *, customers: int = 2000, seed: int = 7, file_format: str = "csv", dirty: bool = False
) -> dict:
    """Write the sample company, all tables of `crmkit.schema.TABLES`, and return what is true of it.

    The same customers, seed and format give the same bytes. Beside the tables there are `crm.toml`, `truth.json`,
    `truth_types.csv` and `README.md`.

    Parameters
    ----------
    to : path
        The folder to write; made if it is not there. A former sample is replaced.
    customers : int
        Rows of the customers table, at least 100; everything else grows with it.
    seed : int
        Seed of all randomness, 0 or more.
    file_format : {"csv", "parquet"}
        Form of the tables.
    dirty : bool
        Whether to plant defects of every kind that `crmkit check` knows, and records entered twice; `truth.json` lists
        them under `defects`, `duplicates` and `not_duplicates`.

    Returns
    -------
    dict
        What is planted: the content of `truth.json`.

    Raises
    ------
    UsageError
        Where an option is wrong, or the folder holds something that is not a sample.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     planted = write(Path(folder) / "small", customers=100)
    >>> planted["company"], planted["customers"]
    ('Kawomir', 100)
    """
    from crmkit.sample.folder import write_sample  # NumPy and Arrow are loaded only when somebody writes

    return write_sample(to, customers=customers, seed=seed, file_format=file_format, dirty=dirty)
