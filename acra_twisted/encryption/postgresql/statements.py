"""Walks through each kind of statement for its protected columns.

A statement that carries another one does what that one does.  A kind that is not known here is
refused: it stands in a text that names a protected table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import SOME_TABLE, Copied, Prepared, Refusal, ResultColumn, Use
from acra_twisted.encryption.postgresql import (
    casts,
    columntypes,
    copies,
    expressions,
    queries,
    temporaries,
    values,
    writes,
)
from acra_twisted.encryption.postgresql.analysis import Analysis, alone
from acra_twisted.encryption.postgresql.columntypes import Retyped
from acra_twisted.encryption.postgresql.ranges import relation_of
from acra_twisted.encryption.postgresql.scopes import Scope
from acra_twisted.encryption.postgresql.syntax import Fields, Statement, node
from acra_twisted.encryption.postgresql.values import Columns, is_one_column, setting_of
from acra_twisted.encryption.refusals import StatementRefusedError, refused
from acra_twisted.encryption.settings import PLAIN, ColumnSetting
from acra_twisted.sql import lexer

_WALKS: Final = {
    "SelectStmt": queries.query,
    "InsertStmt": writes.insert,
    "UpdateStmt": writes.update,
    "DeleteStmt": writes.delete,
    "MergeStmt": writes.merge,
}
_TEXTS: Final = lexer.LITERALS - {lexer.NUMBER}
#: The kind of a materialized view.
_KEEPS_ROWS: Final = "m"
#: Statements whose literals are no values of columns, or are judged as definitions are.
_APART: Final = frozenset(
    ("TransactionStmt", "VariableSetStmt", "VariableShowStmt", "CommentStmt", "SecLabelStmt")
    + ("ListenStmt", "UnlistenStmt", "NotifyStmt", "FetchStmt", "ClosePortalStmt", "LockStmt")
    + ("DeallocateStmt", "DiscardStmt", "TruncateStmt", "VacuumStmt", "CheckPointStmt")
    + ("ConstraintsSetStmt", "ReindexStmt", "ClusterStmt", "RefreshMatViewStmt", "DropStmt")
    + ("AlterTableStmt", "CreateStmt", "IndexStmt", "CreateStatsStmt", "CreatePolicyStmt")
    + ("AlterPolicyStmt", "CreatePublicationStmt", "AlterPublicationStmt")
    + ("GrantStmt", "GrantRoleStmt", "RenameStmt", "AlterOwnerStmt", "AlterObjectSchemaStmt")
)
#: Statements that may be about a protected table, as long as they bring no text with them.
_DEFINITIONS: Final = frozenset(
    ("CreateSeqStmt", "AlterSeqStmt", "AlterStatsStmt", "ReplicaIdentityStmt", "CreateSchemaStmt")
    + ("AlterObjectDependsStmt", "CompositeTypeStmt", "CreateEnumStmt")
)
#: It may be one that the protocol prepared: its values and results are not followed here.
_NOT_BY_SQL: Final = Refusal(
    refusals.SCHEMA_MISMATCH,
    "",
    "AcraServer does not know which statement is executed: the session has not prepared it by SQL",
    "execute it by the protocol",
)


class Found:
    """The result, prepared statement, COPY and cursor of a statement, the name that it executes,
    and what the client is told of it."""

    __slots__ = ("results", "prepares", "copies", "executes", "declares", "notice")

    def __init__(self) -> None:
        self.results: Sequence[ResultColumn] | None = None
        self.prepares: Prepared | None = None
        self.copies: Copied | None = None
        self.executes = ""
        self.declares: Sequence[ResultColumn] | None = None
        self.notice = ""


def walk(analysis: Analysis, statement: Statement) -> Found:
    """Walk through a statement.  Raises StatementRefusedError for one that must not be sent."""
    analysis.query = lambda item, scope: _data(analysis, item, scope)
    found = Found()
    _statement(analysis, statement, statement.kind, statement.fields, found)
    return found


def _data(analysis: Analysis, item: Any, scope: Scope) -> Columns:
    """Walk through a statement inside another."""
    kind, fields = node(item)
    walk_through = _WALKS.get(kind)
    if walk_through is None:
        raise refused(refusals.EXPRESSION, None, "stands in a query that is not known")
    queries.refuse_into(fields)
    return walk_through(analysis, fields, scope)


def _statement(
    analysis: Analysis, statement: Statement, kind: str, fields: Fields, found: Found
) -> None:
    if kind in _WALKS:
        into = queries.into(fields)
        if into is not None:
            _created(analysis, into)
        columns = _WALKS[kind](analysis, fields, Scope())
        found.results = _shown(analysis, columns)
        if into is not None:
            found.notice = _copied(analysis, into, found.results)
    elif kind == "CreateTableAsStmt":
        keeps_rows = fields.get("objtype") == "OBJECT_MATVIEW"
        if not (keeps_rows and fields.get("if_not_exists") and _is_there(analysis, fields)):
            _created(analysis, fields.get("into", {}))
        if keeps_rows:
            _view(analysis, fields)
        else:
            _carried(analysis, statement, fields, found)
            found.notice = _copied(analysis, fields.get("into", {}), found.results)
        found.results = None
    elif kind == "DeclareCursorStmt":
        found.declares = _shown(analysis, _data(analysis, fields.get("query"), Scope()))
    elif kind == "ExplainStmt":
        _carried(analysis, statement, fields, found)
        found.results = None
    elif kind == "ViewStmt":
        shown = _view(analysis, fields)
        names = analysis.names
        temporaries.check_view(
            fields, shown, names.path, lambda schema, name: names.relation(schema, name) is not None
        )
    elif kind == "PrepareStmt":
        _prepare(analysis, statement, fields, found)
    elif kind == "ExecuteStmt":
        found.executes = fields.get("name", "")
        found.results = _execute(analysis, fields)
    elif kind == "CallStmt":
        # A procedure is called as a function is; code in its arguments was refused before.
        call = {"FuncCall": fields.get("funccall", {})}
        expressions.everything(analysis, call, Scope())
    elif kind == "CopyStmt":
        found.results, found.copies = copies.walk(analysis, fields)
    else:
        _defined(analysis, kind, fields)
        _utility(analysis, statement, kind)


def _carried(analysis: Analysis, statement: Statement, fields: Fields, found: Found) -> None:
    """Walk through the statement inside CREATE TABLE AS, DECLARE, EXPLAIN or PREPARE."""
    kind, inner = node(fields.get("query"))
    _statement(analysis, statement, kind, inner, found)


def _view(analysis: Analysis, fields: Fields) -> Sequence[ResultColumn]:
    """The columns of the view that a statement makes.  Raises StatementRefusedError if it could not
    be read as a view, or if its answers depend on keys: it would be asked by later keys as well."""
    columns = _data(analysis, fields.get("query"), Scope())
    shown = _shown(analysis, columns)
    for one in columns:
        setting = setting_of(one.value)
        if setting is not None and not (_is_opened_anywhere(setting) or is_one_column(one.value)):
            raise refused(
                refusals.EXPRESSION,
                setting,
                "is shown by a view in an expression: what it is cannot be told where it is read",
                "show the column itself; send expressions and set operations as queries",
            )
    if any(use is not None for uses in analysis.uses.values() for use in uses):
        raise refused(refusals.EXPRESSION, None, "is given a value in the text of a view")
    if analysis.matched:
        column = next(iter(analysis.matched))
        raise refused(
            refusals.COMPARISON, column, "is compared with a column in the text of a view"
        )
    return shown


def _is_opened_anywhere(setting: ColumnSetting) -> bool:
    """Tell whether the values of a column are read by their containers alone."""
    return setting.kind == PLAIN and setting.data_type in ("", "bytes")


def _shown(analysis: Analysis, columns: Columns) -> Sequence[ResultColumn]:
    """The result's columns.  Where columns that are not known stand before a protected one and
    behind it, the database must tell which one that is."""
    for one in columns:
        analysis.show(one.value)
    rests = [at for at, one in enumerate(columns) if one.rest]
    for one in columns[rests[0] : rests[-1]] if rests else ():
        if values.is_protected(one.value) and not values.is_named(one.value):
            raise refused(
                refusals.EXPRESSION,
                setting_of(one.value),
                "is shown by a set operation or an expression among columns that are not known",
                "name the columns in place of *",
            )
    return tuple(
        ResultColumn(setting_of(one.value), one.rest, values.is_named(one.value)) for one in columns
    )


def _created(analysis: Analysis, fields: Fields) -> None:
    """Refuse to make a table of a protected name by a query: it would hold plaintext."""
    relation = fields.get("rel", {})
    try:
        is_protected = relation_of(analysis, relation) is not None
    except StatementRefusedError:
        # It is not there yet.
        is_protected = True
    if is_protected:
        raise refused(
            refusals.OPAQUE_CODE,
            None,
            f"table {relation.get('relname', '')} would be made with values that are not encrypted",
            "create the table, then insert",
        )


def _is_there(analysis: Analysis, fields: Fields) -> bool:
    """Tell whether a materialized view is known that a statement makes if it is not there."""
    table = fields.get("into", {}).get("rel", {})
    relation = relation_of(analysis, table)
    return relation is not None and relation.kind == _KEEPS_ROWS


def _copied(analysis: Analysis, into: Fields, results: Sequence[ResultColumn] | None) -> str:
    """The notice about a table that is made of what protected columns store, for AcraServer does
    not know its columns; "" if it is made of others.  Raises StatementRefusedError instead if that
    is wanted."""
    settings = dict.fromkeys(one.setting for one in results or () if one.setting is not None)
    if analysis.names.strict_copies and (settings or results is None):
        text = "would be copied into a table that is not protected, which strict_copies forbids"
        raise refused(refusals.UNALIKE, next(iter(settings), None), text)
    if not settings:
        return ""
    labels = ", ".join(one.label for one in settings)
    return (
        f"table {into.get('rel', {}).get('relname', '')} is not protected by AcraServer: copies of "
        f"{labels} in it stay encrypted, and are neither typed nor masked"
    )


def _defined(analysis: Analysis, kind: str, fields: Fields) -> None:
    """Refuse a definition that would leave a protected column in clear, and give columns the type
    of what is stored, if that is wanted."""
    retyped: list[Retyped] = []
    refusal = analysis.names.definition(kind, fields, retyped)
    if refusal is not None:
        raise StatementRefusedError(refusal)
    for setting, type_name in retyped:
        written = (casts.read(analysis.text, type_name),)
        if not casts.may_have(setting, written):
            raise StatementRefusedError(columntypes.refusal(setting))
        analysis.deciding.update(one.modifier for one in written if one.modifier >= 0)
        analysis.recast(casts.stored_type(setting), written)


def _prepare(analysis: Analysis, statement: Statement, fields: Fields, found: Found) -> None:
    _carried(analysis, statement, fields, found)
    uses: dict[int, set[Use | None]] = {}
    first: dict[int, Use | None] = {}
    for number, use, _, _ in analysis.parameters(statement):
        uses.setdefault(number, set()).add(alone(use))
        first.setdefault(number, use)
    for number, several in uses.items():
        if len(several) > 1:
            columns = [use.column for use in several if use is not None]
            raise refused(
                refusals.PARAMETER_CONFLICT,
                columns[0],
                f"is given ${number}, which the statement uses in another way, too",
            )
    declared: list[str] = []
    for number, one in enumerate(fields.get("argtypes", ()), 1):
        use = first.get(number)
        declared.append("")
        if use is not None:
            _, type_name = node(one)
            around = (casts.read(analysis.text, type_name),)
            analysis.deciding.update(one.modifier for one in around if one.modifier >= 0)
            if not casts.may_have(use.column, around) or casts.cut(around) >= 0:
                raise refused(
                    refusals.EXPRESSION,
                    use.column,
                    f"is given ${number} of a type that its data_type does not have",
                )
            analysis.recast(casts.sent_type(use), around)
            declared[-1] = around[0].type
    last = max(uses, default=0)
    found.prepares = Prepared(
        fields.get("name", ""),
        tuple(first.get(number) for number in range(1, last + 1)),
        found.results,
        analysis.names.number,
        analysis.names.path.meaning,
        tuple(declared),
    )
    found.results = None


def _execute(analysis: Analysis, fields: Fields) -> Sequence[ResultColumn] | None:
    known = analysis.prepared.get(fields.get("name", ""))
    arguments = fields.get("params", [])
    if known is None:
        raise StatementRefusedError(_NOT_BY_SQL)
    if (known.schema, known.path) != (analysis.names.number, analysis.names.path.meaning):
        raise refused(
            refusals.SCHEMA_MISMATCH,
            None,
            "was prepared for tables that may have changed",
            "prepare the statement anew",
        )
    for number, one in enumerate(arguments):
        use = known.uses[number] if number < len(known.uses) else None
        if use is None:
            expressions.everything(analysis, one, Scope())
        else:
            analysis.give(use, expressions.value(analysis, one, Scope()))
    return known.results


def _utility(analysis: Analysis, statement: Statement, kind: str) -> None:
    """Refuse a statement that may bring a value, or code, in a way that is not known."""
    if kind in _APART:
        return
    brings = any(token[0] in _TEXTS for token in analysis.text.tokens_of(statement))
    if kind not in _DEFINITIONS or brings:
        raise StatementRefusedError(
            Refusal(
                refusals.OPAQUE_CODE,
                "",
                f"the statement may bring values or code to {SOME_TABLE}, and they are not seen",
            )
        )
