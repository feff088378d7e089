"""The stages of crm.toml, in the order and with the meaning that a file of the export gives them."""

from __future__ import annotations

import pytest

from crmkit import config
from crmkit.errors import UsageError

RULE = 'stages = { file = "steps", key = ["Name", "name"], order = "Place", closed = "Closed", won = "Won" }\n'
STEPS = (
    "Name,Place,Closed,Won,Gone\nClosed won,9,1,1,\nTalking,10,0,0,\n"
    "Offer,2,no,no,\nClosed lost,11,yes,no,\nOld,1,0,0,1\n"
)


def _ruled(export, rule: str = RULE, steps: str = STEPS):
    export.bend('[crm.stages]\nTalking = "open"\n"Closed won" = "won"\n"Closed lost" = "lost"\n', rule)
    export.bend("[files.people]", '[files.steps]\nnames = ["steps.csv"]\n[files.people]')
    export.write("steps.csv", steps)
    return export.run()


def _stages(export) -> list[tuple[str, str]]:
    return [(stage.name, stage.meaning) for stage in config.read(export.to / "crm.toml").stages]


def test_numbers_order_them_and_flags_mean_open_won_or_lost(export):
    account = _ruled(export)
    assert _stages(export) == [
        ("Old", "open"), ("Offer", "open"), ("Closed won", "won"), ("Talking", "open"), ("Closed lost", "lost"),
    ]  # fmt: skip
    assert next(file for file in account.files if file.name == "steps.csv").columns_left_out == ("Gone",)


def test_rows_can_be_left_out_and_without_flags_all_are_open(export):
    _ruled(export, 'stages = { file = "steps", key = "Name", order = "Place", without = { Gone = ["1"] } }\n')
    assert [name for name, _ in _stages(export)] == ["Offer", "Closed won", "Talking", "Closed lost"]
    assert {meaning for _, meaning in _stages(export)} == {"open"}


def test_a_name_with_two_meanings_has_none(export):
    _ruled(export, steps=STEPS + "Offer,3,1,0,\n")
    assert "Offer" not in dict(_stages(export))


def test_a_file_that_does_not_list_stages_says_nothing(export):
    _ruled(export, steps="Id,Label\n1,Talking\n")
    assert _stages(export) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (', won = "Won"', "", r"crm\.stages\.closed: and won go together"),
        ('order = "Place", ', "", r"crm\.stages\.order: is missing"),
        ('key = ["Name", "name"]', "key = 3", r"crm\.stages\.key: is 3"),
        ('order = "Place"', 'order = "Place", ordr = "x"', r"crm\.stages\.ordr: unknown key \(did you mean order\?\)"),
    ],
)
def test_a_wrong_rule_is_refused(export, old, new, said):
    assert old in RULE
    with pytest.raises(UsageError, match=said):
        _ruled(export, RULE.replace(old, new))
