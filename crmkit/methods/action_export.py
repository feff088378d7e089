"""The list of a round as files for those who carry it out: CSV and XLSX, with nothing in them that a spreadsheet runs.

Personal columns (those that the schema marks) are left out unless they are asked for. The same list makes the same
bytes.
"""

from __future__ import annotations

import io
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.common import run
from crmkit.personal.readers import whole
from crmkit.schema import TABLES

CONTACT = ("name", "email", "phone")
"""The personal columns of customers that are added where they are asked for and the data has them."""
_FORMATS = {"churn_risk": "0.0%", "probability": "0.0%", "success_rate": "0.0%", "expected_value": "#,##0",
            "value": "#,##0", "benefit": "#,##0.00", "cost": "#,##0.00", "gain": "#,##0.00", "calls": "0"}  # fmt: skip
_WIDTHS = {"reason": 60, "title": 26, "next_product": 26, "name": 28, "email": 30, "segment": 20}
_LONGEST = 32_767  # characters that a cell of a worksheet holds


def for_export(rows: pd.DataFrame, crm: Any = None, *, personal: bool = False) -> pd.DataFrame:
    """Return a list as it is exported: without personal columns, or with those that one needs to get in touch.

    Parameters
    ----------
    rows : DataFrame
        As `next_best_actions` returns it.
    crm : Crm, optional
        Where names and addresses are from.
    personal : bool

    Raises
    ------
    UsageError
        Where personal columns are asked for without a Crm.

    Examples
    --------
    >>> for_export(pd.DataFrame({"customer_id": ["a"], "name": ["Ann"], "gain": [1.0]})).columns.tolist()
    ['customer_id', 'gain']
    """
    marked = {column.name for table in TABLES.values() for column in table.columns if column.personal}
    made = rows[[name for name in rows.columns if name not in marked]].reset_index(drop=True)
    made.attrs = {}
    if not personal:
        return made
    if crm is None:
        raise UsageError("Personal columns need the Crm that has them: for_export(rows, crm, personal=True).")
    wanted = [name for name in CONTACT if name in crm.present.get("customers", ())]
    if not wanted:
        return made
    crm = whole(crm)
    people = run(crm.relations.get("customers").select("customer_id", *wanted)).drop_duplicates("customer_id")
    place = made.columns.get_loc("customer_id") + 1
    for step, name in enumerate(wanted):
        found = made["customer_id"].map(people.set_index("customer_id")[name])
        made.insert(place + step, name, found.astype(object).where(found.notna(), None))
    return made


def as_csv(rows: pd.DataFrame) -> bytes:
    r"""Return a list as CSV, UTF-8 with a mark so that spreadsheets read it so; cells that would run get an apostrophe.

    >>> as_csv(pd.DataFrame({"customer_id": ["=1+1"], "gain": [-2.0]})).decode("utf-8-sig")
    "customer_id,gain\n'=1+1,-2.0\n"
    """
    from crmkit.report.index import kpis_csv  # a list is written as the report's key figures are

    return kpis_csv(rows).encode("utf-8-sig")


def as_xlsx(rows: pd.DataFrame, *, as_of: datetime | None = None) -> bytes:
    """Return a list as an XLSX workbook: text stays text, numbers are formatted, the header stays in sight.

    Parameters
    ----------
    rows : DataFrame
    as_of : datetime, optional
        The day of the data, which the file carries as its own; so the same list makes the same bytes.
    """
    import xlsxwriter

    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"title": "Next best actions", "created": as_of or datetime(2000, 1, 1)})
        sheet = book.add_worksheet("Actions")
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        forms = {name: book.add_format({"num_format": form}) for name, form in _FORMATS.items() if name in rows}
        for place, name in enumerate(rows.columns):
            sheet.write_string(0, place, _header(name), head)
            sheet.set_column(place, place, _WIDTHS.get(name, 14), forms.get(name))
            for line, value in enumerate(rows[name], start=1):
                _write(sheet, line, place, value, forms.get(name))
        sheet.freeze_panes(1, list(rows.columns).index("customer_id") + 1 if "customer_id" in rows else 0)
        sheet.autofilter(0, 0, max(len(rows), 1), max(len(rows.columns) - 1, 0))
    return file.getvalue()


def _header(name: Any) -> str:
    return str(name)[:_LONGEST]


def _write(sheet: Any, line: int, place: int, value: Any, form: Any) -> None:
    """Write a cell by the type of its value; a text is written as text, whatever it begins with."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124, null differs from itself
        return
    if isinstance(value, bool):
        sheet.write_boolean(line, place, value)
    elif hasattr(value, "__float__") and not isinstance(value, str):
        sheet.write_number(line, place, float(value), form)
    else:
        sheet.write_string(line, place, str(value)[:_LONGEST])


def write_list(rows: pd.DataFrame, folder: str | Path, *, crm: Any = None, personal: bool = False) -> tuple[Path, Path]:
    """Write the list of a round as actions_ROUND.csv and actions_ROUND.xlsx, and return where.

    Parameters
    ----------
    rows : DataFrame
        As `next_best_actions` returns it.
    folder : str or Path
        Made where it is not there.
    crm : Crm, optional
    personal : bool
        Whether names and addresses are in the files.

    Raises
    ------
    UsageError
        Where the folder is a file, or cannot be written.
    """
    made = for_export(rows, crm, personal=personal)
    name = re.sub(r"[^\w.-]+", "_", str(rows.attrs.get("round") or "list")).strip(".") or "list"
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        files = (target / f"actions_{name}.csv", target / f"actions_{name}.xlsx")
        files[0].write_bytes(as_csv(made))
        files[1].write_bytes(as_xlsx(made, as_of=rows.attrs.get("as_of")))
    except OSError as error:
        raise UsageError(f"The list cannot be written to {str(folder)!r}: {error.strerror}. Name a folder.") from error
    return files
