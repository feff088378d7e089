"""Shares such as a chance of winning: written up to 1 or as hundredths, decided for a whole column."""

from __future__ import annotations

import pytest

from crmkit.errors import DataError, UsageError

DEALS = "Deal ID,Owner,Created,Stage,Closed,Amount,Remark\n"


def _imported(export, *cells: str, rule: str = "share = true"):
    export.bend('amount = "Amount"', f'amount = "Amount"\nprobability = {{ from = "Remark", {rule} }}')
    rows = [f"{number},Zoë,2026-01-05,Talking,,1,{cell}\n" for number, cell in enumerate(cells)]
    export.write("deals.csv", DEALS + "".join(rows))
    account = export.run()
    part = next(table for table in account.tables if table.name == "opportunities").parts[0]
    return export.table()["probability"].tolist(), next(c for c in part.columns if c.name == "probability").how


@pytest.mark.parametrize(
    ("cells", "shares", "how"),
    [
        (("60", "", "100"), ["0.6", "", "1"], "hundredths"),
        (("60%", "5 %"), ["0.6", "0.05"], "hundredths"),
        (("0.5%", "1%"), ["0.005", "0.01"], "hundredths"),
        (("0.6", "", "1"), ["0.6", "", "1"], "shares, as no cell is above 1"),
        (("1.5", "0.5"), ["0.015", "0.005"], "hundredths"),
        (("", ""), ["", ""], "shares"),
    ],
)
def test_the_whole_column_decides(export, cells, shares, how):
    found, said = _imported(export, *cells)
    assert found == shares
    assert how in said


def test_percent_signs_on_some_cells_alone_are_refused(export):
    with pytest.raises(DataError, match="1 cells have a percent sign and 1 others don't"):
        _imported(export, "60%", "0.6")


@pytest.mark.parametrize("rule", ["share = true, times = 0.01", "share = 1"])
def test_a_wrong_rule_is_refused(export, rule):
    with pytest.raises(UsageError, match=r"probability\.share"):
        _imported(export, "60", rule=rule)
