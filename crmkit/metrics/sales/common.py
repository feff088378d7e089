"""What the files of sales share: the time between two dates, and which opportunities have the dates they need."""

_DAY = 86_400.0


def days_between(begun, ended):
    """Return the days from one time to another, with their fraction."""
    return (ended.epoch_seconds() - begun.epoch_seconds()) / _DAY


def dated(opportunities):
    """Tell which opportunities are open, or were closed on a date; the others were closed nobody knows when."""
    return opportunities.closed_at.notnull() | (opportunities.outcome == "open")
