"""The metrics. A family is a file here or, where it has several subjects, a folder with a file for each of them.

A new file is found by itself. The file of a family, or the `__init__.py` of its folder, says what holds for the family:

- `TITLE`, as people read it;
- `CATEGORY`, unless it is business performance;
- `FILES`, of a folder: the order in which the metrics of its files are shown; a file not named there comes last.

Within a file the order is that of the declarations. What several files of a folder share is in its `common.py`.
"""

FAMILIES = ("perception", "retention", "sales", "value", "marketing", "web", "service", "adoption", "roi")
"""The order in which families are shown; one that is not named here comes last."""
