"""Definitions that would leave a protected column in clear: they are refused.

A table that a query makes is judged with the query (`statements`).  Others pass; the schema is read
anew after them (`keeper`).  The trees are libpg_query's own.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql import newnames, partitions, temporaries, trees, typed
from acra_twisted.encryption.postgresql.columntypes import Retyped
from acra_twisted.encryption.postgresql.defining import Named, Place, refused_column, unknown
from acra_twisted.encryption.postgresql.naming import SearchPath, is_temporary
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.encryption.settings import ColumnSetting

_COMPUTED: Final = frozenset(("CONSTR_GENERATED", "CONSTR_IDENTITY"))
_READING: Final = frozenset(("CONSTR_CHECK", "CONSTR_GENERATED", "CONSTR_EXCLUSION"))
_TABLES: Final = ("CreateStmt", "CreateForeignTableStmt", "AlterTableStmt")
_SUBSTRINGS: Final = (["substr"], ["substring"], ["pg_catalog", "substring"])
_PLAIN_CALL: Final = frozenset(("funcname", "args", "funcformat", "location"))
_DIVIDED: Final = "a table cannot be divided by it"
_READ: Final = "an expression cannot read it"
_DEFAULT: Final = "its default would be stored in clear"
_BY_DATABASE: Final = "the database would compute its values"


def refusal(
    kind: str,
    fields: dict[str, Any],
    protection: Protection,
    path: SearchPath,
    retyped: list[Retyped],
) -> Refusal | None:
    """The refusal of a statement that defines something, None if it may pass.

    ``kind`` and ``fields`` are those of the statement's node.  Where the settings say so, columns
    that need another type are not refused but added to ``retyped``.
    """
    judge = _JUDGES.get(kind)
    if judge is None:
        return None
    for name in trees.functions(fields):
        if name in protection.functions:
            text = f"function {name} uses a table that AcraServer protects: its code is not seen"
            return Refusal(refusals.OPAQUE_CODE, "", text)
    if kind in _TABLES and any("SubLink" in item for item in trees.dicts(fields)):
        # The database takes none, and would write the statement to its log.
        return Refusal(refusals.EXPRESSION, "", "the definition of a table has a subquery")
    return judge(fields, Place(protection, path, retyped))


def _alter(fields: dict[str, Any], place: Place) -> Refusal | None:
    if fields.get("objtype") == "OBJECT_TYPE":
        return typed.refused(fields)
    where = fields.get("relation", {})
    found = place.resolved(where)
    if found.unknown:
        if fields.get("missing_ok") and not place.protection.named(where.get("relname", "")):
            return None
        return unknown(where, found)
    if found.relation is None:
        return _inheriting(fields, place)
    present, coming = place.settings(found.relation)
    refused = None if present else _inheriting(fields, place)
    if refused:
        return refused
    for item in fields.get("cmds", ()):
        command = item.get("AlterTableCmd", {})
        refused = _command(command, {**coming, **present}, place) or _parted(
            command, place, found.relation
        )
        if refused:
            return refused
    return None


def _inheriting(fields: dict[str, Any], place: Place) -> Refusal | None:
    """Judge a table that is not protected, and may come to inherit from one that is, or to have it
    as a partition."""
    for item in fields.get("cmds", ()):
        refused = _attached(item.get("AlterTableCmd", {}), place, None)
        if refused:
            return refused
    for where in temporaries.parents(fields, place.path):
        parent = place.resolved(where).relation
        settings = place.settings(parent)[0] if parent else {}
        if settings:
            return temporaries.child(settings)
    return None


def _command(command: dict[str, Any], settings: Named, place: Place) -> Refusal | None:
    """Judge one part of ALTER TABLE."""
    subtype = command.get("subtype", "AT_AddColumn")
    definition = command.get("def", {})
    if subtype == "AT_AddConstraint":
        return _constraint(definition.get("Constraint", {}), settings)
    if subtype == "AT_AddColumn":
        return _column(definition.get("ColumnDef", {}), settings, place)
    if subtype == "AT_AlterColumnType":
        new = definition.get("ColumnDef", {})
        refused = _judged(trees.columns(new.get("raw_default")), settings, ())
        if refused:
            return refused
    if subtype == "AT_SetExpression":
        refused = _judged(trees.columns(definition), settings, ())
        if refused:
            return refused
    setting = settings.get(command.get("name", ""))
    if setting is None:
        return None
    if subtype == "AT_AlterColumnType":
        new = definition.get("ColumnDef", {})
        if "raw_default" in new:
            return refused_column(refusals.EXPRESSION, setting, "USING would compute its values")
        return place.refused_type(new, setting)
    if subtype == "AT_ColumnDefault" and definition and not _is_null(definition):
        return refused_column(refusals.DEFAULT_IN_CLEAR, setting, _DEFAULT)
    if subtype in ("AT_AddIdentity", "AT_SetExpression"):
        return refused_column(refusals.DEFAULT_IN_CLEAR, setting, _BY_DATABASE)
    return None


def _parted(command: dict[str, Any], place: Place, relation: Relation) -> Refusal | None:
    """Judge a partition that is added, and a table that is parted from the one whose settings it
    has."""
    partition = command.get("def", {}).get("PartitionCmd", {})
    if command.get("subtype") == "AT_AttachPartition":
        return _attached(command, place, relation)
    if command.get("subtype") == "AT_DropInherit":
        child: Relation | None = relation
    elif command.get("subtype") == "AT_DetachPartition":
        child = place.resolved(partition.get("name", {})).relation
    else:
        return None
    if child is None:
        return None
    table = place.protection.table_setting(child)
    for name, setting in place.settings(child)[0].items():
        if table is None or name not in table.protected:
            return refused_column(
                refusals.SCHEMA_MISMATCH,
                setting,
                "the table that is parted from it would not be",
                "Configure that table's columns too.",
            )
    return None


def _attached(command: dict[str, Any], place: Place, above: Relation | None) -> Refusal | None:
    """Judge the bound of a table that becomes a partition of ``above``, None for a table that has
    no protected column."""
    partition = command.get("def", {}).get("PartitionCmd", {})
    bound, where = partition.get("bound", {}), partition.get("name", {})
    if not partitions.has_values(bound):
        return None
    found = place.resolved(where)
    if found.unknown and place.protection.named(where.get("relname", "")):
        return unknown(where, found)
    if found.relation is not None:
        own = place.settings(found.relation)[0]
    else:
        # It may be about to be made.
        own = _configured(where, place) if found.unknown else {}
    if above is None:
        return partitions.refused_child(bound, own)
    return partitions.refused_bound(bound, place.protection, above, own)


def _create(fields: dict[str, Any], place: Place) -> Refusal | None:
    own = settings = _configured(fields.get("relation", {}), place)
    bound = fields.get("partbound", {})
    # A child's own words about the columns that it inherits.
    for parent in fields.get("inhRelations", ()):
        where = parent.get("RangeVar", {})
        found = place.resolved(where)
        if found.relation is not None:
            above = place.settings(found.relation)[0]
            refused = (
                partitions.refused_bound(bound, place.protection, found.relation, own)
                if above
                else partitions.refused_child(bound, own)
            )
            if refused:
                return refused
            settings = {**above, **settings}
        elif found.unknown and place.protection.named(where.get("relname", "")):
            return unknown(where, found)
        elif found.unknown:
            # It is about to be made, and has been judged: no protected column divides it.
            above = _configured(where, place)
            others = {name: one for name, one in own.items() if name not in above}
            refused = partitions.refused_child(bound, others)
            if refused:
                return refused
            settings = {**above, **settings}
        else:
            refused = partitions.refused_child(bound, own)
            if refused:
                return refused
    made = fields.get("relation", {})
    if settings and fields.get("inhRelations") and temporaries.is_made(made, place.path):
        return temporaries.child(settings)
    for item in fields.get("tableElts", ()):
        refused = _constraint(item.get("Constraint", {}), settings) or _column(
            item.get("ColumnDef", {}), settings, place
        )
        if refused:
            return refused
    keys = fields.get("partspec", {}).get("partParams", ())
    named = [item.get("PartitionElem", {}).get("name", "") for item in keys]
    return _judged([*named, *trees.columns(keys)], settings, (), _DIVIDED)


def _configured(where: dict[str, Any], place: Place) -> dict[str, ColumnSetting]:
    """The settings of a table that is about to be made."""
    name = where.get("relname", "")
    schema = where.get("schemaname", "") or place.path.first or ""
    if is_temporary(schema):
        schema = ""
    found: dict[str, ColumnSetting] = {}
    for table in place.protection.settings.tables:
        if table.name == name and (not table.schema or not schema or table.schema == schema):
            found.update(table.protected)
    return found


def _column(column: dict[str, Any], settings: Named, place: Place) -> Refusal | None:
    """Judge the definition of a column."""
    setting = settings.get(column.get("colname", ""))
    if setting is not None and "typeName" in column:
        refused = place.refused_type(column, setting)
        if refused:
            return refused
    for item in column.get("constraints", ()):
        refused = _constraint(item.get("Constraint", {}), settings, setting)
        if refused:
            return refused
    return None


def _constraint(
    constraint: dict[str, Any], settings: Named, own: ColumnSetting | None = None
) -> Refusal | None:
    """Judge a constraint; ``own`` is the setting of the column that it stands behind."""
    kind = constraint.get("contype", "")
    expression = constraint.get("raw_expr")
    if own is not None and kind == "CONSTR_DEFAULT" and not _is_null(expression or {}):
        return refused_column(refusals.DEFAULT_IN_CLEAR, own, _DEFAULT)
    if own is not None and kind in _COMPUTED:
        return refused_column(refusals.DEFAULT_IN_CLEAR, own, _BY_DATABASE)
    if kind in _READING:
        parts = [expression, constraint.get("where_clause"), constraint.get("exclusions")]
        return _judged(trees.columns(parts), settings, ())
    return None


def _judged(
    names: Iterable[str], settings: Named, rows: Container[str], text: str = _READ
) -> Refusal | None:
    """Judge the names of an expression.  ``rows`` are names by which it may mean whole rows."""
    for name in names:
        setting = settings.get(name)
        for other in settings.values():
            if name in ("*", other.table) or name in rows:
                setting = setting or other
        if setting is not None:
            return refused_column(refusals.EXPRESSION, setting, text)
    return None


def _expressions(fields: dict[str, Any], place: Place) -> Refusal | None:
    """Judge a definition with expressions, such as an index or a policy.  None may read a protected
    column but by IS NULL, and by ``substr(column, 1, 33)``, which searches need."""
    names = list(trees.columns(fields, _is_harmless))
    settings: dict[str, ColumnSetting] = {}
    rows: set[str] = set()
    for where in trees.tables(fields) if names else ():
        found = place.resolved(where)
        if found.unknown:
            return unknown(where, found)
        if found.relation is not None:
            present, coming = place.settings(found.relation)
            settings = {**settings, **coming, **present}
            alias = where.get("alias", {})
            rows |= {where["relname"], alias.get("aliasname", "")}
            if "colnames" in alias:
                # By which name a column goes is not looked at.
                names.append("*")
    return _judged(names, settings, rows)


def _is_harmless(item: dict[str, Any]) -> bool:
    """Tell whether an expression of a column tells nothing of its values."""
    if "NullTest" in item:
        return "ColumnRef" in item["NullTest"].get("arg", {})
    call = item.get("FuncCall", {})
    name = [part.get("String", {}).get("sval", "") for part in call.get("funcname", ())]
    arguments = call.get("args", [])
    return (
        name in _SUBSTRINGS
        and call.keys() <= _PLAIN_CALL
        and any("ColumnRef" in one for one in arguments[:1])
        and all("ival" in one.get("A_Const", {}) for one in arguments[1:])
    )


def _schema(fields: dict[str, Any], _place: Place) -> Refusal | None:
    if "schemaElts" not in fields:
        return None
    return Refusal(
        refusals.OPAQUE_CODE,
        "",
        "the statement makes a schema together with its tables or views",
        "make them by statements of their own",
    )


def _is_null(node: dict[str, Any]) -> bool:
    while "TypeCast" in node:
        node = node["TypeCast"].get("arg", {})
    return bool(node.get("A_Const", {}).get("isnull"))


_JUDGES: Final[dict[str, Callable[[dict[str, Any], Place], Refusal | None]]] = {
    "AlterTableStmt": _alter,
    "CreateStmt": _create,
    "CreateForeignTableStmt": lambda fields, place: _create(fields.get("base", {}), place),
    "RenameStmt": newnames.rename,
    "AlterObjectSchemaStmt": newnames.move,
    "CreateSchemaStmt": _schema,
    "IndexStmt": _expressions,
    "CreateStatsStmt": _expressions,
    "CreatePolicyStmt": _expressions,
    "AlterPolicyStmt": _expressions,
    "CreatePublicationStmt": _expressions,
    "AlterPublicationStmt": _expressions,
}
