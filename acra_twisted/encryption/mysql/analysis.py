"""Findings of a walk through a statement: places of values, and parts to put in place of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import storage, values
from acra_twisted.encryption.mysql.belt import quoted
from acra_twisted.encryption.mysql.nodes import Node, Query, TableName
from acra_twisted.encryption.mysql.plan import (
    Compared,
    Given,
    Literal,
    Loaded,
    Parameter,
    Part,
    Stored,
)
from acra_twisted.encryption.mysql.protection import ProtectedTable, Protection
from acra_twisted.encryption.mysql.schema import Code, Column
from acra_twisted.encryption.mysql.scopes import Scope
from acra_twisted.encryption.mysql.splicing import Edited, Piece, Splicer
from acra_twisted.encryption.mysql.storage import ANY, Room
from acra_twisted.encryption.mysql.values import Columns, Leaf, Value
from acra_twisted.encryption.plan import COMPARE, STORE, Use
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token

#: Types to which a value may be cast before it is encoded, by the data_type; "" has every text.
_TEXTS: Final = frozenset(("char", "nchar", "varchar", "binary", "character"))
_INTEGERS: Final = frozenset(("signed", "unsigned", "int", "integer", "signed integer"))
_CASTS: Final = {
    "": _TEXTS,
    "bytes": _TEXTS,
    "str": _TEXTS,
    "uuid": _TEXTS,
    "int16": _INTEGERS,
    "int32": _INTEGERS,
    "int64": _INTEGERS,
    "float8": frozenset(("double", "float", "real", "double precision")),
    "date": frozenset(("date",)) | _TEXTS,
}
#: Stands among the casts of a value that is in LOWER or UPPER.
FOLDED: Final = "folded"
#: What may be said of the characters of a cast or of a collation.
_UNICODE: Final = frozenset(("utf8mb4", "utf8", "utf8mb3", "binary"))
_CHARSETS: Final = (" character set ", " charset ", " char set ")


class Analysis:
    """Collects what is done to one text.

    ``query`` walks through a query in a scope and returns its columns.  ``database`` is the one of
    names without one, None if it is not known.  ``string`` gives the value of a literal by its
    place, for the few that decide what is done; their ordinals are in ``deciding``.  ``view`` gives
    the columns of a view, None for one that cannot be read, and ``written`` the view as a table,
    None for one that cannot be written like that.  ``encoding`` is the codec of the text.
    ``load`` is the file that the text loads.
    """

    def __init__(
        self,
        text: bytes,
        protection: Protection,
        database: str | None,
        query: Callable[[Analysis, Query, Scope], Columns],
        string: Callable[[Leaf], bytes | None],
        view: Callable[[Code], Columns | None],
        written: Callable[[Code], ProtectedTable | None] = lambda code: None,
        encoding: str = "utf-8",
    ) -> None:
        self.text = text
        self.protection = protection
        self.database = database
        self.given: list[Given] = []
        self.edits: dict[Piece, Edited] = {}
        self.matched: dict[ColumnSetting, None] = {}
        self.asked: dict[ColumnSetting, None] = {}
        self.deciding: set[int] = set()
        self.load: Loaded | None = None
        self._query = query
        self._string = string
        self._view = view
        self.written = written
        self._encoding = encoding

    def query(self, query: Query, scope: Scope) -> Columns:
        """Walk through a query; its columns.  Raises StatementRefusedError."""
        return self._query(self, query, scope)

    def compares(self, query: Query) -> bool:
        """Walk through a query; tell whether it compares protected columns, or is changed.  Raises
        StatementRefusedError."""
        edits, asked = len(self.edits), self.asked
        # What a statement before it has asked tells nothing about this one.
        self.asked = {}
        self.query(query, Scope())
        compares = bool(self.asked) or len(self.edits) > edits
        self.asked = {**asked, **self.asked}
        return compares

    def view_of(self, table: TableName) -> Code | None:
        """The view that a name means and that may show protected columns; None for any other
        table.  Raises StatementRefusedError where that is not known."""
        return self.protection.view(table.database or self.database, table.name)

    def view(self, code: Code) -> Columns:
        """The columns of a view.  Raises StatementRefusedError for one that is not understood."""
        columns = self._view(code)
        if columns is None:
            raise refused(
                refusals.SCHEMA_MISMATCH,
                None,
                f"view {code.name} may show it in ways that AcraServer does not see",
                "Use the table itself.",
            )
        return columns

    def column(self, names: Sequence[str], scope: Scope) -> Value:
        """Tell what a column means in a scope."""
        return scope.column(names, self.protection.compared)

    def shown(self, node: Node) -> bytes:
        """The text of an expression."""
        return self.text[node.start : node.end]

    def string(self, leaf: Leaf) -> bytes | None:
        """The characters of a literal, None for any other value.  They decide what is done."""
        if leaf.source is None or leaf.source.ordinal < 0:
            return None
        self.deciding.add(leaf.source.ordinal)
        return self._string(leaf)

    # -- values that are written ------------------------------------------------------------------

    def store(self, setting: ColumnSetting, column: Column, value: Value, place: str) -> None:
        """Note what a protected column is given.  Raises StatementRefusedError."""
        for leaf in value:
            if leaf.kind == values.GIVEN:
                number = self.give(setting, STORE, leaf, place, storage.room(column))
                self.edit(leaf.node, [Stored(number)])
            elif leaf.kind == values.DEFAULT:
                self.default(setting, column, place)
            elif leaf.kind == values.PROTECTED:
                if leaf.setting is None or not values.is_alike(setting, leaf.setting):
                    raise refused(
                        refusals.UNALIKE,
                        setting,
                        f"is given a column in {place} that is not protected alike",
                    )
            elif leaf.kind == values.UNSURE:
                raise unsure(setting, place)
            elif leaf.kind != values.NULL:
                raise refused(
                    refusals.EXPRESSION,
                    setting,
                    f"is given an expression in {place}",
                    "Give it a value.",
                )

    def ignore(self, value: Value, place: str) -> None:
        """Note what a column is given that is not protected.  Raises StatementRefusedError."""
        if values.is_protected(value):
            raise refused(
                refusals.UNALIKE,
                values.setting_of(value),
                f"is written in {place} to a column that is not protected",
            )

    def list_columns(self, names: Sequence[str], setting: ColumnSetting, place: int) -> None:
        """Have a statement list the columns that it fills: the server may have them in another
        order now, or others.  Raises StatementRefusedError."""
        self.insert(place, f" ({', '.join(self.shown_columns(names, setting))})".encode())

    def shown_columns(self, names: Sequence[str], setting: ColumnSetting) -> list[str]:
        """The names of a table's columns, in quotes; ``setting`` is that of one that it has, or may
        have.  Raises StatementRefusedError for a name that the client's character set may not
        have."""
        if self._encoding != "utf-8" and not all(map(str.isascii, names)):
            raise refused(
                refusals.SCHEMA_MISMATCH,
                setting,
                "is in a table whose columns cannot be named in the client's character set",
                "List the columns.",
            )
        return list(map(quoted, names))

    def default(self, setting: ColumnSetting, column: Column, place: str) -> None:
        """Note that a protected column takes its default.  Raises StatementRefusedError."""
        if column.default_in_clear:
            raise refused(
                refusals.DEFAULT_IN_CLEAR, setting, f"takes its default, in clear, in {place}"
            )

    def give(
        self, setting: ColumnSetting, role: str, leaf: Leaf, place: str, room: Room = ANY
    ) -> int:
        """Note a value that is encoded; its number.  Raises StatementRefusedError."""
        assert leaf.source is not None  # noqa: S101 - a given value has one
        for cast in leaf.casts:
            folds = cast == FOLDED and role == COMPARE and "lower" in setting.normalize
            if not (folds or _may_cast(setting, cast)):
                raise refused(
                    refusals.EXPRESSION,
                    setting,
                    f"is given a value in {place} with a cast that its data_type does not have",
                )
        self.given.append(Given(leaf.source, Use(setting, role, place), room))
        return len(self.given) - 1

    def compare(self, setting: ColumnSetting, column: Node, leaf: Leaf, form: str) -> Compared:
        """Note a value that is compared with a column; the condition."""
        number = self.give(setting, COMPARE, leaf, "a comparison")
        self.asked[setting] = None
        return Compared(number, self.shown(column), form)

    # -- edits ------------------------------------------------------------------------------------

    def edit(self, node: Node | None, parts: Edited) -> None:
        """Put parts in place of an expression."""
        assert node is not None  # noqa: S101 - what is changed has a place
        self.edits[node.start, node.end] = parts

    def remove(self, piece: Piece) -> None:
        """Leave out a piece of the text."""
        self.edits[piece] = ()

    def insert(self, place: int, part: bytes) -> None:
        """Put a part at a place."""
        self.edits[place, place] = (part,)

    def parts(self, tokens: Sequence[Token], ordinals: dict[int, int]) -> list[Part]:
        """The parts of the text that is sent.  Raises ValueError where edits overlap."""
        marks: list[tuple[Piece, Part]] = []
        parameter = 0
        for kind, start, end in tokens:
            if kind == lexer.PARAMETER:
                parameter += 1
                marks.append(((start, end), Parameter(parameter)))
            elif kind in lexer.LITERALS:
                marks.append(((start, end), Literal(ordinals[start])))
        return Splicer(self.text, self.edits, marks).parts()


def _may_cast(setting: ColumnSetting, cast: str) -> bool:
    """Tell whether a cast leaves a value of the column's type as it is."""
    kind = cast
    if kind.startswith(("using ", "collate ")):
        word = kind.partition(" ")[2]
        return word in _UNICODE if kind[0] == "u" else word.endswith(("_bin", "binary"))
    for mark in _CHARSETS:
        if mark in kind:
            kind, _, charset = kind.partition(mark)
            if charset not in _UNICODE:
                return False
    return kind in _CASTS.get(setting.data_type, frozenset())


def unfit(setting: ColumnSetting, misfit: str) -> refusals.StatementRefusedError:
    """The error of a column that cannot hold what is stored, as ``misfit`` tells."""
    hint = f"Make it {storage.recommended(setting)}."
    return refused(refusals.SCHEMA_MISMATCH, setting, misfit, hint)


def unsure(setting: ColumnSetting | None, place: str) -> refusals.StatementRefusedError:
    """The error of a column that may be protected or another of the same name."""
    return refused(
        refusals.EXPRESSION,
        setting,
        f"may be meant in {place}, or another column",
        "Name the column with its table.",
    )
