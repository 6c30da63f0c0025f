"""Words of a configuration file in the manner of pg_hba.conf.

Blanks separate tokens.  Quotes keep blanks, separators and the sign of a comment, and take the
special meaning from what they enclose; they may stand inside a token, as in ``user="a b"``.  Inside
quotes ``""`` is a quote.  A comment goes up to the end of its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from acra_twisted.errors import ConfigError
from acra_twisted.events import READ_CONFIGURATION

#: Bytes of a line at most.
LINE_LIMIT: Final = 64 * 1024
_BLANKS: Final = " \t\r"
_QUOTED: Final = "\0"


class Token(NamedTuple):
    """``text`` is without quotes.  ``bare`` is as long, with NUL for each character that stood in
    quotes: what has a special meaning is looked for there."""

    text: str
    bare: str

    @property
    def quoted(self) -> bool:
        """True if all of it stood in quotes; so did an empty one."""
        return not self.bare.strip(_QUOTED)

    def divide(self, separator: str, times: int = -1) -> list[Token]:
        """Divide it at separators, one character each, outside quotes; at ``times`` of them at
        most, or at all if it is negative."""
        parts, at = [], 0
        for bare in self.bare.split(separator, times):
            end = at + len(bare)
            parts.append(Token(self.text[at:end], bare))
            at = end + 1
        return parts


def split(line: str, comment: str = "#") -> list[Token]:
    """Return the tokens of a line.  ``comment`` is the character that begins a comment.  Raises
    ConfigError if a quote is not closed, and for NUL, which no name can have."""
    if _QUOTED in line:
        raise ConfigError("a NUL byte")
    tokens: list[Token] = []
    text: list[str] = []
    bare: list[str] = []
    inside = begun = False
    at, size = 0, len(line)
    while at < size:
        c = line[at]
        at += 1
        if c == '"':
            if inside and line[at : at + 1] == '"':
                at += 1
                text.append('"')
                bare.append(_QUOTED)
            else:
                inside, begun = not inside, True
        elif inside:
            text.append(c)
            bare.append(_QUOTED)
        elif c in _BLANKS or c == comment:
            if begun:
                tokens.append(Token("".join(text), "".join(bare)))
                text, bare, begun = [], [], False
            if c == comment:
                return tokens
        else:
            text.append(c)
            bare.append(c)
            begun = True
    if inside:
        raise ConfigError("unterminated quote")
    if begun:
        tokens.append(Token("".join(text), "".join(bare)))
    return tokens


def read(path: str, limit: int = 4 << 20, option: str = "") -> bytes:
    """Return the content of a file of ``limit`` bytes at most.  Raises ConfigError, which has the
    name of the ``option`` that names the file, if one does."""
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}", option, code=READ_CONFIGURATION
        ) from None
    if len(data) > limit:
        raise ConfigError(f"more than {limit} bytes", path)
    return data


def lines(data: bytes, name: str, comment: str = "#") -> Iterator[tuple[int, list[Token]]]:
    """Give the number and the tokens of each line that has any; the first is line 1.

    Bytes that are not UTF-8 become surrogates (``surrogateescape``), so that names of any encoding
    can be compared as bytes.  Raises ConfigError with ``name`` and the line's number.
    """
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if len(raw) > LINE_LIMIT:
            raise ConfigError(f"longer than {LINE_LIMIT} bytes", f"{name}, line {number}")
        try:
            tokens = split(raw.decode(errors="surrogateescape"), comment)
        except ConfigError as error:
            raise ConfigError(str(error), f"{name}, line {number}") from None
        if tokens:
            yield number, tokens
