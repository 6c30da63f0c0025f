"""Tells whether a text may give its session another role, by which it sees other tables and code,
or change the rights of roles and users."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from acra_twisted.errors import LexError
from acra_twisted.sql import mysqllexer, mysqltokens
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.mysqlversions import has_any, loosened
from acra_twisted.sql.pieces import pieces

#: Stands for SET ROLE among the names of what code uses: no table has a blank at its end.
NAME: Final = "set role "
#: A letter beyond ASCII may be a blank in some character set.
_BLANK: Final = rb"[\s\x80-\xff]*"
_sets: Final = re.compile(rb"\bset\b", re.I).search
#: ROLE, or SESSION AUTHORIZATION, right behind SET or a comma, or a comment there.
_may_take: Final = re.compile(
    rb"(?:\bset\b|,)" + _BLANK + rb"(?:role\b(?!\s*:?=)|session\b|[/*#]|--)", re.I
).search
#: Longer texts are not read by their tokens.
_LONG: Final = 16 << 10
#: Of still longer ones it is only asked, by what is fast, whether they have the words.
HUGE: Final = 1 << 20
_has_role: Final = re.compile(rb"role(?<=\brole)\b").search
_has_authorization: Final = re.compile(rb"authorization(?<=\bauthorization)\b").search
_may_grant: Final = re.compile(
    rb"\b(?:grant|revoke)\b|\bdefault" + _BLANK + rb"(?:role\b|[/*#]|--)", re.I
).search
#: What stands behind ROLE where it is a variable.
_ASSIGNING: Final = ("=", ":=")


def may_be_set(text: bytes) -> bool:
    """Tell whether a text may have SET ROLE, whatever its modes and character set."""
    # Looking for bytes takes a small part of the time that a pattern takes.
    lowered = text.lower()
    if b"set" not in lowered or (b"role" not in lowered and b"authorization" not in lowered):
        return False
    if _is_long(text):
        return True
    if len(text) > HUGE:
        return any(_has_role(one) or _has_authorization(one) for one in pieces(lowered))
    seen = loosened(text)
    if _may_take(seen) is None or _sets(seen) is None:
        return False
    if len(text) > _LONG or b"\\" in text or not text.isascii():
        return True
    try:
        tokens = mysqllexer.tokens(text, limit=len(text) + 1)
    except LexError:
        return True
    return any(is_set(text, part) for part in mysqltokens.statements(text, tokens))


def is_set(text: bytes, part: Sequence[Token]) -> bool:
    """Tell whether a statement has SET ROLE or SET SESSION AUTHORIZATION, by its tokens."""
    words = [mysqltokens.word(text, token) for token in part]
    is_setting = False
    for at, one in enumerate(words):
        is_setting = is_setting or one == "set"
        behind = words[at + 1] if at + 1 < len(words) else ""
        if is_setting and at and words[at - 1] in ("set", ","):
            if one == "role" and behind not in _ASSIGNING:
                return True
            if one == "session" and behind == "authorization":
                return True
    return False


def may_grant(text: bytes) -> bool:
    """Tell whether a text may change the rights of users or roles, or the roles that users begin
    with."""
    lowered = text.lower()
    has_rights = b"grant" in lowered or b"revoke" in lowered
    if not has_rights and b"role" not in lowered:
        return False
    if len(text) > HUGE:
        return has_rights or b"default" in lowered
    return _is_long(text) or _may_grant(loosened(text)) is not None


def _is_long(text: bytes) -> bool:
    """Tell whether a text with comments that servers run is too long to be searched for words."""
    return len(text) > _LONG and has_any(text)
