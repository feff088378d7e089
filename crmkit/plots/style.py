"""The house style of figures: type, colours, panel, title block, fonts, and the bytes that a figure becomes.

A figure is a light panel with a thin grid on the value axis. Its title says what was found, left-aligned; the line
below says what is shown, in which unit, from how many observations, and up to which day; colours are those of Okabe and
Ito, darkened so that they also read as text on white. Whatever comes from data is drawn as it is: no `$` is maths.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from unicodedata import east_asian_width

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from crmkit.numbers import tick

DPI = 110
WIDTH = 7.4  # inches: 814 pixels, the width of a report's column
INK, SOFT, FAINT, GRID, PANEL = "#1a1a1a", "#595959", "#8c8c8c", "#dedede", "#ffffff"
#: Okabe and Ito's palette, each colour darkened to a contrast of at least 4.5 on white, in the order of use.
PALETTE = ("#0067A5", "#B84A00", "#00785A", "#9C4A82", "#8A6400", "#2F7FB0")
GAIN, LOSS, TOTAL, OTHER = "#0067A5", "#B84A00", "#4a4a4a", "#b3b3b3"

#: A rim that keeps text readable where a line passes behind it.
HALO = (withStroke(linewidth=3, foreground=PANEL),)

_LATIN = ("Arial", "Liberation Sans", "DejaVu Sans")  # the first two share their metrics, the last always comes along
_CJK = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK TC", "Noto Sans CJK KR", "Noto Sans JP", "Source Han Sans",
    "Hiragino Sans", "PingFang SC", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic",
)  # fmt: skip
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


class FontWarning(UserWarning):
    """Some characters of the data can't be drawn with the fonts that are installed."""


@contextmanager
def house() -> Iterator[None]:
    """Draw in the house style inside the `with` block, and leave the reader's own settings as they were after it."""
    with mpl.rc_context(_RC | {"font.family": list(families())}):
        yield


@cache
def families() -> tuple[str, ...]:
    """Return the fonts to draw with: one for Latin, Greek and Cyrillic, and one for Chinese, Japanese, Korean if any.

    An installed font is taken first; else the font that the `cjk` extra brings, added without importing the package,
    whose import would replace the Latin font.
    """
    installed = {font.name for font in font_manager.fontManager.ttflist}
    found = [name for name in _LATIN if name in installed]
    cjk = next((name for name in _CJK if name in installed), None)
    spec = None if cjk else find_spec("notojp_matplotlib")
    if spec and spec.origin:
        for path in sorted(Path(spec.origin).parent.rglob("*.[ot]t[fc]")):
            font_manager.fontManager.addfont(path)
            cjk = font_manager.fontManager.ttflist[-1].name
    if not cjk:
        return tuple(found)
    faces = [font for font in font_manager.fontManager.ttflist if font.name == cjk]
    if all(font.weight != 700 for font in faces):  # or every bold title would log that there is no bold
        font_manager.fontManager.ttflist.append(dataclasses.replace(faces[0], weight=700))
    return (*found, cjk)


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
    """Turn the panel into one that says that there is nothing to show, and why."""
    ax.set_axis_off()
    text = "no data" + (f"\n{why}" if why else "")
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=SOFT, size=11)


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


def short(text: object, width: int = 30) -> str:
    """Cut text to a width (wide characters count twice) and on one line, with an ellipsis where something is missing.

    >>> short("a name that is far too long for a chart", 16), short("東京都港区六本木", 9)
    ('a name that is …', '東京都港…')
    """
    line = " ".join(str(text).replace("\x00", "\ufffd").split()) or "(none)"
    if text_width(line) <= width:
        return line
    cut, used = "", 1
    for letter in line:
        used += text_width(letter)
        if used > width:
            break
        cut += letter
    return cut + "…"


def wrap(text: str, width: int, *, lines: int) -> list[str]:
    """Break text into at most so many lines of at most this width; wide scripts break anywhere, the rest at spaces.

    >>> wrap("Win rate rose from 58% to 63%", 16, lines=2)
    ['Win rate rose', 'from 58% to 63%']
    """
    out, line = [], ""
    words = [piece for word in str(text).replace("\x00", "\ufffd").split() for piece in _pieces(word, width)]
    for i, (word, space) in enumerate(words):
        joined = line + (" " if space and line else "") + word
        if text_width(joined) > width and line:
            out.append(line)
            line = word
            if len(out) == lines:
                rest = " ".join(w for w, _ in words[i:])
                out[-1] = short(f"{out[-1]} {rest}", width)
                return out
        else:
            line = joined
    return [*out, line] if line else out


def text_width(text: str) -> int:
    """Return the width of text in letters; wide characters count twice."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def check_glyphs(ax: Axes) -> None:
    """Say once, in one sentence, that a script can't be drawn, instead of a warning a glyph."""
    texts = {t.get_text() for t in ax.figure.findobj(Text)}
    letters = {c for text in texts for c in text if ord(c) > 0x24F and not c.isspace()}
    missing = sorted(c for c in letters if not _drawable(c))
    if missing:
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font", category=UserWarning)
        _warn_font("".join(missing[:8]))


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


def _pieces(word: str, width: int) -> Iterator[tuple[str, bool]]:
    """Split a word where it may break: before each wide letter, and anywhere when it is longer than a line."""
    if text_width(word) == len(word) <= width:
        yield word, True
        return
    piece, space = "", True
    for letter in word:
        if piece and (text_width(letter) == 2 or text_width(piece[-1]) == 2 or len(piece) >= width):
            yield piece, space
            piece, space = "", False
        piece += letter
    yield piece, space


@cache
def _drawable(letter: str) -> bool:
    for family in families():
        font = font_manager.get_font(font_manager.findfont(family, fallback_to_default=True))
        if font.get_char_index(ord(letter)):
            return True
    return False


@cache
def _warn_font(sample: str) -> None:
    if _warn_font.cache_info().currsize:
        return
    warnings.warn(
        f"no installed font can draw {sample}, which the data holds: for Chinese, Japanese and Korean "
        'pip install "crmkit[cjk]" (or install Noto Sans CJK), then start the notebook again',
        FontWarning,
        stacklevel=4,
    )
