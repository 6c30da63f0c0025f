"""Definitions that would leave a protected column in clear: they are refused.

A table that a query makes is judged with the query (`statements`).  Others pass; the schema is read
anew after them (`keeper`).  The trees are libpg_query's own.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql import columntypes, partitions, temporaries, trees, typed
from acra_twisted.encryption.postgresql.columntypes import Retyped
from acra_twisted.encryption.postgresql.naming import Resolved, SearchPath, is_temporary, resolve
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import SYSTEM_SCHEMAS, Relation
from acra_twisted.encryption.settings import ColumnSetting

#: Settings by name of column.
_Named = Mapping[str, ColumnSetting]
_COMPUTED: Final = frozenset(("CONSTR_GENERATED", "CONSTR_IDENTITY"))
_READING: Final = frozenset(("CONSTR_CHECK", "CONSTR_GENERATED", "CONSTR_EXCLUSION"))
_TABLES: Final = ("CreateStmt", "CreateForeignTableStmt", "AlterTableStmt")
_SUBSTRINGS: Final = (["substr"], ["substring"], ["pg_catalog", "substring"])
_PLAIN_CALL: Final = frozenset(("funcname", "args", "funcformat", "location"))
_DIVIDED: Final = "a table cannot be divided by it"
_RENAMED: Final = "under another name it would not be"
_READ: Final = "an expression cannot read it"


class _Place(NamedTuple):
    """The tables that a definition may name, and the columns whose type must be another one."""

    protection: Protection
    path: SearchPath
    retyped: list[Retyped]

    def refused_type(self, column: dict[str, Any], setting: ColumnSetting) -> Refusal | None:
        """Judge the type of a ColumnDef."""
        type_name = column.get("typeName", {})
        if columntypes.is_fit(type_name, setting):
            return None
        if not self.protection.settings.retypes:
            return columntypes.refusal(setting)
        self.retyped.append(Retyped(setting, type_name))
        return None


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
    return judge(fields, _Place(protection, path, retyped))


def _refused(reason: str, setting: ColumnSetting, text: str, hint: str = "") -> Refusal:
    return refusals.refused(reason, setting, text, hint).refusal


def _alter(fields: dict[str, Any], place: _Place) -> Refusal | None:
    if fields.get("objtype") == "OBJECT_TYPE":
        return typed.refused(fields)
    where = fields.get("relation", {})
    found = _resolved(where, place)
    if found.unknown:
        if fields.get("missing_ok") and not place.protection.named(where.get("relname", "")):
            return None
        return _unknown(where, found)
    if found.relation is None:
        return _inheriting(fields, place)
    present, coming = _settings(place.protection, found.relation)
    for item in fields.get("cmds", ()):
        command = item.get("AlterTableCmd", {})
        refused = _command(command, {**coming, **present}, place) or _parted(
            command, place, found.relation
        )
        if refused:
            return refused
    return None


def _inheriting(fields: dict[str, Any], place: _Place) -> Refusal | None:
    """Judge a table that is not protected, and may come to inherit from one that is."""
    for where in temporaries.parents(fields, place.path):
        parent = _resolved(where, place).relation
        settings = _settings(place.protection, parent)[0] if parent else {}
        if settings:
            return temporaries.child(settings)
    return None


def _resolved(where: dict[str, Any], place: _Place) -> Resolved:
    """Find the relation of a RangeVar."""
    schema, name = where.get("schemaname", ""), where.get("relname", "")
    return resolve(place.protection, place.path, schema, name)


def _unknown(where: dict[str, Any], found: Resolved) -> Refusal:
    name = where.get("relname", "")
    text = f"table {name} is protected by AcraServer and {found.unknown}"
    return Refusal(refusals.SCHEMA_UNKNOWN, name, text)


def _settings(protection: Protection, relation: Relation) -> tuple[_Named, _Named]:
    """The settings of a relation's columns, and of those that it does not have yet."""
    columns = protection.columns(relation.oid)
    table = protection.table_setting(relation)
    names = {attribute.number: attribute.name for attribute in relation.attributes}
    return (
        {names[number]: setting for number, setting in columns.items()},
        dict(table.protected) if table else {},
    )


def _command(command: dict[str, Any], settings: _Named, place: _Place) -> Refusal | None:
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
            return _refused(refusals.EXPRESSION, setting, "USING would compute its values")
        return place.refused_type(new, setting)
    if subtype == "AT_ColumnDefault" and definition and not _is_null(definition):
        return _refused(refusals.DEFAULT_IN_CLEAR, setting, "its default would be stored in clear")
    if subtype in ("AT_AddIdentity", "AT_SetExpression"):
        return _refused(refusals.DEFAULT_IN_CLEAR, setting, "the database would compute its values")
    return None


def _parted(command: dict[str, Any], place: _Place, relation: Relation) -> Refusal | None:
    """Judge a partition that is added, and a table that is parted from the one whose settings it
    has."""
    partition = command.get("def", {}).get("PartitionCmd", {})
    if command.get("subtype") == "AT_AttachPartition":
        return partitions.refused_bound(partition.get("bound", {}), place.protection, relation)
    if command.get("subtype") == "AT_DropInherit":
        child: Relation | None = relation
    elif command.get("subtype") == "AT_DetachPartition":
        child = _resolved(partition.get("name", {}), place).relation
    else:
        return None
    if child is None:
        return None
    present, own = _settings(place.protection, child)
    for name, setting in present.items():
        if name not in own:
            return _refused(
                refusals.SCHEMA_MISMATCH,
                setting,
                "the table that is parted from it would not be",
                "Configure that table's columns too.",
            )
    return None


def _create(fields: dict[str, Any], place: _Place) -> Refusal | None:
    settings = _configured(fields.get("relation", {}), place)
    # A child's own words about the columns that it inherits.
    for parent in fields.get("inhRelations", ()):
        where = parent.get("RangeVar", {})
        found = _resolved(where, place)
        if found.relation is not None:
            refused = partitions.refused_bound(
                fields.get("partbound", {}), place.protection, found.relation
            )
            if refused:
                return refused
            settings = {**_settings(place.protection, found.relation)[0], **settings}
        elif found.unknown and place.protection.named(where.get("relname", "")):
            return _unknown(where, found)
        elif found.unknown:
            # It is about to be made, and has been judged.
            settings = {**_configured(where, place), **settings}
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


def _configured(where: dict[str, Any], place: _Place) -> dict[str, ColumnSetting]:
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


def _column(column: dict[str, Any], settings: _Named, place: _Place) -> Refusal | None:
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
    constraint: dict[str, Any], settings: _Named, own: ColumnSetting | None = None
) -> Refusal | None:
    """Judge a constraint; ``own`` is the setting of the column that it stands behind."""
    kind = constraint.get("contype", "")
    expression = constraint.get("raw_expr")
    if own is not None and kind == "CONSTR_DEFAULT" and not _is_null(expression or {}):
        return _refused(refusals.DEFAULT_IN_CLEAR, own, "its default would be stored in clear")
    if own is not None and kind in _COMPUTED:
        return _refused(refusals.DEFAULT_IN_CLEAR, own, "the database would compute its values")
    if kind in _READING:
        parts = [expression, constraint.get("where_clause"), constraint.get("exclusions")]
        return _judged(trees.columns(parts), settings, ())
    return None


def _judged(
    names: Iterable[str], settings: _Named, rows: Container[str], text: str = _READ
) -> Refusal | None:
    """Judge the names of an expression.  ``rows`` are names by which it may mean whole rows."""
    for name in names:
        setting = settings.get(name)
        for other in settings.values():
            if name in ("*", other.table) or name in rows:
                setting = setting or other
        if setting is not None:
            return _refused(refusals.EXPRESSION, setting, text)
    return None


def _expressions(fields: dict[str, Any], place: _Place) -> Refusal | None:
    """Judge a definition with expressions, such as an index or a policy.  None may read a protected
    column but by IS NULL, and by ``substr(column, 1, 33)``, which searches need."""
    names = list(trees.columns(fields, _is_harmless))
    settings: dict[str, ColumnSetting] = {}
    rows: set[str] = set()
    for where in trees.tables(fields) if names else ():
        found = _resolved(where, place)
        if found.unknown:
            return _unknown(where, found)
        if found.relation is not None:
            present, coming = _settings(place.protection, found.relation)
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


def _schema(fields: dict[str, Any], _place: _Place) -> Refusal | None:
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


def _rename(fields: dict[str, Any], place: _Place) -> Refusal | None:
    """Judge a new name: a column or table is protected by the one that it has, and by that of its
    schema."""
    if fields.get("renameType") == "OBJECT_ATTRIBUTE":
        return typed.refused(fields)
    if fields.get("renameType") == "OBJECT_SCHEMA":
        return _lost(_within(fields.get("subname", ""), place.protection), _RENAMED)
    kind, where = fields.get("renameType"), fields.get("relation", {})
    found = _resolved(where, place)
    if kind == "OBJECT_COLUMN" and found.unknown and place.protection.named(where["relname"]):
        # Tables that inherit from it have their columns renamed with its own.
        return _unknown(where, found)
    if found.relation is None:
        return None
    settings = _settings(place.protection, found.relation)[0]
    if kind == "OBJECT_COLUMN":
        table = place.protection.table_setting(found.relation)
        lost: Sequence[ColumnSetting] = [
            setting
            for name, setting in settings.items()
            if name == fields.get("subname")
            and not (table and fields.get("newname") in table.protected)
        ]
    elif kind in ("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"):
        lost = list(settings.values()) if place.protection.table_setting(found.relation) else []
    else:
        lost = []
    return _lost(lost, _RENAMED)


def _within(schema: str, protection: Protection) -> Sequence[ColumnSetting]:
    """The settings of tables that are protected in this schema alone."""
    tables = [table for table in protection.settings.tables if table.schema == schema]
    return [setting for table in tables for setting in table.protected.values()]


def _move(fields: dict[str, Any], place: _Place) -> Refusal | None:
    found = _resolved(fields.get("relation", {}), place)
    if found.relation is None:
        return None
    table = place.protection.table_setting(found.relation)
    if table is None or not (table.schema or fields.get("newschema") in SYSTEM_SCHEMAS):
        return None
    return _lost(list(table.protected.values()), "in another schema it would not be")


def _lost(settings: Sequence[ColumnSetting], text: str) -> Refusal | None:
    for setting in settings:
        return _refused(refusals.SCHEMA_MISMATCH, setting, text, "Change the configuration first.")
    return None


_JUDGES: Final[dict[str, Callable[[dict[str, Any], _Place], Refusal | None]]] = {
    "AlterTableStmt": _alter,
    "CreateStmt": _create,
    "CreateForeignTableStmt": lambda fields, place: _create(fields.get("base", {}), place),
    "RenameStmt": _rename,
    "AlterObjectSchemaStmt": _move,
    "CreateSchemaStmt": _schema,
    "IndexStmt": _expressions,
    "CreateStatsStmt": _expressions,
    "CreatePolicyStmt": _expressions,
    "AlterPolicyStmt": _expressions,
    "CreatePublicationStmt": _expressions,
    "AlterPublicationStmt": _expressions,
}
