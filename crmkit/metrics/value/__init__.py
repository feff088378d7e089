"""Customer value: what orders bring, what is left of it, what a customer is worth, and what winning one costs."""

TITLE = "Customer value"
FILES = ("orders", "margin", "payments", "lifetime_value", "acquisition_cost")
