"""The names in a PostgreSQL text that no parser reads, as the server reads them.

Without a tree nobody knows which word names a table and which a function: each may be either.
Source: PostgreSQL's parser.c (``U&"..."`` and UESCAPE).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, names, tree
from acra_twisted.sql.lexer import Token

#: First words of statements that carry code, run what is not in the text, give something another
#: name, use files, change how texts are read, or reach tables that they do not name.
_UNSEEN: Final = frozenset(
    ("alter", "call", "copy", "create", "do", "drop", "execute", "grant", "import", "load")
    + ("reassign", "revoke", "security", "set", "truncate")
)
_ESCAPED = re.compile(r"%s(?:([0-9A-Fa-f]{4})|\+([0-9A-Fa-f]{6})|(%s))")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Words(NamedTuple):
    """``names`` as the server compares them.  ``is_unseen``: a statement whose text does not show
    what it does."""

    names: frozenset[str]
    is_unseen: bool


def read(text: bytes, tokens: list[Token]) -> Words:
    """The words of a text in UTF-8.  Raises LexError for a name that cannot be read for sure."""
    found = set()
    first, unseen = "", False
    significant = [token for token in tokens if token[0] != lexer.COMMENT]
    for place, (kind, start, end) in enumerate(significant):
        if kind == lexer.OPERATOR and text[start:end] == b";":
            first = ""
        elif kind == lexer.WORD:
            word = tree.fold(text[start:end].decode())
            first = first or word
            unseen = unseen or first in _UNSEEN or (first == "explain" and word == "execute")
            found.add(names.cut(word))
        elif kind == lexer.QUOTED:
            found.add(names.cut(text[start + 1 : end - 1].decode().replace('""', '"')))
        elif kind == lexer.UNICODE_QUOTED:
            body = text[start + 3 : end - 1].decode().replace('""', '"')
            mark = _mark(text, significant[place + 1 : place + 3])
            found.add(names.cut(_decoded(body, mark, start)))
    return Words(frozenset(found), unseen)


def _mark(text: bytes, behind: list[Token]) -> str:
    """Find the mark of escapes in a name: a backslash, or what UESCAPE says."""
    if not behind or text[behind[0][1] : behind[0][2]].lower() != b"uescape":
        return "\\"
    if len(behind) == 2 and behind[1][0] == lexer.STRING:
        mark = text[behind[1][1] + 1 : behind[1][2] - 1].decode()
        if len(mark) == 1 and not re.fullmatch(r"[0-9A-Fa-f+'\"\s]", mark):
            return mark
    raise LexError("an escape of a name that is not read", behind[0][1])


def _decoded(body: str, mark: str, start: int) -> str:
    own = re.escape(mark)
    pattern = re.compile(_ESCAPED.pattern % (own, own))

    def character(match: re.Match[str]) -> str:
        digits = match.group(1) or match.group(2)
        if digits is None:
            return mark
        number = int(digits, 16)
        if not 0 < number < 0x110000:
            raise LexError("an escape of a name that is not read", start)
        return chr(number)

    if mark in pattern.sub("", body):
        raise LexError("an escape of a name that is not read", start)
    decoded = _PAIR.sub(
        lambda pair: pair.group().encode("utf-16", "surrogatepass").decode("utf-16"),
        pattern.sub(character, body),
    )
    if any("\ud800" <= one <= "\udfff" for one in decoded):
        raise LexError("an escape of a name that is not read", start)
    return decoded
