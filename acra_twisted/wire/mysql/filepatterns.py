"""The formats of files of LOAD DATA, as regular expressions."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from acra_twisted.errors import AcraError
from acra_twisted.wire.mysql.filerows import NULL, encode

#: NULL without signs around it, where there may be some.
WORD: Final = b"NULL"
_ESCAPES: Final = {
    **{ord("n"): b"\n", ord("t"): b"\t", ord("r"): b"\r", ord("b"): b"\b"},
    **{ord("0"): b"\0", ord("Z"): b"\x1a"},
}


class InfileError(AcraError):
    """A file, or a format, that cannot be read for certain.  The text has no part of the file."""


class InfileFormat(NamedTuple):
    """The format of a file: what ends ``fields`` and ``lines``, the signs around a field and before
    an escaped one, b"" for none, what a line begins with, and how many ``skipped`` lines come
    first."""

    fields: bytes = b"\t"
    enclosed: bytes = b""
    escape: bytes = b"\\"
    start: bytes = b""
    lines: bytes = b"\n"
    skipped: int = 0


def check(form: InfileFormat) -> None:
    """Raises InfileError for a format that servers read in another way, or differently."""
    signs = (form.enclosed, form.escape)
    if not form.fields or not form.lines:
        raise InfileError("nothing ends its fields or its lines")
    if form.fields == form.lines:
        raise InfileError("its fields and its lines end alike")
    if any(len(one) > 1 or one.isalnum() for one in signs):
        raise InfileError("a sign around or before its fields is a letter, or more than one")
    if not all(one.isascii() for one in form[:5]):
        raise InfileError("its format has signs beyond ASCII")
    if any(sign and sign in end for sign in signs for end in (form.fields, form.lines)):
        raise InfileError("what ends its fields or lines has a sign around or before fields in it")


class Patterns:
    """A format as regular expressions: the first group of each is a field's content, the second is
    there if a line's end is behind it, or has the sign that is left at a file's end.  ``rest`` and
    ``last_rest`` are for fields with signs around them of which the first part was taken, ``outer``
    and ``inner`` for as much of a field without and with signs as its later bytes cannot change."""

    def __init__(self, form: InfileFormat) -> None:
        self.sign = form.enclosed or None
        self.longest = max(len(form.fields), len(form.lines))
        lines, fields = re.escape(form.lines), re.escape(form.fields)
        line, field = re.escape(form.lines[:1]), re.escape(form.fields[:1])
        sign, escape = re.escape(form.enclosed), re.escape(form.escape)
        # Two of a sign are one then, and it escapes nothing else.
        doubles = bool(sign) and sign == escape
        if doubles:
            escape = b""
        ends = b"(?:(%b)|%b)" % (lines, fields)
        other = b"(?!%b|%b)" % (lines, fields)
        escaped = escape + b"." if escape else b"(?!)"
        twice = b"%b%b?" % (sign, sign) if doubles else b"(?!)"
        bare = b"[^%b%b%b%b]++|%b|%b|%b[%b%b]" % (
            *(line, field, escape, sign if doubles else b"", escaped, twice),
            *(other, line, field),
        )
        plain = b"((?:%b|(?!))*+)" % bare
        # Where so many bytes are there, none behind them is looked at.
        certain = b"(?:(?=.{%d})(?:%%b)|(?!))*+" % (self.longest + 2)
        self.outer = self.inner = _compiled(certain % bare)
        self.plain = _compiled(plain + ends)
        self.last_plain = _compiled(plain + (b"(%b?)" % escape if escape else b"()"))
        content = b"[^%b%b]++|%b|%b%b" % (sign, escape, escaped, sign, sign)
        self.enclosed = self.rest = self.plain
        self.last_enclosed = self.last_rest = self.last_plain
        if sign:
            behind = b"%b|%b" % (lines, fields)
            rest, last = (
                b"((?:%b|%b(?!%b)|(?!))*+)%b%b" % (content, sign, end, sign, then)
                for end, then in ((behind, ends), (behind + rb"|\Z", b"()"))
            )
            self.enclosed, self.rest = _compiled(sign + rest), _compiled(rest)
            self.last_enclosed, self.last_rest = _compiled(sign + last), _compiled(last)
            self.inner = _compiled(certain % (b"%b|%b(?!%b)" % (content, sign, behind)))
        passed = b"%b." % re.escape(form.escape) if form.escape else b"(?!)"
        self.line = _compiled(
            b"(?:[^%b%b]++|%b|(?!%b)%b|(?!))*+%b"
            % (line, re.escape(form.escape), passed, lines, line, lines)
        )
        self._null = escape and form.escape + b"N"
        self.words = bool(sign)
        self._doubles = doubles
        self._escaped = _compiled(b"%b(.)" % escape) if escape else None
        signs = b"(?P<sign>%b)%b" % (sign, sign)
        self._inside = _compiled(b"%b(.)|%b" % (escape, signs) if escape else signs)

    def written(self, content: bytes, enclosed: bool, behind: bytes = b"") -> bytes:
        """A field's content, and what stands ``behind`` it, as it is written anew."""
        if content and content == self._null and not behind:
            return NULL
        text = self._unescaped(content, enclosed) + behind
        if not enclosed and self.words and text == WORD:
            return NULL
        return encode(text)

    def text(self, content: bytes, enclosed: bool) -> bytes:
        """A part of a field's content as it is written anew."""
        return encode(self._unescaped(content, enclosed))

    def _unescaped(self, content: bytes, enclosed: bool) -> bytes:
        pattern = self._inside if enclosed or self._doubles else self._escaped
        return content if pattern is None else pattern.sub(_unescape, content)


def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.S)


def _unescape(match: re.Match[bytes]) -> bytes:
    if match.lastgroup == "sign":
        return match["sign"]
    sign: bytes = match[1]
    return _ESCAPES.get(sign[0], sign)
