"""MySQL and MariaDB statements to trees, by sqlglot on canonical text.

sqlglot never sees the client's text but what `mysqlcanon` makes of our lexer's tokens.
What it does not analyse is read by `mysqltokens`.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from acra_twisted.errors import LexError
from acra_twisted.sql import (
    mysqlcalls,
    mysqlcanon,
    mysqlforeign,
    mysqlparser,
    mysqlqueries,
    mysqlstatements,
    mysqltokens,
    tree,
)
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.tree import Literal, Nested, Node, Parsed, Table, UnparsableError

# It reports what it does not analyse, with the statement.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

#: Trees of statements of which only words are known.
_NOT_ANALYSED = frozenset(("Opaque", "Tokens"))
_OPAQUE_CREATIONS = frozenset(("FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "PACKAGE"))


def parse(text: bytes, tokens: list[Token]) -> list[Parsed]:
    """The statements of a text.  Raises UnparsableError, and LexError from `mysqlcanon`."""
    parts = mysqltokens.statements(text, tokens)
    # One statement's tokens are the text's: what is found for it below is the whole.
    whole = len(mysqlcanon.canonical(text, tokens).literals) if len(parts) > 1 else None
    read: list[Parsed] = []
    first = 0
    for part in parts:
        known, count = _statement(text, part)
        if len(parts) > 1:
            _shift(known, first)
        first += count
        _check_settings(known, text, part, is_last=len(read) == len(parts) - 1)
        read.append(known)
    if whole is not None and first != whole:
        raise UnparsableError("a literal reaches over two statements")
    return read


def _statement(text: bytes, part: list[Token]) -> tuple[Parsed, int]:
    """One statement, and the number of its literals; ordinals count from its beginning."""
    own = mysqlcanon.canonical(text, part)
    known = mysqltokens.read(text, part)
    relations: set[str] = set()
    if known is None:
        known = _read(own.text, part, text, relations)
    _note_reach(known, text, part, relations)
    if known.tree.kind in _NOT_ANALYSED:
        _note_inner(known, text, part)
    _note_left_out(known, own)
    if own.writes_file:
        known.beyond = "INTO writes a file of the server"
    seen = {item.ordinal for item in tree.walk(known.tree) if type(item) is Literal}
    unplaced = [n for n in range(len(own.literals)) if n not in seen]
    if unplaced:
        # Parts that the tree lacks are compared all the same, and never assumed.
        known.whole = False
        known.tree.fields["unplaced"] = [Literal(n) for n in unplaced]
    return known, len(own.literals)


def _note_left_out(parsed: Parsed, own: mysqlcanon.Canonical) -> None:
    """Note what no parser was shown."""
    if own.left_out:
        of_into = [Literal(ordinal) for ordinal in sorted(own.of_left_out)]
        parsed.tree.fields["into"] = [" ".join(own.left_out), *of_into]
        parsed.whole = parsed.whole and not of_into
    if own.clauses:
        of_clauses = [Literal(ordinal) for ordinal in sorted(own.of_clauses)]
        parsed.tree.fields[tree.ASIDE] = [*own.clauses, *of_clauses]
        parsed.whole = parsed.whole and not of_clauses


def _note_inner(parsed: Parsed, text: bytes, part: list[Token]) -> None:
    """Note the statement or query inside one that is not analysed.

    Raises UnparsableError where it is not understood, but for a query in a body, which may have
    words behind it that are the body's.
    """
    inner = mysqlqueries.inner(text, part)
    if not inner.tokens:
        return
    try:
        query, _ = _statement(text, inner.tokens)
    except UnparsableError:
        if inner.is_whole or parsed.tree.kind == "Opaque":
            raise
        return
    _shift(query, len(mysqlcanon.canonical(text, part[: part.index(inner.tokens[0])]).literals))
    parsed.tree.fields["query"] = query.tree
    parsed.nested += (Nested(query.kind, query.tree, False), *query.nested)


def _shift(parsed: Parsed, by: int) -> None:
    """Ordinals count over the whole text."""
    for item in tree.walk(parsed.tree):
        if type(item) is Literal:
            item.ordinal += by


def _check_settings(parsed: Parsed, text: bytes, part: list[Token], is_last: bool) -> None:
    found = mysqltokens.lexing_settings(text, part)
    if found.refused:
        parsed.refused = found.refused
    if found.any:
        parsed.whole = False
        if not is_last:
            parsed.refused = "a setting that changes how the rest of the text is read"


def _note_reach(parsed: Parsed, text: bytes, part: list[Token], relations: set[str]) -> None:
    """Note what a statement reaches by calls, options, settings and catalogs."""
    words = [mysqltokens.word(text, token) for token in part]
    mysqlcalls.note(parsed, text, part, relations)
    if any(word.startswith(mysqltokens.OF_FILES) for word in words):
        parsed.opaque = parsed.opaque or "a file's name in place of a table's"
    table = mysqlstatements.statements()
    if words[0] in ("create", "alter") or "engine" in " ".join(words):
        # An engine's name can be a literal.
        parsed.whole = False
    if words[0] in ("create", "alter"):
        parsed.opaque = parsed.opaque or table.storage(words)
        for place in mysqlstatements.merged(words):
            parsed.tables |= mysqltokens.listed(text, part, place)
    elif words[0] == "set":
        parsed.opaque = parsed.opaque or table.settings(words)
    mysqlcalls.note_relations(parsed)


def _read(canon: str, part: list[Token], text: bytes, relations: set[str]) -> Parsed:
    try:
        found = [
            e
            for e in mysqlparser.parse(canon, _STRING_MARK.fullmatch)
            if e is not None and not isinstance(e, exp.Semicolon)
        ]
    except SqlglotError:
        raise UnparsableError("syntax error") from None
    except RecursionError:
        raise LexError("nested too deeply", 0) from None
    except (UnparsableError, LexError):
        raise
    except Exception:
        # Its own mistakes, on input that nobody foresaw: not understood is what counts.
        raise UnparsableError("the parser failed") from None
    if len(found) != 1:
        raise UnparsableError("syntax error")
    expression = found[0]
    if isinstance(expression, exp.Command):
        parsed = Parsed(tree.OTHER, Node("Opaque", {"text": _fold(canon)}))
        parsed.opaque = "a statement that is not analysed"
        parsed.names = mysqltokens.names(text, part)
        parsed.whole = False
        return parsed
    if not isinstance(expression, _KNOWN):
        # An expression, or a statement of another database.
        raise UnparsableError("syntax error")
    reader = _Reader()
    try:
        parsed = reader.read(expression)
    except RecursionError:
        raise LexError("nested too deeply", 0) from None
    parsed.names = mysqltokens.names(text, part) - reader.explained
    relations |= reader.relations
    if isinstance(expression, exp.Use):
        parsed.moves = "USE decides which table a bare name means"
        # It names a database.
        parsed.tables = frozenset()
    verb = mysqltokens.first_word(text, part)
    if verb in mysqlcanon.CHANGED_VERBS:
        parsed.tree.fields["verb"] = verb
        if verb == "replace":
            # It deletes the row whose place the new one takes.
            parsed.nested += (Nested(tree.DELETE, Node("Replaced", {}), False),)
    return parsed


def _unwrapped(item: Any, parent: Any) -> Any:
    """Return an expression without brackets that mean nothing: around one table, a whole statement,
    a query that may stand there without them, or other brackets."""
    while isinstance(item, exp.Subquery) and set(_given(item)) == {"this"}:
        inner = item.this
        is_statement = parent is None or isinstance(parent, _AROUND_QUERIES)
        if not isinstance(inner, exp.Query if is_statement else (exp.Table, exp.Subquery)):
            break
        item = inner
    return item


def _given(item: Any) -> list[str]:
    """The names of the arguments that an expression has."""
    return [name for name, value in item.args.items() if value not in (None, False, [])]


_KNOWN = (
    *(exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Values, exp.Create, exp.Drop, exp.Alter),
    *(exp.TruncateTable, exp.Describe, exp.Show, exp.Transaction, exp.Commit, exp.Rollback),
    *(exp.Set, exp.Use, exp.Grant, exp.Revoke, exp.Analyze, exp.Kill),
)
_KINDS: dict[type[Any], str] = {
    exp.Select: tree.SELECT,
    exp.Insert: tree.INSERT,
    exp.Update: tree.UPDATE,
    exp.Delete: tree.DELETE,
    exp.Transaction: tree.BEGIN,
    exp.Commit: tree.COMMIT,
    exp.Rollback: tree.ROLLBACK,
}
#: A query below these needs no brackets of its own.
_AROUND_QUERIES = (
    *(exp.SetOperation, exp.Create, exp.Describe, exp.Insert, exp.CTE),
    *(exp.Exists, exp.Subquery),
)
_STATEMENTS = (exp.Select, exp.SetOperation, exp.Insert, exp.Update, exp.Delete)
_STRING_MARK = re.compile(r"L([0-9]+)")


def _fold(text: str) -> str:
    """Return a name, or a text, as it is compared."""
    return tree.fold(mysqlforeign.unmarked(text))


def _kind(expression: Any) -> str:
    if isinstance(expression, exp.SetOperation):
        return tree.UNION
    return _KINDS.get(type(expression), tree.OTHER)


class _Reader:
    """Converts one statement.  ``explained``: names that are columns or aliases; ``relations``:
    names of tables and their aliases."""

    def __init__(self) -> None:
        self.explained: set[str] = set()
        self.relations: set[str] = set()
        self._tables: set[Table] = set()
        self._nested: list[Nested] = []

    def read(self, expression: Any) -> Parsed:
        expression = _unwrapped(expression, None)
        parsed = Parsed(_kind(expression), self._convert(expression, (), None))
        parsed.tables = frozenset(self._tables)
        parsed.nested = tuple(self._nested)
        if isinstance(expression, exp.Create) and expression.kind in _OPAQUE_CREATIONS:
            parsed.opaque = "a routine carries code"
        return parsed

    def _convert(self, item: Any, hidden: tuple[str, ...], parent: Any) -> Any:
        if isinstance(item, list):
            return [self._convert(part, hidden, parent) for part in item]
        if not isinstance(item, exp.Expression):
            return _fold(item) if isinstance(item, str) else item
        if isinstance(item, exp.Paren):
            return self._convert(item.this, hidden, parent)
        if isinstance(item, exp.Subquery):
            item = _unwrapped(item, parent)
        if isinstance(item, exp.Literal):
            return self._literal(item)
        if isinstance(item, exp.Neg):
            number = self._signed(item)
            if number is not None:
                return number
        if isinstance(item, exp.Identifier):
            return Node("Identifier", {"name": _fold(item.name)})
        is_hidden = self._note(item, hidden)
        hidden, with_clause = self._with(item, hidden)
        fields: dict[str, Any] = {"with_": with_clause} if with_clause is not None else {}
        if is_hidden:
            fields["hidden"] = True
        for name, value in item.args.items():
            if value is None or value is False or value == [] or name == "with_":
                continue
            if name == "savepoint":
                fields[name] = True
                continue
            if name == "this" and isinstance(item, exp.Anonymous):
                # An identifier where the name is quoted.
                fields[name] = _fold(item.name)
                continue
            fields[name] = self._convert(value, hidden, item)
        node = Node(type(item).__name__, fields)
        if isinstance(item, _STATEMENTS) and parent is not None:
            wrapper = isinstance(parent, (exp.CTE, exp.Describe, exp.Create, exp.Alter))
            self._nested.append(Nested(_kind(item), node, not wrapper))
        elif isinstance(item, exp.OnConflict):
            self._nested.append(Nested(tree.UPDATE, node, False))
        return node

    def _with(self, item: Any, hidden: tuple[str, ...]) -> tuple[tuple[str, ...], Any]:
        clause = item.args.get("with_")
        if clause is None:
            return hidden, None
        # The server decides if their case matters: only the same spelling hides a table.
        names = tuple(mysqlforeign.unmarked(cte.alias) for cte in clause.expressions)
        self.explained.update(map(_fold, names))
        self.relations.update(map(_fold, names))
        # MariaDB lets each of a recursive clause see those behind it, MySQL finds a table there.
        sees_itself = bool(clause.args.get("recursive"))
        converted = []
        for name, cte in zip(names, clause.expressions, strict=True):
            seen = (*hidden, name)
            converted.append(self._convert(cte, seen if sees_itself else hidden, clause))
            hidden = seen
        return hidden, Node("With", {"expressions": converted})

    def _note(self, item: Any, hidden: tuple[str, ...]) -> bool:
        """Tables, names and functions of one expression; whether it names no table but a common
        table expression."""
        if isinstance(item, exp.Table):
            target = isinstance(item.parent, (exp.Insert, exp.Update, exp.Delete, exp.Schema))
            name, schema = _fold(item.name), _fold(item.db)
            self.explained.update((name, schema))
            self.relations.add(name)
            if name and (schema or target or mysqlforeign.unmarked(item.name) not in hidden):
                if name != "dual" or schema:
                    self._tables.add(Table(schema, name))
            else:
                return True
        elif isinstance(item, exp.Show):
            target_name = item.args.get("target")
            if target_name is not None:
                self._tables.add(Table("", _fold(target_name.name)))
        elif isinstance(item, exp.Column):
            self.explained.update(_fold(part.name) for part in item.parts)
        elif isinstance(item, (exp.Alias, exp.TableAlias)):
            self.explained.add(_fold(item.alias_or_name))
            self.relations.add(_fold(item.alias_or_name))
            self.explained.update(_fold(c.name) for c in item.args.get("columns") or ())
        elif isinstance(item, (exp.Schema, exp.ColumnDef)):
            self.explained.update(_fold(e.name) for e in item.expressions)
        elif isinstance(item, exp.Func):
            name = _fold(item.name if isinstance(item, exp.Anonymous) else item.sql_name())
            self.explained.add(name)
        return False

    def _signed(self, item: Any) -> Literal | None:
        """A literal behind minus signs, with brackets or without; None for anything else."""
        negative = False
        signs = 0
        while isinstance(item, (exp.Neg, exp.Paren)):
            if isinstance(item, exp.Neg):
                negative = not negative
                signs += 1
            item = item.this
        if not isinstance(item, exp.Literal) or (signs > 1 and item.is_string):
            # Two signs make a number of a string.
            return None
        literal = self._literal(item)
        return Literal(literal.ordinal, negative) if type(literal) is Literal else None

    def _literal(self, item: Any) -> Any:
        text = item.this
        mark = _STRING_MARK.fullmatch(text)
        if mark:
            return Literal(int(mark.group(1)))
        if text.isdigit() and int(text) >= mysqlcanon.FIRST_NUMBER:
            return Literal(int(text) - mysqlcanon.FIRST_NUMBER)
        return Node("Constant", {"text": text})
