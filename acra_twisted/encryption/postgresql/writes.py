"""Walks through statements that write: tells the value that each column is given.

Source: the transparent-encryption reference, sections 4.1 and 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql import columnlists, conflicts, expressions, queries, values
from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.ranges import (
    from_clause,
    relation_of,
    relation_range,
)
from acra_twisted.encryption.postgresql.schema import Attribute, Relation, Writer
from acra_twisted.encryption.postgresql.scopes import Range, Scope
from acra_twisted.encryption.postgresql.syntax import Fields, is_star, node, strings
from acra_twisted.encryption.postgresql.values import Columns, Value
from acra_twisted.encryption.refusals import StatementRefusedError, refused
from acra_twisted.encryption.settings import ColumnSetting

_IN_OPEN: Final = "is written to a column that is not protected"
_ROW: Final = "is given a row whose columns are not known"
_VIEWS: Final = "vm"


def _check_writer(writer: Writer | None) -> None:
    """Refuse to write a table if that may write to a protected one in a way that is not seen."""
    if writer is None:
        return
    where = f"{writer.schema}.{writer.table}"
    text = f"table {where} may write to one that AcraServer protects: {writer.name}"
    hint = "see trusted_functions" if writer.function else "write the protected table"
    if writer.handed:
        hint = "drop the foreign key, or make it without ON UPDATE and SET DEFAULT"
    raise StatementRefusedError(Refusal(refusals.OPAQUE_CODE, "", text, hint))


class Target:
    """The table that a statement writes.  ``relation`` is None if it has nothing to do with
    protected columns.  ``range`` is what expressions see of it."""

    def __init__(self, analysis: Analysis, fields: Fields, is_written: bool = True) -> None:
        self._analysis = analysis
        self.relation: Relation | None = relation_of(analysis, fields)
        self.range = relation_range(analysis, fields, self.relation)
        self._columns = analysis.names.columns(self.relation) if self.relation else {}
        self._computed = analysis.names.computed(self.relation) if self.relation else {}
        if is_written:
            _check_writer(analysis.names.writer(fields.get("relname", ""), self.relation))
        self._attributes = (
            {one.name: one for one in self.relation.attributes} if self.relation else {}
        )

    @property
    def names(self) -> Sequence[str] | None:
        """The columns in the table's order; None if they are not known."""
        return None if self.relation is None else list(self._attributes)

    @property
    def lacks(self) -> bool:
        """Tell whether the table is known, and lacks a protected column that it may have now."""
        return self.relation is not None and bool(self._analysis.names.coming(self.relation))

    @property
    def first(self) -> ColumnSetting | None:
        """One of the protected columns, for messages."""
        return next(iter(self._columns.values()), None)

    def assign(self, name: str, value: Value, place: str) -> None:
        """Note what a column is given."""
        setting = self.setting(name)
        computed = self._computed.get(self._attributes[name].number) if self._computed else None
        if computed is not None:
            text = f"would be computed in clear from column {name} in {place}"
            raise refused(refusals.DEFAULT_IN_CLEAR, computed, text)
        if setting is None:
            self._analysis.ignore(value, refusals.UNALIKE, _IN_OPEN)
        elif len(value) == 1 and value[0].kind == values.DEFAULT and not value[0].casts:
            self._analysis.default(setting, self._attributes[name], place)
        else:
            self._analysis.store(setting, value, place)

    def omit(self, given: Sequence[str], place: str) -> None:
        """Note that all columns but those that are given take their defaults."""
        if self.relation is not None:
            numbers = {self._attributes[name].number for name in given}
            self._omit(self.relation, numbers, place)

    def _omit(self, relation: Relation, given: Set[int], place: str) -> None:
        settings = self._analysis.names.columns(relation)
        for attribute in relation.attributes:
            setting = settings.get(attribute.number)
            if setting is not None and attribute.number not in given:
                self._analysis.default(setting, attribute, place)
        # A view hands on what it is given; the rest of its table takes the table's defaults.
        for oid in {source[0] for source in relation.sources.values()}:
            behind = self._analysis.names.by_oid(oid)
            if behind is not None:
                shown = [relation.sources[n] for n in given if n in relation.sources]
                self._omit(behind, {number for table, number in shown if table == oid}, place)

    def setting(self, name: str) -> ColumnSetting | None:
        """The protection of a column.  Raises StatementRefusedError if it is not known."""
        if self.relation is None:
            return None
        attribute: Attribute | None = self._attributes.get(name)
        if attribute is None:
            raise refusals.no_column(self.relation.name, name)
        shown = attribute.number in self.relation.sources
        if self.relation.kind in _VIEWS and not shown and self._columns:
            raise refusals.mismatched(
                f"view {self.relation.name}", f"works out column {name}", "write the table itself"
            )
        return self._columns.get(attribute.number)


def insert(analysis: Analysis, fields: Fields, outer: Scope) -> Columns:
    """The columns that INSERT returns.  Raises StatementRefusedError."""
    scope = queries.with_clause(analysis, fields.get("withClause"), outer)
    table = fields.get("relation", {})
    target = Target(analysis, table)
    columns = _listed(target, fields.get("cols"))
    is_listed = "cols" in fields
    source = fields.get("selectStmt")
    width = 0
    _, select = node(source)
    if source is None:
        target.omit((), "DEFAULT VALUES")
    elif "valuesLists" in select and not select.keys() & _BESIDE_ROWS:
        inner = queries.with_clause(analysis, select.get("withClause"), scope)
        for one in select["valuesLists"]:
            _, row = node(one)
            found = _row(analysis, target, row.get("items", ()), inner)
            _fill(analysis, target, columns, found, "VALUES", is_listed)
            width = len(found)
    else:
        found = []
        outputs = analysis.query(source, scope)
        if target.relation is not None:
            columnlists.in_place_of_star(analysis, select, scope)
        for output in outputs:
            is_free = columns is None or target.first is None
            if output.rest and is_free and (columns or not target.lacks):
                analysis.ignore(output.value, refusals.UNALIKE, _IN_OPEN)
                continue
            if output.rest:
                raise refused(
                    refusals.UNALIKE,
                    target.first,
                    "is given a column of * in SELECT that is not known",
                    "name the columns",
                )
            found.append(values.merged([output.value]))
        is_open = values.is_open(outputs)
        _fill(analysis, target, columns, found, "SELECT", is_listed and not is_open)
        width = len(found)
        if is_open:
            # A table that lacks protected columns may have them now.
            width = len(columns or ()) if target.lacks else 0
    if columns is not None and width and not is_listed:
        columnlists.behind_table(analysis, table, columns[:width])
    conflict = fields.get("onConflictClause")
    if conflict is not None:
        _conflict(analysis, target, conflict, scope)
    star = target.range.columns
    return _returning(analysis, target, [target.range], star, fields, scope)


_BESIDE_ROWS: Final = frozenset(("sortClause", "limitOffset", "limitCount", "lockingClause"))


def _listed(target: Target, items: Any) -> Sequence[str] | None:
    """The columns that an INSERT fills, in their order; None for those of a table that is not
    known."""
    if items is None:
        return target.names
    found = []
    for one in items:
        _, column = node(one)
        name = column.get("name", "")
        setting = target.setting(name)
        if column.get("indirection") and setting is not None:
            raise refused(refusals.PART, setting, "is given a part of a value in INSERT")
        found.append(name)
    return found


def _fill(
    analysis: Analysis,
    target: Target,
    columns: Sequence[str] | None,
    found: Sequence[Value],
    place: str,
    is_listed: bool,
) -> None:
    """Note a row, whose values may be fewer than the columns if the statement does not list
    them."""
    if columns is None:
        for value in found:
            analysis.ignore(value, refusals.UNALIKE, _IN_OPEN)
        return
    if len(found) > len(columns):
        raise refused(
            refusals.SCHEMA_MISMATCH, target.first, f"{place} has more values than columns"
        )
    if is_listed and len(found) < len(columns):
        raise refused(
            refusals.SCHEMA_MISMATCH, target.first, f"{place} has fewer values than columns"
        )
    given = columns[: len(found)]
    for name, value in zip(given, found, strict=True):
        target.assign(name, value, place)
    target.omit(given, place)


def _row(analysis: Analysis, target: Target, items: Sequence[Any], scope: Scope) -> Sequence[Value]:
    """The values of a row."""
    if target.relation is not None and any(map(is_star, items)):
        raise refused(refusals.EXPRESSION, target.first, _ROW, "name its columns")
    return [expressions.value(analysis, item, scope) for item in items]


def _conflict(analysis: Analysis, target: Target, fields: Fields, scope: Scope) -> None:
    excluded = target.range._replace(name="excluded", schema="", bare=False)
    inner = scope.inside([target.range, excluded])
    infer = fields.get("infer", {})
    if target.relation is not None:
        conflicts.columns(analysis, target.relation, infer)
        conflicts.constraint(analysis, target.relation, infer.get("conname", ""))
    for one in infer.get("indexElems", ()):
        _, element = node(one)
        expressions.everything(analysis, element.get("expr"), inner, refusals.CONFLICT_TARGET)
    expressions.condition(analysis, infer.get("whereClause"), inner)
    _set(analysis, target, fields.get("targetList", ()), inner, "ON CONFLICT")
    expressions.condition(analysis, fields.get("whereClause"), inner)


def update(analysis: Analysis, fields: Fields, outer: Scope) -> Columns:
    """The columns that UPDATE returns.  Raises StatementRefusedError."""
    scope = queries.with_clause(analysis, fields.get("withClause"), outer)
    target = Target(analysis, fields.get("relation", {}))
    ranges, star = from_clause(analysis, fields.get("fromClause", ()), scope)
    inner = scope.inside([target.range, *ranges])
    _set(analysis, target, fields.get("targetList", ()), inner, "SET")
    expressions.condition(analysis, fields.get("whereClause"), inner)
    star = (*target.range.columns, *star)
    return _returning(analysis, target, [target.range, *ranges], star, fields, scope)


def _set(
    analysis: Analysis, target: Target, items: Sequence[Any], scope: Scope, place: str
) -> None:
    """Note the assignments of a SET clause."""
    for one in items:
        _, fields = node(one)
        name = fields.get("name", "")
        if fields.get("indirection"):
            setting = target.setting(name)
            if setting is not None:
                raise refused(refusals.PART, setting, f"is given a part of a value in {place}")
            expressions.everything(analysis, fields["indirection"], scope)
        kind, source = node(fields.get("val"))
        if kind == "MultiAssignRef":
            value = _assigned(analysis, target, source, scope)
        else:
            value = expressions.value(analysis, fields.get("val"), scope)
        target.assign(name, value, place)


def _assigned(analysis: Analysis, target: Target, fields: Fields, scope: Scope) -> Value:
    """One of the values that a row or a subquery gives to several columns."""
    kind, source = node(fields.get("source"))
    number, count = fields.get("colno", 0) - 1, fields.get("ncolumns", 0)
    if kind == "RowExpr":
        items = source.get("args", [])
        if len(items) == count and not any(map(is_star, items)):
            return expressions.value(analysis, items[number], scope)
    elif kind == "SubLink" and source.get("subLinkType") == "EXPR_SUBLINK":
        columns = analysis.query(source.get("subselect"), scope)
        if len(columns) == count and not values.is_open(columns):
            return values.merged([columns[number].value])
        if target.first is None:
            for column in columns:
                analysis.ignore(column.value, refusals.UNALIKE, _IN_OPEN)
            return values.SOMETHING
    raise refused(refusals.EXPRESSION, target.first, _ROW)


def delete(analysis: Analysis, fields: Fields, outer: Scope) -> Columns:
    """The columns that DELETE returns.  Raises StatementRefusedError."""
    scope = queries.with_clause(analysis, fields.get("withClause"), outer)
    target = Target(analysis, fields.get("relation", {}))
    ranges, star = from_clause(analysis, fields.get("usingClause", ()), scope)
    expressions.condition(
        analysis, fields.get("whereClause"), scope.inside([target.range, *ranges])
    )
    star = (*target.range.columns, *star)
    return _returning(analysis, target, [target.range, *ranges], star, fields, scope)


def merge(analysis: Analysis, fields: Fields, outer: Scope) -> Columns:
    """The columns that MERGE returns.  Raises StatementRefusedError."""
    scope = queries.with_clause(analysis, fields.get("withClause"), outer)
    target = Target(analysis, fields.get("relation", {}))
    ranges, star = from_clause(analysis, [fields.get("sourceRelation")], scope)
    both = scope.inside([target.range, *ranges])
    inserts: list[tuple[bool, Sequence[str]]] = []
    expressions.condition(analysis, fields.get("joinCondition"), both)
    for one in fields.get("mergeWhenClauses", ()):
        _, clause = node(one)
        expressions.condition(analysis, clause.get("condition"), both)
        action, items = clause.get("commandType"), clause.get("targetList")
        if action == "CMD_UPDATE":
            _set(analysis, target, items or (), both, "MERGE")
        elif action == "CMD_INSERT":
            found = _row(analysis, target, clause.get("values", ()), both)
            columns = _listed(target, items)
            _fill(analysis, target, columns, found, "MERGE", bool(items))
            inserts.append((not items, (columns or ())[: len(found)]))
        elif action not in ("CMD_DELETE", "CMD_NOTHING"):
            raise refused(refusals.EXPRESSION, target.first, "is in a MERGE that is not known")
    columnlists.in_merge(analysis, fields.get("relation", {}), inserts)
    # The columns of the source stand before those of the target.
    star = (*star, *target.range.columns)
    return _returning(analysis, target, [*ranges, target.range], star, fields, scope)


def _returning(
    analysis: Analysis,
    target: Target,
    ranges: Sequence[Range],
    star: Columns,
    fields: Fields,
    scope: Scope,
) -> Columns:
    """The columns of RETURNING; ``star`` are those of ``*``."""
    rows = [target.range._replace(name=name, schema="", bare=False) for name in ("old", "new")]
    taken = {one.name for one in ranges}
    inner = scope.inside([*ranges, *(one for one in rows if one.name not in taken)])
    return queries.targets(analysis, fields.get("returningList", ()), inner, star)


def copied(analysis: Analysis, fields: Fields) -> tuple[Target, Sequence[str] | None]:
    """The table of COPY, and its columns in their order; None if they are not known."""
    table = fields.get("relation", {})
    target = Target(analysis, table, bool(fields.get("is_from")))
    named = strings(fields.get("attlist"))
    columns = named or target.names
    if named:
        for name in named:
            target.setting(name)
    elif target.relation is not None:
        # COPY leaves out what is computed from other columns; the numbers of identity are copied.
        columns = [one.name for one in target.relation.attributes if not one.reads]
        if columns:
            columnlists.behind_table(analysis, table, columns)
    return target, columns
