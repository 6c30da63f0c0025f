"""Rules' texts to trees, and whether a statement's tree matches.

A match says under which literals it holds: an empty list means always, a list of `Constraint`
means where these literals have these values, None means never.  So a match is worked out once for
all texts of a skeleton.  Source of the tokens: acra-config reference, section 7.2; of what they
admit: sql-parsing reference, section 10.1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from acra_twisted.errors import ConfigError, LexError
from acra_twisted.sql import lexer, tree
from acra_twisted.sql.literals import Value
from acra_twisted.sql.tree import Literal, Node, Parsed, UnparsableError

_WHOLE = {
    f"%%{kind}%%": kind
    for kind in (
        *(tree.SELECT, tree.UNION, tree.INSERT, tree.UPDATE, tree.DELETE),
        *(tree.BEGIN, tree.COMMIT, tree.ROLLBACK),
    )
}
_VALUE, _LIST = "%%VALUE%%", "%%LIST_OF_VALUES%%"
_COLUMN, _SUBQUERY = "acra_any_column", "acra_any_subquery"
_WHERE, _SELECT = "acra_any_where", "acra_any_select"
_SENTINELS = (
    ("'%%VALUE%%'", "%%VALUE%%"),
    ("'%%LIST_OF_VALUES%%'", "%%LIST_OF_VALUES%%"),
    ("%%VALUE%%", f"'{_VALUE}'"),
    ("%%LIST_OF_VALUES%%", f"'{_LIST}'"),
    ("%%SELECT%%", f"SELECT {_SELECT}"),
    ("%%WHERE%%", f"WHERE {_WHERE}"),
    ("%%SUBQUERY%%", f"SELECT {_SUBQUERY}"),
    ("%%COLUMN%%", _COLUMN),
)


class Constraint(NamedTuple):
    """The text's literal number ``ordinal`` must have this value."""

    ordinal: int
    value: Value


Conditions = list[Constraint] | None


class Query(NamedTuple):
    """A statement of a rule: its tree and the values of its literals by ordinal."""

    parsed: Parsed
    values: list[Value]


class Pattern(NamedTuple):
    """``whole``: a kind of statement, for a pattern that is only that."""

    text: str
    whole: str
    query: Query | None


def read_query(language: Any, text: str, where: str) -> Query:
    """The one statement of a rule.  Raises ConfigError."""
    raw = text.encode()
    mode = language.mode
    try:
        tokens = language.tokens(raw, mode)
        statements = language.parse(raw, tokens, mode)
    except (LexError, UnparsableError) as error:
        raise ConfigError(f"the rule cannot be parsed as {language.name}: {error}", where) from None
    if len(statements) != 1:
        raise ConfigError("a rule is one statement", where)
    return Query(statements[0], literal_values(language, raw, tokens, mode))


def literal_values(language: Any, text: bytes, tokens: list[Any], mode: Any) -> list[Value]:
    """What the literals of a text mean, by ordinal."""
    values: list[Value] = []
    previous = ""
    for kind, start, end in tokens:
        if kind in lexer.LITERALS:
            value = language.value(kind, text[start:end], mode)
            if language.name == "mysql" and kind == previous == lexer.STRING:
                values[-1] = ("string", values[-1][1] + value[1])
            else:
                values.append(value)
        if kind != lexer.COMMENT:
            previous = kind
    return values


def read_pattern(language: Any, text: str, where: str) -> Pattern:
    """Raises ConfigError: ``fail to parse specified pattern``."""
    bare = text.strip().rstrip(";").strip()
    if bare in _WHOLE:
        return Pattern(text, _WHOLE[bare], None)
    changed = bare
    for token, sentinel in _SENTINELS:
        changed = changed.replace(token, sentinel)
    try:
        query = read_query(language, changed, where)
    except ConfigError as error:
        raise ConfigError(f"fail to parse specified pattern: {error}") from None
    return Pattern(text, "", query)


class Matcher:
    """Compares one pattern with trees.  ``strict``: for an exact query, without any wildcard.

    ``guards``: for allow rules, where a wildcard must not admit what reads other tables.
    """

    def __init__(
        self, language: Any, query: Query, *, strict: bool, guards: bool, functions: bool = False
    ) -> None:
        self._trees = language.trees
        self._tree = query.parsed.tree
        self._values = query.values
        self._strict = strict
        self._guards = guards
        self._functions = functions

    def match(self, candidate: Any) -> Conditions:
        """Conditions under which the tree is what the rule describes."""
        found: list[Constraint] = []
        return found if self._same(self._tree, candidate, found) else None

    # -- structure ----------------------------------------------------------------------------

    def _same(self, mine: Any, other: Any, found: list[Constraint]) -> bool:
        if type(mine) is Literal:
            return self._literal(mine, other, found)
        if type(mine) is Node:
            return self._node(mine, other, found)
        if type(mine) is list:
            return type(other) is list and self._lists(mine, other, found)
        return type(mine) is type(other) and bool(mine == other)

    def _literal(self, mine: Literal, other: Any, found: list[Constraint]) -> bool:
        value = self._values[mine.ordinal]
        if not self._strict and value[1] == _VALUE.encode():
            return self._is_value(other)
        if type(other) is not Literal or mine.negative != other.negative:
            return False
        found.append(Constraint(other.ordinal, value))
        return True

    def _node(self, mine: Node, other: Any, found: list[Constraint]) -> bool:
        if not self._strict:
            if self._trees.name_of(mine) == _COLUMN:
                return self._trees.is_column(other) and self._admits(other)
            wanted = self._wildcard_select(mine)
            if wanted == _SUBQUERY:
                return type(other) is Node and other.kind in _SELECTS
            if wanted == _SELECT:
                return type(other) is Node and other.kind == mine.kind and not _is_union(other)
        if type(other) is not Node or mine.kind != other.kind:
            return False
        for name in mine.fields.keys() | other.fields.keys():
            here, there = mine.fields.get(name), other.fields.get(name)
            if not self._strict:
                if name in self._trees.WHERE and self._is_any_where(here):
                    continue
                if name == self._trees.SELECT_LIST and self._is_any_list(mine, here):
                    if not self._admits_list(there):
                        return False
                    continue
            if here is None or there is None or not self._same(here, there, found):
                return False
        return True

    def _lists(self, mine: list[Any], other: list[Any], found: list[Constraint]) -> bool:
        if not self._strict and mine and self._is_list_token(mine[-1]):
            fixed = len(mine) - 1
            if len(other) < len(mine) or not all(self._is_value(v) for v in other[fixed:]):
                return False
            mine, other = mine[:fixed], other[:fixed]
        return len(mine) == len(other) and all(
            self._same(a, b, found) for a, b in zip(mine, other, strict=True)
        )

    # -- wildcards ----------------------------------------------------------------------------

    def _is_value(self, node: Any) -> bool:
        if self._trees.is_value(node):
            return True
        return (
            self._functions
            and type(node) is Node
            and self._trees.is_function(node)
            and self._admits(node)
        )

    def _is_list_token(self, node: Any) -> bool:
        return type(node) is Literal and self._values[node.ordinal][1] == _LIST.encode()

    def _is_any_where(self, node: Any) -> bool:
        return node is not None and self._trees.name_of(node) == _WHERE

    def _wildcard_select(self, node: Node) -> str | None:
        if node.kind not in _SELECTS:
            return None
        items = node.fields.get(self._trees.SELECT_LIST)
        if type(items) is not list or len(items) != 1:
            return None
        name: str | None = self._trees.name_of(items[0])
        return name if name in (_SUBQUERY, _SELECT) else None

    def _is_any_list(self, node: Node, items: Any) -> bool:
        return (
            node.kind in _SELECTS
            and type(items) is list
            and len(items) == 1
            and self._trees.is_star(items[0])
        )

    def _admits_list(self, items: Any) -> bool:
        return not self._guards or all(
            self._admits(item)
            and not any(
                type(part) is Node and part.kind in self._trees.SUBQUERIES
                for part in tree.walk(item)
            )
            for item in items or ()
        )

    def _admits(self, item: Any) -> bool:
        """Not what reads tables or files that nobody sees."""
        if not self._guards:
            return True
        return not any(
            type(part) is Node
            and self._trees.is_function(part)
            and self._trees.is_opaque_function(self._trees.function_name(part))
            for part in tree.walk(item)
        )


_SELECTS = frozenset(("SelectStmt", "Select", "Union", "Except", "Intersect"))


def _is_union(node: Node) -> bool:
    return node.kind in ("Union", "Except", "Intersect") or "larg" in node.fields
