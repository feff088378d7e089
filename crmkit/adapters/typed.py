"""The value of a column's text: a number, a time, a yes or no, or the text itself, and how its cells are read."""

from __future__ import annotations

from dataclasses import replace

from crmkit.adapters import amounts, cells, currencies, deciding, moments
from crmkit.adapters.account import ColumnRead
from crmkit.adapters.cells import identifier, literal
from crmkit.adapters.sources import ABSENT, cell
from crmkit.adapters.spec import ColumnSpec
from crmkit.adapters.work import Work, no_header


def typed(work: Work, spec: ColumnSpec, account: ColumnRead, text: str) -> tuple[str, str]:
    """Return the SQL of a column's value, and in words how its cells are read.

    Raises
    ------
    DataError
        Where the order of day and month, or the decimal mark, can't be told, or amounts are in several currencies.
    """
    if spec.name in work.plain:
        spec = moments.written_plainly(spec)
    if spec.type in ("number", "whole"):
        return _number(work, spec, account, text)
    if spec.type == "time":
        if account.source == ABSENT:
            return cells.time(text, "iso", work.zone), "time"
        choice, why = deciding.times(work, spec, text)
        work.choices[spec.name] = choice
        how = work.shapes.get(spec.name, why or choice)
        return moments.moment(work, spec, text, choice), _how(work, spec, f"time, {how}")
    if spec.type == "flag":
        return cells.flag(text), "yes or no"
    return text, "key, as text" if spec.type == "key" else "text"


def _how(work: Work, spec: ColumnSpec, how: str) -> str:
    if not spec.reading.zone:
        return how
    tail = f", converted to {work.zone}" if moments.elsewhere(work, spec) else ""
    return f"{how}, in {spec.reading.zone} where no zone is named{tail}"


def _number(work: Work, spec: ColumnSpec, account: ColumnRead, text: str) -> tuple[str, str]:
    notes = _signs(work, spec, text)
    reading, why = deciding.marks(work, spec, text, account.source)
    if spec.share:
        spec, said = _share(work, spec, cells.number(text, reading, 0.01))
        notes = [*notes, said]
    make = cells.number if spec.type == "number" else cells.whole
    value = make(text, reading, spec.times)
    kind = "number" if spec.type == "number" else "whole number"
    words = [kind, why or ("decimal comma" if reading.decimal == "," else ""), *notes]
    if spec.minor_of:
        value = _major(work, spec, value)
        words.append(f"minor units of {spec.minor_of}")
    scaled = f" × {spec.times:,.10g}" if spec.times != 1.0 else ""
    return value, ", ".join(word for word in words if word) + scaled


def _share(work: Work, spec: ColumnSpec, hundredths: str) -> tuple[ColumnSpec, str]:
    """Decide for a whole column whether its cells are shares up to 1, or hundredths, such as 60 or 60%, of them."""
    text = identifier(f"t:{spec.name}")
    most, percents = work.one(
        f"SELECT max(abs({hundredths})), count(*) FILTER ({text} LIKE '%\\%%' ESCAPE '\\') FROM {work.view}"
    )
    if percents or (most is not None and most > 0.01):
        return replace(spec, times=0.01), "hundredths"
    return spec, "shares, as no cell is above 1"


def _major(work: Work, spec: ColumnSpec, value: str) -> str:
    """Return the SQL of an amount in whole units of the currency that its row names."""
    currency = cell(work, spec, (spec.minor_of,))
    if currency is None:
        raise no_header(work, spec.name, (spec.minor_of,))
    own = " ".join(f"WHEN {literal(code.upper())} THEN {units!r}" for code, units in spec.minor_units.items())
    units = currencies.minor_units(currency.sql)
    units = f"CASE upper({currency.sql}) {own} ELSE {units} END" if own else units
    return f"round(({value}) / ({units}), 6)"


def _signs(work: Work, spec: ColumnSpec, text: str) -> list[str]:
    """Look once at the cells that hold more than digits: their currency, percent signs and scales.

    Raises
    ------
    DataError
        Where the cells are in several currencies, or some have a percent sign and others don't.
    """
    if spec.name in work.plain:
        return []
    tests = amounts.signs(text)
    sign = f"trim(regexp_extract(ltrim({text}, '-−–+( '), {literal(currencies.PATTERN)}))"
    signs, percents, scales = work.one(
        f"SELECT list_sort(list_distinct(list({sign}) FILTER ({sign} <> ''))), count(*) FILTER ({tests['percent']}), "
        f"count(*) FILTER ({tests['scaled']}) FROM {work.view} WHERE regexp_matches({text}, '[^0-9., +-]')"
    )
    without = f"regexp_matches({text}, '[1-9]') AND NOT ({tests['percent']})"
    bare = work.one(f"SELECT count(*) FROM {work.view} WHERE {without}")[0] if percents else 0
    if signs and len(signs) > 1:
        raise work.error(
            spec.name,
            f"the cells are in several currencies ({', '.join(signs[:5])}), and one column of numbers "
            "can't hold them. Export them in one currency, or with the currency in a column of its own.",
        )
    if percents and bare:
        raise work.error(
            spec.name,
            f"{percents:,} cells have a percent sign and {bare:,} others don't, so that 5% and 5 may stand for the "
            "same. Write all of them in one way.",
        )
    found = [f"in {signs[0]}"] if signs else []
    if scales:
        found.append("K, M and B as thousands, millions and billions")
    if percents:
        found.append("percent signs " + ("as written" if spec.times == 0.01 else "as hundredths"))
    return found
