"""A statement's text with its literals cut out: the key under which a decision is kept.

A hit costs one pass over the text and one dict lookup.  It is sound because only *plain*
keys are stored: text in which nothing outside simple literals and quoted names could be read in
two ways, so that any other text with the same key has the same tokens.  Everything else takes the
full lexer.  Only for default modes (standard_conforming_strings on, default sql_mode).

A string of PostgreSQL may hold backslashes, as ``'\\x1f'`` does, but for one at its end: it ends at
the same quote whether they escape or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from acra_twisted.fast.compiled import COMPILED

if COMPILED:
    from acra_twisted.fast._scan import cut, cut_key, fits  # type: ignore[import-not-found]  # in C

#: The key, the literals in order of appearance, and what plainness is judged by.  A tuple without
#: names: it is made for every statement, and a named one takes 0.4 us more.
Skeleton = tuple[bytes, list[bytes], bytes]

# Final, because a look into a module's dict takes as long as a short text to cut.
_cut: Final[Any] = cut if COMPILED else None
_cut_key: Final[Any] = cut_key if COMPILED else None

# In a key: a string, a number.  NAME_MARK stands for a quoted name while plainness is judged.
STRING_MARK: Final = b"\x01"
NUMBER_MARK: Final = b"\x04"
NAME_MARK: Final = b"\x02"
#: What follows a string's opening quote, by what encloses names.  In PostgreSQL a backslash is an
#: ordinary character; one before the closing quote may have been meant to escape it.
_STRINGS: Final = {b'"': rb"[^'\x00]*+(?<!\\)'", b"`": rb"[^'\\\x00]*+'"}
_LITERALS: Final = {
    quote: rb"(['0-9](?:(?<=')" + string + rb"|(?<=[0-9])(?<![\w$.\x80-\xff][0-9])[0-9]*+"
    rb"(?:\.[0-9]++)?(?![\w$.\x80-\xff])))"
    for quote, string in _STRINGS.items()
}
_SPLIT: Final = {quote: re.compile(literal).split for quote, literal in _LITERALS.items()}
_SPLIT_QUOTED: Final = {
    quote: re.compile(
        rb"(?=['0-9%b])(?:%b|(%b[^%b\\\x00]++%b))" % (quote, literal, quote, quote, quote)
    ).split
    for quote, literal in _LITERALS.items()
}
# A match means: take the full lexer.
_ODD: Final = re.compile(
    rb"""['"\\`\x00@\[\]{}\#\x80-\xff]|--|/\*|\$(?![1-9])|[\w$&][\x01\x04]|[\x01\x04]\s*[\x01\x04]
    |[.\w&$]\x02(?<!\.\x02)|\x02[\x01\x02\x04\w]|\.\s*[\x01\x04]|[\x01\x04][.\w\x02]
    |(?<![\w$])[0-9]|\.[0-9]""",
    re.X,
).search
_MARKS: Final = b"\x01\x02\x04"


def split(text: bytes, quote: bytes) -> Skeleton | None:
    """Cut the literals out.  None where only the full lexer can tell.

    ``quote`` is what encloses names: ``"`` for PostgreSQL, a backtick for MySQL.  Where compiled, a
    module in C does it in one pass over the bytes, in a sixth of the time.
    """
    if COMPILED:
        found: Skeleton | None = _cut(text, quote[0])
        return found
    return split_by_expressions(text, quote)


def key_of(text: bytes, quote: bytes) -> bytes | None:
    """Return the key of `split` alone, which takes a fifth of the time where there are a thousand
    literals."""
    if COMPILED:
        found: bytes | None = _cut_key(text, quote[0])
        return found
    parts = split_by_expressions(text, quote)
    return None if parts is None else parts[0]


def _is_cut_as_fast(text: bytes, key: bytes) -> bool:
    return False


#: Returns True if a text has a plain key, where that is told without making one: its numbers have
#: digits alone, its strings are ASCII without backslashes.  False says nothing.  Such a text is
#: read alike whatever the session's settings are.  Where nothing is compiled it is always False,
#: for to cut takes no longer.
has_key: Final[Callable[[bytes, bytes], bool]] = fits if COMPILED else _is_cut_as_fast


def split_by_expressions(text: bytes, quote: bytes) -> Skeleton | None:
    """See `split`."""
    # Raw marks would forge keys.
    if len(text.translate(None, _MARKS)) != len(text):
        return None
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            return None
    # `in` makes an exception and drops it before it looks.
    if text.find(quote) >= 0:
        return _split_quoted(text, quote)
    parts = _SPLIT[quote](text)
    literals = parts[1::2]
    parts[1::2] = [STRING_MARK if p[0] == 0x27 else NUMBER_MARK for p in literals]
    key = b"".join(parts)
    return key, literals, key


def _split_quoted(text: bytes, quote: bytes) -> Skeleton:
    parts = _SPLIT_QUOTED[quote](text)
    key, judged, literals = [parts[0]], [parts[0]], []
    for at in range(1, len(parts), 3):
        literal, name, rest = parts[at : at + 3]
        if literal is not None:
            mark = STRING_MARK if literal[0] == 0x27 else NUMBER_MARK
            literals.append(literal)
            key += (mark, rest)
            judged += (mark, rest)
        else:
            key += (name, rest)
            judged += (NAME_MARK, rest)
    return b"".join(key), literals, b"".join(judged)


def is_plain(judged: bytes) -> bool:
    """Tell whether the key may be kept.  Asked only on a miss."""
    return not _ODD(judged)
