"""The text of a file: its encoding, said and never guessed, read strictly, and what is odd in it counted.

A file is UTF-8, or what its byte order mark or the user says. Where its bytes don't fit, the error offers encodings
with the line as it would read; where they fit and still read like text in a wrong encoding, a warning says so.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from crmkit.adapters import archives
from crmkit.errors import DataError, UsageError

_CHUNK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CANDIDATES = ("cp932", "gb18030", "big5", "cp949", "cp1250", "cp1252", "cp1251", "iso8859-2")
CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])  # all but tab, line feed and carriage return
# UTF-8 that was read as Windows-1252 or Latin-1 and written again (Ã¼, â€™, Â£), and C1 controls, which no text uses
_MOJIBAKE = re.compile(rb"\xc3[\x82\x83]\xc2[\x80-\xbf]|\xc3\xa2\xe2\x82\xac|\xc2[\x80-\x84\x86-\x9f]")
_LOST = b"\xef\xbf\xbd"  # U+FFFD: a character that an earlier program could not read


@dataclass
class Odd:
    """Something that is odd in a text: how often, and the first line of it, as it stands there."""

    count: int = 0
    line: int = 0
    text: str = ""


@dataclass
class Seen:
    """What was seen of a text while it was read: bytes, their digest, lines, and what is odd."""

    size_bytes: int = 0
    sha256: str = ""
    lines: int = 0
    controls: Odd = field(default_factory=Odd)
    mojibake: Odd = field(default_factory=Odd)
    lost: Odd = field(default_factory=Odd)


def reads_wrong(text: str) -> bool:
    """Tell whether a text reads as if it had been decoded by a wrong encoding.

    Examples
    --------
    >>> reads_wrong("MÃ¼ller"), reads_wrong("Müller"), reads_wrong("SÃO PAULO")
    (True, False, False)
    """
    return bool(_MOJIBAKE.search(text.encode("utf-8", "surrogatepass")))


def encoding_of(path: Path, start: bytes, named: str) -> str:
    """Return the codec of a file that begins with `start`: by its byte order mark, as named, or UTF-8.

    Raises
    ------
    UsageError
        Where the encoding named doesn't exist.
    DataError
        Where the bytes are UTF-16 without a mark.
    """
    by_bom = next((name for bom, name in _BOMS if start.startswith(bom)), "")
    if named:
        try:
            found = codecs.lookup(named)
        except (LookupError, ValueError):
            found = None
        if found is None or not found._is_text_encoding:
            raise UsageError(f"There is no encoding {named!r}; such as utf-8, cp932, gb18030, cp1250.")
        return by_bom or found.name
    if by_bom:
        return by_bom
    for offset, order in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(start) > 3 and start[offset::2].count(0) > 0.4 * len(start[offset::2]):
            raise DataError(
                f"{path.name} looks like {order.upper()} without a byte order mark. If it is, say so: "
                f'--encoding {order}, or encoding = "{order}" under [read] in the adapter.'
            )
    return "utf-8"


class CleanText(io.RawIOBase):
    """The text of a file as a stream of UTF-8 bytes, without byte order marks and control characters.

    `seen` says what was met; it is whole once the stream is at its end. Errors of reading are kept in `failure`, too,
    because a reader in between may hide them.
    """

    def __init__(self, path: Path, encoding: str, seen: Seen | None = None) -> None:
        super().__init__()
        self.path, self.encoding, self.seen = path, encoding, seen or Seen()
        self.failure: Exception | None = None
        self._file, self._packed = archives.open_bytes(path), archives.is_packed(path)
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._utf8 = encoding in ("utf-8", "utf-8-sig")
        self._digest = hashlib.sha256()
        self._ready, self._at, self._done, self._begun = b"", 0, False, False
        self._last = b""

    def readable(self) -> bool:
        """Return true."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, as many as asked for but at the end."""
        parts, wanted = [], size if size is not None and size >= 0 else 1 << 62
        while wanted:
            if self._at >= len(self._ready):
                if self._done:
                    break
                self._fill()
                continue
            part = self._ready[self._at : self._at + wanted] if self._at or wanted < len(self._ready) else self._ready
            self._at += len(part)
            wanted -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, buffer) -> int:
        """Fill a buffer with the next bytes."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _fill(self) -> None:
        try:
            self._ready, self._at = self._next(), 0
        except DataError as error:
            self.failure = error
            raise
        except archives.DAMAGED as error:
            self.failure = archives.damaged(self.path, error)
            raise self.failure from None

    def _next(self) -> bytes:
        chunk, seen = self._file.read(_CHUNK), self.seen
        self._done = not chunk
        self._digest.update(chunk)
        seen.size_bytes += len(chunk)
        if self._packed:
            archives.check_bomb(self.path, seen.size_bytes)
        try:
            text = self._decoder.decode(chunk, final=self._done)
        except UnicodeDecodeError as error:
            line = seen.lines + 1 + _line_ends(self._last, error.object[: error.start])
            raise _wrong_encoding(self.path, self.encoding, line) from None
        clean = self._without_marks(chunk, text)
        self._look(clean)
        if self._done:
            seen.sha256 = self._digest.hexdigest()
            seen.lines += self._last not in (b"", b"\n", b"\r")  # the last line may lack its end
        return clean.translate(None, CONTROLS) if seen.controls.count else clean

    def _without_marks(self, chunk: bytes, text: str) -> bytes:
        """Return a chunk as UTF-8, the byte order marks at the very beginning taken off."""
        if not self._utf8:
            text = text if self._begun else text.lstrip("\ufeff")
            chunk = text.encode("utf-8", "surrogatepass")
        while not self._begun and chunk.startswith(codecs.BOM_UTF8):
            chunk = chunk[3:]
        self._begun = self._begun or bool(chunk)
        return chunk

    def _look(self, clean: bytes) -> None:
        """Count the lines of a chunk, and what is odd in it."""
        seen = self.seen
        controls = len(clean) - len(clean.translate(None, CONTROLS))
        if controls:
            first = next(re.finditer(b"[" + re.escape(CONTROLS) + b"]", clean)).start()
            self._found(seen.controls, controls, clean, first)
        if not clean.isascii():
            lost = clean.count(_LOST)
            if lost:
                self._found(seen.lost, lost, clean, clean.index(_LOST))
            places = [found.start() for found in _MOJIBAKE.finditer(clean)]
            if places:
                self._found(seen.mojibake, len(places), clean, places[0])
        if clean:
            seen.lines += _line_ends(self._last, clean)
            self._last = clean[-1:]

    def _found(self, odd: Odd, count: int, clean: bytes, first: int) -> None:
        if not odd.count:
            odd.line = self.seen.lines + 1 + _line_ends(self._last, clean[:first])
            begin = max(clean.rfind(b"\n", 0, first), clean.rfind(b"\r", 0, first)) + 1
            line = re.split(rb"[\r\n]", clean[begin : begin + 400], maxsplit=1)[0].translate(None, CONTROLS)
            odd.text = line.decode("utf-8", "ignore")[:80]
        odd.count += count


def _line_ends(last: bytes, text: bytes) -> int:
    """Count the line ends of a text that follows the byte `last`: a return, a line feed, or both."""
    ends = text.count(b"\n")
    if last == b"\r" and text[:1] == b"\n":
        ends -= 1
    if b"\r" in text:
        ends += text.count(b"\r") - text.count(b"\r\n")
    return ends


def _wrong_encoding(path: Path, encoding: str, line: int) -> DataError:
    """Offer the encodings that could be meant, each with the line as it would read; the choice is the user's."""
    with archives.open_bytes(path) as file:
        raw = next((text for number, text in enumerate(file, 1) if number == line), b"")
    offers = []
    for candidate in CANDIDATES:
        try:
            text = raw.decode(candidate).strip()
        except UnicodeDecodeError:
            continue
        if text.isprintable() or "\t" in text:
            offers.append(f"  {candidate:<10} {text[:70]}")
    shown = "\n".join(offers) or "  (none of the usual ones)"
    return DataError(
        f"{path.name}, line {line} is not {encoding.upper()}. It could be one of these; the line would read:\n{shown}\n"
        'Choose the one that reads well: --encoding NAME, or encoding = "NAME" under [read] in the adapter.'
    )
