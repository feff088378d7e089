"""The beginning of a notebook: its data opened, or one line why it has nothing to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmkit.crm import Crm


def begin(data: str = "", *, any_of: Sequence[str] = (), show_names: bool = False) -> Crm:
    """Open the data of a notebook, as the readers of a report get it: without names that they may not see.

    Parameters
    ----------
    data : str
        What `crmkit.open` takes; "" is the sample company.
    any_of : list of str
        Metrics of which the data must be able to answer at least one.
    show_names : bool
        Show the names of all persons.

    Raises
    ------
    NotInThisData
        Where it can answer none of them. The message is what would do; a report leaves the page out.

    Examples
    --------
    >>> begin().config.name
    'Kawomir'
    """
    import crmkit
    from crmkit import paths
    from crmkit.pages.showing import show_no_group_below
    from crmkit.personal import for_readers

    crm = for_readers(crmkit.open(data or paths.sample_data()), show_names=show_names)
    show_no_group_below(crm.readers.smallest_group)
    reasons = [lacks(crm, name) for name in any_of]
    if reasons and all(reasons):
        raise NotInThisData(any_reason(reasons))
    return crm


def any_reason(reasons: Sequence[str], *, most: int = 3) -> str:
    """Say what would do where several metrics lack something: any one of the first few different things.

    >>> any_reason(["needs the table surveys", "needs the table leads", "needs the table surveys"])
    'needs the table surveys, or the table leads'
    """
    told = list(dict.fromkeys(reason.removeprefix("needs ") for reason in reasons))
    more = ", or others" if len(told) > most else ""
    return f"needs {', or '.join(told[:most])}{more}"
