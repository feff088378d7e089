"""Completeness: cells that somebody needs and that are empty."""

from __future__ import annotations

from collections.abc import Iterator

from crmkit.quality.rule import Look, Rule

NO_PERIOD = "Rows without this time are in no period: every number by time leaves them out."
_CUSTOMER = {
    "opportunities": "They count as opportunities, but for no customer: splits by segment put them in (none), and who "
    "was won does not count as acquired.",
    "tickets": "They count as tickets, but for no customer: load per customer and what slow cases do to loyalty miss "
    "them.",
    "orders": "They are revenue of nobody: repeat purchases and customer value miss them.",
}
_OWNER = {"opportunities": "owner_id", "leads": "owner_id", "tickets": "agent_id", "activities": "user_id"}
_MOSTLY = 0.5
"""A reference that is empty in more rows than this is one that the company does not keep."""


def rules(look: Look) -> Iterator[Rule]:
    """Yield what must not be empty in a table."""
    yield from _required(look)
    if look.table == "opportunities":
        yield from _of_opportunities(look)
    yield from _references(look)


def _required(look: Look) -> Iterator[Rule]:
    for column in look.declared.columns:
        if not column.required or column.name in look.declared.key or column.name not in look.present:
            continue
        born = column.clock == "born"
        yield Rule(
            look.table,
            column.name,
            "is empty",
            look.data[column.name].isnull(),
            "Fill it: rows without this time are in no period and are left out."
            if born
            else "Fill it, or leave the rows out.",
            name="required_empty",
            effect=NO_PERIOD if born else "Numbers made from this column leave the rows out.",
            leaves_out=True,
        )


def _of_opportunities(look: Look) -> Iterator[Rule]:
    data = look.data
    if look.has("closed_at"):
        yield Rule(
            look.table,
            "closed_at",
            "is empty though it was won or lost",
            (data.outcome != "open") & data.closed_at.isnull(),
            "Fill it: an opportunity without a closing date is in no period.",
            name="closed_undated",
            effect="Such deals are in no period: won revenue, wins and losses lack them, and the win rate leans to "
            "the outcome that is dated more often.",
            leaves_out=True,
        )
    if look.has("amount"):
        yield Rule(
            look.table,
            "amount",
            "is empty though it was won",
            (data.outcome == "won") & data.amount.isnull(),
            "Fill it: the deal counts as won but adds no money.",
            name="won_without_amount",
            effect="The deal counts as won but adds no money: won revenue is too low, and the average deal size "
            "leaves it out.",
            leaves_out=True,
        )
    if look.has("lost_reason"):
        yield Rule(
            look.table,
            "lost_reason",
            "is empty though it was lost",
            (data.outcome == "lost") & data.lost_reason.isnull(),
            "Ask for it when a deal is closed as lost.",
            "note",
            name="reason_missing",
            effect="The reasons of losses rest on the others alone.",
        )


def _references(look: Look) -> Iterator[Rule]:
    if look.table in _CUSTOMER and look.has("customer_id") and look.table != "orders":
        yield Rule(
            look.table,
            "customer_id",
            "is empty",
            look.data.customer_id.isnull(),
            "Name the customer; ask for it when the row is made.",
            name="customer_missing",
            effect=_CUSTOMER[look.table],
            usual_above=_MOSTLY,
        )
    owner = _OWNER.get(look.table, "")
    if owner and look.has(owner):
        yield Rule(
            look.table,
            owner,
            "is empty",
            look.data[owner].isnull(),
            "Name who looks after it.",
            "note" if look.table in ("leads", "activities") else "warning",
            name="owner_missing",
            effect="Nobody answers for it: splits by owner and team put it in (none).",
            usual_above=_MOSTLY,
        )
