"""Tables written as HTML, or as the XML of old spreadsheets, which many products send as .xls, as rows of text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import TextIO

_CHUNK = 1 << 16
_CHARSET = re.compile(rb"""(?:charset|<\?xml[^>]*\sencoding)\s*=\s*["']?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_BLOCKS = ("br", "p", "div", "li")
_SPREADSHEET = b"urn:schemas-microsoft-com:office:spreadsheet"
_SAME = {"row": "tr", "cell": "td"}  # XML spreadsheets have the same shape by other names


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


def is_spreadsheet(start: bytes) -> bool:
    """Tell by its beginning whether a text is a spreadsheet of 2003, written as XML."""
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml") and _SPREADSHEET in start


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

    def __init__(self, decimal: str) -> None:
        super().__init__(convert_charrefs=True)
        self.decimal, self.number, self.aside, self.span = decimal, False, False, 1
        self.found: list[tuple[int, int, list[str]]] = []
        self.table = self.depth = 0
        self.line, self.row, self.cell = 0, None, None

    def handle_starttag(self, tag: str, attrs: list) -> None:
        tag, given = self._plain(tag), dict(attrs)
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
            self.row += [""] * (min(_whole(given.get("ss:index")), 20_000) - 1 - len(self.row))
            span = _whole(given.get("colspan")) or _whole(given.get("ss:mergeacross")) + 1
            self.cell, self.span, self.number = [], min(span, 1000), False
        elif tag == "data" and not self.aside:
            self.number = given.get("ss:type") == "Number"
        elif tag == "comment":
            self.aside = True
        elif tag in _BLOCKS and self.cell:
            self.cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        tag = self._plain(tag)
        self.aside = self.aside and tag != "comment"
        if tag == "table":
            if self.depth == 1:
                self._end_row()
            self.depth = max(0, self.depth - 1)
        elif self.depth <= 1 and tag == "tr":
            self._end_row()
        elif self.depth <= 1 and tag in ("td", "th"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self.cell is not None and not self.aside:
            self.cell.append(re.sub(r"[ \t\r\n]+", " ", data))

    def _end_cell(self) -> None:
        if self.cell is not None:
            text = re.sub(r" *\n[ \n]*", "\n", "".join(self.cell)).strip()
            text = text.replace(".", self.decimal) if self.number else text
            self.row += [text, *[""] * (self.span - 1)]
            self.cell = None

    def _end_row(self) -> None:
        self._end_cell()
        if self.row is not None:
            self.found.append((max(self.table, 1), self.line, self.row))
            self.row = None

    @staticmethod
    def _plain(tag: str) -> str:
        tag = tag.removeprefix("ss:")
        return _SAME.get(tag, tag)


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdigit() and len(text) < 9 else 0


def rows(text: TextIO, decimal: str = ".") -> Iterator[tuple[int, int, list[str]]]:
    """Return the rows of all tables of a document: the number of the table, the line, and the cells.

    Numbers of a spreadsheet have the mark `decimal`, as those have that stand as text among them.

    Examples
    --------
    >>> import io
    >>> list(rows(io.StringIO("<table><tr><th>id<th>name<tr><td>1<td>A &amp; B</table>")))
    [(1, 1, ['id', 'name']), (1, 1, ['1', 'A & B'])]
    """
    parser = _Tables(decimal)
    while chunk := text.read(_CHUNK):
        parser.feed(chunk)
        yield from parser.found
        parser.found = []
    parser.close()
    parser._end_row()
    yield from parser.found
