"""The command of the course: lessons to take, and copies for a class."""

from __future__ import annotations

import sys
from argparse import Namespace

from crmkit.commands.options import Commands, command
from crmkit.errors import UsageError


def add_training(commands: Commands) -> None:
    """Declare `crmkit training`."""
    parser = command(
        commands,
        "training",
        training,
        "the course: take a lesson, or write all for a class",
        "training start 2",
    )
    parser.add_argument(
        "action", choices=("list", "start", "build"), help="list the lessons, start one, or build the copies of all"
    )
    parser.add_argument("lesson", nargs="?", default="", metavar="LESSON", help="its number or a part of its name")
    parser.add_argument("--to", metavar="DIR", help="the folder to write (start: lessons; build: must be given)")
    parser.add_argument("--lang", default="en", help="the language of the glossary beside the lessons (default: en)")
    parser.add_argument("--no-browser", action="store_true", help="write the copy and do not open JupyterLab")


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
