"""The metrics, one module a family; a new module is found by itself."""

FAMILIES = ("perception", "retention", "sales", "value", "marketing", "web", "service", "adoption", "roi")
"""The order in which families are shown; one that is not named here comes last."""
