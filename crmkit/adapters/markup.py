"""Tables written as HTML, which many products send as a file named .xls, as rows of text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import TextIO

_CHUNK = 1 << 16
_CHARSET = re.compile(rb"""charset\s*=\s*["']?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_BLOCKS = ("br", "p", "div", "li")


def is_html(start: bytes) -> bool:
    r"""Tell by its beginning whether a text is HTML that holds a table.

    Examples
    --------
    >>> is_html(b"<html><body><table><tr><td>a")
    True
    >>> is_html(b"name,note\n1,<table>")
    False
    """
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return text.startswith((b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<style")) and b"<t" in text


def charset(start: bytes) -> str:
    """Return the encoding that a document declares, or "" where it doesn't.

    Examples
    --------
    >>> charset(b'<meta http-equiv=Content-Type content="text/html; charset=windows-1252">')
    'windows-1252'
    """
    found = _CHARSET.search(start[:4096])
    return found[1].decode() if found else ""


class _Tables(HTMLParser):
    """Collects the rows of all tables: (number of the table, line, cells)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, int, list[str]]] = []
        self.table = self.depth = 0
        self.line, self.row, self.cell = 0, None, None

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag == "table":
            self.depth += 1
            if self.depth == 1:
                self.table += 1
        if self.depth > 1:
            return
        if tag == "tr":
            self._end_row()
            self.row, self.line = [], self.getpos()[0]
        elif tag in ("td", "th"):
            self._end_cell()
            self.row, self.line = ([], self.getpos()[0]) if self.row is None else (self.row, self.line)
            span = dict(attrs).get("colspan") or ""
            self.cell, self.span = [], min(int(span), 1000) if span.isdigit() else 1
        elif tag in _BLOCKS and self.cell:
            self.cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            if self.depth == 1:
                self._end_row()
            self.depth = max(0, self.depth - 1)
        elif self.depth <= 1 and tag == "tr":
            self._end_row()
        elif self.depth <= 1 and tag in ("td", "th"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(re.sub(r"[ \t\r\n]+", " ", data))

    def _end_cell(self) -> None:
        if self.cell is not None:
            text = re.sub(r" *\n[ \n]*", "\n", "".join(self.cell)).strip()
            self.row += [text, *[""] * (self.span - 1)]
            self.cell = None

    def _end_row(self) -> None:
        self._end_cell()
        if self.row is not None:
            self.found.append((max(self.table, 1), self.line, self.row))
            self.row = None


def rows(text: TextIO) -> Iterator[tuple[int, int, list[str]]]:
    """Return the rows of all tables of a document: the number of the table, the line, and the cells.

    Examples
    --------
    >>> import io
    >>> list(rows(io.StringIO("<table><tr><th>id<th>name<tr><td>1<td>A &amp; B</table>")))
    [(1, 1, ['id', 'name']), (1, 1, ['1', 'A & B'])]
    """
    parser = _Tables()
    while chunk := text.read(_CHUNK):
        parser.feed(chunk)
        yield from parser.found
        parser.found = []
    parser.close()
    parser._end_row()
    yield from parser.found
