"""Long lists, rows and chains to their first elements, so that a parser need not read the rest.

``VALUES ($1::int, 'a'), ($2::int, 'b'), ...`` becomes a text with fewer rows.  An element is left
out only if the text around its values is that of its neighbour, byte for byte: what is left out
differs in literals, parameters, NULL, TRUE, FALSE and DEFAULT alone.  It holds no statement, for
rules may ask what literals a statement inside another has.  ``keep`` elements and more stay of
each list, so that a rule, whose own lists are shorter, matches the text that is left exactly if it
matches the whole one.

Nothing here is compiled: a thread that folds a long text gives the interpreter up between two
steps, and each step is short.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from acra_twisted.sql import lexer, skeleton
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.mysqlversions import apart

_MARK = b"\x01"
_WORDS = frozenset((b"NULL", b"TRUE", b"FALSE", b"DEFAULT"))
_ALL_MARKS = b"\x01\x02\x04"
# A value where nothing odd is around (see `skeleton`): a string, number, parameter or word; a
# quoted name; a quote that encloses neither.
_VALUE = (
    rb"(?=['%s0-9$?NnTtFfDd-])(?:('[^'\\\x00]*+'"
    rb"|(?:(?<=[(,\[])-|(?<=[(,\[][ ])-)?(?<![\w$.\x80-\xff])[0-9]++(?:\.[0-9]++)?"
    rb"(?![\w$.\x80-\xff])"
    rb"|\$[1-9][0-9]*+(?![\w$\x80-\xff])"
    rb"|(?<![\w$.\x80-\xff])(?i:NULL|TRUE|FALSE|DEFAULT)(?![\w$\x80-\xff]))"
    rb"|(%s[^%s\\\x00]++%s)|(['%s]))"
)
#: Expressions by the quotes of names.  A question mark is a parameter where names have backticks.
_VALUES = {
    b'"': re.compile(_VALUE.replace(b"%s", b'"')),
    b"`": re.compile(_VALUE.replace(b"%s", b"`").replace(b"|\\$[1-9]", b"|\\?|\\$[1-9]")),
}
_NAMES = {quote: re.compile(quote + rb"[^\\\x00" + quote + rb"]++" + quote) for quote in _VALUES}
_NAME = rb"\"[^\"]*+\"|`[^`]*+`"
_QUOTED_NAME = re.compile(_NAME)
_PLACE = re.compile(_NAME + rb"|,")
# Operators that join the elements of a chain, with the blanks around it.
_JOINT = re.compile(
    _NAME + rb"|\s(?:OR|AND|WHEN)\s|[ \t\r\n]?(?:\|\||(?<![-+*/|<>=~!@#%^&?])[-+*])[ \t\r\n]?", re.I
)
_STATEMENT = re.compile(
    rb"(?<![\w$])(?:SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|TABLE|VALUES|FROM|EXECUTE)(?![\w$])",
    re.I,
)
#: Bytes that one call of an expression looks at: a millisecond or two.
_WINDOW = 1 << 16
_OVERLAP = 64
#: Longest element of a chain, bytes.
_LINK_LIMIT = 4_096
_PASSES = 8
#: Longest text, without its values, that is folded.
_MARKED_LIMIT = 2 << 20
#: And longest one, folded, of which it is worked out whether it is plain.
_PLAIN_LIMIT = 1 << 16


class Folded(NamedTuple):
    """``alike``: nothing that is left out is a DEFAULT, which is no value.  ``cut``: something is
    left out."""

    text: bytes
    alike: bool
    cut: bool


class Cut(NamedTuple):
    """A text with a mark for each value, and the values."""

    text: bytes
    values: list[bytes]


def fold(text: bytes, cut: Cut, keep: int) -> Folded:
    """The text with at least ``keep`` elements of each of its lists; ``cut`` is of the text."""
    marked, values, dropped = cut.text, cut.values, False
    if len(marked) > _MARKED_LIMIT:
        return Folded(text, True, False)
    keep = max(keep, 1)
    for _ in range(_PASSES):
        before = len(marked)
        for find in (_lists, _chains):
            runs = find(marked, keep)
            if runs:
                if any(value[:1] in b"Dd" for value in _between(marked, values, runs)):
                    dropped = True
                marked, values = _without(marked, values, runs)
        if len(marked) == before:
            break
    if len(marked) == len(cut.text):
        return Folded(text, True, False)
    return Folded(_joined(marked, values), not dropped, True)


# -- cutting --------------------------------------------------------------------------------------


def cut_plain(text: bytes, quote: bytes) -> Cut | None:
    """Cut by expressions alone: for texts of which `is_plain` is true once they are folded.

    ``quote`` is what encloses names.
    """
    if len(text.translate(None, _ALL_MARKS)) != len(text):
        return None
    parts: list[bytes] = []
    values: list[bytes] = []
    position, width, size = 0, _WINDOW, len(text)
    split = _VALUES[quote].split
    while position < size:
        window = text[position : position + width]
        is_last = position + width >= size
        # A text, and for each place that is cut: value, name, stray quote, and the next text.
        found = split(window)
        strays = found[3::4]
        count = len(strays)
        if strays.count(None) < count:
            count = next(n for n, stray in enumerate(strays) if stray is not None)
            stray = strays[count]
            start = sum(map(len, filter(None, found[: 4 * count + 1])))
            # Either it closes beyond the window, or there is something odd about it.
            closing = text.find(stray, position + start + 1)
            if closing < position + width:
                return None
            width = max(closing + 2 - position - start, _WINDOW)
            position += start
        elif is_last:
            position = size
        elif count and not found[-1]:
            # An element that ends with the window may continue.
            count -= 1
            position += len(window) - sum(map(len, filter(None, found[4 * count + 1 :])))
            width = 2 * width if not count and not found[0] else _WINDOW
        elif count:
            position += len(window) - len(found.pop())
            found.append(b"")
            width = _WINDOW
        else:
            start = max(window.rfind(b" "), window.rfind(b","))
            if start <= 0:
                return None
            found = [window[:start]]
            position += start
            width = _WINDOW
        texts, names = found[: 4 * count + 1 : 4], found[2 : 4 * count : 4]
        values += filter(None, found[1 : 4 * count : 4])
        if names.count(None) < count:
            marks = [name or _MARK for name in names]
            piece = (
                b"".join([part for pair in zip(texts, marks, strict=False) for part in pair])
                + texts[-1]
            )
        else:
            piece = _MARK.join(texts)
        if b"\\" in piece or b"--" in piece or b"/*" in piece:
            return None
        parts.append(piece)
    return Cut(b"".join(parts), values)


def is_plain(text: bytes, quote: bytes) -> bool:
    """Tell whether the values of a text, which may be folded, were cut out rightly."""
    cut = cut_plain(text, quote)
    if cut is None or len(cut.text) > _PLAIN_LIMIT:
        return False
    marked = cut.text
    return skeleton.is_plain(_NAMES[quote].sub(b"\x02", marked) if quote in marked else marked)


def cut_tokens(text: bytes, tokens: list[Token]) -> Cut | None:
    """Cut by tokens.  None for a text with a control character in a name."""
    parts: list[bytes] = []
    values: list[bytes] = []
    position = 0
    sign = -1
    previous = b""
    for kind, start, end in tokens:
        if kind in lexer.LITERALS or kind == lexer.PARAMETER:
            begin = sign if kind == lexer.NUMBER and sign >= 0 else start
        elif kind == lexer.WORD and 4 <= end - start <= 7 and text[start:end].upper() in _WORDS:
            begin = start
        else:
            sign = start if previous in (b"(", b",", b"[") and text[start:end] == b"-" else -1
            if kind in (lexer.COMMENT, lexer.HINT):
                parts += (text[position:start], apart(text, start))
                position = end
            else:
                previous = text[start : start + 1] if end == start + 1 else b""
            continue
        parts += (text[position:begin], _MARK)
        values.append(text[begin:end])
        position = end
        sign, previous = -1, b""
    parts.append(text[position:])
    marked = b"".join(parts)
    return Cut(marked, values) if marked.count(_MARK) == len(values) else None


# -- folding --------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _run_of_elements(keep: int) -> re.Pattern[bytes]:
    """An element and its comma, ``keep`` times, and in the second group once more and more."""
    inside = rb"(?:[^()\[\]\"`]++|" + _NAME + rb")*"
    for _ in range(3):
        inside = rb"(?:[^()\[\]\"`]++|" + _NAME + rb"|[(\[]" + inside + rb"[)\]])*"
    element = rb"(?:[^(),\[\]\"`;]++|" + _NAME + rb"|[(\[]" + inside + rb"[)\]])+,"
    return re.compile(rb"(%s)\1{%d}((?:\1){1,5000})" % (element, keep - 1))


def _next(expression: re.Pattern[bytes], text: bytes, at: int) -> re.Match[bytes] | None:
    """The next match, looked for in windows."""
    while at < len(text):
        match = expression.search(text, at, at + _WINDOW)
        if match is not None:
            return match
        at += _WINDOW - _OVERLAP
    return None


def _lists(marked: bytes, keep: int) -> list[tuple[int, int]]:
    """Find the elements between commas that may be left out."""
    found: list[tuple[int, int]] = []
    run = _run_of_elements(keep)
    place = _next(_PLACE, marked, 0)
    while place is not None:
        at = place.end()
        if marked[at - 1] == 0x2C:
            match = run.match(marked, at, at + _WINDOW)
            if match is not None:
                if _may_go(match[1]):
                    found.append(match.span(2))
                at = match.end() - 1
        place = _next(_PLACE, marked, at)
    return found


def _chains(marked: bytes, keep: int) -> list[tuple[int, int]]:
    """Find the elements between operators that may be left out."""
    found: list[tuple[int, int]] = []
    joint = _next(_JOINT, marked, 0)
    while joint is not None:
        start, at, joined = joint.start(), joint.end(), joint.group()
        following = marked.find(joined, at, at + _LINK_LIMIT) if joined[:1] not in b'"`' else -1
        link = marked[start:following] if following > 0 else b""
        if link and marked.startswith(link, following) and _may_go(link) and _is_balanced(link):
            count, end, size = 1, following, len(link)
            # The last one may go on behind what it has in common with the others.
            while marked.startswith(link, end) and marked.startswith(joined, end + size):
                count += 1
                end += size
            if count > keep:
                found.append((start + keep * size, end))
                at = end
        joint = _next(_JOINT, marked, at)
    return found


def _may_go(element: bytes) -> bool:
    return _MARK in element and _STATEMENT.search(element) is None


def _is_balanced(link: bytes) -> bool:
    depth = 0
    for sign in _QUOTED_NAME.sub(b"", link):
        if sign in b"([":
            depth += 1
        elif sign in b")]":
            depth -= 1
            if depth < 0:
                return False
        elif sign in b'"`':
            return False
    return depth == 0


def _between(marked: bytes, values: list[bytes], runs: list[tuple[int, int]]) -> list[bytes]:
    """The values in what is left out."""
    return [v for first, last in _ordinals(marked, runs) for v in values[first:last]]


def _ordinals(marked: bytes, runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found = []
    ordinal = position = 0
    for start, end in runs:
        first = ordinal + marked.count(_MARK, position, start)
        ordinal = first + marked.count(_MARK, start, end)
        position = end
        found.append((first, ordinal))
    return found


def _without(
    marked: bytes, values: list[bytes], runs: list[tuple[int, int]]
) -> tuple[bytes, list[bytes]]:
    parts: list[bytes] = []
    left: list[bytes] = []
    position = ordinal = 0
    for (start, end), (first, last) in zip(runs, _ordinals(marked, runs), strict=True):
        parts.append(marked[position:start])
        left += values[ordinal:first]
        position, ordinal = end, last
    parts.append(marked[position:])
    left += values[ordinal:]
    return b"".join(parts), left


def _joined(marked: bytes, values: list[bytes]) -> bytes:
    parts = marked.split(_MARK)
    whole: list[bytes] = [parts[0]]
    for value, part in zip(values, parts[1:], strict=True):
        whole += (value, part)
    return b"".join(whole)
