"""The tables of a CRM: columns, types, units, keys, relationships, and which columns are personal.

Everything that has to know what a CRM looks like is made from this one declaration: `source.open` casts and
checks by it, imports write it, the sample company fills it, and the data dictionary prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from crmkit.errors import UsageError

Type = Literal["key", "text", "time", "number", "whole", "flag"]
Clock = Literal["born", "state", "plan", ""]


@dataclass(frozen=True)
class Column:
    """One column of a CRM table.

    Attributes
    ----------
    name : str
    type : {"key", "text", "time", "number", "whole", "flag"}
        Keys are always text, so that 00123 stays 00123. Times are naive, in the company's own zone.
    meaning : str
        What a cell says, for the data dictionary.
    required : bool
        Whether the column must be there when its table is.
    unit : str
        "money", "days", "minutes", "seconds", "share", "people" or "" where there is none.
    personal : bool
        Whether a cell can identify a person.
    values : tuple of str
        The only values allowed, where there are only some.
    refers_to : str
        The table whose key this column holds, if any.
    clock : {"born", "state", "plan", ""}
        What a time means. "born": the row exists from then on. "state": something that happened to the row later.
        "plan": an intention, which may lie in the future and never moves `as_of`.
    low, high : float or None
        The bounds that a number must keep.
    graded : bool
        Whether a number is a grade or the end of a scale, of which there are few.
    """

    name: str
    type: Type
    meaning: str
    required: bool = False
    unit: str = ""
    personal: bool = False
    values: tuple[str, ...] = ()
    refers_to: str = ""
    clock: Clock = ""
    low: float | None = None
    high: float | None = None
    graded: bool = False

    @property
    def few(self) -> bool:
        """Whether it has few different cells: then rows that are alike in it can be counted before anything else."""
        return self.graded or bool(self.values) or self.type == "flag"

    @property
    def role(self) -> str:
        """The word by which a joined table is called: `owner_id` joins users as `owner`."""
        return self.name.removesuffix("_id")


@dataclass(frozen=True)
class Table:
    """One table of a CRM: its grain, its key and its columns.

    Attributes
    ----------
    name, meaning : str
        `meaning` says what one row is.
    key : tuple of str
        The columns that together name a row; empty where rows have no name of their own.
    columns : tuple of Column
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def __getitem__(self, name: str) -> Column:
        """Return the column called `name`; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        """Tell whether there is a column called `name`."""
        return any(column.name == name for column in self.columns)

    @property
    def names(self) -> list[str]:
        """The names of the columns, in their declared order."""
        return [column.name for column in self.columns]

    @property
    def required(self) -> list[str]:
        """The names of the columns that must be there when the table is."""
        return [column.name for column in self.columns if column.required]

    @property
    def born(self) -> str | None:
        """The column that says from when on a row exists, if there is one."""
        return next((column.name for column in self.columns if column.clock == "born"), None)


def _key(name: str, meaning: str, **more) -> Column:
    return Column(name, "key", meaning, required=True, **more)


def _ref(name: str, table: str, meaning: str = "", **more) -> Column:
    return Column(name, "key", meaning or f"the row of {table} it belongs to", refers_to=table, **more)


def _text(name: str, meaning: str, **more) -> Column:
    return Column(name, "text", meaning, **more)


def _time(name: str, meaning: str, clock: Clock, **more) -> Column:
    return Column(name, "time", meaning, clock=clock, **more)


def _number(name: str, meaning: str, unit: str = "", **more) -> Column:
    return Column(name, "number", meaning, unit=unit, **more)


def _whole(name: str, meaning: str, unit: str = "", **more) -> Column:
    return Column(name, "whole", meaning, unit=unit, **more)


def _flag(name: str, meaning: str, **more) -> Column:
    return Column(name, "flag", meaning, **more)


_CURRENCY = _text("currency", "ISO 4217 code of the row's money")

_DECLARED = (
    Table(
        "customers",
        "one row a customer, a business or a person",
        ("customer_id",),
        (
            _key("customer_id", "the customer's own key"),
            _text("name", "name of the business or person", personal=True),
            _text("kind", "whether a business or a person buys", values=("business", "person")),
            _text("segment", "the company's own grouping of its customers"),
            _text("industry", "line of business"),
            _text("region", "sales region"),
            _text("country", "ISO 3166 code or name"),
            _text("channel", "how the customer was won"),
            _time("created_at", "when the record was made", "born", required=True),
            _time(
                "acquired_at",
                "when the customer first bought; by default the first order, subscription or win",
                "state",
            ),
            _time("lost_at", "when the customer left; by default from subscriptions, else from orders", "state"),
            _text("lost_reason", "why the customer left"),
            _ref("owner_id", "users", "the user who looks after the customer"),
            _whole("birth_year", "year of birth of a person", personal=True, low=1880, high=2100),
            _text("gender", "gender of a person", personal=True),
            _text("interests", "interests, separated by ;"),
            _whole("employees", "number of employees of a business", unit="people", low=0),
            _number("annual_revenue", "yearly revenue of a business", unit="money"),
            _text("email", "e-mail address", personal=True),
            _text("phone", "telephone number", personal=True),
        ),
    ),
    Table(
        "leads",
        "one row a lead: somebody who may become a customer",
        ("lead_id",),
        (
            _key("lead_id", "the lead's own key"),
            _time("created_at", "when the lead came in", "born", required=True),
            _text("source", "where the lead came from"),
            _ref("campaign_id", "campaigns"),
            _ref("owner_id", "users", "the user who follows the lead up"),
            _time("first_contacted_at", "first contact by the company", "state"),
            _time("qualified_at", "when sales accepted the lead", "state"),
            _time("converted_at", "when the lead became an opportunity or a customer", "state"),
            _ref("customer_id", "customers", "the customer it became"),
            _ref("opportunity_id", "opportunities", "the opportunity it became"),
            _text("status", "the CRM's own word for where the lead stands"),
            _text("company", "company the lead works for", personal=True),
            _text("email", "e-mail address", personal=True),
        ),
    ),
    Table(
        "opportunities",
        "one row an opportunity: a sale that may be won or lost",
        ("opportunity_id",),
        (
            _key("opportunity_id", "the opportunity's own key"),
            _ref("customer_id", "customers"),
            _ref("lead_id", "leads", "the lead it came from"),
            _ref("owner_id", "users", "the user who works on it"),
            _text("name", "what it is called"),
            _time("created_at", "when work on it began", "born", required=True),
            _time("closed_at", "when it was won or lost; ignored while it is open", "state"),
            _time("expected_close_at", "when it is expected to close", "plan"),
            _text("stage", "the stage it stands in, or stood in last"),
            _text("outcome", "how it ended", required=True, values=("open", "won", "lost")),
            _number("amount", "what it is worth", unit="money"),
            _number("probability", "chance of winning, 0 to 1", unit="share", low=0, high=1),
            _CURRENCY,
            _text("source", "where it came from"),
            _ref("campaign_id", "campaigns"),
            _ref("product_id", "products"),
            _text("lost_reason", "why it was lost"),
            _text(
                "kind",
                "a new customer's, more for a present one, or the same again",
                values=("new", "expansion", "renewal"),
            ),
        ),
    ),
    Table(
        "opportunity_stages",
        "one row each time an opportunity enters a stage",
        (),
        (
            _ref("opportunity_id", "opportunities", required=True),
            _text("stage", "the stage entered", required=True),
            _time("entered_at", "when it was entered", "born", required=True),
        ),
    ),
    Table(
        "activities",
        "one row a call, an e-mail, a meeting, a visit, a task or a note",
        ("activity_id",),
        (
            _key("activity_id", "the activity's own key"),
            _text("kind", "what was done", required=True, values=("call", "email", "meeting", "visit", "task", "note")),
            _time("at", "when it took place", "born", required=True),
            _ref("user_id", "users", "who did it"),
            _ref("customer_id", "customers"),
            _ref("lead_id", "leads"),
            _ref("opportunity_id", "opportunities"),
            _text("direction", "in: from the customer; out: to the customer", values=("in", "out")),
            _number("duration_minutes", "how long it took", unit="minutes", low=0),
        ),
    ),
    Table(
        "orders",
        "one row an order or a return",
        ("order_id",),
        (
            _key("order_id", "the order's own key"),
            _ref("customer_id", "customers", required=True),
            _time("ordered_at", "when it was placed", "born", required=True),
            _number("amount", "net of tax and discount; a return is negative", unit="money", required=True),
            _number("cost", "what the goods cost the company", unit="money"),
            _CURRENCY,
            _text("channel", "where it was placed"),
            _ref("campaign_id", "campaigns"),
            _ref("opportunity_id", "opportunities"),
            _text("status", "the shop's own word for where the order stands"),
        ),
    ),
    Table(
        "order_lines",
        "one row a product in an order",
        (),
        (
            _ref("order_id", "orders", required=True),
            _ref("product_id", "products", required=True),
            _number("quantity", "pieces"),
            _number("amount", "net of tax and discount", unit="money"),
        ),
    ),
    Table(
        "products",
        "one row a product",
        ("product_id",),
        (
            _key("product_id", "the product's own key"),
            _text("name", "what it is called"),
            _text("category", "what kind of product it is"),
            _number("price", "list price", unit="money"),
        ),
    ),
    Table(
        "payments",
        "one row a payment received",
        ("payment_id",),
        (
            _key("payment_id", "the payment's own key"),
            _ref("order_id", "orders"),
            _ref("customer_id", "customers"),
            _time("paid_at", "when the money came in", "born", required=True),
            _number("amount", "what came in", unit="money", required=True),
        ),
    ),
    Table(
        "subscriptions",
        "one row a subscription at one price; a change of plan ends one row and begins another",
        ("subscription_id",),
        (
            _key("subscription_id", "the subscription's own key"),
            _ref("customer_id", "customers", required=True),
            _text("plan", "what is subscribed to"),
            _time("started_at", "when it began", "born", required=True),
            _time("ended_at", "when it ended; empty while it runs", "state"),
            _number("mrr", "monthly recurring revenue", unit="money", required=True),
            _CURRENCY,
            _text("cancel_reason", "why it ended"),
        ),
    ),
    Table(
        "terms",
        "one row a term of a subscription that comes up for renewal",
        (),
        (
            _ref("subscription_id", "subscriptions", required=True),
            _time("term_start", "first moment of the term", "born", required=True),
            _time("term_end", "when it comes up for renewal", "plan", required=True),
            _number("amount", "what the term was sold for", unit="money"),
            _text("outcome", "what became of it", required=True, values=("renewed", "lapsed", "open")),
        ),
    ),
    Table(
        "campaigns",
        "one row a marketing campaign",
        ("campaign_id",),
        (
            _key("campaign_id", "the campaign's own key"),
            _text("name", "what it is called"),
            _text("channel", "by which channel it reaches people"),
            _time("started_at", "when it began", "born", required=True),
            _time("ended_at", "when it ends", "plan"),
            _number("budget", "what it may cost", unit="money"),
            _number("cost", "what it cost", unit="money", required=True),
            _number("expected_revenue", "what it should bring", unit="money"),
        ),
    ),
    Table(
        "campaign_responses",
        "one row a reaction to a campaign",
        (),
        (
            _ref("campaign_id", "campaigns", required=True),
            _time("at", "when it happened", "born", required=True),
            _text("kind", "how far it went", values=("sent", "opened", "clicked", "responded")),
            _ref("customer_id", "customers"),
            _ref("lead_id", "leads"),
        ),
    ),
    Table(
        "web_sessions",
        "one row a visit to the web site",
        ("session_id",),
        (
            _key("session_id", "the session's own key"),
            Column("visitor_id", "key", "the visitor, by cookie or log-in", required=True),
            _time("started_at", "when the session began", "born", required=True),
            _number("duration_seconds", "how long it lasted", unit="seconds", low=0),
            _whole("pages", "pages seen", low=0),
            _text("source", "where the visitor came from"),
            _text("medium", "by which kind of link"),
            _text("landing_page", "the first page seen"),
            _ref("campaign_id", "campaigns"),
            _ref("lead_id", "leads", "the lead made in this session"),
            _ref("order_id", "orders", "the order placed in this session"),
        ),
    ),
    Table(
        "tickets",
        "one row a support case",
        ("ticket_id",),
        (
            _key("ticket_id", "the ticket's own key"),
            _ref("customer_id", "customers"),
            _ref("agent_id", "users", "the user who handles it"),
            _time("opened_at", "when it was opened", "born", required=True),
            _time("first_response_at", "first answer by a person", "state"),
            _time("resolved_at", "when it was resolved; empty while it is open", "state"),
            _text("priority", "how urgent it is"),
            _text("category", "what it is about"),
            _text("channel", "how it came in"),
            _text("status", "the system's own word for where it stands"),
            _flag("reopened", "whether it was opened again after it was resolved"),
        ),
    ),
    Table(
        "surveys",
        "one row an answer to a survey question",
        ("response_id",),
        (
            _key("response_id", "the answer's own key"),
            _text("survey", "what was asked", required=True, values=("nps", "ces", "csat")),
            _number("score", "the answer, on the survey's own scale", required=True, graded=True),
            _number("scale_min", "lowest score possible; by default 0 (nps) or 1", graded=True),
            _number("scale_max", "highest score possible; by default 10 (nps), 7 (ces), 5 (csat)", graded=True),
            _time("answered_at", "when it was answered", "born", required=True),
            _ref("customer_id", "customers"),
            _ref("ticket_id", "tickets"),
            _ref("opportunity_id", "opportunities"),
            _text("touchpoint", "what the question was about"),
            _text("comment", "what the customer wrote", personal=True),
        ),
    ),
    Table(
        "users",
        "one row a user of the CRM",
        ("user_id",),
        (
            _key("user_id", "the user's own key"),
            _text("name", "name of the user", personal=True),
            _text("role", "what the user does", values=("sales", "support", "marketing", "other")),
            _text("team", "team or office"),
            _time("active_from", "first day in the CRM", "plan"),
            _time("active_to", "last day in the CRM; empty while active", "plan"),
            _flag("licensed", "whether a licence is paid for"),
            _number("monthly_cost", "what the user costs the company a month", unit="money"),
        ),
    ),
    Table(
        "usage",
        "one row each time a user does something in the CRM",
        (),
        (
            _ref("user_id", "users", required=True),
            _time("at", "when it happened", "born", required=True),
            _text("action", "what was done", values=("login", "create", "update", "view", "report")),
        ),
    ),
    Table(
        "costs",
        "one row a month and kind of cost",
        (),
        (
            _time("month", "any day of the month in which the cost arose", "born", required=True),
            _text(
                "category",
                "what it was spent on",
                required=True,
                values=(
                    "marketing",
                    "sales",
                    "retention",
                    "support",
                    "crm_licence",
                    "crm_implementation",
                    "crm_training",
                    "crm_operation",
                ),
            ),
            _number("amount", "what was spent", unit="money", required=True),
            _CURRENCY,
        ),
    ),
    Table(
        "targets",
        "one row a target: a metric's value to reach in a period, and for whom where a further column says so",
        (),
        (
            _text("metric", "the metric's name", required=True),
            _text("period", "2026, 2026-Q3, 2026-09 or 2026-W38", required=True),
            _number("value", "the value to reach", required=True),
        ),
    ),
    Table(
        "experiments",
        "one row a customer who takes part in an experiment",
        ("experiment_id", "customer_id"),
        (
            Column("experiment_id", "key", "the experiment's own key", required=True),
            _ref("customer_id", "customers", required=True),
            _text("variant", "what the customer was given", required=True),
            _time("assigned_at", "when the customer was assigned", "born", required=True),
            _flag("converted", "whether the customer did what was hoped for"),
            _number("value", "what the customer brought", unit="money"),
            _number("pre_value", "the same before the experiment"),
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _DECLARED}
"""All tables of a CRM by name, in the order of the contract."""


def table(name: str) -> Table:
    """Return the declaration of the table called `name`.

    Raises
    ------
    UsageError
        Where there is no such table; the message has the nearest name.

    Examples
    --------
    >>> table("orders").key
    ('order_id',)
    >>> table("orders").required
    ['order_id', 'customer_id', 'ordered_at', 'amount']
    """
    try:
        return TABLES[name]
    except KeyError:
        near = get_close_matches(name, TABLES, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(f"There is no table {name!r} in a CRM.{hint} Tables: {', '.join(TABLES)}.") from None


def personal_columns() -> Iterator[tuple[str, str]]:
    """Yield (table, column) for each column that can identify a person.

    Examples
    --------
    >>> ("surveys", "comment") in set(personal_columns())
    True
    """
    for declared in TABLES.values():
        for column in declared.columns:
            if column.personal:
                yield declared.name, column.name
