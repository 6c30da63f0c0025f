"""Rules' texts to trees.

A placeholder is parsed as a stand-in: a literal or a name that this text does not hold.  In the
tree a `Placeholder` takes the stand-in's place, so that no name and no literal of any text can be
taken for one.  Source of the placeholders: acra-config reference, section 7.2.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from acra_twisted.errors import ConfigError, LexError, UnparsedRule
from acra_twisted.sql import lexer, tree
from acra_twisted.sql.literals import Value
from acra_twisted.sql.tree import Node, Parsed, UnparsableError

#: Placeholders that are a whole pattern.
_WHOLE = {
    f"%%{kind}%%": kind
    for kind in (
        *(tree.SELECT, tree.UNION, tree.INSERT, tree.UPDATE, tree.DELETE),
        *(tree.BEGIN, tree.COMMIT, tree.ROLLBACK),
    )
}
VALUE, LIST, COLUMN, WHERE = "VALUE", "LIST_OF_VALUES", "COLUMN", "WHERE"
SELECT, SUBQUERY = "SELECT", "SUBQUERY"
#: Each as SQL around its stand-in.
_FORMS = {
    VALUE: "'%s'",
    LIST: "'%s'",
    COLUMN: "%s",
    WHERE: "WHERE %s",
    SELECT: "SELECT %s",
    SUBQUERY: "SELECT %s",
}
_LITERALS = (VALUE, LIST)
_TOKEN = re.compile(
    "'%%(VALUE|LIST_OF_VALUES)%%'|%%(VALUE|LIST_OF_VALUES|COLUMN|WHERE|SELECT|SUBQUERY)%%"
)
#: Kinds of node that are a SELECT.
SELECTS = frozenset(("SelectStmt", "Select", "Union", "Except", "Intersect"))


class Placeholder:
    """A part that a pattern leaves open: ``kind`` is its name without the percent signs."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind


class Query(NamedTuple):
    """A statement of a rule: its tree, and the values of its literals by ordinal.

    ``open``: the literals that are placeholders; ``kinds``: every placeholder that it has.
    """

    parsed: Parsed
    values: list[Value]
    open: dict[int, str]
    kinds: frozenset[str]


class Pattern(NamedTuple):
    """``whole``: a kind of statement, for a pattern that is only that."""

    text: str
    whole: str
    query: Query | None


def read_query(language: Any, text: str, where: str) -> Query:
    """The one statement of a rule.  Raises ConfigError, UnparsedRule."""
    raw = text.encode()
    mode = language.mode
    try:
        tokens = language.tokens(raw, mode)
        statements = language.parse(raw, tokens, mode)
    except (LexError, UnparsableError) as error:
        why = f"the rule cannot be parsed as {language.name}: {error}"
        raise UnparsedRule(why, where) from None
    if len(statements) != 1:
        raise ConfigError("a rule is one statement", where)
    return Query(statements[0], literal_values(language, raw, tokens, mode), {}, frozenset())


def literal_values(language: Any, text: bytes, tokens: list[Any], mode: Any) -> list[Value]:
    """Return the meaning of each literal of a text, by ordinal."""
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


#: What a server of an older version takes for a placeholder in a pattern.
_OLD_STAND_INS = re.compile("acra_any_(?:column|where|select|subquery)", re.I)


def holds_placeholder(text: str) -> bool:
    """Tell whether a client's text holds what some server takes for a placeholder in a pattern."""
    return (
        _TOKEN.search(text) is not None
        or _OLD_STAND_INS.search(text) is not None
        or any(token in text for token in _WHOLE)
    )


def read_pattern(language: Any, text: str, where: str) -> Pattern:
    """Raises ConfigError: ``fail to parse specified pattern``."""
    bare = text.strip().rstrip(";").strip()
    if bare in _WHOLE:
        return Pattern(text, _WHOLE[bare], None)
    try:
        return Pattern(text, "", _read(language, bare, where))
    except ConfigError as error:
        raise ConfigError(f"fail to parse specified pattern: {error}") from None


def _read(language: Any, text: str, where: str) -> Query:
    prefix = "acra_stand_in"
    while prefix in text.lower():
        prefix += "_"
    kinds: list[str] = []

    def stand_in(match: re.Match[str]) -> str:
        kinds.append(match.group(1) or match.group(2))
        return _FORMS[kinds[-1]] % f"{prefix}{len(kinds) - 1}x"

    changed = _TOKEN.sub(stand_in, text)
    query = read_query(language, changed, where)
    if not kinds:
        return query
    names = {f"{prefix}{n}x": kind for n, kind in enumerate(kinds)}
    placed: list[str] = []
    opened = {}
    for ordinal, value in enumerate(query.values):
        name = value[1].decode("utf-8", "replace") if value[0] == "string" else ""
        if names.get(name) in _LITERALS:
            opened[ordinal] = names[name]
            placed.append(name)
    words = [
        changed.encode()[start:end].decode("utf-8", "replace")
        for kind, start, end in language.tokens(changed.encode(), language.mode)
        if kind == lexer.WORD
    ]
    marker = _Marker(language, {n: k for n, k in names.items() if words.count(n) == 1})
    query.parsed.tree = marker.marked(query.parsed.tree)
    placed += marker.placed
    form = tree.shape(query.parsed.tree)[0]
    for name, kind in names.items():
        if placed.count(name) != 1 or name in form or type(query.parsed.tree) is Placeholder:
            raise ConfigError(
                f"%%{kind}%% stands where it means nothing: in a literal, a name or a comment, or "
                f"where {_PLACES[kind]} cannot stand",
                where,
            )
    return Query(query.parsed, query.values, opened, frozenset(kinds))


_PLACES = {
    VALUE: "a value",
    LIST: "a value",
    COLUMN: "a column",
    WHERE: "a WHERE clause",
    SELECT: "a SELECT beside UNION",
    SUBQUERY: "a SELECT in brackets",
}


def writes_everywhere(language: Any, query: Query) -> bool:
    """Tell whether a pattern has an UPDATE or DELETE that may also come without a WHERE clause."""
    return WHERE in query.kinds and any(
        type(part) is Node
        and language.trees.is_writing(part)
        and any(type(value) is Placeholder for value in part.fields.values())
        for part in tree.walk(query.parsed.tree)
    )


class _Marker:
    """Puts placeholders in the place of their stand-ins; ``placed`` are the names it has found."""

    def __init__(self, language: Any, names: dict[str, str]) -> None:
        self._trees = language.trees
        self._names = names
        self.placed: list[str] = []
        self._bare = {
            tree.shape(read_query(language, f"SELECT {name}", "").parsed.tree)[0]: name
            for name, kind in names.items()
            if kind in (SELECT, SUBQUERY)
        }

    def marked(self, item: Any) -> Any:
        """The tree with placeholders."""
        if type(item) is list:
            return [self.marked(part) for part in item]
        if type(item) is not Node:
            return item
        if item.kind in SELECTS:
            name = self._bare.get(tree.shape(item)[0])
            if name is not None:
                return self._placeholder(name)
        name = self._trees.name_of(item) or ""
        if self._names.get(name) == COLUMN:
            return self._placeholder(name)
        fields = {}
        for key, value in item.fields.items():
            name = key in self._trees.WHERE and self._trees.name_of(value) or ""
            if self._names.get(name) == WHERE:
                fields[key] = self._placeholder(name)
            else:
                fields[key] = self.marked(value)
        return Node(item.kind, fields)

    def _placeholder(self, name: str) -> Placeholder:
        self.placed.append(name)
        return Placeholder(self._names[name])
