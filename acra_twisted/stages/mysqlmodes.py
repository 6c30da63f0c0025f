"""The way in which a session's texts are read by MySQL, and where its tables are looked for."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.encryption.mysql import roles
from acra_twisted.encryption.mysql.encodings import codec_of, result_codec_of
from acra_twisted.encryption.statementpattern import MYSQL
from acra_twisted.session import Session
from acra_twisted.sql.languages import LANGUAGES, Mode

_LANGUAGE: Final = LANGUAGES[MYSQL]
_CHARACTER_SET: Final = b"character_set_client"
_RESULTS: Final = b"character_set_results"
#: The set of characters that come as they are stored.
_ANY: Final = "utf8mb4"
_UTF8: Final = frozenset(("utf8", "utf8mb3", "utf8mb4"))
# What a text may change for its session: the database in which tables are looked for, and the role,
# by which other tables and code are seen; and for all sessions: the rights to see them.
DATABASE: Final = 1
ROLE: Final = 2
RIGHTS: Final = 4
# And for all: a table may be gone, or have another name.
TABLES: Final = 8
# It runs a routine, which may do so.
RUNS: Final = 16
#: Words of texts that end tables, or give them other names, or run a text that may; a temporary
#: table hides another one only.
_may_end: Final = re.compile(
    rb"(?<![a-z_$])(?:drop(?!\s+temporary\b)|rename|alter|execute)(?![0-9a-z_$])"
).search
_may_run: Final = re.compile(rb"(?<![a-z_$])call(?![0-9a-z_$])").search
#: Words of texts that may make another database the session's.
_may_move: Final = re.compile(rb"\b(?:use|execute)\b|/\*M?!", re.I).search
#: Kinds of requests that do.
_MOVING: Final = frozenset(("init_db", "change_user", "reset_connection"))


def mode_of(session: Session, certain: bool = False) -> Mode:
    """Return the mode in which a session's texts are read.  ``certain``: all that was sent before
    has been answered."""
    parameters = session.parameters
    read = {
        name: parameters.get(name.encode(), default.encode()).decode("latin-1")
        for name, default in _LANGUAGE.read_by
    }
    mode: Mode = _LANGUAGE.mode_of(read)
    if session.in_flight and not certain:
        changing: Mode = _LANGUAGE.changing(mode)
        return changing
    return mode


def character_set_of(session: Session) -> str:
    """Return the character set of a session's texts, empty if it is not known."""
    found = session.parameters.get(_CHARACTER_SET, b"").decode("latin-1").lower()
    return found if found.isalnum() else ""


def encoding_of(session: Session) -> str:
    """Return the codec of a session's values, empty if there is none or it is not known."""
    return codec_of(character_set_of(session))


def result_set_of(session: Session) -> str:
    """Return the character set of a session's results: that of its texts where that is not known,
    empty if nothing is."""
    if has_stored_characters(session):
        return _ANY
    name = session.parameters.get(_RESULTS, b"").decode("latin-1").lower()
    return name if name.isalnum() else character_set_of(session)


def has_stored_characters(session: Session) -> bool:
    """Tell whether characters come to the client in the sets in which they are stored."""
    return session.parameters.get(_RESULTS) == b""


def result_encoding_of(session: Session) -> str:
    """Return the codec of characters in a session's results, empty if there is none or it is not
    known."""
    return result_codec_of(result_set_of(session))


def database_of(session: Session) -> str | None:
    """Return the database in which a session's tables are looked for, "" for none, None if its
    name cannot be read."""
    name = session.database
    try:
        return name.decode("utf-8" if character_set_of(session) in _UTF8 else "ascii")
    except UnicodeDecodeError:
        return None


def may_move(text: bytes) -> int:
    """Return what a text may change of that what a session sees, 0 for nothing.

    A huge text may change it if it has the bytes of a word for that anywhere.  To search one takes
    long, so that a worker does it."""
    lowered = text.lower()
    found = DATABASE if _moves(text, lowered) else 0
    if roles.may_be_set(text):
        found |= ROLE
    if ends_tables(lowered):
        found |= TABLES
    if b"call" in lowered and (len(text) > roles.HUGE or _may_run(lowered) is not None):
        found |= RUNS
    return found | RIGHTS if roles.may_grant(text) else found


def _moves(text: bytes, lowered: bytes) -> bool:
    """Tell whether a text may make another database its session's."""
    # Looking for bytes takes a small part of the time that a pattern takes.
    if b"use" in lowered or b"execute" in lowered or b"/*!" in text or b"/*M!" in text:
        return len(text) > roles.HUGE or _may_move(text) is not None
    return False


def ends_tables(lowered: bytes) -> bool:
    """Tell whether a text, in small letters, may end a table that others see, or give it another
    name."""
    if b"drop" in lowered or b"rename" in lowered or b"alter" in lowered or b"execute" in lowered:
        return len(lowered) > roles.HUGE or _may_end(lowered) is not None
    return False


def is_moving(session: Session) -> bool:
    """Tell whether a request that is unanswered may make another database the session's, or change
    how its texts are read."""
    for _, _, exchange, _ in session.outstanding:
        if exchange is None:
            continue
        statement = exchange.statement
        if exchange.kind in _MOVING:
            return True
        if statement is not None:
            # Everybody would wait while a huge text is searched.
            text = statement.text
            if len(text) > roles.HUGE or _moves(text, text.lower()):
                return True
    return False
