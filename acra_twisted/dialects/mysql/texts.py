"""Texts of MySQL and MariaDB as far as the protocol depends on them."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.dialects.mysql.replies import ANYTHING, KEEPS, MAY_CHANGE, RENAMES, SETS
from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqltokens, mysqlversions
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.readers import MYSQL

_COMMENT: Final = rb"/\*(?![!M+])(?:[^*]++|\*(?!/)|(?!))*+\*/"
_LINE: Final = rb"(?:--[ \t]|\#)[^\n]*+"
#: The beginning of a statement that leaves all as it is.
_BEGINNING: Final = (
    rb"(?:[\s(]++|%b|%b\n|(?!))*+(?:select|insert|update|delete|replace|with|values|table|begin"
    rb"|start\s+transaction|commit|rollback|savepoint|release|show|describe|desc|explain|use|create"
    rb"|alter|drop|truncate|rename|lock|unlock|load|analyze|check|checksum|optimize|repair|grant"
    rb"|revoke|kill|prepare|deallocate|handler|flush|call|do|xa)\b"
) % (_COMMENT, _LINE)
_begin: Final = re.compile(_BEGINNING, re.I).match
# A text without a semicolon but at its end is one statement, and its first word says which.
_HARMLESS: Final = re.compile(_BEGINNING + rb"[^;]*+;?+\s*+", re.I).fullmatch


def _harmless(string: bytes) -> re.Pattern[bytes]:
    """The pattern of any number of such statements, with semicolons in strings that have
    ``string`` in them.  It takes no text that could be split in another way."""
    pieces = (
        *(rb"[^;'\"`\#/\\\x80-\xff-]++", rb"-(?!-)", rb"/(?!\*)", _COMMENT, _LINE),
        *(rb"'%b'" % string, rb'"[^"\\]*+"', rb"`[^`\x80-\xff]*+`"),
    )
    one = _BEGINNING + rb"(?:%b|(?!))*+" % b"|".join(pieces)
    end = rb";?+(?:\s++|%b|%b|(?!))*+" % (_COMMENT, _LINE)
    return re.compile(one + rb"(?:;%b|(?!))*+" % one + end, re.I | re.S)


#: By ``conforming``: see `changes`.
_HARMLESS_ONES: Final = {
    False: _harmless(rb"(?:[^'\\]++|\\.|(?!))*+"),
    True: _harmless(rb"[^']*+"),
    None: _harmless(rb"[^'\\]*+"),
}
_SET: Final = re.compile(rb"\s*+set\b", re.I).match
_SLASH: Final = 0x2F
_SEMICOLON: Final = 0x3B
_NOTHING: Final = b" \t\r\n;"
#: Beginnings of most texts, and their length: what `_HARMLESS` takes a third of a microsecond for.
_BEGUN: Final = 7
_SELECT: Final = b"SELECT "
_BEGUN_SO: Final = frozenset(
    form
    for word in (b"SELECT ", b"INSERT ", b"UPDATE ", b"DELETE ", b"BEGIN", b"COMMIT")
    for form in (word, word.lower())
)
#: Words by which a SET has a value that it does not show.
_COMPUTED: Final = frozenset(("(", "select"))
#: Words by which a SET names a character set.
_RENAMING: Final = frozenset(("names", "charset", "character", "char"))
#: Words by which a SET is about other sessions.
_OTHERS: Final = frozenset(("global", "persist", "persist_only"))
#: The variable that tells how the bytes of a text are read.
_CHARACTER_SET: Final = "character_set_client"
_MODE: Final = "sql_mode"
#: The ways to write the mode of the session's own where it is set, without blanks.
_OWN_MODE: Final = frozenset(
    (_MODE, f"session{_MODE}", f"local{_MODE}")
    + (f"@@{_MODE}", f"@@session.{_MODE}", f"@@local.{_MODE}")
)
_use: Final = re.compile(
    rb"\s*+use\b\s*+(?:`((?:[^`]++|``|(?!))++)`|([\w$\x80-\xff]++))\s*+;?+\s*+", re.I
).fullmatch
_BEFORE_USE: Final = frozenset((b"u", b"U", b" ", b"\t", b"\r", b"\n"))
#: More tokens than a SET has that anybody writes.
_TOKENS_LIMIT: Final = 500
#: More tokens than a text has in which a server runs comments: everybody waits while it is read.
_RUN_LIMIT: Final = 4_000
#: So many bytes of a text are looked at: a longer one may do anything.
_LENGTH_LIMIT: Final = 64 * 1024
#: So many bytes are walked for semicolons in strings and between statements.
_WALKED_LIMIT: Final = 1 << 20


def changes(text: bytes, conforming: bool | None) -> int:
    """Return the flags of `replies.Reply.changes`: what a text does to how later ones are read.

    ``conforming``: whether a backslash is an ordinary character in a string; None where that is not
    known.  A routine leaves modes and character set as they were, even one that fails: so it does
    not matter which ones a text calls.  Nor does it whether it ends their tracking: see `state`.
    """
    # A number in bytes is one pass in C; to search takes as long as eight of those.
    if _SLASH in text and mysqlversions.has_any(text):
        return _changes_in_comments(text, conforming)
    return _changes(text, conforming)


def _changes_in_comments(text: bytes, conforming: bool | None) -> int:
    """The flags of a text in which servers may run comments."""
    if len(text) > _LENGTH_LIMIT:
        return ANYTHING
    try:
        read = [
            mysqlversions.unmarked(one, MYSQL.tokens(one, conforming, _RUN_LIMIT))
            for one in MYSQL.readings(text, conforming, _RUN_LIMIT)
        ]
    except LexError:
        return ANYTHING
    # One of which nothing is left does nothing.
    found = {_changes(one, conforming) if one.strip(_NOTHING) else KEEPS for one in read}
    flags = KEEPS
    for one in found:
        flags |= one
    if len(found) > 1 and flags & SETS:
        # Perhaps nothing is set: then what was said before it need not be true behind it.
        flags = flags & ~SETS | MAY_CHANGE
    return flags


def _changes(text: bytes, conforming: bool | None) -> int:
    begun = text[:_BEGUN]
    # To compare takes a third of the time of a look into a set.
    if (begun == _SELECT or begun in _BEGUN_SO) and _SEMICOLON not in text:
        return KEEPS
    if len(text) > _WALKED_LIMIT:
        return KEEPS if _is_harmless(text) else ANYTHING
    if _HARMLESS(text) is not None or _HARMLESS_ONES[conforming].fullmatch(text) is not None:
        return KEEPS
    if _SET(text) is not None and len(text) <= _LENGTH_LIMIT:
        return _changes_of_set(text, conforming)
    return ANYTHING


def _is_harmless(text: bytes) -> bool:
    """Return True for a long text that is one statement, whose first word says that it leaves all
    as it is; it takes no longer than to look for a semicolon."""
    begun = _begin(text, 0, _LENGTH_LIMIT)
    if begun is None:
        return False
    end = text.find(b";", begun.end())
    return end < 0 or (len(text) - end <= _LENGTH_LIMIT and not text[end + 1 :].strip())


def _changes_of_set(text: bytes, conforming: bool | None) -> int:
    """The flags of a text that begins with SET."""
    try:
        tokens = MYSQL.tokens(text, conforming, _TOKENS_LIMIT)
    except LexError:
        return ANYTHING
    parts = mysqltokens.statements(text, tokens)
    if len(parts) != 1 or not _is_certain(text, parts[0]):
        return ANYTHING
    words = [mysqltokens.word(text, token).lower() for token in parts[0]]
    if "statement" in words:
        # Another statement is in it.
        return ANYTHING
    found = KEEPS
    for start, end in mysqltokens.assignments(words):
        found |= _changes_of_assignment(words[start:end])
    computed = not _COMPUTED.isdisjoint(words)
    if computed or (found & SETS and not _OTHERS.isdisjoint(words)):
        found = found & ~SETS | MAY_CHANGE
    if mysqltokens.lexing_settings(text, parts[0]).refused:
        found |= MAY_CHANGE
    return found


def _is_certain(text: bytes, part: list[Token]) -> bool:
    """Return True if all characters of a statement beyond ASCII are in strings: some servers take
    such a one for a blank, or for a letter of ASCII."""
    return text.isascii() or all(
        text[start:end].isascii() or (kind == lexer.STRING and text[start] == 0x27)
        for kind, start, end in part
    )


def _changes_of_assignment(words: list[str]) -> int:
    """The flags of one of a SET's assignments."""
    if words and words[0][:1] == "@" and words[0][:2] != "@@":
        return KEEPS
    end = next((at for at, word in enumerate(words) if word in ("=", ":=")), len(words))
    target = "".join(words[:end])
    if target in _OWN_MODE:
        return SETS
    found = KEEPS
    for word in words:
        if word.startswith("'"):
            continue
        if _MODE in word:
            found |= MAY_CHANGE
        elif word in _RENAMING or _CHARACTER_SET in word:
            found |= RENAMES
    return found


def schema_of(text: bytes) -> bytes | None:
    """Return the schema that a text makes its session's, if it is a plain USE and nothing else."""
    # Nearly all texts begin otherwise, which takes a third of the time to see.
    found = _use(text) if text[:1] in _BEFORE_USE else None
    if found is None:
        return None
    quoted, bare = found.groups()
    return bare if quoted is None else quoted.replace(b"``", b"`")


def files_of(text: bytes) -> int:
    """Return how many files the database may ask the client for in its answer to a text, at most:
    MariaDB runs a LOAD DATA by EXECUTE, too."""
    # To search without regard to case takes five times as long.
    lowered = text.lower()
    return lowered.count(b"infile") + lowered.count(b"execute")


def reads_alike(text: bytes) -> bool:
    """Return True if a text means the same however strings and characters are read."""
    return text.isascii() and text.find(b"\\") < 0 and text.find(b'"') < 0
