"""FROM clauses: the relations that they bring in, and the columns of ``*``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acra_twisted.encryption import refusals
from acra_twisted.encryption.postgresql import casts, expressions, values
from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.encryption.postgresql.scopes import Range, Scope, renamed
from acra_twisted.encryption.postgresql.syntax import Fields, node, strings
from acra_twisted.encryption.postgresql.values import (
    PLAIN_COLUMN,
    PROTECTED,
    Columns,
    Leaf,
    Output,
    Value,
)
from acra_twisted.encryption.refusals import refused

#: What an item of a FROM clause brings in: its relations, and the columns of ``*``.
Item = tuple[list[Range], Columns]

#: Parts of a FROM clause that are read at most.
_MOST = 1_000
_IN_JOIN = "is joined by a column that is compared in a way that finds nothing in what is stored"


def from_clause(analysis: Analysis, items: Sequence[Any], scope: Scope) -> Item:
    """The relations of a FROM clause.  Raises StatementRefusedError."""
    ranges: list[Range] = []
    star: list[Output] = []
    behind = scope.inside(ranges)
    if len(items) > _MOST:
        raise refused(refusals.UNPARSABLE, None, f"a FROM clause has more than {_MOST} parts")
    for one in items:
        brought, columns = _item(analysis, one, scope, behind)
        ranges += brought
        star += columns
    return ranges, tuple(star)


def relation_range(analysis: Analysis, fields: Fields, relation: Relation | None) -> Range:
    """The relation of a FROM clause that a RangeVar is.  ``relation`` is its table, None for one
    that has nothing to do with protected columns."""
    alias = fields.get("alias", {})
    columns = values.REST if relation is None else columns_of(analysis, relation)
    return Range(
        alias.get("aliasname", fields.get("relname", "")),
        renamed(columns, strings(alias.get("colnames"))),
        "" if alias else fields.get("schemaname", relation.schema if relation else ""),
    )


def columns_of(analysis: Analysis, relation: Relation) -> tuple[Output, ...]:
    """The columns of a relation."""
    settings = analysis.names.columns(relation)
    found = []
    for attribute in relation.attributes:
        setting = settings.get(attribute.number)
        value: Value = (Leaf(PROTECTED, setting=setting),) if setting else PLAIN_COLUMN
        found.append(Output(attribute.name, value))
    return tuple(found)


def relation_of(analysis: Analysis, fields: Fields) -> Relation | None:
    """The relation that a RangeVar means."""
    return analysis.names.relation(fields.get("schemaname", ""), fields.get("relname", ""))


def _item(analysis: Analysis, item: Any, scope: Scope, behind: Scope) -> Item:
    """Return the relations and columns of an item.  ``behind`` is the scope of one that sees those
    before it."""
    analysis.deeper()
    kind, fields = node(item)
    if kind == "RangeVar":
        found = _table(analysis, fields, scope)
    elif kind == "RangeTableSample":
        for key, part in fields.items():
            if key not in ("relation", "method"):
                expressions.everything(analysis, part, behind)
        found = _item(analysis, fields.get("relation"), scope, behind)
    elif kind == "RangeSubselect":
        inner = behind if fields.get("lateral") else scope
        found = _aliased(fields, analysis.query(fields.get("subquery"), inner))
    elif kind == "RangeFunction" and (given := _elements(analysis, fields, behind)):
        found = _aliased(fields, given)
    elif kind in ("RangeFunction", "RangeTableFunc", "JsonTable"):
        # Its columns are no table's; its arguments see what stands before it.
        for key, part in fields.items():
            if key not in ("alias", "coldeflist"):
                expressions.everything(analysis, part, behind)
        name = fields.get("alias", {}).get("aliasname", _function_name(fields))
        found = [Range(name, values.REST)], values.REST
    elif kind == "JoinExpr":
        found = _join(analysis, fields, scope, behind)
    else:
        raise refused(refusals.EXPRESSION, None, "the FROM clause has a part that is not known")
    analysis.higher()
    analysis.look_at(len(found[1]))
    return found


def _elements(analysis: Analysis, fields: Fields, scope: Scope) -> Columns:
    """The columns of ``unnest`` of arrays that are cast each to a type that is known; none for any
    other function."""
    functions = fields.get("functions", ())
    if "ordinality" in fields or "is_rowsfrom" in fields or "coldeflist" in fields:
        return ()
    parts = node(functions[0])[1].get("items", ()) if len(functions) == 1 else ()
    _, call = node(parts[0]) if parts else ("", {})
    if strings(call.get("funcname")) not in (["unnest"], ["pg_catalog", "unnest"]):
        return ()
    found: list[Output] = []
    for one in call.get("args", ()):
        kind, cast = node(one)
        array = casts.read_array(analysis.text, cast.get("typeName", {}))
        if kind != "TypeCast" or array is None:
            return ()
        leaf = _given(analysis, cast.get("arg"), scope)
        found.append(Output("unnest", (leaf._replace(casts=(array,)),)))
    alias = fields.get("alias", {})
    if len(found) == 1 and alias:
        # The only column of a function has the name of its alias.
        found = [found[0]._replace(name=alias.get("aliasname", ""))]
    return tuple(found)


def _given(analysis: Analysis, item: Any, scope: Scope) -> Leaf:
    """The elements of an array that is a literal or parameter; anything else is used here."""
    if node(item)[0] in ("A_Const", "ParamRef"):
        leaf = expressions.value(analysis, item, scope)[0]
        if leaf.kind in (values.LITERAL, values.PARAMETER):
            return leaf._replace(kind=values.EACH)
    expressions.everything(analysis, item, scope)
    return values.SOMETHING[0]


def _function_name(fields: Fields) -> str:
    """The name by which the result of a function without an alias is known."""
    for one in fields.get("functions", ()):
        _, parts = node(one)
        for part in parts.get("items", ()):
            kind, call = node(part)
            if kind == "FuncCall":
                return strings(call.get("funcname"))[-1]
    return ""


def _table(analysis: Analysis, fields: Fields, scope: Scope) -> Item:
    name = fields.get("relname", "")
    if not fields.get("schemaname") and name in scope.tables:
        alias = fields.get("alias", {})
        columns = _indirect(renamed(scope.tables[name], strings(alias.get("colnames"))))
        return [Range(alias.get("aliasname", name), columns)], columns
    one = relation_range(analysis, fields, relation_of(analysis, fields))
    return [one], one.columns


def _aliased(fields: Fields, columns: Columns) -> Item:
    """The relation that a subquery is.  Without an alias its columns have no qualified names."""
    alias = fields.get("alias", {})
    found = _indirect(renamed(columns, strings(alias.get("colnames"))))
    return [Range(alias.get("aliasname", ""), found)], found


def _indirect(columns: Columns) -> Columns:
    """Columns of a subquery: nothing outside gives them a type."""
    return tuple(
        one._replace(value=tuple(leaf._replace(direct=False) for leaf in one.value))
        for one in columns
    )


def _join(analysis: Analysis, fields: Fields, scope: Scope, behind: Scope) -> Item:
    left, left_star = _item(analysis, fields.get("larg"), scope, behind)
    before = [*behind.ranges, *left]
    analysis.look_at(sum(len(one.columns) for one in before))
    right, right_star = _item(analysis, fields.get("rarg"), scope, scope.inside(before))
    inner = scope.inside([*left, *right])
    using = strings(fields.get("usingClause"))
    natural = bool(fields.get("isNatural"))
    is_known = not natural or all(one.name for one in (*left_star, *right_star))
    if natural:
        using = _common(left_star, right_star)
    analysis.look_at((len(using) + 2) * (len(left_star) + len(right_star)))
    sides = Scope(left), Scope(right)
    for name in using:
        one, other = (side.column([name]) for side in sides)
        compared_as_stored(analysis, one, other, refusals.COMPARISON, _IN_JOIN)
    expressions.condition(analysis, fields.get("quals"), inner)
    if is_known:
        star = _merged_star(left_star, right_star, using)
    else:
        # Those that both sides have stand first: which ones they are is not known.
        for output in (*left_star, *right_star):
            analysis.ignore(output.value, refusals.COMPARISON, _IN_JOIN)
        star = values.REST
    ranges = [*left, *right]
    if "join_using_alias" in fields:
        both = Scope(ranges[:])
        columns = tuple(Output(name, both.column([name])) for name in using)
        ranges.append(Range(fields["join_using_alias"]["aliasname"], columns, bare=False))
    alias = fields.get("alias")
    if alias:
        star = renamed(star, strings(alias.get("colnames")))
        ranges = [Range(alias.get("aliasname", ""), star)]
    return ranges, star


def compared_as_stored(
    analysis: Analysis, one: Value, other: Value, reason: str, text: str
) -> None:
    """Note two values that the database compares as they are stored: those of consistent tokens
    are equal where they are alike.  Raises StatementRefusedError for others that are protected."""
    first, second = values.setting_of(one), values.setting_of(other)
    if first is not None and second is not None and values.alike(first, second):
        if values.is_told(one) and values.is_told(other):
            analysis.match(first)
            analysis.match(second)
            return
    for value in (one, other):
        analysis.ignore(value, reason, text)


def _common(left: Columns, right: Columns) -> list[str]:
    """The columns by which NATURAL joins."""
    sides = (left, right)
    protected = any(values.holds_protected(side) for side in sides)
    if protected and not all(one.name for side in sides for one in side):
        raise refused(
            refusals.COMPARISON,
            None,
            "may be compared by a NATURAL join",
            "name the columns of the join with USING",
        )
    there = {one.name for one in right if one.name}
    return [one.name for one in left if one.name in there]


def _merged_star(left: Columns, right: Columns, using: Sequence[str]) -> Columns:
    """The columns of ``*``: those that both sides have stand first and once."""
    both = (*left, *right)
    shared = []
    for name in using:
        leaves = [leaf for one in both if one.name == name for leaf in one.value]
        shared.append(Output(name, tuple(dict.fromkeys(leaves)) or PLAIN_COLUMN))
    return (*shared, *(one for one in both if one.name not in using))
