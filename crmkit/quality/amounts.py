"""Amounts far away from all others of their kind, by median and median absolute deviation of their logarithms."""

from __future__ import annotations

from collections.abc import Iterator

import ibis

from crmkit.quality.rule import Look, Rule

_KINDS = {
    ("opportunities", "amount"): "kind",
    ("orders", "amount"): "channel",
    ("payments", "amount"): "",
    ("subscriptions", "mrr"): "plan",
    ("terms", "amount"): "",
    ("campaigns", "cost"): "channel",
    ("costs", "amount"): "category",
    ("activities", "duration_minutes"): "kind",
    ("customers", "annual_revenue"): "kind",
    ("customers", "employees"): "kind",
}
"""The amounts that are looked at, with the column that makes kinds of them."""
LEAST = 30
"""A kind with fewer amounts is compared with nothing."""
_NORMAL = 1.4826
"""What the median absolute deviation of a normal distribution is multiplied by to give its standard deviation."""
_LEAST_SPREAD = 0.35
"""A kind of which most amounts are equal, such as a price list, is taken to spread by a third all the same."""


def far_out(look: Look) -> Iterator[Rule]:
    """Yield the rules that find amounts further out than the threshold, in both directions.

    Of the amounts above 0 of a kind, the logarithms have the median m and the median absolute deviation d; an amount
    x is far out where |log x − m| > threshold × max(1.4826 d, 0.35). With the usual threshold of 6 an amount must be
    at least eight times the median or an eighth of it, and as a rule a hundred times.
    """
    threshold = look.crm.config.quality.threshold("far_out")
    for (table, name), by in _KINDS.items():
        if table != look.table or not look.has(name) or look.crm.config.quality.is_off("far_out", table, name):
            continue
        kinds = _kinds(look, name, by)
        if not kinds:
            continue
        value = look.data[name]
        size = ibis.ifelse(value > 0, value, None).ln()
        group = look.data[by].fill_null("") if by in look.present else ibis.literal("")
        spread = {kind: threshold * max(_NORMAL * mad, _LEAST_SPREAD) for kind, _, mad, _ in kinds}
        low = ibis.cases(*[(group == kind, middle - spread[kind]) for kind, middle, _, _ in kinds])
        high = ibis.cases(*[(group == kind, middle + spread[kind]) for kind, middle, _, _ in kinds])
        counted = sum(n for _, _, _, n in kinds)
        kinds_of = f" of the same {by.removesuffix('_id')}" if by in look.present else ""
        yield Rule(
            table,
            name,
            f"is far out of the range of the {counted:,} amounts{kinds_of}",
            (size < low) | (size > high),
            "Look for a lost decimal mark, thousands typed as units, or a typing error.",
            name="far_out",
            effect="One such amount can move sums and means more than everything else; medians stay as they are.",
        )


def _kinds(look: Look, name: str, by: str) -> list[tuple[str, float, float, int]]:
    """Return of each kind with enough amounts: its name, median and median absolute deviation of logarithms, n."""
    data = look.data
    sizes = data.filter(data[name] > 0).select(
        kind_=data[by].fill_null("") if by in look.present else ibis.literal(""), size_=data[name].ln()
    )
    if not _medians(look):
        return []
    middles = sizes.group_by("kind_").agg(middle_=sizes.size_.median(), n_=sizes.count())
    middles = middles.filter(middles.n_ >= LEAST).order_by(ibis.desc("n_"), "kind_").limit(200)
    joined = sizes.inner_join(middles.rename(of_="kind_"), sizes.kind_ == middles.kind_)
    spreads = joined.group_by("kind_").agg(
        middle_=joined.middle_.max(), mad_=(joined.size_ - joined.middle_).abs().median(), n_=joined.n_.max()
    )
    rows = spreads.order_by("kind_").to_pyarrow().to_pylist()
    return [(row["kind_"], row["middle_"], row["mad_"], row["n_"]) for row in rows]


def _medians(look: Look) -> bool:
    """Tell whether the engine has exact medians; without them nothing is said of amounts far out."""
    import ibis.expr.operations as ops

    has = getattr(look.crm.engine, "has_operation", None)
    return has is None or bool(has(ops.Median))


__all__ = ["LEAST", "far_out"]
