"""What the files of the return share: the setting they need, and benefits that nobody can know."""

import ibis

from crmkit.casting import TIME
from crmkit.kinds import level

SETTINGS = ("crm_introduced",)


def without_price(kind, flows):
    """Let the result say which benefits are not in the sum: those without a value, and those that nobody can know."""
    text = "a benefit that cannot be valued is not in the sum: its year before is not known"
    kind = kind.remarking(flows.is_benefit & flows.benefit.isnull(), text)
    return kind.remarking(flows.is_benefit & ~flows.complete, "benefits that this data cannot know are not in the sum")


def no_end():
    """Return the end of what lasts: what has come in up to a moment counts from then on."""
    return ibis.null(TIME)


def any_known(flows):
    """Return 1 where any benefit is known up to the end of the period, unknown where none is."""
    there = level(flows["at"], no_end(), where=flows.is_benefit)
    return there / there
