"""Service: tickets opened and resolved, what waits, how long answers and solutions take, which promises are kept."""

TITLE = "Service"
FILES = ("tickets", "first_response", "resolution", "service_quality")
