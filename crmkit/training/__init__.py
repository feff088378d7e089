"""The course: lessons with exercises that answer a mistake with a hint.

The lessons are in `notebooks/training`; `crmkit training build` writes the students' copies and the solutions. In a
lesson

>>> from crmkit import training
>>> crm = training.company()
>>> training.check("2.1", None)
✗ 2.1: not answered yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.training.checking import Checked, check
    from crmkit.training.exercises import Exercise, Mistake, exercise
    from crmkit.training.exports import export
    from crmkit.training.terminal import command, workplace

__all__ = ["Checked", "Exercise", "Mistake", "check", "command", "company", "exercise", "export", "workplace"]

_WHERE = {"Checked": "checking", "check": "checking", "Exercise": "exercises", "Mistake": "exercises",
          "exercise": "exercises", "export": "exports", "command": "terminal", "workplace": "terminal"}  # fmt: skip


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


_COMPANY: list[Crm] = []


def company() -> Crm:
    """Return the sample company that the lessons are about; opened once in a session.

    Examples
    --------
    >>> company().config.name
    'Kawomir'
    """
    if not _COMPANY:
        import crmkit
        from crmkit import paths

        _COMPANY.append(crmkit.open(paths.sample_data()))
    return _COMPANY[0]
