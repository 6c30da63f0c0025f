"""Comments that MySQL and MariaDB run as a part of the text: ``/*! ... */`` and ``/*M! ... */``.

Digits behind the mark are the version from which on a server runs them.  All servers run those
without a version and those below 5.7, MySQL from 5.7 on and MariaDB from 10.0 on: they are read as
the text that they hold.  MySQL runs no others but those without an M, up to its own version.
MariaDB runs those with an M, up to its own version, and without one none between 5.7 and 10.0.  A
server may say that it has another version than its own.  So a text with such comments has several
readings, and whoever lets it pass must be content with each of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.errors import LexError, NotEverywhereError, TooCostlyError
from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token

#: Marks of one text that some servers run: it has two readings for each.
MAX_MARKS: Final = 3
#: Bytes of a text that has several readings, and tokens of all of them.
MAX_BYTES: Final = 1 << 20
MAX_TOKENS: Final = 20_000
_MARK: Final = re.compile(rb"/\*(M?)!([0-9]{0,6})").match
#: The first version that some server in use does not run.
_FIRST: Final = 50_700
_VERSION_DIGITS: Final = 5
#: No server runs it: mariadb-dump marks its files so.
_NEVER: Final = b"999999"
_MAY_DIFFER: Final = re.compile(
    rb"/\*(?:M!|!(?=50[7-9][0-9]{2}|5[1-9][0-9]{3}|[6-9][0-9]{4}))(?!999999)"
).search
_MARKS: Final = (b"/*!", b"/*M!")
_MARKED: Final = {size: re.compile(rb"/\*M?![0-9]{%d}" % size).sub for size in (5, 6)}


class Mark(NamedTuple):
    """The beginning of such a comment, up to ``end``.  ``runs`` is None where some servers run it
    and some do not."""

    name: bytes
    end: int
    runs: bool | None


def mark_at(text: bytes, start: int) -> Mark | None:
    """Read the mark of the comment at a place; None for a comment that no server runs.

    Raises LexError for a version that servers read differently.
    """
    found = _MARK(text, start)
    if found is None:
        return None
    digits = found[2]
    if digits == _NEVER:
        return Mark(found[0], found.end(), False)
    if len(digits) < _VERSION_DIGITS:
        end = found.start(2)
        return Mark(text[start:end], end, None if found[1] else True)
    if not found[1] and len(digits) > _VERSION_DIGITS:
        raise LexError("a comment for a version of six digits", start)
    runs = None if found[1] or int(digits) >= _FIRST else True
    return Mark(found[0], found.end(), runs)


def is_run(mark: Mark, start: int, chosen: Mapping[bytes, bool]) -> bool:
    """Tell whether a comment is read as text.  ``chosen`` says it of marks that some servers run.

    Raises NotEverywhereError for one of which nothing is said.
    """
    runs = chosen.get(mark.name) if mark.runs is None else mark.runs
    if runs is None:
        raise NotEverywhereError(mark.name, start)
    return runs


def skipped_end(text: bytes, start: int) -> int:
    """Return the end of such a comment as a server reads it that does not run it.

    Raises LexError where servers look for it in different places.
    """
    end = text.find(b"*/", start + 2) + 2
    if end < 2:
        raise LexError("unterminated comment", start)
    if text.find(b"/*", start + 2, end) >= 0:
        raise LexError("a comment inside one that not every server runs", start)
    return end


def may_differ(text: bytes) -> bool:
    """Tell whether servers may read the comments of a text differently."""
    return _MAY_DIFFER(text) is not None


def has_any(text: bytes) -> bool:
    """Tell whether a text may have a comment that some server runs."""
    # Looking for bytes takes a small part of the time that a pattern takes.
    return text.find(_MARKS[0]) >= 0 or text.find(_MARKS[1]) >= 0


def readings(
    text: bytes, limit: int, lex: Callable[[int, Mapping[bytes, bool]], Sequence[Token]]
) -> list[bytes]:
    """Return the texts as which servers may read a text, each as long as it is.

    The comments of each are such that all servers read it alike.  The first one has run all.
    ``lex`` gives the tokens of the text, up to a number of them, by what is chosen of its marks;
    ``limit`` is the number for the text itself.  Raises LexError where it does, for more than
    `MAX_MARKS` different marks, and where several readings are longer than together they may be.
    """
    found: list[bytes] = []
    pending: list[dict[bytes, bool]] = [{}]
    left = limit
    while pending:
        chosen = pending.pop()
        try:
            tokens = lex(left, chosen)
        except NotEverywhereError as error:
            if len(chosen) == MAX_MARKS:
                raise LexError("comments for too many versions", error.position) from None
            if len(text) > MAX_BYTES:
                raise LexError("a comment that some servers run, in a long text", 0) from None
            if not chosen:
                left = min(limit, MAX_TOKENS)
            pending += ({**chosen, error.mark: False}, {**chosen, error.mark: True})
            continue
        except TooCostlyError as error:
            if left == limit:
                raise
            raise LexError("too many tokens in all readings", error.position) from None
        left -= len(tokens)
        found.append(_settled(text, tokens, chosen))
    return found


def _settled(text: bytes, tokens: Sequence[Token], chosen: Mapping[bytes, bool]) -> bytes:
    """The text with its comments as they are chosen."""
    parts: list[bytes] = []
    position = 0
    for kind, start, _ in tokens:
        mark = mark_at(text, start) if kind == lexer.COMMENT else None
        if mark is None or mark.runs is not None:
            continue
        size = mark.end - start
        parts += (text[position:start], (b"/*!" if chosen[mark.name] else b"/*").ljust(size))
        position = mark.end
    return b"".join((*parts, text[position:]))


def unmarked(text: bytes, tokens: Sequence[Token]) -> bytes:
    """Return a text without the marks of the comments that are run in it, and without comments.

    It means the same to every server; its length is another one.
    """
    parts: list[bytes] = []
    position = 0
    for kind, start, end in tokens:
        if kind == lexer.COMMENT:
            parts += (text[position:start], apart(text, start))
            position = end
    return b"".join((*parts, text[position:]))


def apart(text: bytes, start: int) -> bytes:
    """Return what parts the tokens around a comment as it did: with a blank behind them two minus
    signs would begin another one."""
    return b"/**/" if text[start - 1 : start] == b"-" else b" "


def loosened(text: bytes) -> bytes:
    """Return a text for searches by words: no digits of a mark are one with the word behind them,
    however many of them a server takes for its version."""
    if not has_any(text):
        return text
    return b"\n".join((text, *(sub(b" ", text) for sub in _MARKED.values())))
