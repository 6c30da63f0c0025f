"""Tells by words alone whether a text can concern a protected column: most texts do not, and are
not parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, names, pgtable
from acra_twisted.sql.languages import Mode
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.literals import postgresql_value
from acra_twisted.sql.words import read as read_words

_WORDS: Final = re.compile(rb"[a-z_\x80-\xff][a-z0-9_$\x80-\xff]*")
_SIMPLE: Final = re.compile(r"[a-z_][a-z0-9_$]*")
#: Statements that run what is not in the text, or carry code in a string.
_DO: Final = b"do"
_RUNNERS: Final = frozenset((_DO, b"call"))
#: What carries code in a string where it is created.
_CREATED: Final = frozenset((b"function", b"procedure", b"rule", b"trigger"))
_CREATE: Final = b"create"
#: A schema has another name behind these words, and its tables with it.
_SCHEMA: Final = b"schema"
_RENAMING: Final = frozenset((b"alter", _SCHEMA, b"rename"))
#: Tables of a type change with its attributes behind these.
_ATTRIBUTE: Final = b"attribute"
_RETYPING: Final = frozenset((b"alter", b"type", _ATTRIBUTE, b"cascade"))
#: The function of a trigger that is created.
_TRIGGERED: Final = re.compile(rb"\bexecute (?=function\b|procedure\b)")
#: DO of ON CONFLICT.
_UPSERT: Final = re.compile(
    rb"(?<![a-z0-9_$\x80-\xff])do\s+(?:nothing|update)(?![a-z0-9_$\x80-\xff])"
)
#: What they do depends on the session's prepared statements, or changes them.
_STATEFUL: Final = frozenset((b"execute", b"prepare"))
#: Functions that put a text together.
_JOINING: Final = frozenset(
    (b"concat", b"concat_ws", b"format", b"replace", b"translate", b"overlay", b"reverse", b"chr")
    + (b"convert_from", b"string_agg", b"array_to_string", b"regexp_replace")
)
#: Code that runs something else than a string that is there in one piece.
_RUNS_OTHER: Final = re.compile(rb"\bexecute\b(?!\s++'|\s++(?:function|procedure)\b)")
#: Signs of strings that are put together: two with a line's end, or a comment, between them are
#: one.
_PUT_TOGETHER: Final = re.compile(rb"[|][|]|--|'[ \t\r\f\v]*+\n\s*+'")
_EXECUTE: Final = b"execute"
_LANGUAGE: Final = b"language"
#: Languages whose code is understood so far.  Another one may give a new name to a function of the
#: database that runs code.
_READ: Final = frozenset((b"sql", b"plpgsql"))
#: Arguments that are there in one piece.
_IN_ONE_PIECE: Final = re.compile(
    rb"\s*+\(\s*+(?:(?:'(?:[^']|''|(?!))*+'|[0-9]++|true|false|null)\s*+(?:,\s*+(?!\))|(?=\)))"
    rb"|(?!))*+\)"
)
#: Reserved words in constants, so that no column has them as its name.
_CONSTANTS: Final = frozenset((b"true", b"false", b"null", b"as"))
#: Behind these a type stands; before those a schema or the name of an argument.
_CASTS: Final = frozenset((b"::", b"as"))
_BEHIND_NAMES: Final = frozenset((b".", b"=>"))
#: Calls in arguments that give no text that could be code.
_CAST: Final = b"cast"
_NO_CODE: Final = frozenset(
    (b"to_tsquery", b"plainto_tsquery", b"phraseto_tsquery", b"websearch_to_tsquery")
)
_OWN_SCHEMA: Final = (b"pg_catalog", b".")
#: Signs between constants and in them; all others may make a text of two.
_SIGNS: Final = frozenset((b"(", b")", b"[", b"]", b",", b".", b"::", b"=>", b"+", b"-"))
#: A server cuts longer names, in some encoding.
_CERTAIN: Final = 60
#: Stands for a name that is not read: it may be that of a function that runs code.
_UNREAD: Final = b"dblink"
#: Behind this, the sign that escapes begin with in the name before it.
_UESCAPE: Final = b"uescape"
#: A name in it may be written with escapes.
_ESCAPED_NAME: Final = b'u&"'
#: What begins so is written with escapes, and no backslash need be among them.
_ESCAPED: Final = (_ESCAPED_NAME, b"u&'")
_NAMES: Final = (lexer.WORD, lexer.QUOTED)
#: Tokens that name nothing by themselves.
_UNNAMED: Final = lexer.LITERALS | {lexer.COMMENT}


class Concerns:
    """The names by which a text concerns protected columns: of tables, views and functions, as the
    database compares them.  ``tables`` are those of them that are configured."""

    __slots__ = (
        *("_words", "_others", "_runs", "_hints", "_starts", "_parts", "_plain"),
        *("_tables", "_reaching"),
    )

    def __init__(self, protected: Iterable[str], tables: Iterable[str] = ()) -> None:
        known = frozenset(protected)
        simple = {name for name in known if _SIMPLE.fullmatch(name) and len(name) < _CERTAIN}
        others = known - simple
        self._words = frozenset(name.encode() for name in simple) | _STATEFUL
        # Names that only quotes can hold, or that some server folds by its own rules.
        self._others = tuple(map(_quoted, others))
        running, starts = pgtable.decisions().running
        self._runs = _RUNNERS | {name.encode() for name in running}
        self._hints = self._runs | _CREATED | {_SCHEMA, _ATTRIBUTE}
        self._starts = tuple(start.encode() for start in starts)
        self._parts = tuple(map(_folded, known))
        self._plain = all(map(str.isascii, known))
        configured = frozenset(tables)
        self._tables = {_quoted(name): name for name in configured}
        self._reaching = {_quoted(name): name for name in known - configured}

    def may_touch(self, text: bytes) -> bool:
        """Tell whether a text, or its skeleton, names one, or may run a statement that does.

        It may say yes of a text that does not.
        """
        lowered = text.lower() if text.isascii() else _lowered(text)
        words = _WORDS.findall(lowered)
        if not self._words.isdisjoint(words):
            return True
        if not self._hints.isdisjoint(words) and self._runs_by(lowered, words):
            return True
        if _ESCAPED_NAME in lowered:
            return True
        return any(name in lowered for name in (*self._starts, *self._others))

    def named(self, text: bytes) -> tuple[str, str]:
        """The name of a configured table that a text has, and of something else by which it may
        concern one, each as the schema has it; "" for one that is not there as it is."""
        lowered = text.lower() if text.isascii() else _lowered(text)
        words = _WORDS.findall(lowered)

        def first(names: Mapping[bytes, str]) -> str:
            odd = (one for one in self._others if one in names and one in lowered)
            return next((names[one] for one in (*words, *odd) if one in names), "")

        return first(self._tables), first(self._reaching)

    def _runs_by(self, lowered: bytes, words: Sequence[bytes]) -> bool:
        """Tell it of some words of a text, without its tokens."""
        found = self._runs.intersection(words)
        if _CREATE in words and not _CREATED.isdisjoint(words):
            return True
        if _RENAMING.issubset(words) or _RETYPING.issubset(words):
            return True
        return bool(found) and (found != {_DO} or len(_UPSERT.findall(lowered)) != words.count(_DO))

    def may_touch_in(self, text: bytes, mode: Mode) -> bool:
        """Tell it of a client's text in the session's encoding.

        A text that cannot be read with certainty may have any name beyond ASCII.
        """
        if self._plain or text.isascii():
            return self.may_touch(text)
        if mode.names != names.EXACT or not mode.encoding:
            return True
        try:
            return self.may_touch(text.decode(mode.encoding).encode())
        except UnicodeDecodeError:
            return True

    def is_named_beside_strings(self, text: bytes, tokens: Iterable[Token]) -> bool:
        """Tell whether a statement that creates code names something protected, or something that
        runs code, in any of its tokens but strings."""
        shown = b" ".join(text[start:end] for kind, start, end in tokens if kind not in _UNNAMED)
        lowered = _TRIGGERED.sub(b"", _lowered(shown))
        words = _WORDS.findall(lowered)
        if not (self._words | self._runs - {_DO}).isdisjoint(words) or _ESCAPED_NAME in lowered:
            return True
        return any(name in lowered for name in (*self._starts, *self._others))

    def code_may_hide(self, text: bytes, tokens: Iterable[Token]) -> bool:
        """Tell whether code in the strings of a statement may run a statement that it puts together
        from parts, or is in a language that is not read."""
        before = b""
        for kind, start, end in tokens:
            if kind == lexer.COMMENT:
                continue
            shown = text[start:end].lower()
            if before == _LANGUAGE and shown.strip(b"'\"") not in _READ:
                return True
            before = shown
            if kind in lexer.LITERALS and kind != lexer.NUMBER:
                if self._puts_together(_lowered(postgresql_value(kind, text[start:end])[1])):
                    return True
        return False

    def _puts_together(self, code: bytes) -> bool:
        if _RUNS_OTHER.search(code):
            return True
        words = frozenset(_WORDS.findall(code))
        running = set(words & self._runs - _RUNNERS)
        running |= {word for word in words if word.startswith(self._starts)}
        if running and any(
            not _IN_ONE_PIECE.match(code, found.end())
            for found in _WORDS.finditer(code)
            if found[0] in running
        ):
            return True
        if not running and _EXECUTE not in words:
            return False
        return not _JOINING.isdisjoint(words) or _PUT_TOGETHER.search(code) is not None

    def may_run(self, text: bytes, tokens: Sequence[Token]) -> bool:
        """Tell whether a text may run what its strings hold."""
        words = _names(text, tokens)
        if _CREATE in words and not _CREATED.isdisjoint(words):
            return True
        if not _RUNNERS.isdisjoint(words) and not _RUNNERS.isdisjoint(_firsts(text, tokens)):
            return True
        found = self._runs.intersection(words) - _RUNNERS
        return bool(found) or any(w.startswith(self._starts) for w in words)

    def may_hide(self, text: bytes, tokens: Sequence[Token]) -> bool:
        """Tell whether a function that runs code may be given code that no string of the text
        holds: in a parameter, in a column, by another function, or put together from parts."""
        words = _names(text, tokens)
        runs = self._runs.intersection(words) - _RUNNERS
        if not runs and not any(word.startswith(self._starts) for word in words):
            return False
        if not _JOINING.isdisjoint(words) or self._is_given_more(text, tokens):
            return True
        return any(
            kind == lexer.PARAMETER or (kind == lexer.OPERATOR and b"||" in text[start:end])
            for kind, start, end in tokens
        )

    def _is_given_more(self, text: bytes, tokens: Sequence[Token]) -> bool:
        """Tell whether something else than constants and parameters may stand in the arguments of a
        function that runs code: a column, a call, a query, an operator."""
        shown = [
            (kind, text[start:end].lower()) for kind, start, end in tokens if kind != lexer.COMMENT
        ]
        depth, before = 0, b""
        for number, (_, one) in enumerate(shown):
            if one == b"(":
                name = before.strip(b'"')
                if name.startswith(_ESCAPED_NAME) or shown[number - 2][1] == _UESCAPE:
                    name = _UNREAD
                if depth or name in self._runs - _RUNNERS or name.startswith(self._starts):
                    depth += 1
            elif one == b")":
                depth = max(0, depth - 1)
            elif depth and not self._is_constant(shown, number):
                return True
            before = one
        return False

    @staticmethod
    def _is_constant(shown: Sequence[tuple[str, bytes]], number: int) -> bool:
        """Tell whether a token is a part of a constant, a parameter, or the name of an argument;
        names of types may be."""
        kind, one = shown[number]
        if kind == lexer.OPERATOR:
            return one in _SIGNS
        if kind == lexer.UNICODE_QUOTED:
            return False
        if kind not in _NAMES or one in _CONSTANTS or shown[number - 1][1] in _CASTS:
            return True
        behind, following = shown[number + 1] if number + 1 < len(shown) else ("", b"")
        if following == b"(":
            before = tuple(word for _, word in shown[number - 2 : number])
            return one == _CAST or (one in _NO_CODE and before == _OWN_SCHEMA)
        return following in _BEHIND_NAMES or behind in lexer.LITERALS

    def is_stateful(self, text: bytes, tokens: Sequence[Token]) -> bool:
        """Tell whether a text runs or makes a statement that SQL's PREPARE keeps."""
        return not _STATEFUL.isdisjoint(_names(text, tokens))

    def carries(self, text: bytes, tokens: Sequence[Token]) -> bool:
        """Tell whether a string of a text may have the name of something protected."""
        words = _names(text, tokens)
        runs = (
            not (self._runs - _RUNNERS).isdisjoint(words)
            or any(word.startswith(self._starts) for word in words)
            or not _RUNNERS.isdisjoint(_firsts(text, tokens))
        )
        for kind, start, end in tokens:
            if kind in lexer.LITERALS and kind != lexer.NUMBER:
                if kind == lexer.UNICODE and _UESCAPE in words:
                    # Its value is another one than is read here.
                    return True
                value = _lowered(postgresql_value(kind, text[start:end])[1])
                if any(mark in value for mark in _ESCAPED):
                    return True
                if any(name in value for name in self._parts):
                    return True
                if b"\\" in value and (runs or self._may_spell(value)):
                    return True
        return False

    def _may_spell(self, code: bytes) -> bool:
        """Tell whether code may write a name with escapes: as an identifier, or in a string that it
        runs.  In all other strings they are values."""
        words = _WORDS.findall(code)
        runs = not (self._runs | {_EXECUTE}).isdisjoint(words)
        return runs or b"u&" in code or any(word.startswith(self._starts) for word in words)


def _names(text: bytes, tokens: Sequence[Token]) -> set[bytes]:
    """The names in a text; with `_UNREAD` for one that is written with escapes that are not read.
    The text is in UTF-8 if it has such a name."""
    if any(kind == lexer.UNICODE_QUOTED for kind, _, _ in tokens):
        try:
            return {name.lower().encode() for name in read_words(text, list(tokens)).names}
        except LexError:
            return {_UNREAD}
    return {text[start:end].lower().strip(b'"') for kind, start, end in tokens if kind in _NAMES}


def _firsts(text: bytes, tokens: Sequence[Token]) -> Iterator[bytes]:
    """The first words of the statements of a text."""
    before = b";"
    for kind, start, end in tokens:
        if kind != lexer.COMMENT:
            shown = text[start:end].lower()
            if before == b";":
                yield shown
            before = shown


def _lowered(text: bytes) -> bytes:
    """A text in small letters, whatever their alphabet."""
    return _folded(text.decode("utf-8", "replace"))


def _quoted(name: str) -> bytes:
    """A name as the letters of a text have it, between quotes if it needs them."""
    return _folded(name.replace('"', '""'))


def _folded(text: str) -> bytes:
    """The letters of a text, each by itself: the small form of a Greek sigma depends on what stands
    behind it."""
    return text.casefold().encode()
