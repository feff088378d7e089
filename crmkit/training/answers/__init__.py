"""The answers of the exercises, one module a lesson; nothing is typed in, all is worked out from the data."""
