"""A small export of an invented CRM, and its adapter, for tests to bend and break."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from crmkit import adapters

ADAPTER = """\
title = "Small CRM"
[crm]
name = "Small"
currency = "EUR"
as_of = { latest = ["opportunities.closed_at", "opportunities.created_at"] }
[crm.stages]
Talking = "open"
"Closed won" = "won"
"Closed lost" = "lost"
[files.people]
names = ["people.csv"]
[files.deals]
names = ["deals.csv", "deals*.csv"]
required = true
[tables.users]
file = "people"
[tables.users.columns]
user_id = "id"
name = "name"
[tables.opportunities]
file = "deals"
[tables.opportunities.columns]
opportunity_id = ["Deal ID", "ID"]
owner_id = { from = "Owner", lookup = "users.name" }
created_at = "Created"
stage = "Stage"
outcome = { from = "Stage", values = { Talking = "open", "Closed won" = "won", "closed LOST" = "lost" } }
closed_at = { from = "Closed", only_if = { outcome = ["won", "lost"] } }
amount = "Amount"
"""
PEOPLE = "id,name\n007,Zoë\n008,Łukasz\n"
DEALS = """\
Deal ID,Owner,Created,Stage,Closed,Amount,Remark
00123,Zoë,2026-01-05,Closed won,2026-02-01,1200.50,
00124,Łukasz,2026-01-07 09:30,Talking,2026-09-30,800,hurry
00125,Zoë,2026-01-09,Closed lost,2026-03-02,0,
"""


class Export:
    """An export in a temporary folder: write files, bend the adapter, import, and read what came out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.to = folder / "export", folder / "out"
        self.folder.mkdir()
        self.toml = ADAPTER
        self.write("people.csv", PEOPLE)
        self.write("deals.csv", DEALS)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def bend(self, old: str, new: str) -> None:
        assert old in self.toml
        self.toml = self.toml.replace(old, new)

    @property
    def adapter(self) -> Path:
        path = self.folder.parent / "small.toml"
        path.write_text(self.toml, encoding="utf-8")
        return path

    def run(self, *sources: str | Path, **options):
        return adapters.run("small", sources or [self.folder], self.to, adapter=self.adapter, **options)

    def table(self, name: str = "opportunities") -> pd.DataFrame:
        return pd.read_csv(self.to / f"{name}.csv", dtype=str, keep_default_na=False)


@pytest.fixture
def export(tmp_path) -> Export:
    return Export(tmp_path)
