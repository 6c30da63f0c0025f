"""Values that stand in a statement without quotes: ``SET app.token = word``.

The grammar takes a word for a value in settings, in options and, if somebody has forgotten the
quotes, wherever it wants a string; whoever shows statements must not show it.  Words of a closed
set, which are the same everywhere, are no secrets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token

# A comment that MySQL runs may have its version right before the word.
_MAY_HAVE: Final = re.compile(
    rb"(?<![A-Za-z_])(?:set|create|alter|copy|comment|security|notify)\b", re.I
).search
_SHOWN: Final = frozenset(
    b"ON OFF TRUE FALSE YES NO DEFAULT NONE LOCAL NULL ALL ISO UTC UTF8 CSV TEXT BINARY "
    b"READ COMMITTED UNCOMMITTED REPEATABLE SERIALIZABLE WRITE ONLY".split()
)
#: A string is the last thing of these statements, behind such a word.
_TEXT_BEHIND: Final = {b"COMMENT": b"IS", b"SECURITY": b"IS", b"NOTIFY": b","}
#: Behind SET: no value follows.
_NO_SETTINGS: Final = frozenset((b"TRANSACTION", b"CHARACTERISTICS", b"CONSTRAINTS"))
_SCOPES: Final = frozenset((b"SESSION", b"LOCAL", b"GLOBAL", b"PERSIST", b"PERSIST_ONLY"))
#: CREATE and ALTER: their SET makes settings up to the statement's end, or one after the other.
_SETTLE: Final = frozenset((b"ROLE", b"USER", b"GROUP", b"DATABASE", b"SYSTEM"))
_ROUTINES: Final = frozenset((b"FUNCTION", b"PROCEDURE", b"ROUTINE"))
_ROLES: Final = frozenset((b"ROLE", b"USER", b"GROUP"))
_ROLE_OPTIONS: Final = frozenset(
    b"VALID UNTIL LOGIN NOLOGIN SUPERUSER NOSUPERUSER CREATEDB NOCREATEDB CREATEROLE NOCREATEROLE "
    b"INHERIT NOINHERIT REPLICATION NOREPLICATION BYPASSRLS NOBYPASSRLS CONNECTION LIMIT IN ROLE "
    b"GROUP USER ADMIN SYSID ENCRYPTED UNENCRYPTED PASSWORD WITH SET".split()
)
_ACTIONS: Final = frozenset((b"ADD", b"SET", b"DROP"))
#: A list of options may follow in brackets.
_BEFORE_OPTIONS: Final = frozenset((b"OPTIONS", b"WITH", b"SET", b"RESET"))
_NAMES: Final = frozenset((lexer.WORD, lexer.QUOTED, lexer.UNICODE_QUOTED, lexer.VARIABLE))


def masked(text: bytes, tokens: list[Token]) -> list[Token]:
    """The tokens with each value that has no quotes as one literal."""
    if not _MAY_HAVE(text):
        return tokens
    found: list[tuple[int, int]] = []
    statement: list[Token] = []
    for token in tokens:
        if token[0] == lexer.COMMENT:
            continue
        if text[token[1] : token[2]] == b";":
            found += _hidden(text, statement)
            statement = []
        else:
            statement.append(token)
    found += _hidden(text, statement)
    return _replaced(tokens, found)


def _hidden(text: bytes, statement: list[Token]) -> list[tuple[int, int]]:
    """Find the values without quotes in one statement."""
    if not statement or not _MAY_HAVE(text, statement[0][1], statement[0][2]):
        return []
    return _Statement(text, statement).hidden()


def _replaced(tokens: list[Token], hidden: list[tuple[int, int]]) -> list[Token]:
    result: list[Token] = []
    spans = iter(sorted(hidden))
    span = next(spans, None)
    for token in tokens:
        while span is not None and token[1] >= span[1]:
            span = next(spans, None)
        if span is None or token[1] < span[0]:
            result.append(token)
        elif token[1] == span[0]:
            result.append((lexer.STRING, span[0], span[1]))
    return result


class _Statement:
    """One statement: its tokens without comments; the spans that must be hidden."""

    def __init__(self, text: bytes, tokens: list[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._words = [
            text[start:end].upper() if kind in (lexer.WORD, lexer.OPERATOR) else b""
            for kind, start, end in tokens
        ]
        self._hidden: list[tuple[int, int]] = []

    def hidden(self) -> list[tuple[int, int]]:
        """Find the values without quotes."""
        words = self._words
        first = words[0]
        if first == b"SET":
            self._setting(0)
        elif first == b"COPY":
            self._options_behind(lambda at: not {b"FROM", b"TO"}.isdisjoint(words[:at]))
        elif first in (b"CREATE", b"ALTER"):
            self._definition()
        elif first in _TEXT_BEHIND:
            self._text_behind(_TEXT_BEHIND[first], len(words))
        return self._hidden

    def _hide(self, start: int, end: int) -> None:
        """Hide the tokens ``[start, end)``, unless they are one word that says nothing."""
        if start < end and not (end == start + 1 and self._words[start] in _SHOWN):
            self._hidden.append((self._tokens[start][1], self._tokens[end - 1][2]))

    def _name_end(self, at: int, end: int) -> int:
        """Return the end of the name that begins at ``at``: ``a.b.c``."""
        if at < end and self._tokens[at][0] in _NAMES:
            at += 1
            while at + 1 < end and self._words[at] == b".":
                at += 2
        return at

    def _values(self, start: int, end: int) -> None:
        """Hide a list of values, each for itself."""
        depth, begin = 0, start
        for at in range(start, end):
            depth += (self._words[at] == b"(") - (self._words[at] == b")")
            if self._words[at] == b"," and depth == 0:
                self._hide(begin, at)
                begin = at + 1
        self._hide(begin, end)

    def _text_behind(self, word: bytes, end: int) -> None:
        """Hide everything behind the first of a word, where a string ends the statement."""
        if word in self._words[:end]:
            self._hide(self._words.index(word) + 1, end)

    # -- settings -----------------------------------------------------------------------------

    def _setting(self, at: int, end: int = 0) -> None:
        """Hide what is set by the SET that stands ``at``: everything behind the name."""
        words, end = self._words, end or len(self._words)
        at += 1
        if at + 1 < end and words[at] in _SCOPES and words[at + 1] not in (b"TO", b"="):
            at += 1
        if at < end and words[at] in _NO_SETTINGS:
            return
        if words[at : at + 2] == [b"TIME", b"ZONE"]:
            at += 2
        else:
            at = self._name_end(at, end)
        if at < end and words[at] in (b"TO", b"=", b":="):
            at += 1
        elif words[at:end] == [b"FROM", b"CURRENT"]:
            return
        self._values(at, end)

    def _settings_of_routine(self) -> None:
        """SET is one clause of many here: a value ends before what is no comma."""
        words, size, depth = self._words, len(self._words), 0
        for at in range(size):
            depth += (words[at] == b"(") - (words[at] == b")")
            if words[at] != b"SET" or depth:
                continue
            start = self._name_end(at + 1, size)
            if start < size and words[start] in (b"TO", b"="):
                start += 1
                end = self._touching(start, size)
                while end < size and words[end] == b",":
                    end = self._touching(end + 1, size)
                self._values(start, end)

    def _touching(self, at: int, size: int) -> int:
        """Return the end of the tokens from ``at`` on that have no blank between them."""
        at += 1
        while (
            at < size
            and self._tokens[at][1] == self._tokens[at - 1][2]
            and self._words[at] not in (b",", b")")
        ):
            at += 1
        return min(at, size)

    # -- definitions --------------------------------------------------------------------------

    def _definition(self) -> None:
        words = self._words
        kinds = set(words[1:5])
        if kinds & _ROUTINES:
            self._settings_of_routine()
        elif set(words[1:2]) & _SETTLE and b"MAPPING" not in kinds:
            if b"SET" in words[2:]:
                self._setting(words.index(b"SET", 2))
        if kinds & _ROLES:
            self._passwords()
        if b"SUBSCRIPTION" in kinds:
            begins = words.index(b"PUBLICATION") if b"PUBLICATION" in words else len(words)
            self._text_behind(b"CONNECTION", begins)
        self._options_behind(lambda at: words[at - 1] in _BEFORE_OPTIONS)

    def _passwords(self) -> None:
        """A password whose quotes were forgotten: all up to the next option."""
        words, size = self._words, len(self._words)
        for at in range(1, size):
            if words[at] == b"PASSWORD" or words[at - 1 : at + 1] == [b"IDENTIFIED", b"BY"]:
                end = at + 1
                while end < size and (end == at + 1 or words[end] not in _ROLE_OPTIONS):
                    end += 1
                self._hide(at + 1, end)

    def _options_behind(self, begins: Callable[[int], bool]) -> None:
        """Lists of options in brackets, where ``begins`` says that a bracket begins one."""
        words, size, at = self._words, len(self._words), 1
        while at < size:
            if words[at] != b"(" or not begins(at):
                at += 1
                continue
            begin, depth = at + 1, 1
            while at + 1 < size and depth:
                at += 1
                depth += (words[at] == b"(") - (words[at] == b")")
                if (words[at] == b"," and depth == 1) or depth == 0:
                    self._option(begin, at)
                    begin = at + 1
            if depth:
                self._option(begin, size)
            at += 1

    def _option(self, at: int, end: int) -> None:
        """``[ADD] name [=] value``: hide what stands behind the name."""
        words = self._words
        if at + 1 < end and words[at] in _ACTIONS:
            at += 1
        at = self._name_end(at, end)
        if at < end and words[at] == b"=":
            at += 1
        self._hide(at, end)
