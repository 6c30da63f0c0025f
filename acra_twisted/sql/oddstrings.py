"""Keys of texts with strings that `skeleton` leaves to the full lexer: ``'it''s'``, MySQL's
``'it\\'s'``, and strings with something in front of them, as ``X'41'``, ``E'a'``, ``_binary'a'``;
and MySQL's ``0x41`` and ``"a"``.

One expression cuts them as the lexer does in the default mode: a backslash escapes in MySQL's
strings and in PostgreSQL's ``E'..'`` alone, and double quotes enclose MySQL's strings.  Such a text
has a key as others have, and all texts of a key have the same tokens but for literals, which are of
the same kinds.
"""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.sql.lexer import BIT, ESCAPE, HEX, NUMBER, OPERATOR, QUOTED, STRING, WORD
from acra_twisted.sql.skeleton import NAME_MARK, NUMBER_MARK, STRING_MARK, Skeleton

#: A longer text, bytes, or one with more literals takes too long for who has others to serve.
LONGEST: Final = 16 << 10
_MOST: Final = 256
_MARKS: Final = b"\x01\x02\x04"
_DOUBLE: Final = b'"'

_APART: Final = rb"(?<![\w$.@&'\"`\x80-\xff])"
_DIGITS: Final = rb"'[0-9A-Fa-f]*+'"
_DOUBLED: Final = rb"'(?:[^'\x00]++|''|(?!))*+'"
_ESCAPED: Final = rb"'(?:[^'\\\x00]++|\\[^\x00]|''|(?!))*+'"
_ESCAPED_DOUBLE: Final = rb'"(?:[^"\\\x00]++|\\[^\x00]|""|(?!))*+"'
#: No escape in it can be wrong, or tell of a character that is not there.
_SURELY_ESCAPED: Final = rb"'(?:[^'\\\x00]++|\\[^\x000-7xuU]|''|(?!))*+'"
_NUMBER: Final = rb"(?P<n>(?<![\w$.\x80-\xff])[0-9]++(?:\.[0-9]++)?(?![\w$.\x80-\xff]))"
#: What is cut out, by language, in groups that are called as the lexer's kinds; a word with its
#: string is ``i``, and ``o`` is a quote with which no string begins.
_LITERALS: Final = {
    "postgresql": re.compile(
        rb"(?=['\"0-9xXbBeE])(?:"
        rb"(?P<x>" + _APART + rb"[xX]" + _DIGITS + rb")|(?P<b>" + _APART + rb"[bB]'[01]*+')"
        rb"|(?P<e>" + _APART + rb"[eE]" + _SURELY_ESCAPED + rb")|(?P<s>" + _DOUBLED + rb")"
        rb"|(?P<q>\"[^\"\\\x00]++\")|" + _NUMBER + rb"|(?P<o>'))",
        re.S,
    ),
    "mysql": re.compile(
        rb"(?=['\"`0-9xXbBnN_])(?:"
        rb"(?P<x>" + _APART + rb"(?:[xX]" + _DIGITS + rb"|0x[0-9A-Fa-f]++(?![\w$\x80-\xff])))"
        rb"|(?P<b>" + _APART + rb"[bB]'[01]*+')"
        rb"|(?P<s>(?:" + _APART + rb"[nN])?" + _ESCAPED + rb"|" + _ESCAPED_DOUBLE + rb")"
        rb"|(?P<i>" + _APART + rb"_[0-9A-Za-z]++" + _ESCAPED + rb")"
        rb"|(?P<q>`[^`\\\x00]++`)|" + _NUMBER + rb"|(?P<o>['\"]))",
        re.S,
    ),
}
#: One of them has such a string.
_ANY: Final = {
    "postgresql": re.compile(rb"''|\\|[xXbBeE]'").search,
    "mysql": re.compile(rb"''|\\|\"|[xXbBnN]'|_[0-9A-Za-z]++'|0x").search,
}


def cut(text: bytes, language: str) -> Skeleton | None:
    """Cut a text as `skeleton.split` does: into a key that is none of its keys, and tokens.

    None for a text without such a string, and where only the full lexer can tell.  What is worked
    out for a text may be kept by its key if the last part is plain.
    """
    if (
        len(text) > LONGEST
        or _ANY[language](text) is None
        or len(text.translate(None, _MARKS)) != len(text)
    ):
        return None
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            return None
    # No skeleton's key has this byte, for no text that has one does.
    key, judged = [NAME_MARK], [b""]
    literals: list[bytes] = []
    done = 0
    for match in _LITERALS[language].finditer(text):
        between, kind, found = text[done : match.start()], str(match.lastgroup), match.group()
        done = match.end()
        if kind == OPERATOR:
            # To look for the next one would take the square of a text's length.
            return None
        if kind == QUOTED:
            key += (between, found)
            judged += (between, NAME_MARK)
            continue
        if kind == NUMBER:
            key += (between, NUMBER_MARK)
            judged += (between, NUMBER_MARK)
        else:
            quote = 0
            if found[:1] == _DOUBLE:
                before = _DOUBLE
            else:
                quote = found.find(b"'")
                before = b"0x" if quote < 0 else found[:quote]
            # The same word before a string that does not fit it is text, and no part of a literal.
            key += (between, NAME_MARK, before, STRING_MARK)
            judged += (between, STRING_MARK)
            if kind == WORD:
                found = found[quote:]
        literals.append(found)
        if len(literals) > _MOST:
            return None
    rest = text[done:]
    return b"".join((*key, rest)), literals, b"".join((*judged, rest))


def kind_of(literal: bytes) -> str:
    """The kind of the token that one of these literals is."""
    first = literal[:1]
    if first == b"'" or first == _DOUBLE or first in b"nN":
        return STRING
    if first.isdigit() and literal[1:2] != b"x":
        return NUMBER
    if first in b"xX0":
        return HEX
    return BIT if first in b"bB" else ESCAPE
