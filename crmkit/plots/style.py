"""The house style of figures: type, colours, panel, title block, fonts, and the bytes that a figure becomes.

A figure is a light panel with a thin grid on the value axis. Its title says what was found, left-aligned; the line
below says what is shown, in which unit, from how many observations, and up to which day; colours are those of Okabe and
Ito, darkened so that they also read as text on white. Whatever comes from data is drawn as it is: no `$` is maths.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator

from crmkit.numbers import tick
from crmkit.plots.fonts import check_glyphs, families
from crmkit.plots.text import wrap

DPI = 110
WIDTH = 7.4  # inches: 814 pixels, the width of a report's column
INK, SOFT, FAINT, GRID, PANEL = "#1a1a1a", "#595959", "#8c8c8c", "#dedede", "#ffffff"
#: Okabe and Ito's palette, each colour darkened to a contrast of at least 4.5 on white, in the order of use.
PALETTE = ("#0067A5", "#B84A00", "#00785A", "#9C4A82", "#8A6400", "#2F7FB0")
GAIN, LOSS, TOTAL, OTHER = "#0067A5", "#B84A00", "#4a4a4a", "#b3b3b3"

#: A rim that keeps text readable where a line passes behind it.
HALO = (withStroke(linewidth=3, foreground=PANEL),)

_RC = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.facecolor": PANEL,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.unicode_minus": True,
    "figure.dpi": DPI,
    "figure.facecolor": PANEL,
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "savefig.facecolor": PANEL,
    "svg.hashsalt": "crmkit",
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": SOFT,
    "xtick.labelsize": 9,
    "ytick.color": SOFT,
    "ytick.labelsize": 9,
}


@contextmanager
def house() -> Iterator[None]:
    """Draw in the house style inside the `with` block, and leave the reader's own settings as they were after it."""
    with mpl.rc_context(_RC | {"font.family": list(families())}):
        yield


def new_panel(ax: Axes | None, *, height: float = 4.0) -> Axes:
    """Return `ax`, or the axes of a new figure of the house width and this height in inches."""
    if ax is None:
        _, ax = plt.subplots(figsize=(WIDTH, height), layout="constrained", dpi=DPI)
        ax._crm_own = True
    return ax


def title_block(ax: Axes, title: str, subtitle: str, source: str = "") -> None:
    """Write title and subtitle above the panel and the source under it, left-aligned with the figure.

    In axes that the caller brought, the title goes above the axes and the rest is left to the caller.
    """
    if not getattr(ax, "_crm_own", False):
        ax.set_title("\n".join(wrap(title, 60, lines=2)), loc="left")
        return
    figure = ax.figure
    height, y = figure.get_figheight(), 0.1
    for text, size, weight, color, width in (
        (title, 12.5, "bold", INK, 78),
        (subtitle, 9, "normal", SOFT, 118),
    ):
        for line in wrap(text, width, lines=2):
            figure.text(0.012, 1 - y / height, line, size=size, weight=weight, color=color, va="top")
            y += size * 1.34 / 72
        y += 0.02
    foot = 0.0
    for line in reversed(wrap(source, 128, lines=2)):
        figure.text(0.012, (0.07 + foot) / height, line, size=8, color=FAINT, va="bottom")
        foot += 0.155
    bottom = (foot + 0.09) / height if foot else 0.0
    figure.get_layout_engine().set(rect=(0.004, bottom, 0.99, 1 - (y + 0.08) / height - bottom))


def no_data(ax: Axes, why: str = "") -> None:
    """Turn the panel into one that says that there is nothing to show, and why; `nothing_in` tells others."""
    ax.set_axis_off()
    ax._crm_empty = why or "nothing to draw here"
    text = "no data" + (f"\n{why}" if why else "")
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=SOFT, size=11)


def nothing_in(ax: Axes) -> str:
    """Return why the panel is one of `no_data`, and "" where it shows something; an empty figure is closed."""
    why = getattr(ax, "_crm_empty", "")
    if why:
        plt.close(ax.figure)
    return f"no data {why}" if why.startswith(("in ", "on ")) else why


def value_axis(
    ax: Axes, axis: Axis, unit: str, *, currency: str = "", lang: str = "en", difference: bool = False
) -> None:
    """Give the value axis its unit, few round ticks, a thin grid and no spine; a difference of shares is in points."""
    bins = 5 if axis is ax.yaxis else 6
    axis.set_major_locator(MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10], integer=unit in ("count", "people")))

    def write(value: float, _position: int | None = None) -> str:
        places = axis.get_majorticklocs()
        step = min((b - a for a, b in itertools.pairwise(places)), default=0.0)
        if difference and unit == "share":
            return tick(value * 100, step=step * 100, lang=lang)
        return tick(value, unit, step=step, currency=currency, lang=lang)

    axis.set_major_formatter(FuncFormatter(write))
    name = {"points": "NPS points", "score": "score", "per_unit": "per unit"}.get(unit, unit)
    if difference and unit == "share":
        axis.set_label_text("percentage points")
    elif unit in ("days", "hours", "minutes", "seconds", "points", "score", "ratio", "per_unit"):
        axis.set_label_text(name)
    ax.grid(True, axis=axis.axis_name)
    ax.tick_params(axis=axis.axis_name, length=0, labelsize=9, labelcolor=SOFT)


def name_axis(ax: Axes, labels: Sequence[str], *, horizontal: bool = False) -> None:
    """Put names at 0, 1, 2 … of the axis of names; on the y axis the first stands at the top."""
    axis = ax.xaxis if horizontal else ax.yaxis
    axis.set_ticks(range(len(labels)), labels=list(labels))
    ax.tick_params(axis=axis.axis_name, length=0, labelsize=9, labelcolor=INK)
    if not horizontal:
        ax.set_ylim(len(labels) - 0.4, -0.6)


def png(ax: Axes) -> bytes:
    """Render the whole figure of `ax` as PNG: the same data gives the same bytes."""
    sink = io.BytesIO()
    with house():
        _settle(ax)
        ax.figure.savefig(sink, format="png", dpi=DPI, metadata={"Software": None})
    return sink.getvalue()


def svg(ax: Axes) -> bytes:
    """Render the whole figure of `ax` as SVG without date or random names: the same data gives the same bytes."""
    sink = io.BytesIO()
    with house():
        _settle(ax)
        ax.figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": None})
    return sink.getvalue()


def close(ax: Axes) -> None:
    """Give the figure of `ax` back, so that a notebook doesn't show it a second time and its memory is free."""
    plt.close(ax.figure)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move label positions apart until neighbours are at least `gap` apart, keeping their order and their middle.

    >>> [round(y, 2) for y in spread([1.0, 1.0, 3.0], 0.5)]
    [0.75, 1.25, 3.0]
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    blocks: list[tuple[list[int], float]] = []  # indices, middle
    for i in order:
        members, middle = [i], places[i]
        while blocks and blocks[-1][1] + gap * (len(blocks[-1][0]) + len(members)) / 2 > middle:
            before, centre = blocks.pop()
            total = len(before) + len(members)
            middle = (centre * len(before) + middle * len(members)) / total
            members = before + members
        blocks.append((members, middle))
    out = [0.0] * len(places)
    for members, middle in blocks:
        for at, i in enumerate(members):
            out[i] = middle + gap * (at - (len(members) - 1) / 2)
    return out


def attach(ax: Axes, *, alt: str, data: object, twin: Callable[[], object]) -> Axes:
    """Leave on the axes what showing them needs: the sentence for those who can't see, the data, the table maker."""
    ax.crm_alt, ax.crm_data, ax.crm_twin = " ".join(alt.split()), data, twin
    check_glyphs(ax)
    return ax


def _settle(ax: Axes) -> None:
    """Lay the figure out once and for all: each further layout would move things by fractions of a pixel."""
    engine = ax.figure.get_layout_engine()
    if getattr(ax, "_crm_own", False) and engine is not None:
        engine.execute(ax.figure)
        engine.execute(ax.figure)  # the labels outside the axes move with the axes: the second pass makes room for them
        ax.figure.set_layout_engine(None)  # not "none", which would have savefig draw twice
