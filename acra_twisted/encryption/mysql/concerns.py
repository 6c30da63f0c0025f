"""Tells by words alone whether a text can concern a protected column: most texts do not.

A text without such a word goes on as it is.  What runs SQL that is not in the text is judged here,
too: PREPARE and EXECUTE IMMEDIATE of a string are read like the text itself, and refused where they
take theirs from anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import checks, roles
from acra_twisted.encryption.mysql.protection import DYNAMIC, Protection
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.refusals import StatementRefusedError
from acra_twisted.sql import lexer, mysqltokens
from acra_twisted.sql.languages import Mode
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.literals import mysql_value
from acra_twisted.sql.mysqlnames import fold
from acra_twisted.sql.mysqlversions import loosened
from acra_twisted.sql.pieces import pieces

#: A letter beyond ASCII may be a blank in some character set.
_WORDS: Final = re.compile(r"[0-9A-Za-z_$]+")
#: Words of statements that run what a string or a variable holds.
_RUNNING: Final = DYNAMIC | {"execute_prepared_stmt", "create_synonym_db"}
#: First words of statements that write rows that nobody can read.
_OPAQUE: Final = frozenset(("binlog",))
#: Languages of MySQL's routines and libraries other than SQL: their code puts SQL together.
_FOREIGN: Final = frozenset(("javascript", "wasm"))
#: Those routines and libraries, by the words behind CREATE and ALTER.
_CODE: Final = frozenset(("function", "procedure", "library"))
#: Reserved words behind which such a CREATE or ALTER is of something else.
_OTHERS: Final = frozenset(("table", "as"))
#: Settings that the server runs.
_SETTINGS: Final = frozenset(("init_connect", "init_slave", "init_replica", "init_file"))
#: First words of statements whose strings may be SQL, or name a table at another server.
_CARRYING: Final = frozenset(("create", "alter"))
#: First words of statements behind which the rest may be read in another way, or mean other tables.
_CHANGING: Final = frozenset(("use", "call", "execute"))
#: First words of statements that have no other statement in them; of all others one is thought to.
_SINGLE: Final = frozenset(
    ("(", "select", "insert", "replace", "update", "delete", "with", "table", "values", "do")
    + ("create", "alter", "drop", "truncate", "rename", "grant", "revoke", "load", "handler")
    + ("show", "describe", "desc", "explain", "analyze", "check", "checksum", "optimize")
    + ("repair", "lock", "unlock", "flush", "reset", "kill", "help", "start", "commit")
    + ("rollback", "savepoint", "release", "xa", "set", "use", "call", "begin")
    + ("prepare", "execute", "deallocate")
)
#: Escapes of strings that stand for no letter, that of the backslash first.
_BLANKS: Final = (b"\\\\", b"\\n", b"\\r", b"\\t", b"\\b", b"\\0", b"\\Z", b"\\'", b'\\"')
_ENDS: Final = b" \t\r\n;"
#: Words of CREATE and ALTER of what has statements in it, with names of their own.
_BODIES: Final = frozenset(("procedure", "function", "trigger", "event", "package"))
#: Words at most from CREATE to the last of those that say how, and what may be temporary.
_MODIFIERS: Final = 4
_KINDS: Final = frozenset(("table", "sequence"))


class Concerns:
    """The names by which a text concerns protected columns."""

    __slots__ = ("_names", "_simple", "_simple_or_foreign", "_others", "_tables")

    def __init__(self, protection: Protection) -> None:
        self._names = protection.names
        self._tables = {fold(one.name): one.name for one in protection.settings.tables}
        self._simple = (
            frozenset(one for one in self._names if _WORDS.fullmatch(one))
            | _RUNNING
            | _SETTINGS
            | _OPAQUE
            | {checks.NAME}
        )
        self._simple_or_foreign = self._simple | _FOREIGN
        self._others = tuple(one for one in self._names if one not in self._simple)

    def may_touch(self, text: bytes) -> bool:
        """Tell whether a text may name one, run one that does, or switch off the CHECKs of all,
        whatever its character set.

        It may say yes of a text that does not.  A long one is searched in pieces.
        """
        if self._may_have(text, self._simple_or_foreign):
            return True
        if b"\\" not in text:
            return False
        lowered = text.lower()
        # Strings of these alone are judged by what they mean without having a word of _RUNNING.
        if b"create" not in lowered and b"alter" not in lowered:
            return False
        return self._may_have(_unescaped(text), self._simple)

    def _may_have(self, text: bytes, simple: frozenset[str]) -> bool:
        if roles.may_be_set(text):
            return True
        return any(self._may_name(piece, simple) for piece in pieces(text))

    def _may_name(self, text: bytes, simple: frozenset[str]) -> bool:
        shown = fold(loosened(text).decode("utf-8", "replace"))
        if not simple.isdisjoint(_WORDS.findall(shown)):
            return True
        if any(name.replace("`", "``") in shown or name in shown for name in self._others):
            return True
        # The bytes of a name beyond ASCII depend on the character set.
        return "\ufffd" in shown and not all(map(str.isascii, self._names))

    def named(self, text: bytes) -> tuple[str, str]:
        """The name of a configured table that a text has, as it is configured, and of a view or a
        routine that may use one; "" for one that the text has not."""
        table = other = ""
        for piece in pieces(text):
            shown = fold(loosened(piece).decode("utf-8", "replace"))
            odd = [one for one in self._others if one.replace("`", "``") in shown]
            for name in (*_WORDS.findall(shown), *odd):
                table = table or self._tables.get(name, "")
                if name in self._names and name not in self._tables:
                    other = other or name
        return table, other

    def touches(self, text: bytes, part: Sequence[Token], mode: Mode) -> bool:
        """Tell it of a statement by its tokens.  Raises StatementRefusedError for one that may run
        what names a protected table."""
        words = {fold(one) for one in mysqltokens.names(text, list(part))}
        if not _RUNNING.isdisjoint(words):
            self._check(text, part, mode)
        found = {mysqltokens.first_word(text, list(part))}
        if holds_another(text, part):
            found |= words
        if (
            not found.isdisjoint(_OPAQUE)
            or (
                not found.isdisjoint(_CARRYING)
                and (
                    self._carries(text, part) or roles.is_set(text, part) or _is_foreign(text, part)
                )
            )
            or ("set" in found and not _SETTINGS.isdisjoint(words))
        ):
            raise _unseen()
        return not self._names.isdisjoint(words)

    def _carries(self, text: bytes, part: Sequence[Token]) -> bool:
        """Tell whether a string of a statement names something protected.  Those of users and
        roles are no SQL.  The name of a language is a word like others there."""
        return not is_of_accounts(text, part) and any(
            self._may_have(raw, self._simple)
            or (b"\\" in raw and self._may_have(_unescaped(raw), self._simple))
            for raw in (text[start:end] for kind, start, end in part if kind == lexer.STRING)
        )

    def _check(self, text: bytes, part: Sequence[Token], mode: Mode) -> None:
        """Judge PREPARE name FROM and EXECUTE IMMEDIATE."""
        words = [mysqltokens.word(text, token) for token in part]
        kinds = [token[0] for token in part]
        if words[0] == "deallocate" or (words[0] == "drop" and words[1:2] == ["prepare"]):
            return
        at = 3 if words[0] == "prepare" and words[2:3] == ["from"] else 2
        if words[:2] != ["execute", "immediate"] and at == 2:
            if words[0] in ("create", "alter", "call") or holds_another(text, part):
                raise _unseen()
            # A name of its own, such as that of a column.
            return
        strings = [place for place in range(at, len(part)) if kinds[place] == lexer.STRING]
        if kinds[at : at + 1] != [lexer.STRING] or strings[-1] != at + len(strings) - 1:
            raise _unseen()
        if words[at + len(strings) :] and words[at + len(strings)] != "using":
            raise _unseen()
        raws = [text[start:end] for _, start, end in (part[place] for place in strings)]
        no_backslash = mode.backslash is False
        inner = b"".join(mysql_value(lexer.STRING, raw, no_backslash)[1] for raw in raws)
        if mode.backslash is None and b"\\" in b"".join(raws):
            raise _unseen()
        if self.may_touch(inner):
            raise _unseen()


def _unescaped(text: bytes) -> bytes:
    """Return a text with what backslashes stand for in strings, and blanks for signs."""
    for escape in _BLANKS:
        text = text.replace(escape, b" ")
    return text.replace(b"\\", b"")


def _is_foreign(text: bytes, part: Sequence[Token]) -> bool:
    """Tell whether a statement makes a routine or library in another language than SQL."""
    is_open = is_code = False
    for token, behind in pairwise(part):
        one = mysqltokens.word(text, token) if token[0] == lexer.WORD else ""
        if one in _CARRYING:
            is_open = True
        elif is_open and one in _OTHERS:
            is_open = False
        elif is_open and one in _CODE:
            is_code = True
        elif is_code and one == "language":
            if mysqltokens.word(text, behind).strip("'\"").lower() in _FOREIGN:
                return True
    return False


def judges_literals(text: bytes, part: Sequence[Token]) -> bool:
    """Tell whether a statement is judged by what its literals hold: SQL, a name, a length."""
    found = {mysqltokens.first_word(text, list(part))}
    if holds_another(text, part):
        found |= {fold(one) for one in mysqltokens.names(text, list(part))}
    return not (_RUNNING.isdisjoint(found) and _CARRYING.isdisjoint(found))


def check_roles(text: bytes, statements: Sequence[Sequence[Token]]) -> None:
    """Raise StatementRefusedError for statements behind SET ROLE: what they name was not seen."""
    if any(roles.is_set(text, part) for part in statements[:-1]):
        raise _unseen()


def changes_reading(text: bytes, part: Sequence[Token]) -> bool:
    """Tell whether a statement may change how those behind it are read, or the tables that they
    mean."""
    return (
        mysqltokens.first_word(text, list(part)) in _CHANGING
        or holds_another(text, part)
        or mysqltokens.lexing_settings(text, list(part)).any
    )


def holds_another(text: bytes, part: Sequence[Token]) -> bool:
    """Tell whether a statement may have another one in it, such as the first of a block: names
    behind its beginning may mean its variables."""
    first, *words = [mysqltokens.word(text, token) for token in part[:3]]
    if first not in _SINGLE or (words and words[0][:1] == ":"):
        # Unknown, or a label.
        return True
    if first in _CARRYING:
        return not _BODIES.isdisjoint(mysqltokens.names(text, list(part)))
    if first == "set":
        return words[:1] == ["statement"]
    return first == "begin" and words not in ([], ["work"])


def is_of_accounts(text: bytes, part: Sequence[Token]) -> bool:
    """Tell whether a statement that begins with CREATE or ALTER defines users or roles."""
    words = [mysqltokens.word(text, token) for token in part[:4]]
    at = 3 if words[1:3] == ["or", "replace"] else 1
    if words[0] not in _CARRYING or words[at : at + 1] not in (["user"], ["role"]):
        return False
    return part[at][0] == lexer.WORD


def hides(text: bytes, part: Sequence[Token], defined: frozenset[str]) -> bool:
    """Tell whether a statement may make a temporary table that hides another one of some names,
    which are folded."""
    words = [mysqltokens.word(text, token) for token in part]
    if words[:1] != ["create"] or "temporary" not in words[1:_MODIFIERS]:
        return False
    at = next((at for at, one in enumerate(words) if one in _KINDS), len(words)) + 1
    if words[at : at + 3] == ["if", "not", "exists"]:
        at += 3
    # A name without a database may have a dot before it.
    at += words[at : at + 1] == ["."]
    at += 2 * (words[at + 1 : at + 2] == ["."])
    return at >= len(words) or fold(words[at]) in defined


def may_hold_block(text: bytes) -> bool:
    """Tell whether a text may have a block of statements in it; it may say yes of one that has
    none."""
    return b";" in text.rstrip(_ENDS)


def _unseen() -> StatementRefusedError:
    return StatementRefusedError(
        Refusal(
            refusals.OPAQUE_CODE,
            "",
            "the statement runs SQL that AcraServer cannot protect, or does not see",
            "Send the statement itself, or have the driver prepare it.",
        )
    )
