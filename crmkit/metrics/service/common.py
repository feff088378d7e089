"""What first responses and resolutions share: what misleads about them, and tickets whose times are out of order."""

WAITING = "Tickets that still wait are not in it, so a growing backlog looks faster than it is: see backlog."
HOURS = "Hours in which the company is closed do not count: it says what the team needed, not what customers waited."


def early(tickets, ended):
    """Return the tickets that ended before they began, and what is said of them."""
    return tickets[ended] < tickets.opened_at, "tickets whose end lies before their opening are left out"
