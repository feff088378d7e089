"""What each command does with its options, and how it prints."""

from __future__ import annotations

import json
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from crmkit.adapters.account import Account


def _open(options: Namespace):
    import crmkit
    from crmkit import paths

    return crmkit.open(options.data if options.data is not None else paths.sample_data())


def report(options: Namespace) -> int:
    """Run the notebooks and write the report; print where it is."""
    from crmkit.report.render import render

    run = render(
        data=options.data,
        period=options.period,
        out=options.out,
        only=options.only,
        settings=_pairs(options.set) | ({"show_names": "true"} if options.show_names else {}),
        jobs=options.jobs,
        lang=options.lang,
    )
    print((run.folder / "index.html").resolve())
    return run.exit_status


def measure(options: Namespace) -> None:
    """Measure metrics and print them."""
    crm = _open(options)
    found = crm.measure(
        options.metric, period=options.period, every=options.every, by=options.by, **_values(_pairs(options.set))
    )
    if options.format == "table":
        found = _readable(found, crm)
    _print(found, options.format)


def _readable(found: pd.DataFrame, crm) -> pd.DataFrame:
    """Return a measured frame as people read it: periods by name, numbers with their unit."""
    from crmkit.metric import find
    from crmkit.numbers import say

    shown = found.drop(columns=["numerator", "denominator"]).astype(object)
    units = [find(name).unit for name in found["metric"]]
    for column in ("value", "low", "high"):
        shown[column] = [
            say(value, unit, currency=crm.config.currency) for value, unit in zip(found[column], units, strict=True)
        ]
    shown["n"] = [say(value, "count") for value in found["n"]]
    shown["period"] = [moment.strftime("%Y-%m-%d") for moment in found["period"]]
    return shown


def explain(options: Namespace) -> None:
    """Print each group's part in the change of a metric."""
    crm = _open(options)
    how = _values(_pairs(options.set))
    parts = crm.explain(options.metric, period=options.period, against=options.against, by=options.by, **how)
    if options.format != "table":
        _print(parts, options.format)
        return
    from crmkit.metric import find
    from crmkit.numbers import say, say_change

    unit, currency = find(options.metric).unit, crm.config.currency
    shown = parts.astype(object)
    for name in ("value", "previous"):
        shown[name] = [say(value, unit, currency=currency) for value in parts[name]]
    for name in ("weight", "previous_weight"):
        shown[name] = [say(value, "share") for value in parts[name]]
    for name in ("mix", "rate", "effect"):
        shown[name] = [say_change(value, 0.0, unit, currency=currency) for value in parts[name]]
    _print(shown, "table")
    whole = say_change(parts["effect"].sum(), 0.0, unit, currency=currency)
    print(f"\nThe effects add up to the change of {options.metric}: {whole}.")


def sql(options: Namespace) -> None:
    """Print the SQL that measures metrics."""
    crm = _open(options)
    how = {"period": options.period, "every": options.every, "by": options.by}
    print(crm.sql(options.metric, dialect=options.dialect, **how, **_values(_pairs(options.set))) + ";")


def metrics(options: Namespace) -> None:
    """Print the catalogue, with what the data can answer where data is named."""
    from crmkit.engine.catalogue import catalogue

    found = catalogue(_open(options) if options.data is not None else None)
    if options.format == "table":
        columns = ["metric", "unit", "formula"]
        if options.data is not None:
            found["here"] = [
                "yes" if able else f"no: {why}" for able, why in zip(found["available"], found["missing"], strict=True)
            ]
            columns = ["metric", "unit", "here", "formula"]
        found = found[columns]
    _print(found, options.format)


_IN_FULL = 5  # so many entries of the glossary are told in full; of more, a table lists the names


def glossary(options: Namespace) -> None:
    """Say what a word means, list all words, or write the glossary as a page."""
    from crmkit.glossary import entries
    from crmkit.glossary import finding as words

    known = entries(options.lang)
    if options.html:
        from crmkit.pages.glossary import write

        print(write(options.html, lang=options.lang).resolve())
        return
    asked = " ".join(options.word)
    found = words.find(asked) if options.word else [words.Found(anchor, "", "") for anchor in known]
    said = [words.account(one, lang=options.lang) for one in found]
    if options.format == "json":
        print(json.dumps(said, ensure_ascii=False, indent=1))
    elif len(said) > _IN_FULL:
        import pandas as pd

        _print(pd.DataFrame([{name: one[name] for name in ("key", "word", "formula")} for one in said]), "table")
    else:
        print("\n\n".join(words.text_of(one, lang=options.lang) for one in said))
        if more := dict.fromkeys(one.name for one in words.beside(asked, found)):
            print(f"\nSee also {', '.join(list(more)[:6])}.")


def check(options: Namespace) -> int:
    """Print what is wrong with the data; 1 if anything is an error."""
    from crmkit import paths
    from crmkit.quality import check

    found = check(options.data if options.data is not None else paths.sample_data())
    if options.format == "table":
        for row in found.itertuples():
            print(_sentence(row))
        counted = found["severity"].value_counts()
        told = ", ".join(
            f"{counted.get(kind, 0)} {kind}{'' if counted.get(kind, 0) == 1 else 's'}"
            for kind in ("error", "warning", "note")
        )
        print(f"{told}.")
    else:
        _print(found, options.format)
    return int((found["severity"] == "error").any())


def _sentence(row) -> str:
    where = ".".join(part for part in (row.table, row.column) if part)
    rows = f" in {row.rows:,} row{'' if row.rows == 1 else 's'} ({row.share:.1%})" if row.rows else ""
    rows = rows if row.unit == "rows" else ""  # else the finding says it
    examples = f", such as {', '.join(row.examples)}" if row.examples else ""
    shown = ", ".join(row.metrics[:4]) + (f" and {len(row.metrics) - 4} more" if len(row.metrics) > 4 else "")
    touches = f" It touches {shown}." if row.metrics and row.severity != "note" else ""
    end = "" if row.finding.endswith(".") else "."
    concentrates = f" {row.where}." if row.where else ""
    effect = f" {row.effect}" if row.effect and row.severity != "note" else ""
    said = f"{row.severity}: {where} {row.finding}{rows}{examples}{end}{concentrates}{effect}{touches} {row.advice}"
    return said.replace(":  ", ": ").strip()


def duplicates(options: Namespace) -> None:
    """Print the records that are one, and write the map by which they are merged where a file is named."""
    from crmkit.methods.duplicates import TABLES, THRESHOLD, duplicates
    from crmkit.methods.merge_map import add, listed, summary

    crm = _open(options)
    asked = options.table or [name for name in TABLES if name in crm.tables] or ["customers"]
    threshold = options.threshold if options.threshold is not None else THRESHOLD
    found = [duplicates(crm, table=name, threshold=threshold) for name in asked]
    if options.format == "table":
        for one in found:
            if len(one.clusters):
                _print(listed(one, crm, names=options.show_names), "table")
            print(summary(one))
    else:
        import pandas as pd

        frames = [listed(one, crm, names=options.show_names) for one in found]
        _print(pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(), options.format)
    if options.to:
        written = add(options.to, found)
        print(f"{written:,} rows were written to {Path(options.to).resolve()}.", file=sys.stderr)


def import_(options: Namespace) -> None:
    """Turn an export into tables and print an account of it; or print an adapter, or what an export could be."""
    from crmkit import adapters
    from crmkit.adapters.answers import answers

    if options.show_adapter:
        print(adapters.text_of(options.system), end="")
        return
    if options.system == "list" and not options.source and not options.adapter:
        titles = adapters.titles()
        _print_import(options, titles, "\n".join(f"{name:<20} {title}" for name, title in titles.items()))
        return
    system = options.system
    if system == "auto" and not options.adapter:
        found = adapters.recognise(options.source)
        if not options.to and not options.dry_run:
            _print_import(options, found.as_dict(), found.text())
            return
        system = found.system
        print(found.text(), file=sys.stderr)
    if not options.to and not options.dry_run:
        raise UsageError("Say where to write by --to DIR, or --dry-run to see what would be done.")
    account = adapters.run(
        system,
        options.source,
        None if options.dry_run else options.to,
        adapter=options.adapter,
        encoding=options.encoding,
        delimiter=options.delimiter.replace("\\t", "\t"),
        dates=options.dates,
        decimal=options.decimal,
        thousands=options.thousands,
        timezone=options.timezone,
        currency=options.currency,
        name=options.name,
        as_of=options.as_of,
        columns=options.column,
        keep=options.keep,
        skip_bad_rows=options.skip_bad_rows,
        file_format=options.file_format,
    )
    answered = answers(account)
    _print_import(options, account.as_dict() | {"answers": answered}, account.text() + _what_now(account, answered))


def _what_now(account: Account, answered: dict[str, tuple[int, int]]) -> str:
    """Say what the tables can answer, and what to type next."""
    can = [f"{family} {yes} of {total}" for family, (yes, total) in answered.items() if yes]
    cannot = [family for family, (yes, _) in answered.items() if not yes]
    lines = ["", f"Metrics that this data can answer: {', '.join(can) or 'none'}."]
    if cannot:
        lines.append(f"None of {', '.join(cannot)}; `crmkit metrics --data DIR` says what each lacks.")
    if account.to:
        to = shlex.quote(account.to)
        lines += [
            "Next:",
            f"  crmkit check --data {to}",
            f"  crmkit metrics --data {to}",
            f"  crmkit report --data {to}",
        ]
    return "\n".join(lines) + "\n"


def _print_import(options: Namespace, data: Any, text: str) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=1, default=str) if options.format == "json" else text)


def sample(options: Namespace) -> None:
    """Write the sample company and print where it is."""
    from crmkit import sample

    sample.write(
        options.to, customers=options.customers, seed=options.seed, file_format=options.file_format, dirty=options.dirty
    )
    print(Path(options.to).resolve())


def anonymize(options: Namespace) -> None:
    """Write a copy that names no one, and say what is in it."""
    from crmkit import paths
    from crmkit.personal import anonymize as copy

    source = options.data if options.data is not None else paths.sample_data()
    done = copy(source, options.to, keep=options.keep, file_format=options.file_format)
    print(json.dumps(done.as_dict(), ensure_ascii=False, indent=1) if options.format == "json" else done.text())


def who(options: Namespace) -> None:
    """Print who is behind codes."""
    from crmkit.personal import find_codes

    _print(find_codes(_open(options), options.code), options.format)


def training(options: Namespace) -> int | None:
    """List the lessons, put a student's copy of one in place and open it, or write all for a class."""
    from crmkit.training import lessons

    if options.action == "list":
        for path in lessons.lessons():
            print(f"{path.stem}  {lessons.title(path)}")
        return None
    if options.action == "build":
        if not options.to:
            raise UsageError("crmkit training build needs the folder to write: --to DIR.")
        made = lessons.build(options.to, lang=options.lang)
        print(f"{made.folder / 'student'}: {len(made.students)} lessons\n{made.folder / 'solutions'}: with outputs")
        return None
    path = lessons.take(options.lesson or lessons.lessons()[0].stem, options.to or "lessons", lang=options.lang)
    print(path.resolve())
    if options.no_browser:
        return None
    import subprocess

    return subprocess.run([sys.executable, "-m", "jupyterlab", str(path)], check=False).returncode


def roi(options: Namespace) -> None:
    """Print what a CRM would cost and bring, with where 9 of 10 simulated cases lie."""
    from crmkit.crm_inputs import INPUTS
    from crmkit.methods.crm_risk import outlook

    given = {name: getattr(options, name) for name in INPUTS if getattr(options, name) is not None}
    ends = {name: _span(name, text) for name, text in _pairs(options.range, "--range", "hours_saved=2..10").items()}
    found = outlook(ends, draws=options.draws, seed=options.seed, **given)
    if options.format == "json":
        _print(found, "json")
        return
    from crmkit.numbers import say

    shown = found[["title", "value", "low", "high"]].astype(object)
    for column in ("value", "low", "high"):
        shown[column] = [say(value, unit) for value, unit in zip(found[column], found["unit"], strict=True)]
    _print(shown.rename(columns={"title": "result"}), "table")
    print(f"\nlow and high: 9 of 10 of {options.draws:,} simulated cases lie between them.")


def _span(name: str, text: str) -> tuple[float, float]:
    low, dots, high = text.partition("..")
    try:
        if dots:
            return float(low), float(high)
    except ValueError:
        pass
    raise UsageError(f"--range {name}={text} is not NAME=LOW..HIGH; write for example --range hours_saved=2..10.")


def _pairs(given: Sequence[str], option: str = "--set", example: str = "window_days=30") -> dict[str, str]:
    pairs = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or not name.isidentifier():
            raise UsageError(f"{option} {pair!r} is not NAME=VALUE; write for example {option} {example}.")
        pairs[name] = value
    return pairs


def _values(pairs: dict[str, str]) -> dict[str, Any]:
    """Read options of metrics as Python values: whole numbers, numbers, true and false, else text."""
    found: dict[str, Any] = {}
    for name, text in pairs.items():
        found[name] = {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
        if found[name] is text:
            for kind in (int, float):
                try:
                    found[name] = kind(text)
                    break
                except ValueError:
                    continue
    return found


def _print(frame: pd.DataFrame, form: str) -> None:
    if form == "json":
        print(json.dumps([_plain(row) for row in frame.to_dict("records")], ensure_ascii=False, indent=1))
    elif form == "csv":
        frame = frame.copy()
        for name in frame.columns:
            if len(frame) and isinstance(frame[name].iloc[0], list | dict):
                frame[name] = [json.dumps(value, ensure_ascii=False) for value in frame[name]]
        sys.stdout.write(frame.to_csv(index=False))
    else:
        print(_as_table(frame))


def _as_table(frame: pd.DataFrame) -> str:
    from crmkit.tables import table

    return repr(table(frame, caption=""))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as JSON can hold it: dates as text, unknown as null, whole numbers without a fraction."""
    import numpy as np
    import pandas as pd

    def plain(value: Any) -> Any:
        if isinstance(value, list | dict):
            return value
        if value is None or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
            return None
        if isinstance(value, pd.Timestamp):
            return value.date().isoformat() if value == value.normalize() else value.isoformat()
        if isinstance(value, np.generic):
            return value.item()
        return value

    return {name: plain(value) for name, value in row.items()}
