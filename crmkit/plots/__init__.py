"""Figures: a tidy frame in, a Matplotlib `Axes` out, in one house style.

Each figure states its finding in the title, carries its unit, `n` and the day of the data, and leaves on the axes what
those need who don't see it: `ax.crm_alt`, a sentence made from the numbers, and `ax.crm_twin`, the table of them.
`notebook.show` shows all three.
"""

from crmkit.plots.changes import bridge, levers
from crmkit.plots.groups import bars, effects
from crmkit.plots.over_time import trend
from crmkit.plots.parts import composition
from crmkit.plots.style import PALETTE, FontWarning, house, png, svg
from crmkit.plots.words import About, finding

__all__ = [
    "PALETTE",
    "About",
    "FontWarning",
    "bars",
    "bridge",
    "composition",
    "effects",
    "finding",
    "house",
    "levers",
    "png",
    "svg",
    "trend",
]
