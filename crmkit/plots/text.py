"""Text that has to fit: cut, broken into lines, measured; wide letters count twice."""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import east_asian_width


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
