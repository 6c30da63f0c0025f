"""Findings of a walk through a statement: places of values, and parts to put in place of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import values
from acra_twisted.encryption.mysql.nodes import Node, Query
from acra_twisted.encryption.mysql.plan import Compared, Given, Literal, Parameter, Part, Stored
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.mysql.scopes import Scope
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
#: Signs beside which nothing else is one with them; nothing is at the ends of a text.
_APART_BEFORE: Final = frozenset((b"", *(bytes((sign,)) for sign in b" \t\r\n(,=")))
_APART_BEHIND: Final = frozenset((b"", *(bytes((sign,)) for sign in b" \t\r\n),;")))
_CHARSETS: Final = (" character set ", " charset ", " char set ")


class Analysis:
    """Collects what is done to one text.

    ``query`` walks through a query in a scope and returns its columns.  ``database`` is the one of
    names without one, None if it is not known.  ``strings`` gives the value of a literal by its
    place, for the few that decide what is done; their ordinals are in ``deciding``.
    """

    def __init__(
        self,
        text: bytes,
        protection: Protection,
        database: str | None,
        query: Callable[[Analysis, Query, Scope], Columns],
        string: Callable[[Leaf], bytes | None],
    ) -> None:
        self.text = text
        self.protection = protection
        self.database = database
        self.given: list[Given] = []
        self.edits: dict[tuple[int, int], Sequence[Part]] = {}
        self.matched: dict[ColumnSetting, None] = {}
        self.asked: dict[ColumnSetting, None] = {}
        self.deciding: set[int] = set()
        self._query = query
        self._string = string

    def query(self, query: Query, scope: Scope) -> Columns:
        """Walk through a query; its columns.  Raises StatementRefusedError."""
        return self._query(self, query, scope)

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
                self.edit(leaf.node, [Stored(self.give(setting, STORE, leaf, place))])
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

    def default(self, setting: ColumnSetting, column: Column, place: str) -> None:
        """Note that a protected column takes its default.  Raises StatementRefusedError."""
        if column.default_in_clear:
            raise refused(
                refusals.DEFAULT_IN_CLEAR, setting, f"takes its default, in clear, in {place}"
            )

    def give(self, setting: ColumnSetting, role: str, leaf: Leaf, place: str) -> int:
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
        self.given.append(Given(leaf.source, Use(setting, role, place)))
        return len(self.given) - 1

    def compare(self, setting: ColumnSetting, column: Node, leaf: Leaf, form: str) -> Compared:
        """Note a value that is compared with a column; the condition."""
        number = self.give(setting, COMPARE, leaf, "a comparison")
        self.asked[setting] = None
        return Compared(number, self.shown(column), form)

    # -- edits ------------------------------------------------------------------------------------

    def edit(self, node: Node | None, parts: Sequence[Part]) -> None:
        """Put parts in place of an expression."""
        assert node is not None  # noqa: S101 - what is changed has a place
        self.edits[node.start, node.end] = parts

    def parts(self, tokens: Sequence[Token], ordinals: dict[int, int]) -> list[Part]:
        """The parts of the text that is sent.  Raises ValueError where edits overlap."""
        found: list[Part] = []
        edits = sorted(self.edits.items())
        at = number = parameter = 0
        for kind, start, end in tokens:
            is_parameter = kind == lexer.PARAMETER
            parameter += is_parameter
            while number < len(edits) and edits[number][0][1] <= start:
                at = self._apply(edits[number], at, found)
                number += 1
            inside = number < len(edits) and edits[number][0][0] <= start
            if inside or not (is_parameter or kind in lexer.LITERALS):
                continue
            found.append(self.text[at:start])
            found.append(Parameter(parameter) if is_parameter else Literal(ordinals[start]))
            at = end
        for edit in edits[number:]:
            at = self._apply(edit, at, found)
        found.append(self.text[at:])
        return _joined(found)

    def _apply(
        self, edit: tuple[tuple[int, int], Sequence[Part]], at: int, found: list[Part]
    ) -> int:
        (start, end), parts = edit
        if start < at:
            raise ValueError("edits overlap")
        # A word or a sign right beside it would be one with it.
        before = b"" if self.text[start - 1 : start] in _APART_BEFORE else b" "
        behind = b"" if self.text[end : end + 1] in _APART_BEHIND else b" "
        found += [self.text[at:start], before, *parts, behind]
        return end


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Parts without empty ones, and without two texts beside each other."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, bytes) and isinstance(last, bytes):
            found[-1] = last + part
        elif part != b"":
            found.append(part)
    return found


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


def unsure(setting: ColumnSetting | None, place: str) -> refusals.StatementRefusedError:
    """The error of a column that may be protected or another of the same name."""
    return refused(
        refusals.EXPRESSION,
        setting,
        f"may be meant in {place}, or another column",
        "Name the column with its table.",
    )
