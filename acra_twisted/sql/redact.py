"""SQL text without its values: what may be shown in spans, logs and capture files.

Redaction is lexical: every literal becomes ``?``, and every word that is a value without quotes
(`sql.barevalues`), every comment a space.  A text that its language's lexer cannot split is not
shown at all, nor is one whose language nobody has named.  The summary follows OpenTelemetry's
``db.query.summary``: operations and targets, low in cardinality, never a value.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, Final

from acra_twisted.cache import GenerationCache
from acra_twisted.errors import LexError, TooCostlyError
from acra_twisted.exchange import Statement
from acra_twisted.fast.finding import find
from acra_twisted.fast.record import Record
from acra_twisted.sql import lexer, oddstrings, skeleton
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
#: Each of them is a token of its own in what plainness is judged by (see `skeleton`).
_SINGLE: Final = b"\x01\x02\x04(),"
#: Stands for what is shown of a text of too many tokens, which says how long it is.
_COSTLY: Final = "<long statement>"

#: Of longer texts that are not plain nothing is kept.
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

    ``known`` is a place for whoever counts such statements, None at first.  ``key`` is the plain
    key of all that are shown so in ``language``, empty where there is none.
    """

    __slots__ = ("text", "summary", "known", "key", "language")

    def __init__(self, text: str, summary: str) -> None:
        self.text = text
        self.summary = summary
        self.known: Any = None
        self.key = b""
        self.language = ""

    def _parts(self) -> tuple[object, ...]:
        return (self.text, self.summary)


#: Shown texts by language and skeleton: all texts of a skeleton show the same.
_shown: Final[dict[str, GenerationCache[bytes, Redacted]]] = {
    language: GenerationCache(2048, 4 << 20) for language in READERS
}
#: The same for texts that may have too many tokens.  One is as large as many others.
_shown_of_long: Final[dict[str, GenerationCache[bytes, Redacted]]] = {
    language: GenerationCache(256, 1 << 20) for language in READERS
}


#: By language and ``conforming``: a text with this is not one of `oddstrings`, or not certain.
_UNCERTAIN: Final = {
    ("postgresql", True): b"\\'",
    ("postgresql", False): b"'",
    ("mysql", True): b"\\",
    ("mysql", False): b"\0",
}

#: The same for texts that are not plain, by a digest: a cache of texts would keep their values.
_shown_of_odd: Final[GenerationCache[bytes, Redacted]] = GenerationCache(1024, 1 << 16)


def of_statement(statement: Statement, language: str, before: Redacted | None = None) -> Redacted:
    """`redact` a statement as its client wrote it, once, by what was known when it was read.

    ``before`` is what another statement was shown as: sessions run the same again and again.
    """
    shown: Redacted | None = statement.shown
    if shown is not None:
        return shown
    written = statement.written
    text, cut = statement.text, statement.skeleton
    if written is not None:
        text, cut = written
    if before is not None and (cut is None or not statement.conforming):
        key = before.key
        same = before.language is language or before.language == language
        if same and len(key) > 0 and len(text) <= _INPUT_LIMIT and skeleton.has_key(text, key):
            statement.shown = before
            return before
    if cut is not None and statement.conforming:
        shown_by_skeleton = _shown.get(language)
        if shown_by_skeleton is not None:
            shown = shown_by_skeleton.get(cut[0])
    if shown is None:
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
    if language not in READERS:
        return _unread(text, "SQL")
    if not conforming and text.isascii() and find(text, b"\\") < 0:
        # All settings read it alike.
        conforming = True
    if conforming and (cut is not None or len(text) <= _INPUT_LIMIT):
        shown = _by_skeleton(text, language, cut)
        if shown is not None:
            return shown
    elif conforming is False and len(text) <= _INPUT_LIMIT:
        shown = _by_odd_strings(text, language, False)
        if shown is not None:
            return shown
    return _odd(text, language, conforming)


def _by_skeleton(text: bytes, language: str, cut: Skeleton | None) -> Redacted | None:
    """Redact a text as all others of its skeleton; None for one that is not plain."""
    reader = READERS[language]
    key = skeleton.key_of(text, reader.quote) if cut is None else cut[0]
    if key is None:
        return None
    # No text has more tokens than its key has bytes.
    kept = (_shown if len(key) <= _TOKENS_LIMIT else _shown_of_long)[language]
    shown = kept.get(key)
    if shown is None:
        if cut is None:
            cut = skeleton.split(text, reader.quote)
        if cut is None:
            return None
        if not skeleton.is_plain(cut[2]):
            return _by_odd_strings(text, language, True)
        if len(cut[2]) - len(cut[2].translate(None, _SINGLE)) > _TOKENS_LIMIT:
            shown = _beginning(reader, text, True)
        else:
            shown = _read(reader, text, True)
            if len(key) <= _TOKENS_LIMIT and key.isascii() and shown.text != _COSTLY:
                shown.key, shown.language = key, language
        kept.put(key, shown)
    return _as_long_as(text, shown)


def _by_odd_strings(text: bytes, language: str, conforming: bool) -> Redacted | None:
    """The same for a text whose strings are not all plain; None for another one, and where a reader
    asks what else a backslash could mean."""
    if not text.isascii() or find(text, _UNCERTAIN[language, conforming]) >= 0:
        return None
    if READERS[language].quote != b'"' and find(text, b'"') >= 0:
        # Nobody knows whether they enclose strings or names.
        return None
    cut = oddstrings.cut(text, language)
    if cut is None or len(cut[0]) > _TOKENS_LIMIT:
        return None
    kept = _shown[language]
    shown = kept.get(cut[0])
    if shown is None:
        if not skeleton.is_plain(cut[2]):
            return None
        shown = _read(READERS[language], text, conforming)
        kept.put(cut[0], shown)
    return _as_long_as(text, shown)


def _odd(text: bytes, language: str, conforming: bool | None) -> Redacted:
    """Redact a text that is long, or not as plain."""
    reader = READERS[language]
    if len(text) > _INPUT_LIMIT:
        return _unread(text, _first_operation(reader, text))
    if reader.has_plain_words_only(text):
        # Only numbers can be literals here: make them alike first, so that statements that differ
        # in numbers alone share an entry (1 us; lexing again takes 60 us).
        in_names = _DIGIT_IN_NAME.search(text)
        text = _NUMBER.sub(b"?", text) if in_names else text.translate(_ALL_ZERO)
    if len(text) > _CACHED_LIMIT:
        return _redact(reader, text, conforming)
    setting = f"{language} {conforming}".encode()
    key = blake2b(setting + b"\0" + text, digest_size=32).digest()
    shown = _shown_of_odd.get(key)
    if shown is None:
        shown = _redact(reader, text, conforming)
        _shown_of_odd.put(key, shown)
    return shown


def _redact(reader: Reader, text: bytes, conforming: bool | None) -> Redacted:
    return _as_long_as(text, _read(reader, text, conforming))


def _read(reader: Reader, text: bytes, conforming: bool | None) -> Redacted:
    try:
        found = reader.tokens(text, conforming, _TOKENS_LIMIT)
    except TooCostlyError:
        return _beginning(reader, text, conforming)
    except LexError:
        return Redacted(UNREADABLE, UNREADABLE)
    found = masked(text, found)
    return Redacted(hide(text, found), _summary(reader, text, found))


def _beginning(reader: Reader, text: bytes, conforming: bool | None) -> Redacted:
    """Read the first tokens of a text that has too many."""
    first = reader.first_tokens(text, conforming, _SUMMARY_TOKENS)
    summary = _summary(reader, text, first) if first else _first_operation(reader, text)
    return Redacted(_COSTLY, summary)


def _as_long_as(text: bytes, shown: Redacted) -> Redacted:
    """Return ``shown``; for a text of too many tokens say how long it is."""
    return _unread(text, shown.summary) if shown.text == _COSTLY else shown


def _unread(text: bytes, summary: str) -> Redacted:
    return Redacted(f"<statement of {len(text)} bytes>", summary)


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
