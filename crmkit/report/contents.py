"""What a report folder holds: a page a notebook, the front page, kpis.csv and run.json."""

from __future__ import annotations

import json
import platform
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit.errors import CrmkitError

if TYPE_CHECKING:
    from crmkit.report.execute import Executed
    from crmkit.report.facts import Facts
    from crmkit.report.notebooks import Chosen
    from crmkit.report.page import Body, Converter

SCORECARD = "00_scorecard"
"""The notebook that measures the whole scorecard and leaves it for the front page."""
GLOSSARY = "19_glossary"
"""The notebook to whose entries the other pages link the metrics that they define."""
OK, FAILED, NOT_HERE = "ok", "failed", "not in this data"


@dataclass(frozen=True)
class Result:
    """What became of one notebook.

    Attributes
    ----------
    name : str
        As in `--only`, such as 02_retention.
    status : {"ok", "failed", "not in this data"}
    reason : str
        One line; "" where all is well.
    seconds : float
    title : str
    """

    name: str
    status: str
    reason: str
    seconds: float
    title: str


def write(
    fresh: Path,
    runs: Iterable[tuple[Chosen, Executed]],
    *,
    chosen: Sequence[Chosen],
    facts: Facts,
    command: str,
    lang: str,
    progress: Callable[[str], None],
) -> list[Result]:
    """Convert notebooks as their runs end, and write all files of a report.

    Parameters
    ----------
    fresh : Path
        An empty folder.
    runs : iterable of (Chosen, Executed)
        In the order in which they end.
    chosen : sequence of Chosen
        In the order of the report.
    facts : Facts
    command : str
        What makes the report again.
    lang : str
    progress : callable
        Is given one line for each notebook.

    Returns
    -------
    list of Result
        In the order of the report.
    """
    from crmkit.report import index, page

    begun = time.monotonic()
    converter = page.Converter(lang=lang)
    bodies: dict[str, Body] = {}
    results: dict[str, Result] = {}
    with ThreadPoolExecutor(1) as aside:
        # Two lanes keep two cores busy; the scorecard is measured aside only where no notebook measures it anyway.
        counted = None if any(one.name == SCORECARD for one in chosen) else aside.submit(facts.scorecard)
        for one, executed in runs:
            results[one.name], body = _convert(converter, one, executed)
            if body is not None:
                bodies[one.name] = body
            progress(_line(results[one.name]))
        scorecard = facts.left() if counted is None else counted.result()
        if scorecard is None:
            scorecard = facts.scorecard()
    ordered = [results[one.name] for one in chosen]
    common = {"facts": facts, "lang": lang, "command": command, "version": _version("crmkit")}
    _write_pages(fresh, ordered, bodies, {one.name: one.settings for one in chosen}, common)
    cards = index.cards(scorecard, headlines=facts.headlines, currency=facts.currency, lang=lang)
    made = [result for result in ordered if result.status == OK]
    leads = {name: body.lead for name, body in bodies.items()}
    quality = facts.quality(facts.headlines or index.HEADLINES)
    front = page.frame("front.html", pages=made, results=ordered, leads=leads, cards=cards, quality=quality, **common)
    _write_text(fresh / "index.html", front)
    _write_text(fresh / "kpis.csv", index.kpis_csv(scorecard))
    record = _record(facts, ordered, chosen, seconds=time.monotonic() - begun)
    _write_text(fresh / "run.json", json.dumps(record, indent=1, ensure_ascii=False, default=str) + "\n")
    return ordered


def _convert(converter: Converter, one: Chosen, executed: Executed) -> tuple[Result, Body | None]:
    """Return what became of a notebook, and the body of its page where all went well."""
    reason = " ".join(executed.reason.split())
    result = Result(one.name, executed.status, reason, executed.seconds, one.title)
    if executed.notebook is None:
        return result, None
    try:
        body = converter.body(executed.notebook, name=one.name)
    except CrmkitError as error:
        return replace(result, status=FAILED, reason=str(error)), None
    except Exception as error:  # the other pages are made all the same
        return replace(result, status=FAILED, reason=f"its page can't be made: {type(error).__name__}: {error}"), None
    return replace(result, title=body.title), body


def _write_pages(
    fresh: Path,
    results: Sequence[Result],
    bodies: Mapping[str, Body],
    settings: Mapping[str, list[tuple[str, str, str]]],
    common: Mapping[str, Any],
) -> None:
    """Write the page of each notebook that has one, with links to those before and after it."""
    from crmkit.report import page

    made = [result for result in results if result.status == OK]
    linked = any(result.name == GLOSSARY for result in made)
    for at, result in enumerate(made):
        body = bodies[result.name]
        text = page.frame(
            "page.html",
            body=page.link_definitions(body, glossary=GLOSSARY) if linked and result.name != GLOSSARY else body,
            name=result.name,
            pages=made,
            previous=made[at - 1] if at else None,
            following=made[at + 1] if at + 1 < len(made) else None,
            settings=settings[result.name],
            **common,
        )
        _write_text(fresh / f"{result.name}.html", text)


def _line(result: Result) -> str:
    what = {OK: "ok", FAILED: f"FAILED  {result.reason}", NOT_HERE: f"not in this data: {result.reason}"}[result.status]
    return f"{result.name:<28} {result.seconds:6.1f} s  {what}"


def _record(facts: Facts, results: Sequence[Result], chosen: Sequence[Chosen], *, seconds: float) -> dict[str, Any]:
    """Return what run.json holds: how the report was made, and nothing personal."""
    from crmkit.report import index

    libraries = ("crmkit", "pandas", "numpy", "ibis-framework", "duckdb", "matplotlib", "papermill", "nbconvert")
    return {
        "schema_version": index.SCHEMA_VERSION,
        "company": facts.company,
        "period": facts.period,
        "as_of": facts.as_of,
        "first": facts.first,
        "data": {"files": facts.files, "rows": facts.rows},
        "parameters": {one.name: {name: value for name, value, _ in one.settings} for one in chosen},
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in libraries}},
        "notebooks": [
            asdict(result) | {"reason": _impersonal(result.reason), "seconds": round(result.seconds, 2)}
            for result in results
        ],
        "seconds": round(seconds, 2),
    }


def _impersonal(reason: str) -> str:
    """Cut an exception's own words, which may quote the data; the front page has them."""
    match = re.match(r"cell \d+: \w+(?=: )", reason)
    return match[0] if match else reason


def _version(distribution: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
