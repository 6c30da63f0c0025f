"""SQL text without its values: what may be shown in spans, logs and capture files.

Redaction is lexical: every literal becomes ``?``, and every word that is a value without quotes
(`sql.barevalues`), every comment a space.  A text that the lexer
cannot split is not shown at all.  The summary follows OpenTelemetry's ``db.query.summary``:
operations and targets, low in cardinality, never a value.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from acra_twisted.cache import GenerationCache
from acra_twisted.errors import LexError, TooCostlyError
from acra_twisted.model import Statement
from acra_twisted.sql import lexer, skeleton
from acra_twisted.sql.barevalues import masked
from acra_twisted.sql.scan import Skeleton

#: Longest redacted text kept (OB-3).
TEXT_LIMIT: Final = 2048
_SUMMARY_LIMIT: Final = 255
#: Longer statements, and those of more tokens, are not read: everybody waits while one is.
_INPUT_LIMIT: Final = 64 * 1024
_TOKENS_LIMIT: Final = 2_500
#: Those that its summary is made of then.
_SUMMARY_TOKENS: Final = 500

#: Of the longer ones nothing is kept.
_CACHED_LIMIT: Final = 4096

UNREADABLE: Final = "<unreadable SQL>"
_WORDS_BEFORE_TARGET: Final = frozenset(
    (b"FROM", b"INTO", b"UPDATE", b"JOIN", b"TABLE", b"COPY", b"TRUNCATE", b"LISTEN", b"NOTIFY")
)
_SKIPPED_BEFORE_TARGET: Final = frozenset(
    (b"IF", b"NOT", b"EXISTS", b"ONLY", b"LATERAL", b"TEMP", b"TEMPORARY", b"UNLOGGED")
)
_OPERATIONS: Final = frozenset(
    (b"SELECT", b"INSERT", b"UPDATE", b"DELETE", b"MERGE", b"COPY", b"CREATE", b"ALTER", b"DROP")
    + (b"TRUNCATE", b"BEGIN", b"START", b"COMMIT", b"ROLLBACK", b"SAVEPOINT", b"RELEASE", b"SET")
    + (b"SHOW", b"RESET", b"LISTEN", b"UNLISTEN", b"NOTIFY", b"PREPARE", b"EXECUTE", b"DEALLOCATE")
    + (b"DECLARE", b"FETCH", b"MOVE", b"CLOSE", b"EXPLAIN", b"ANALYZE", b"VACUUM", b"LOCK", b"DO")
    + (b"GRANT", b"REVOKE", b"CALL", b"DISCARD", b"CHECKPOINT", b"REINDEX", b"CLUSTER", b"COMMENT")
    + (b"REFRESH", b"VALUES", b"ABORT", b"END", b"LOAD", b"SECURITY", b"REASSIGN", b"IMPORT")
)
_SUBSTATEMENTS: Final = frozenset((b"SELECT", b"INSERT", b"UPDATE", b"DELETE", b"MERGE"))
_NO_TARGET: Final = frozenset((b"STDIN", b"STDOUT", b"PROGRAM"))
_NOT_A_STATEMENT: Final = frozenset((b"FOR", b"KEY", b"DO", b"THEN", b"ON", b"NO"))
# The first is three times as fast and finds what the second does, and arithmetic.
_MAY_NEED_LEXER: Final = re.compile(rb"['\"$\\/-]")
_NEEDS_LEXER: Final = re.compile(rb"['\"$\\]|--|/\*")
_NUMBER: Final = re.compile(rb"(?<![A-Za-z0-9_\x80-\xff])[0-9][A-Za-z0-9_.\x80-\xff]*+")
_DIGIT_IN_NAME: Final = re.compile(rb"[A-Za-z_.\x80-\xff][0-9]|[0-9][A-Za-z_.\x80-\xff]")
_ALL_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$.]*")


class Redacted(NamedTuple):
    """``text`` with every literal as ``?``; ``summary`` names the operations and their targets."""

    text: str
    summary: str


# Bounded by entries and, with the input limit, by bytes: what is larger is not cached.
@lru_cache(maxsize=2048)
def _cached(text: bytes, conforming: bool | None) -> Redacted:
    return _redact(text, conforming)


#: By skeleton: what is shown is the same for all its texts.
_shown: Final[GenerationCache[bytes, Redacted]] = GenerationCache(2048, 4 << 20)


def of_statement(statement: Statement) -> Redacted:
    """`redact` of a statement's text, once, by what was known when it was read."""
    shown: Redacted | None = statement.shown
    if shown is None:
        shown = redact(statement.text, statement.conforming, statement.skeleton)
        statement.shown = shown
    return shown


def redact(
    text: bytes, standard_conforming_strings: bool | None = True, cut: Skeleton | None = None
) -> Redacted:
    """Return what may be shown of a statement.  ``cut`` is its skeleton, where somebody has it.

    ``standard_conforming_strings`` is None where it is not known: nothing is shown of a text that
    its values split differently.
    """
    if not standard_conforming_strings and text.isascii() and text.find(b"\\") < 0:
        # All settings read it alike.
        standard_conforming_strings = True
    if standard_conforming_strings and (cut is not None or len(text) <= _CACHED_LIMIT):
        found = skeleton.split(text, b'"') if cut is None else cut
        if found is not None:
            shown = _shown.get(found[0])
            if shown is None and skeleton.is_plain(found[2]):
                shown = _redact(text, True)
                _shown.put(found[0], shown)
            if shown is not None:
                return shown
    return _odd(text, standard_conforming_strings)


def _odd(text: bytes, standard_conforming_strings: bool | None) -> Redacted:
    """Of a text that is not as plain, or long."""
    if standard_conforming_strings and text.find(b"\\'") >= 0:
        # Who wrote it may have meant to escape the quote: then what stands behind it is a value.
        standard_conforming_strings = None
    if len(text) > _INPUT_LIMIT:
        return _unread(text)
    if not (_MAY_NEED_LEXER.search(text) and _NEEDS_LEXER.search(text)):
        # Only numbers can be literals here: make them alike first, so that statements that differ
        # in numbers alone share an entry (1 us; lexing again takes 60 us).
        in_names = _DIGIT_IN_NAME.search(text)
        text = _NUMBER.sub(b"?", text) if in_names else text.translate(_ALL_ZERO)
    if len(text) > _CACHED_LIMIT:
        return _redact(text, standard_conforming_strings)
    return _cached(text, standard_conforming_strings)


def _redact(text: bytes, conforming: bool | None) -> Redacted:
    try:
        found = lexer.tokens(text, conforming, _TOKENS_LIMIT)
    except TooCostlyError:
        unread = _unread(text)
        if conforming is None:
            return unread
        first = list(islice(lexer.scan(text, conforming), _SUMMARY_TOKENS))
        return Redacted(unread.text, _summary(text, first))
    except LexError:
        return Redacted(UNREADABLE, UNREADABLE)
    found = masked(text, found)
    return Redacted(hide(text, found), _summary(text, found))


def _unread(text: bytes) -> Redacted:
    return Redacted(f"<statement of {len(text)} bytes>", _first_operation(text))


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


def _first_operation(text: bytes) -> str:
    word = text[:64].split(None, 1)[0].upper() if text[:64].split() else b""
    return word.decode() if word in _OPERATIONS else "SQL"


def _summary(text: bytes, found: list[lexer.Token]) -> str:
    """Operations and targets in order of appearance, as the conventions say."""
    words: list[str] = []
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
            words[-1] += _target(word)
            expects_target = False
            continue
        elif expects_target and upper not in _SKIPPED_BEFORE_TARGET and upper not in _OPERATIONS:
            if kind in (lexer.WORD, lexer.QUOTED) and upper not in _NO_TARGET:
                words.append(_target(word))
                after_dot = True
            expects_target = False
            previous = upper
            continue
        elif upper in _OPERATIONS and (
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


def _target(word: bytes) -> str:
    name = word.strip(b'"').decode("utf-8", "replace")
    return name if _NAME.fullmatch(name) else "?"
