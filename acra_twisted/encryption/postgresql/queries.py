"""Walks through queries: tells the columns of each, and the uses of the values in its clauses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.postgresql import expressions, values
from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.grouping import Grouping
from acra_twisted.encryption.postgresql.ranges import compared_as_stored, from_clause
from acra_twisted.encryption.postgresql.scopes import Scope, renamed
from acra_twisted.encryption.postgresql.syntax import Fields, is_star, node, strings
from acra_twisted.encryption.postgresql.values import Columns, Output, Value
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting

_KNOWN: Final = frozenset(
    ("distinctClause", "intoClause", "targetList", "fromClause", "whereClause", "groupClause")
    + ("groupDistinct", "havingClause", "windowClause", "valuesLists", "sortClause")
    + ("limitOffset", "limitCount", "limitOption", "lockingClause", "withClause", "op", "all")
    + ("larg", "rarg")
)
#: The columns of a query whose own are not known yet.
_UNCLEAR: Final[Columns] = (Output("", values.UNSURE, True),)
_IN_ORDER: Final = "is sorted by, which gives an order of what is stored"
_MISSING: Final = Output("", values.SOMETHING)
#: PostgreSQL's limit of the columns that one list gives.
_MOST: Final = 1_664
_IN_SET: Final = (
    "is compared by a set operation as it is stored, and equal values are stored differently"
)
_IN_GROUPS: Final = "is grouped by, and no two values that are stored are equal"


def query(analysis: Analysis, fields: Fields, outer: Scope) -> Columns:
    """The columns of a SelectStmt.  Raises StatementRefusedError."""
    analysis.deeper()
    if not fields.keys() <= _KNOWN:
        raise refused(refusals.EXPRESSION, None, "the query has a clause that is not known")
    scope = with_clause(analysis, fields.get("withClause"), outer)
    if fields.get("op", "SETOP_NONE") != "SETOP_NONE":
        found = _combined(analysis, fields, scope)
        inner = scope
    elif "valuesLists" in fields:
        found = _rows(analysis, fields["valuesLists"], scope)
        inner = scope
    else:
        ranges, star = from_clause(analysis, fields.get("fromClause", []), scope)
        inner = scope.inside(ranges)
        expressions.condition(analysis, fields.get("whereClause"), inner)
        found = targets(analysis, fields.get("targetList", []), inner, star)
        found = _groups(analysis, fields, inner, found)
    # An ordinal or the name of an output column may stand for it.
    outputs = _Outputs(analysis, found)
    for one in fields.get("sortClause", ()):
        _, sort = node(one)
        _sorted(analysis, sort.get("node"), inner, outputs, refusals.ORDER, _IN_ORDER)
    for key in ("limitOffset", "limitCount"):
        expressions.everything(analysis, fields.get(key), inner)
    analysis.higher()
    return found


def into(fields: Fields) -> Fields | None:
    """Return the INTO of a query; None if it has none.  UNION, INTERSECT and EXCEPT have it in
    their leftmost query."""
    while "larg" in fields:
        fields = fields["larg"]
    found: Fields | None = fields.get("intoClause")
    return found


def refuse_into(fields: Fields) -> None:
    """Refuse a query that stands inside a statement and has INTO.  Raises
    StatementRefusedError."""
    if into(fields) is not None:
        raise refused(refusals.EXPRESSION, None, "stands in SELECT INTO inside a statement")


def targets(analysis: Analysis, items: Sequence[Any], scope: Scope, star: Columns) -> Columns:
    """The columns of a list of ResTargets; ``star`` are those of ``*``."""
    found: list[Output] = []
    for item in items:
        _, target = node(item)
        kind, expression = node(target.get("val"))
        names = strings(expression.get("fields")) if kind == "ColumnRef" else []
        if not is_star(target.get("val")):
            name = target.get("name", names[-1] if names else "")
            found.append(Output(name, expressions.value(analysis, target.get("val"), scope)))
        elif names == ["*"]:
            found += star
        elif names:
            one = scope.range(names[-3] if len(names) > 2 else "", names[-2])
            found += one.columns if one is not None else _UNCLEAR
        else:
            # Its type tells how many columns it is.
            expressions.everything(analysis, target.get("val"), scope)
            found += values.REST
        if len(found) > _MOST:
            raise refused(refusals.UNPARSABLE, None, f"a list has more than {_MOST} columns")
    return tuple(found)


def with_clause(analysis: Analysis, item: Any, outer: Scope) -> Scope:
    """The scope in which the names of a WITH clause mean its queries."""
    if item is None:
        return outer
    given = [node(one)[1] for one in item.get("ctes", ())]
    tables = dict(outer.tables)
    recursive = bool(item.get("recursive"))
    if recursive:
        # Each may name itself and those behind it.
        tables.update((one.get("ctename", ""), _UNCLEAR) for one in given)
    scope = Scope((), outer, dict(tables)) if recursive else outer
    for expression in given:
        name = expression.get("ctename", "")
        if expression.get("search_clause") or expression.get("cycle_clause"):
            raise refused(refusals.EXPRESSION, None, f"query {name} has a clause that is not known")
        kind, fields = node(expression.get("ctequery"))
        names = strings(expression.get("aliascolnames"))
        if recursive and kind == "SelectStmt" and fields.get("op", "SETOP_NONE") != "SETOP_NONE":
            columns = _recursive(analysis, name, fields, scope, names)
        else:
            columns = analysis.query(expression.get("ctequery"), scope)
        tables[name] = renamed(columns, names)
        scope = Scope((), outer, dict(tables))
    return scope


def _recursive(
    analysis: Analysis, name: str, fields: Fields, outer: Scope, names: Sequence[str]
) -> Columns:
    """The columns of a query that may name itself: those of its first part, if no protected column
    comes in by the others."""
    refuse_into(fields)
    scope = with_clause(analysis, fields.get("withClause"), outer)
    first = _settled(analysis, query(analysis, fields["larg"], scope))
    own = Scope((), scope, {**scope.tables, name: renamed(first, names)})
    whole = _settled(analysis, _combined(analysis, fields, own))
    for key in ("sortClause", "limitOffset", "limitCount"):
        expressions.everything(analysis, fields.get(key), own)
    before, after = _kinds(first), _kinds(whole)
    if before != after and (values.holds_protected(first) or values.holds_protected(whole)):
        raise refused(refusals.EXPRESSION, None, f"query {name} names itself and mixes its columns")
    return whole


def _kinds(columns: Columns) -> list[set[ColumnSetting | None]]:
    return [{leaf.setting for leaf in one.value if leaf.kind != values.NULL} for one in columns]


def _settled(analysis: Analysis, columns: Columns) -> Columns:
    """Columns whose constants are used as they are: equal ones are told apart by the database."""
    found = []
    for one in columns:
        kept: list[values.Leaf] = []
        for leaf in one.value:
            if leaf.kind in values.GIVEN:
                analysis.ignore((leaf,), refusals.EXPRESSION, "")
                leaf = values.SOMETHING[0]
            kept.append(leaf)
        found.append(one._replace(value=tuple(kept)))
    return tuple(found)


def _combined(analysis: Analysis, fields: Fields, scope: Scope) -> Columns:
    """The columns of UNION, INTERSECT or EXCEPT."""
    left = query(analysis, fields["larg"], scope)
    right = query(analysis, fields["rarg"], scope)
    analysis.look_at(len(left) + len(right))
    if not (fields.get("op") == "SETOP_UNION" and fields.get("all")):
        left, right = _settled(analysis, left), _settled(analysis, right)
        for a, b in zip_longest(left, right, fillvalue=_MISSING):
            compared_as_stored(analysis, a.value, b.value, refusals.GROUP, _IN_SET)
    if values.is_open(left) or values.is_open(right) or len(left) != len(right):
        # Which columns meet is not known.
        for column in (*left, *right):
            analysis.ignore(column.value, refusals.EXPRESSION, "stands in a set operation with *")
        return values.REST
    pairs = zip(left, right, strict=True)
    return tuple(Output(a.name, values.merged([a.value, b.value])) for a, b in pairs)


def _rows(analysis: Analysis, rows: Sequence[Any], scope: Scope) -> Columns:
    """The columns of VALUES."""
    lists = [node(one)[1].get("items", []) for one in rows]
    if any(is_star(item) for items in lists for item in items):
        # All rows have as many columns as that one, which are not known.
        expressions.everything(analysis, lists, scope)
        return values.REST
    found: list[list[Value]] = []
    for items in lists:
        found.append([expressions.value(analysis, item, scope) for item in items])
    width = len(found[0])
    if any(len(row) != width for row in found):
        raise refused(refusals.SCHEMA_MISMATCH, None, "the rows of VALUES differ in length")
    return tuple(
        Output(f"column{number + 1}", values.merged([row[number] for row in found]))
        for number in range(width)
    )


def _groups(analysis: Analysis, fields: Fields, scope: Scope, found: Columns) -> Columns:
    """Walk through the clauses that put rows together; the columns that the query shows then."""
    grouping = Grouping(analysis, fields, scope, found)
    outputs = _Outputs(analysis, found)
    for one in fields.get("groupClause", ()):
        if not grouping.by(one, False):
            _grouped(analysis, one, scope, outputs)
    expressions.condition(analysis, fields.get("havingClause"), scope)
    for one in fields.get("windowClause", ()):
        expressions.window(analysis, node(one)[1], scope)
    shown = grouping.shown()
    distinct = fields.get("distinctClause")
    if distinct == [{}]:
        for column in grouping.others() if grouping.distinct() else found:
            _ordered(analysis, column.value, refusals.GROUP, "stands under DISTINCT")
    elif distinct is not None:
        for one in distinct:
            if not grouping.by(one, True):
                _sorted(analysis, one, scope, outputs, refusals.GROUP, _IN_GROUPS)
    return shown


class _Outputs:
    """The output columns of a query, as a number or a name in its other clauses means them.  Those
    that a clause has named are noted once for it."""

    def __init__(self, analysis: Analysis, columns: Columns) -> None:
        self._analysis = analysis
        self._columns = columns
        self._named: dict[str, list[Output]] = {}
        for one in columns:
            self._named.setdefault(one.name, []).append(one)
        rests = (at for at, one in enumerate(columns) if one.rest)
        self._known = next(rests, len(columns))
        self._noted: set[tuple[str | int, str]] = set()

    def numbered(self, number: int, reason: str, text: str) -> None:
        """Note the column of a number."""
        before = self._columns[:number]
        if len(before) <= self._known:
            self._note(number, before[-1:], reason, text)
        else:
            # Beyond ``*`` of a table that is not known it may be any.
            self._note(-1, self._columns, reason, text)

    def named(self, name: str, reason: str, text: str) -> bool:
        """Note all columns of a name.  Returns False if there are none."""
        found = self._named.get(name, ())
        self._note(name, found, reason, text)
        return bool(found)

    def _note(self, key: str | int, columns: Sequence[Output], reason: str, text: str) -> None:
        if (key, reason) not in self._noted:
            self._noted.add((key, reason))
            for one in columns:
                _ordered(self._analysis, one.value, reason, text)


def _grouped(analysis: Analysis, item: Any, scope: Scope, outputs: _Outputs) -> None:
    """Walk through a part of GROUP BY: in grouping sets, and in rows without the word ROW, numbers
    and names mean output columns as well."""
    kind, fields = node(item)
    if kind == "GroupingSet":
        parts = fields.get("content", ())
    elif kind == "RowExpr" and fields.get("row_format") == "COERCE_IMPLICIT_CAST":
        parts = fields.get("args", ())
    else:
        _sorted(analysis, item, scope, outputs, refusals.GROUP, _IN_GROUPS)
        return
    analysis.deeper()
    for one in parts:
        _grouped(analysis, one, scope, outputs)
    analysis.higher()


def _sorted(
    analysis: Analysis, item: Any, scope: Scope, outputs: _Outputs, reason: str, text: str
) -> None:
    """Walk through what a query is ordered or grouped by: an output column's number or name, or an
    expression."""
    kind, fields = node(item)
    if kind == "A_Const" and not fields.keys().isdisjoint(("ival", "fval")):
        # One with a fraction is no column's, and another number in its place may be.
        analysis.deciding.add(analysis.text.literal(fields.get("location", 0))[0])
    if kind == "A_Const" and "ival" in fields:
        outputs.numbered(fields["ival"].get("ival", 0), reason, text)
        return
    names = strings(fields.get("fields")) if kind == "ColumnRef" else []
    if len(names) == 1 and outputs.named(names[0], reason, text) and reason == refusals.ORDER:
        return
    if kind == "ColumnRef":
        _ordered(analysis, expressions.value(analysis, item, scope), reason, text)
    else:
        expressions.everything(analysis, item, scope, reason, text)


def _ordered(analysis: Analysis, value: Value, reason: str, text: str) -> None:
    """Note a value that a query is ordered or grouped by.  Equal values have equal tokens, which
    groups need."""
    setting = values.setting_of(value) if reason == refusals.GROUP else None
    if setting is None or not values.is_told(value):
        analysis.ignore(value, reason, text)
    else:
        analysis.match(setting)
