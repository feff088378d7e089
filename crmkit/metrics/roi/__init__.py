"""Return on the CRM: what it cost, what it brought, each benefit by itself, and whether it has paid."""

TITLE = "Return on the CRM"
FILES = ("costs_and_benefits", "returns")
