"""Keys of texts whose strings have something directly in front of them: ``X'41'``, ``b'01'``,
``E'a'``, ``N'a'``, ``_binary'a'``.

`skeleton` leaves such texts to the full lexer, for what stands in front of a quote may change where
a string ends and what it is.  Here that is known, and what stands in the strings is looked at for
each text: then all texts of a key have the same tokens as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from acra_twisted.sql.lexer import BIT, ESCAPE, HEX, STRING, WORD
from acra_twisted.sql.skeleton import NAME_MARK, Skeleton, is_plain

#: Before each key: no skeleton's key has this byte, for no text that has one does.
_OF_PREFIXED: Final = NAME_MARK
#: A literal of this form: its kind and its token.
Prefixed = tuple[str, bytes]

_NOT_BEHIND: Final = rb"(?<![\w$.@&'\"`\x01\x02\x04\x80-\xff])"
#: What may stand before a string's mark, by the kind of token that begins with it.
_PREFIX: Final = {
    "postgresql": re.compile(_NOT_BEHIND + rb"(?:(?P<x>[xX])|(?P<b>[bB])|(?P<e>[eE]))(?=\x01)"),
    "mysql": re.compile(
        _NOT_BEHIND + rb"(?:(?P<x>[xX])|(?P<b>[bB])|(?P<s>[nN])|(?P<i>_binary))(?=\x01)"
    ),
}
_UNESCAPED: Final = re.compile(rb"[^\\]*+").fullmatch
#: By the same kinds, what the string must be to be certain.
_CERTAIN: Final[dict[str, Callable[[bytes], object]]] = {
    HEX: re.compile(rb"'[0-9A-Fa-f]*+'").fullmatch,
    BIT: re.compile(rb"'[01]*+'").fullmatch,
    ESCAPE: _UNESCAPED,
    STRING: _UNESCAPED,
    WORD: _UNESCAPED,
}
_STRINGS_AND_NUMBERS: Final = b"\x01\x04"


def key_of(cut: Skeleton, language: str) -> bytes | None:
    """The key of a text with such strings, by its skeleton in a language; None for one that has
    none, or one that only the full lexer can read."""
    return None if read(cut, language) is None else _OF_PREFIXED + cut[0]


def read(cut: Skeleton, language: str) -> dict[int, Prefixed] | None:
    """Such strings by their ordinals among all literals; None as `key_of`."""
    judged, literals = cut[2], cut[1]
    found: dict[int, Prefixed] = {}
    ordinal = done = 0
    for match in _PREFIX[language].finditer(judged):
        at = match.end()
        between = judged[done:at]
        ordinal += len(between) - len(between.translate(None, _STRINGS_AND_NUMBERS))
        done = at
        kind, literal = str(match.lastgroup), literals[ordinal]
        if _CERTAIN[kind](literal) is None:
            return None
        # A word is a token of its own.
        found[ordinal] = (STRING, literal) if kind == WORD else (kind, match.group() + literal)
    return found or None


def may_be_kept(cut: Skeleton, language: str) -> bool:
    """Tell whether what is worked out for a text with such a key may be kept: nothing else in it
    can be read in two ways.  Asked only on a miss."""
    return is_plain(_PREFIX[language].sub(b"", cut[2]))
