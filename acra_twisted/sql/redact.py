"""SQL text without its values: what may be shown in spans, logs and capture files.

Redaction is lexical: every literal becomes ``?``, and every word that is a value without quotes
(`sql.barevalues`), every comment a space.  A text that its language's lexer cannot split is not
shown at all, nor is one whose language nobody has named.  The summary follows OpenTelemetry's
``db.query.summary``: operations and targets, low in cardinality, never a value.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from acra_twisted.cache import GenerationCache
from acra_twisted.errors import LexError, TooCostlyError
from acra_twisted.exchange import Statement
from acra_twisted.fast.record import Record
from acra_twisted.sql import lexer, skeleton
from acra_twisted.sql.barevalues import masked
from acra_twisted.sql.readers import READERS, Reader
from acra_twisted.sql.skeleton import Skeleton

#: Longest redacted text kept (OB-3).
TEXT_LIMIT: Final = 2048
_SUMMARY_LIMIT: Final = 255
#: Longer statements, and those of more tokens, are not read: everybody waits while one is.
_INPUT_LIMIT: Final = 64 * 1024
_TOKENS_LIMIT: Final = 2_500
#: Those that its summary is made of then.
_SUMMARY_TOKENS: Final = 500

#: Longer texts are not kept.
_CACHED_LIMIT: Final = 4096

UNREADABLE: Final = "<unreadable SQL>"
_WORDS_BEFORE_TARGET: Final = frozenset(
    (b"FROM", b"INTO", b"UPDATE", b"JOIN", b"TABLE", b"COPY", b"TRUNCATE", b"LISTEN", b"NOTIFY")
)
_SKIPPED_BEFORE_TARGET: Final = frozenset(
    (b"IF", b"NOT", b"EXISTS", b"ONLY", b"LATERAL", b"TEMP", b"TEMPORARY", b"UNLOGGED")
)
_SUBSTATEMENTS: Final = frozenset(
    (b"SELECT", b"INSERT", b"UPDATE", b"DELETE", b"MERGE", b"REPLACE")
)
_NO_TARGET: Final = frozenset((b"STDIN", b"STDOUT", b"PROGRAM"))
_NOT_A_STATEMENT: Final = frozenset((b"FOR", b"KEY", b"DO", b"THEN", b"ON", b"NO"))
_NUMBER: Final = re.compile(rb"(?<![A-Za-z0-9_\x80-\xff])[0-9][A-Za-z0-9_.\x80-\xff]*+")
_DIGIT_IN_NAME: Final = re.compile(rb"[A-Za-z_.\x80-\xff][0-9]|[0-9][A-Za-z_.\x80-\xff]")
_ALL_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$.]*")


class Redacted(Record):
    """``text`` with every literal as ``?``; ``summary`` names the operations and their targets.

    ``known`` is a place for whoever counts such statements, None at first.
    """

    __slots__ = ("text", "summary", "known")

    def __init__(self, text: str, summary: str) -> None:
        self.text = text
        self.summary = summary
        self.known: Any = None

    def _parts(self) -> tuple[object, ...]:
        return (self.text, self.summary)


# Bounded by entries and, with the input limit, by bytes: what is larger is not cached.
@lru_cache(maxsize=2048)
def _cached(text: bytes, language: str, conforming: bool | None) -> Redacted:
    return _redact(READERS[language], text, conforming)


#: Shown texts by language and skeleton: all texts of a skeleton show the same.
_shown: Final[dict[str, GenerationCache[bytes, Redacted]]] = {
    language: GenerationCache(2048, 4 << 20) for language in READERS
}


def of_statement(statement: Statement, language: str) -> Redacted:
    """`redact` a statement as its client wrote it, once, by what was known when it was read."""
    shown: Redacted | None = statement.shown
    if shown is not None:
        return shown
    cut = statement.skeleton
    if cut is not None and statement.conforming and statement.written is None:
        shown_by_skeleton = _shown.get(language)
        if shown_by_skeleton is not None:
            shown = shown_by_skeleton.get(cut[0])
    if shown is None:
        text, cut = statement.written or (statement.text, cut)
        shown = redact(text, language, statement.conforming, cut)
    statement.shown = shown
    return shown


def redact(
    text: bytes, language: str, conforming: bool | None = True, cut: Skeleton | None = None
) -> Redacted:
    """Return what may be shown of a statement.  ``language`` is a session's; of an unknown one
    nothing is shown.  ``cut`` is the text's skeleton in it, where somebody has that.

    ``conforming``: whether a backslash is an ordinary character in a string; None where that is not
    known: then nothing is shown of a text that the two settings split differently.
    """
    shown_by_skeleton = _shown.get(language)
    if shown_by_skeleton is None:
        return Redacted(f"<statement of {len(text)} bytes>", "SQL")
    if not conforming and text.isascii() and text.find(b"\\") < 0:
        # All settings read it alike.
        conforming = True
    if conforming and (cut is not None or len(text) <= _CACHED_LIMIT):
        reader = READERS[language]
        found = skeleton.split(text, reader.quote) if cut is None else cut
        if found is not None:
            shown = shown_by_skeleton.get(found[0])
            if shown is None and skeleton.is_plain(found[2]):
                shown = _redact(reader, text, True)
                shown_by_skeleton.put(found[0], shown)
            if shown is not None:
                return shown
    return _odd(text, language, conforming)


def _odd(text: bytes, language: str, conforming: bool | None) -> Redacted:
    """Redact a text that is long, or not as plain."""
    reader = READERS[language]
    if len(text) > _INPUT_LIMIT:
        return _unread(reader, text)
    if reader.has_plain_words_only(text):
        # Only numbers can be literals here: make them alike first, so that statements that differ
        # in numbers alone share an entry (1 us; lexing again takes 60 us).
        in_names = _DIGIT_IN_NAME.search(text)
        text = _NUMBER.sub(b"?", text) if in_names else text.translate(_ALL_ZERO)
    if len(text) > _CACHED_LIMIT:
        return _redact(reader, text, conforming)
    return _cached(text, language, conforming)


def _redact(reader: Reader, text: bytes, conforming: bool | None) -> Redacted:
    try:
        found = reader.tokens(text, conforming, _TOKENS_LIMIT)
    except TooCostlyError:
        unread = _unread(reader, text)
        first = reader.first_tokens(text, conforming, _SUMMARY_TOKENS)
        return Redacted(unread.text, _summary(reader, text, first)) if first else unread
    except LexError:
        return Redacted(UNREADABLE, UNREADABLE)
    found = masked(text, found)
    return Redacted(hide(text, found), _summary(reader, text, found))


def _unread(reader: Reader, text: bytes) -> Redacted:
    return Redacted(f"<statement of {len(text)} bytes>", _first_operation(reader, text))


def hide(text: bytes, tokens: list[lexer.Token], limit: int = TEXT_LIMIT) -> str:
    """The text with every value as ``?`` and every comment as a blank, of either language.

    Longer ones than ``limit`` characters are cut and end in an ellipsis.
    """
    parts: list[bytes] = []
    last = number_end = 0
    for kind, start, end in masked(text, tokens):
        if kind == lexer.NUMBER:
            number_end = end
        elif kind == lexer.WORD and start == number_end > 0:
            # 12ab is junk to newer servers, and may be a value that somebody forgot to quote.
            last = end
        if kind in lexer.LITERALS or kind in (lexer.COMMENT, lexer.HINT):
            parts += (text[last:start], b"?" if kind in lexer.LITERALS else b" ")
            last = end
    parts.append(text[last:])
    shown = b"".join(parts).decode("utf-8", "replace").strip()
    if len(shown) > limit:
        shown = shown[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return shown


def _first_operation(reader: Reader, text: bytes) -> str:
    word = text[:64].split(None, 1)[0].upper() if text[:64].split() else b""
    return word.decode() if word in reader.operations else "SQL"


def _summary(reader: Reader, text: bytes, found: list[lexer.Token]) -> str:
    """Operations and targets in order of appearance, as the conventions say."""
    words: list[str] = []
    operations, quote = reader.operations, reader.quote
    expects_statement, expects_target, previous = True, False, b""
    names = iter([t for t in found if t[0] != lexer.COMMENT])
    after_dot = False
    for kind, start, end in names:
        word = text[start:end]
        upper = word.upper() if kind == lexer.WORD else b""
        if kind == lexer.OPERATOR:
            if word == b"." and after_dot and words:
                words[-1] += "."
                continue
            expects_statement = word in (b";", b"(")
            expects_target = expects_target and word == b"("
        elif after_dot and words and words[-1].endswith("."):
            words[-1] += _target(word, quote)
            expects_target = False
            continue
        elif expects_target and upper not in _SKIPPED_BEFORE_TARGET and upper not in operations:
            if kind in (lexer.WORD, lexer.QUOTED) and upper not in _NO_TARGET:
                words.append(_target(word, quote))
                after_dot = True
            expects_target = False
            previous = upper
            continue
        elif upper in operations and (
            expects_statement
            or not words
            or (upper in _SUBSTATEMENTS and previous not in _NOT_A_STATEMENT)
        ):
            words.append(upper.decode())
            expects_statement = False
            expects_target = upper in _WORDS_BEFORE_TARGET
        elif upper in _WORDS_BEFORE_TARGET and previous != b"DISTINCT":
            if upper == b"TABLE" and words and words[-1] in ("CREATE", "DROP", "ALTER", "TRUNCATE"):
                words[-1] += " TABLE"
            expects_target = True
        after_dot = False
        previous = upper
    summary = " ".join(words) or "SQL"
    return (
        summary if len(summary) <= _SUMMARY_LIMIT else summary[:_SUMMARY_LIMIT].rpartition(" ")[0]
    )


def _target(word: bytes, quote: bytes) -> str:
    name = word.strip(quote).decode("utf-8", "replace")
    return name if _NAME.fullmatch(name) else "?"
