"""Texts of MySQL that show what the statement before them has left, such as its warnings.

A question of ours in between would take its place.
"""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqllexer, mysqltokens

#: Bytes that each of them has.
_SHOWING: Final = (b"warning", b"error", b"row_count", b"found_rows", b"diagnostics")
#: Longer texts are none of them.
_LONG: Final = 64 << 10
#: Tokens that show nothing, whatever stands in them.
_MUTE: Final = frozenset((lexer.STRING, lexer.QUOTED, lexer.COMMENT))
#: First words of statements that leave something of their own.
_LEAVING: Final = frozenset(("insert", "replace", "update", "delete", "load"))
_shows: Final = re.compile(
    rb"(?<![^ ])(?:(?:row_count|found_rows) \(|get (?:current |stacked )?diagnostics(?![^ ])"
    rb"|show (?:count \( \* \) )?(?:warnings|errors)(?![^ ])"
    rb"|@@[ .`\w]*(?:warning|error)_count(?!\w))"
).search


def shows_before(text: bytes) -> bool:
    """Tell whether a text shows what the statement before it has left, and not one of its own.
    Values and names that only have the same words show nothing."""
    if len(text) > _LONG:
        return False
    lowered = text.lower()
    if not any(word in lowered for word in _SHOWING):
        return False
    try:
        tokens = mysqllexer.tokens(text)
    except LexError:
        return False
    first, *others = mysqltokens.statements(text, tokens) or [[]]
    if others and mysqltokens.first_word(text, first) in _LEAVING:
        # What is behind it shows what it leaves itself.
        tokens = first
    shown = (lowered[start:end] for kind, start, end in tokens if kind not in _MUTE)
    return _shows(b" ".join(shown)) is not None
