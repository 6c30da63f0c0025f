"""Texts of MySQL and MariaDB as far as the protocol depends on them."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.dialects.mysql.replies import KEEPS, MAY_CHANGE, RENAMES, SETS, UNTRACKS
from acra_twisted.errors import LexError
from acra_twisted.sql import mysqltokens
from acra_twisted.sql.readers import READERS

# A text without a semicolon but at its end is one statement, and its first word says which.
_HARMLESS: Final = re.compile(
    rb"(?:[\s(]++|/\*(?![!M])(?:[^*]++|\*(?!/))*+\*/)*+"
    rb"(?:select|insert|update|delete|replace|with|values|table|begin|start\s+transaction|commit"
    rb"|rollback|savepoint|release|show|describe|desc|explain|use|create|alter|drop|truncate|rename"
    rb"|lock|unlock|load|analyze|check|checksum|optimize|repair|grant|revoke|kill|prepare"
    rb"|deallocate|handler|flush)\b[^;]*+;?\s*",
    re.I,
).fullmatch
_SET: Final = re.compile(rb"\s*+set\b", re.I).match
#: What a server runs although it is a comment, if it is new enough.
_RUN: Final = (b"/*!", b"/*M!")
#: Words by which a SET has another statement in it, or a value that it does not show.
_CARRIERS: Final = frozenset(("(", "statement", "select"))
#: Words by which a SET names a character set.
_RENAMING: Final = frozenset(("names", "charset", "character", "char"))
#: The variable that tells how the bytes of a text are read; a list of tracked ones must have it.
_CHARACTER_SET: Final = "character_set_client"
_TRACKING: Final = re.compile(rb"session_track", re.I).search
#: More tokens than a SET has that anybody writes.
_TOKENS_LIMIT: Final = 500
#: So many bytes of a text are looked at: a longer one may do anything.
_LENGTH_LIMIT: Final = 64 * 1024
_FILE: Final = re.compile(rb"infile", re.I).search


def changes(text: bytes, conforming: bool | None) -> int:
    """Return the flags of `replies.Reply.changes`: what a text does to how later ones are read.

    ``conforming``: whether a backslash is an ordinary character in a string; None where that is not
    known.  A routine that a statement calls leaves the settings as they were.
    """
    if text.find(_RUN[0]) < 0 and text.find(_RUN[1]) < 0:
        if _HARMLESS(text) is not None:
            return KEEPS
        if _SET(text) is not None and len(text) <= _LENGTH_LIMIT:
            found = _changes_of_set(text, conforming)
            if found >= 0:
                return found
    return MAY_CHANGE | UNTRACKS if _TRACKING(text) is not None else MAY_CHANGE


def _changes_of_set(text: bytes, conforming: bool | None) -> int:
    """The flags of a text that begins with SET; -1 if it may do anything."""
    try:
        tokens = READERS["mysql"].tokens(text, conforming, _TOKENS_LIMIT)
    except LexError:
        return -1
    parts = mysqltokens.statements(text, tokens)
    words = [mysqltokens.word(text, token) for token in tokens]
    if len(parts) != 1 or not _CARRIERS.isdisjoint(words):
        return -1
    found = KEEPS
    tracks = False
    for word in words:
        if word[0] == "'":
            tracks = tracks or _CHARACTER_SET in word or word == "'*'"
        elif "sql_mode" in word:
            found |= SETS
        elif "session_track" in word:
            found |= UNTRACKS
        elif word in _RENAMING or _CHARACTER_SET in word:
            found |= RENAMES
    if found & UNTRACKS and tracks:
        found &= ~UNTRACKS
    if mysqltokens.lexing_settings(text, parts[0]).refused:
        found |= MAY_CHANGE
    return found


def may_ask_for_file(text: bytes) -> bool:
    """Return True if the database may answer a text by asking the client for a file."""
    return _FILE(text) is not None


def reads_alike(text: bytes) -> bool:
    """Return True if a text means the same however strings and characters are read."""
    return text.isascii() and text.find(b"\\") < 0 and text.find(b'"') < 0
