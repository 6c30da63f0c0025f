"""Columns of views: a view shows a protected column where its query does.

A view whose query compares or works out anything of a protected column is not read: the server
would do it with what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from acra_twisted.encryption.mysql import values, viewtargets
from acra_twisted.encryption.mysql.analysis import Analysis
from acra_twisted.encryption.mysql.cursor import Cursor, UnreadableError
from acra_twisted.encryption.mysql.nodes import Query, TableName
from acra_twisted.encryption.mysql.protection import ProtectedTable, Protection
from acra_twisted.encryption.mysql.reader import Reader
from acra_twisted.encryption.mysql.schema import Code
from acra_twisted.encryption.mysql.scopes import Scope
from acra_twisted.encryption.mysql.values import Columns, Leaf
from acra_twisted.encryption.mysql.viewtargets import WrittenView
from acra_twisted.encryption.refusals import StatementRefusedError
from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqllexer, mysqltokens

#: Bytes and tokens of a view's text.
_LONGEST: Final = 256 << 10
_TOKENS: Final = 50_000
#: Views around another in which it is read: each is deep itself.
_AROUND: Final = 8


class Views:
    """The views of one reading of a schema; ``query`` walks through a query, as in `Analysis`."""

    def __init__(
        self,
        protection: Protection,
        reader: Reader,
        query: Callable[[Analysis, Query, Scope], Columns],
    ) -> None:
        self._protection = protection
        self._reader = reader
        self._query = query
        self._known: dict[Code, Columns | None] = {}
        self._written: dict[Code, WrittenView | None] = {}

    def columns(self, code: Code, inside: frozenset[Code] = frozenset()) -> Columns | None:
        """The columns of a view; None for one that is not understood.  ``inside`` are the views
        whose columns are being looked for: none is in itself."""
        if code in inside or len(inside) > _AROUND:
            return None
        if code not in self._known:
            self._known[code] = self._found(code, inside | {code})
        return self._known[code]

    def written(self, code: Code) -> WrittenView | None:
        """The view as a table; None for one that cannot be written like a table."""
        if code not in self._written:
            # One that is read is not in itself.
            can_be = self.columns(code) is not None
            self._written[code] = self._as_table(code) if can_be else None
        return self._written[code]

    def _as_table(self, code: Code) -> WrittenView | None:
        text = (code.text or "").encode()
        tree = self._tree(text)

        def table_of(table: TableName) -> ProtectedTable | None:
            database = table.database or code.database
            found = self._protection.find(database, table.name)
            inner = None if found is not None else self._protection.view(database, table.name)
            return found if inner is None else self.written(inner)

        return None if tree is None else viewtargets.written(code, tree, table_of)

    def _found(self, code: Code, inside: frozenset[Code]) -> Columns | None:
        text = (code.text or "").encode()
        if not text or len(text) > _LONGEST:
            return None
        try:
            columns = self._read(text, code.database, inside)
        except (LexError, UnreadableError, StatementRefusedError):
            return None
        if columns is None or any(one.rest for one in columns):
            return None
        return values.exposed(columns)

    def _read(self, text: bytes, database: str, inside: frozenset[Code]) -> Columns | None:
        tree = self._tree(text)
        if tree is None:
            return None
        view = partial(self.columns, inside=inside)
        analysis = Analysis(text, self._protection, database, self._query, _unknown, view)
        columns = analysis.query(tree, Scope())
        return None if analysis.edits or analysis.asked else columns

    def _tree(self, text: bytes) -> Query | None:
        """The query of a view's text; None for anything else.  Raises LexError,
        UnreadableError."""
        tokens = mysqllexer.tokens(text, limit=_TOKENS)
        statements = mysqltokens.statements(text, tokens)
        if len(statements) != 1:
            return None
        given = (token for token in tokens if token[0] in lexer.LITERALS)
        ordinals = {token[1]: number for number, token in enumerate(given)}
        tree = self._reader.statement(Cursor(text, statements[0], ordinals))
        return tree if isinstance(tree, Query) else None


def _unknown(leaf: Leaf) -> bytes | None:
    """Give no value: in some modes the server tells a view's text without its strings."""
    return None
