"""What a rule of data quality is, and the table that it looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from crmkit import schema

if TYPE_CHECKING:
    from crmkit.crm import Crm

OWNERS = ("owner_id", "user_id", "agent_id")
"""Columns that say who entered or looks after a row; the first that a table has counts."""
ENTRIES = {
    "customers": "channel",
    "leads": "source",
    "opportunities": "source",
    "orders": "channel",
    "campaigns": "channel",
    "web_sessions": "source",
    "tickets": "channel",
    "surveys": "touchpoint",
    "activities": "kind",
    "usage": "action",
}
"""The column of each table that says by which way its rows come in."""


@dataclass(frozen=True)
class Rule:
    """Something that must not be true of a row.

    Attributes
    ----------
    table, column : str
    finding : str
        What is wrong, as the end of the sentence "in 3 rows …".
    broken : Ibis boolean column
        True where it is. All rules of a table are asked for in one query.
    advice : str
        What to do.
    severity : {"error", "warning", "note"}
    shown : str
        The column whose values are the examples; by default the row's key with the column's value.
    name : str
        One of `quality_settings.RULES`, from which it has its dimension.
    effect : str
        What it does to numbers, in a sentence; by default made from the column.
    leaves_out : bool
        Whether metrics leave such rows out.
    usual_above : float or None
        A share of rows above which it is how this company works rather than a slip: the finding is a note then.
    dimension : str
        For a rule of the company's own; the others have that of their name.
    """

    table: str
    column: str
    finding: str
    broken: ir.BooleanValue = field(repr=False)
    advice: str
    severity: str = "warning"
    shown: str = ""
    name: str = "own_rule"
    effect: str = ""
    leaves_out: bool = False
    usual_above: float | None = None
    dimension: str = ""


@dataclass(frozen=True, eq=False)
class Look:
    """One table of a CRM, as the rules look at it.

    Attributes
    ----------
    crm : Crm
    table : str
    """

    crm: Crm
    table: str

    @cached_property
    def data(self) -> ir.Table:
        """The typed table, not cut at `as_of`, with what its neighbours say of each row (columns that end in _)."""
        return _with_neighbours(self)

    @property
    def declared(self) -> schema.Table:
        """What the schema says of it."""
        return schema.TABLES[self.table]

    @property
    def present(self) -> frozenset[str]:
        """The declared columns that it has."""
        return self.crm.present[self.table]

    def has(self, *columns: str) -> bool:
        """Tell whether it has all these columns of the schema."""
        return self.present.issuperset(columns)

    def other(self, table: str, *columns: str) -> ir.Table | None:
        """Return another table of the same CRM if it is there with these columns; else None."""
        if table in self.crm.tables and self.crm.present[table].issuperset(columns):
            return self.crm.tables[table]
        return None

    @property
    def key(self) -> str:
        """The column that names a row in examples: its key, else what it belongs to."""
        names = self.declared.key[-1:] or tuple(c.name for c in self.declared.columns if c.refers_to)
        return next((name for name in names if name in self.present), "")

    @property
    def owner(self) -> str:
        """The column that says who entered or looks after a row; "" where there is none."""
        return next((name for name in OWNERS if name in self.present and self.declared[name].refers_to), "")

    @property
    def entry(self) -> str:
        """The column that says by which way a row came in; "" where there is none."""
        name = ENTRIES.get(self.table, "")
        return name if name in self.present else ""


def _with_neighbours(look: Look) -> ir.Table:
    """Join to orders the number and sum of their lines, to stages the life of their opportunity; rows stay as many."""
    data = look.crm.tables[look.table]
    if look.table == "orders" and (lines := look.other("order_lines", "order_id")) is not None:
        summed = {"lines_": lines.count()}
        if "amount" in look.crm.present["order_lines"]:
            whole = lines.amount.count() == lines.count()  # a line without an amount leaves the sum unknown
            summed["lines_sum_"] = ibis.ifelse(whole, lines.amount.sum(), ibis.null("float64"))
        found = lines.group_by(line_of_=lines.order_id).agg(**summed)
        return data.left_join(found, data.order_id == found.line_of_).drop("line_of_")
    if look.table == "opportunity_stages":
        deals = look.other("opportunities", "opportunity_id", "created_at", "closed_at", "outcome")
        if deals is not None:
            found = deals.group_by(deal_=deals.opportunity_id).agg(
                deal_from_=deals.created_at.min(), deal_to_=deals.closed_at.max(where=deals.outcome != "open")
            )
            return data.left_join(found, data.opportunity_id == found.deal_).drop("deal_")
    return data
