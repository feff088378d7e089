"""The fonts that figures are drawn with, and one sentence where none can draw a script."""

from __future__ import annotations

import dataclasses
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.text import Text

_LATIN = ("Arial", "Liberation Sans", "DejaVu Sans")  # the first two share their metrics, the last always comes along
_CJK = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK TC", "Noto Sans CJK KR", "Noto Sans JP", "Source Han Sans",
    "Hiragino Sans", "PingFang SC", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic",
)  # fmt: skip


class FontWarning(UserWarning):
    """Some characters of the data can't be drawn with the fonts that are installed."""


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


def check_glyphs(ax: Axes) -> None:
    """Say once, in one sentence, that a script can't be drawn, instead of a warning a glyph."""
    texts = {t.get_text() for t in ax.figure.findobj(Text)}
    letters = {c for text in texts for c in text if ord(c) > 0x24F and not c.isspace()}
    missing = sorted(c for c in letters if not _drawable(c))
    if missing:
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font", category=UserWarning)
        _warn_font("".join(missing[:8]))


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
