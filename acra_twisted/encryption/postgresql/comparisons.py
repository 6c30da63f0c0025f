"""Comparisons with protected columns, made into comparisons with what is stored.

A value is stored behind a search prefix, or as a token: equal values are equal there, and nothing
else can be asked.  A client may have several search keys, so a constant becomes an array of all
forms in which it may be stored, and ``c = v`` becomes ``(substr(c, 1, 33) = ANY (v))``.
Source: the transparent-encryption reference, section 6.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import COMPARE, Use
from acra_twisted.encryption.postgresql import expressions, values
from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.casts import stored_type
from acra_twisted.encryption.postgresql.extents import Extent, extent
from acra_twisted.encryption.postgresql.operands import (
    COMPARED,
    CONSTANT,
    Column,
    check,
    column,
    compared,
    constant,
    elements,
    folding,
    give_array,
    is_null,
    is_searchable,
    only_target,
    operator_name,
)
from acra_twisted.encryption.postgresql.scopes import Scope
from acra_twisted.encryption.postgresql.syntax import Fields, Text, node, strings
from acra_twisted.encryption.postgresql.values import Value, alike
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting

_ANY: Final = (b"= ", b"ANY (")
_ALL: Final = (b"<> ", b"ALL (")
#: The comparison with an array that asks the same as the comparison with a value.
_ARRAYS: Final = {"=": _ANY, "<>": _ALL, "~~": _ANY, "!~~": _ALL}
_ARRAYS_ALIKE: Final = {"~~*": _ANY, "!~~*": _ALL, **_ARRAYS}
_PLACE: Final = "a comparison"
_UNALIKE: Final = "is compared with column {}, which is protected otherwise"
_UNPROTECTED: Final = "is compared with what is not protected"
_UNKNOWN: Final = "is compared in a form that is not known"
_PATTERN: Final = "is matched with a pattern"
_WHOLE: Final = "a pattern without %, _ and \\ can be searched for"


class Comparisons:
    """Takes the comparisons that can be answered; see `analysis.Claims`."""

    def claim(self, kind: str, fields: Fields, scope: Scope, analysis: Analysis) -> bool:
        """Take an expression, if a column that is protected is compared in it.  Raises
        StatementRefusedError for a comparison that the stored values cannot answer."""
        one = _Comparison(analysis, scope)
        if kind == "CaseExpr":
            return one.case(fields)
        if kind == "SubLink":
            return one.subquery(fields)
        read = _OPERATORS.get(fields.get("kind", "AEXPR_OP"))
        return read is not None and read(one, fields)

    def group(self, item: Any, scope: Scope, analysis: Analysis) -> bool:
        """Take a column by whose equal values rows are put together; see `analysis.Claims`."""
        return _Comparison(analysis, scope).group(item)


class _Comparison:
    """One expression.  Its edits are put into the statement when all of it is understood."""

    def __init__(self, analysis: Analysis, scope: Scope) -> None:
        self._analysis, self._scope = analysis, scope
        self._text: Text = analysis.text
        self._edits: dict[tuple[int, int], bytes] = {}

    # -- operators --------------------------------------------------------------------------------

    def operator(self, fields: Fields) -> bool:
        """Take ``=`` and ``<>``."""
        name = operator_name(fields)
        left, right = self._columns(fields)
        if name not in ("=", "<>") or (left is None and right is None):
            return False
        if left is not None and right is not None:
            self._match(left, right)
        elif left is not None:
            self._compare(left, fields.get("rexpr"), _ARRAYS[name], False)
        elif right is not None:
            self._compare(right, fields.get("lexpr"), _ARRAYS[name], True)
        return self._done()

    def listed(self, fields: Fields) -> bool:
        """Take IN with a list."""
        left = column(self._analysis, fields.get("lexpr"), self._scope)
        if left is None or left.function:
            return False
        check(left.setting)
        _, items = node(fields.get("rexpr"))
        first = self._text.place(fields.get("location", 0))
        opening = first + 1 + (self._text.shown(first) == b"not")
        closing = self._text.closing(opening)
        found = [self._constant(left.setting, one) for one in items.get("items", ())]
        if left.whole is None or closing < 0 or self._text.shown(opening) != b"(":
            raise refused(refusals.COMPARISON, left.setting, _UNKNOWN)
        if any(is_null(one) for one in found):
            raise refused(
                refusals.COMPARISON,
                left.setting,
                "is compared with a list that has NULL in it",
                "take NULL out of the list",
            )
        for one in found:
            self._analysis.give(Use(left.setting, COMPARE, _PLACE), one)
        self._wrap(left)
        self._before(left.whole.first, b"(")
        self._put(Extent(first, opening), b"".join(_ARRAYS[operator_name(fields)]) + b"ARRAY[")
        self._put(Extent(closing, closing), b"]))")
        return self._done()

    def array(self, fields: Fields) -> bool:
        """Take ``= ANY (array)`` and ``<> ALL (array)``."""
        left = column(self._analysis, fields.get("lexpr"), self._scope)
        wanted = "=" if fields.get("kind") == "AEXPR_OP_ANY" else "<>"
        if left is None or left.function or operator_name(fields) != wanted:
            return False
        check(left.setting)
        array = elements(self._analysis, fields.get("rexpr"), left.setting)
        if array is not None:
            for item in array:
                found = self._constant(left.setting, item)
                if is_null(found):
                    raise refused(refusals.COMPARISON, left.setting, COMPARED, CONSTANT)
                self._analysis.give(Use(left.setting, COMPARE, _PLACE), found)
        else:
            give_array(self._analysis, fields.get("rexpr"), self._scope, left.setting)
        self._wrap(left)
        return self._done()

    def distinct(self, fields: Fields) -> bool:
        """Take IS [NOT] DISTINCT FROM: array_position finds NULL as well."""
        left, right = self._columns(fields)
        if left is not None and right is not None:
            self._match(left, right)
            return self._done()
        one = left or right
        if one is None or one.function:
            return False
        check(one.setting)
        other = fields.get("rexpr" if left is not None else "lexpr")
        found = self._constant(one.setting, other)
        self._analysis.give(Use(one.setting, COMPARE, _PLACE), found)
        if is_null(found):
            self._recast(one)
            return self._done()
        column_, constant_ = self._extents(one, other)
        start, end = self._offsets(constant_)
        found_in = b" IS NOT NULL)" if fields["kind"] == "AEXPR_NOT_DISTINCT" else b" IS NULL)"
        stored = b", " + self._stored(one) + b")" + found_in
        opening = b"(pg_catalog.array_position("
        if left is not None:
            self._edits[self._offsets(column_)[0], start] = opening
            self._after(constant_.last, stored)
        else:
            self._before(constant_.first, opening)
            self._edits[end, self._offsets(column_)[1]] = stored
        return self._done()

    def pattern(self, fields: Fields) -> bool:
        """Take LIKE with a pattern that stands for itself, and ILIKE where case counts for
        nothing."""
        left = column(self._analysis, fields.get("lexpr"), self._scope)
        if left is None or left.function or left.setting.data_type != "str":
            return False
        arrays = _ARRAYS_ALIKE if "lower" in left.setting.normalize else _ARRAYS
        kind, _ = node(fields.get("rexpr"))
        array = arrays.get(operator_name(fields))
        if kind != "A_Const" or array is None:
            return False
        check(left.setting)
        found = self._constant(left.setting, fields["rexpr"])
        meaning = expressions.meaning(self._analysis, found[0])
        self._analysis.deciding.add(found[0].start)
        if is_null(found) or any(sign in meaning for sign in (b"%", b"_", b"\\")):
            raise refused(refusals.PATTERN, left.setting, _PATTERN, _WHOLE)
        self._analysis.give(Use(left.setting, COMPARE, _PLACE), found)
        whole, constant_ = self._extents(left, fields["rexpr"])
        self._wrap(left)
        self._before(whole.first, b"(")
        self._put(Extent(whole.last + 1, constant_.first - 1), array[0].strip())
        self._before(constant_.first, array[1])
        self._after(constant_.last, b"))")
        return self._done()

    # -- other expressions ------------------------------------------------------------------------

    def case(self, fields: Fields) -> bool:
        """Take the conditions of ``CASE c WHEN v THEN``; its results are no part of it."""
        one = column(self._analysis, fields.get("arg"), self._scope)
        if one is None or one.function:
            return False
        check(one.setting)
        for item in fields.get("args", ()):
            expression = node(item)[1].get("expr")
            found = self._constant(one.setting, expression)
            place = extent(self._text, expression)
            if is_null(found) or place is None:
                raise refused(refusals.COMPARISON, one.setting, COMPARED, CONSTANT)
            self._analysis.give(Use(one.setting, COMPARE, _PLACE), found)
            self._before(place.first, self._stored(one) + b" = ANY (")
            self._after(place.last, b")")
        if one.whole is None:
            raise refused(refusals.COMPARISON, one.setting, _UNKNOWN)
        self._put(one.whole, b"")
        return self._done()

    def subquery(self, fields: Fields) -> bool:
        """Take IN with a subquery of one column that is protected alike, and what means the
        same."""
        left = column(self._analysis, fields.get("testexpr"), self._scope)
        operators = {"ANY_SUBLINK": ("", "="), "ALL_SUBLINK": ("<>",)}
        name = (strings(fields.get("operName")) or [""])[-1]
        if left is None or left.function:
            return False
        if name not in operators.get(fields.get("subLinkType", ""), ()):
            return False
        check(left.setting)
        kind, query = node(fields.get("subselect"))
        columns = self._analysis.query(fields.get("subselect"), self._scope)
        place = only_target(self._text, query) if kind == "SelectStmt" else None
        if place is None or len(columns) != 1:
            raise refused(
                refusals.COMPARISON, left.setting, "is compared with a query that is not known"
            )
        for leaf in columns[0].value:
            if leaf.kind != values.PROTECTED or leaf.setting is None:
                raise refused(refusals.COMPARISON, left.setting, _UNPROTECTED)
            self._check_alike(left.setting, leaf.setting)
            self._analysis.match(leaf.setting)
        self._analysis.show(columns[0].value)
        self._wrap(left)
        # The part that is compared is what the query is grouped by, where it is grouped.
        self._analysis.edits.pop(self._offsets(place), None)
        self._wrap_name(left.setting, place)
        self._analysis.match(left.setting)
        return self._done()

    def group(self, item: Any) -> bool:
        """Take a column whose equal values can be told."""
        one = column(self._analysis, item, self._scope)
        if one is None or one.function or one.casts or not is_searchable(one.setting):
            return False
        self._wrap(one)
        self._analysis.match(one.setting)
        return self._done()

    # -- parts ------------------------------------------------------------------------------------

    def _columns(self, fields: Fields) -> tuple[Column | None, Column | None]:
        return (
            column(self._analysis, fields.get("lexpr"), self._scope),
            column(self._analysis, fields.get("rexpr"), self._scope),
        )

    def _constant(self, setting: ColumnSetting, item: Any) -> Value:
        return constant(self._analysis, item, self._scope, setting)

    def _match(self, left: Column, right: Column) -> None:
        """Compare two columns by what is stored in them."""
        check(left.setting)
        self._check_alike(left.setting, right.setting)
        if left.function != right.function:
            raise refused(refusals.COMPARISON, left.setting, COMPARED)
        for one in (left, right):
            self._unfold(one.call)
            self._wrap(one)
            self._analysis.match(one.setting)

    def _check_alike(self, one: ColumnSetting, other: ColumnSetting) -> None:
        if not alike(one, other):
            raise refused(refusals.COMPARISON, one, _UNALIKE.format(other.label))

    def _compare(self, one: Column, item: Any, array: tuple[bytes, bytes], last: bool) -> None:
        """Compare a column with a constant; ``last``: the column stands behind it."""
        check(one.setting)
        if one.function:
            item = self._unfolded(one, item)
        found = self._constant(one.setting, item)
        self._analysis.give(Use(one.setting, COMPARE, _PLACE), found)
        if is_null(found):
            self._recast(one)
            return
        whole, constant_ = self._extents(one, item)
        if last:
            stored = self._stored(one)
            self._before(constant_.first, b"(" + stored + b" " + b"".join(array))
            end = self._offsets(constant_)[1]
            self._edits[end, self._offsets(whole)[1]] = b"))"
        else:
            self._wrap(one)
            self._before(whole.first, b"(")
            self._before(constant_.first, array[1])
            self._after(constant_.last, b"))")

    def _unfolded(self, one: Column, item: Any) -> Any:
        """The argument of the function that folds the case of a constant, as that of the column
        is folded."""
        kind, fields = node(item)
        if kind != "FuncCall" or folding(fields) != one.function:
            raise refused(
                refusals.COMPARISON,
                one.setting,
                f"is given to function {one.function}, and the other value is not",
                f"write {one.function}() around both",
            )
        self._unfold(one.call)
        self._unfold(fields.get("location", 0))
        return fields["args"][0]

    def _unfold(self, call: int) -> None:
        """Take the name of a function off; its brackets stay."""
        if call >= 0:
            place = self._text.place(call)
            while self._text.shown(place + 1) == b".":
                place += 2
            self._edits[call, self._text.tokens[place][2]] = b""

    def _extents(self, one: Column, item: Any) -> tuple[Extent, Extent]:
        other = extent(self._text, item)
        if one.whole is None or other is None:
            raise refused(refusals.COMPARISON, one.setting, _UNKNOWN)
        return one.whole, other

    def _stored(self, one: Column) -> bytes:
        """The part of a column that is compared, as a text of its own."""
        start, end = self._offsets(one.name)
        self._analysis.taken.add(start)
        return compared(one.setting, self._text.text[start:end])

    def _wrap(self, one: Column) -> None:
        """Have the part of a column that is compared stand where the column stands."""
        self._recast(one)
        self._wrap_name(one.setting, one.name)

    def _wrap_name(self, setting: ColumnSetting, place: Extent) -> None:
        self._analysis.taken.add(self._offsets(place)[0])
        before, after = compared(setting, b"\0").split(b"\0")
        if before:
            self._before(place.first, before)
            self._after(place.last, after)

    def _recast(self, one: Column) -> None:
        self._analysis.recast(stored_type(one.setting), one.casts)

    # -- edits ------------------------------------------------------------------------------------

    def _offsets(self, place: Extent) -> tuple[int, int]:
        return self._text.tokens[place.first][1], self._text.tokens[place.last][2]

    def _put(self, place: Extent, new: bytes) -> None:
        self._edits[self._offsets(place)] = new

    def _before(self, place: int, new: bytes) -> None:
        """Put something before a token, and before what is put there already."""
        start = self._text.tokens[place][1]
        self._edits[start, start] = new + self._edits.get((start, start), b"")

    def _after(self, place: int, new: bytes) -> None:
        """Put something behind a token, and behind what is put there already."""
        end = self._text.tokens[place][2]
        self._edits[end, end] = self._edits.get((end, end), b"") + new

    def _done(self) -> bool:
        known = self._analysis.edits
        for span, new in self._edits.items():
            # A part of the tree may be walked through twice.
            before = known.get(span, b"")
            known[span] = new if before == new or span[0] != span[1] else before + new
        return True


_OPERATORS: Final[Mapping[str, Callable[[_Comparison, Fields], bool]]] = {
    "AEXPR_OP": _Comparison.operator,
    "AEXPR_IN": _Comparison.listed,
    "AEXPR_OP_ANY": _Comparison.array,
    "AEXPR_OP_ALL": _Comparison.array,
    "AEXPR_DISTINCT": _Comparison.distinct,
    "AEXPR_NOT_DISTINCT": _Comparison.distinct,
    "AEXPR_LIKE": _Comparison.pattern,
    "AEXPR_ILIKE": _Comparison.pattern,
}
