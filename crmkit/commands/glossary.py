"""The command that says what a word means."""

from __future__ import annotations

import json
from argparse import Namespace

from crmkit.commands.options import Commands, add_format, command
from crmkit.commands.printing import print_frame

_IN_FULL = 5  # so many entries of the glossary are told in full; of more, a table lists the names


def add_glossary(commands: Commands) -> None:
    """Declare `crmkit glossary`."""
    parser = command(
        commands,
        "glossary",
        glossary,
        "say what a word means, by any name in any language or at any vendor; without a word, list all",
        'glossary "close rate" --lang pl',
    )
    parser.add_argument("word", nargs="*", metavar="WORD", help="a name; several words are one name")
    parser.add_argument("--lang", default="en", help="the language of meanings and formulas (default: en)")
    parser.add_argument("--html", metavar="FILE", help="write the whole glossary as a page that stands by itself")
    add_format(parser, "table", "json")


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

        print_frame(pd.DataFrame([{name: one[name] for name in ("key", "word", "formula")} for one in said]), "table")
    else:
        print("\n\n".join(words.text_of(one, lang=options.lang) for one in said))
        if more := dict.fromkeys(one.name for one in words.beside(asked, found)):
            print(f"\nSee also {', '.join(list(more)[:6])}.")
