"""Retention: who stays, who leaves, who comes back, and the recurring revenue that goes with them."""

TITLE = "Retention"
FILES = ("customers", "churn", "recurring_revenue", "loyalty")
