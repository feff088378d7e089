"""Adoption and productivity: who uses the CRM and how, whether records are kept, and what it does to daily work."""

TITLE = "CRM adoption and productivity"
CATEGORY = "user adoption"
FILES = ("users", "records", "productivity")
