"""PostgreSQL's statements: what each can reach beyond the relations that its text names.

Every statement of the grammar stands here once; a test compares the list with libpg_query's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

_SHOWN: Final = (
    # Data, and what carries such a statement.
    "SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt CopyStmt CreateTableAsStmt ViewStmt "
    "DeclareCursorStmt ExplainStmt PrepareStmt ExecuteStmt RuleStmt SetOperationStmt "
    # Definitions that name their tables.
    "CreateStmt CreateSeqStmt AlterSeqStmt IndexStmt CreateStatsStmt AlterStatsStmt "
    "CreatePolicyStmt AlterPolicyStmt CommentStmt SecLabelStmt LockStmt RefreshMatViewStmt "
    "AlterExtensionContentsStmt AlterObjectDependsStmt ReplicaIdentityStmt CreateSchemaStmt "
    # Definitions apart from tables; expressions in them are walked through.
    "CompositeTypeStmt CreateDomainStmt CreateEnumStmt AlterEnumStmt "
    "AlterCollationStmt AlterDatabaseRefreshCollStmt CreateOpFamilyStmt "
    "AlterTSConfigurationStmt AlterTSDictionaryStmt AlterTableSpaceOptionsStmt "
    "DropTableSpaceStmt DropSubscriptionStmt DropUserMappingStmt DropRoleStmt "
    # The session, its transaction and its settings.
    "TransactionStmt VariableSetStmt VariableShowStmt AlterDatabaseSetStmt AlterRoleSetStmt "
    "CheckPointStmt ClosePortalStmt FetchStmt DeallocateStmt DiscardStmt "
    "ConstraintsSetStmt ListenStmt UnlistenStmt NotifyStmt "
    # Wrappers inside the grammar.
    "RawStmt"
)
#: Its relations are named, and the walk through its tree meets them; or it has none.
SHOWN: Final = frozenset(_SHOWN.split())
_FOREIGN: Final = "a foreign server decides what its tables are"
_RIGHTS: Final = "it gives rights on tables that the text does not name"
_CODE: Final = "it brings code"
_TRIGGER: Final = "a trigger runs code that is not in the text"
_ROUTINE: Final = "a routine carries code"
#: It reaches what its text does not show.
OPAQUE: Final = {
    "DoStmt": "DO carries code",
    "CallStmt": "CALL runs code that is not in the text",
    "CreateFunctionStmt": _ROUTINE,
    "ReturnStmt": _ROUTINE,
    "PLAssignStmt": _ROUTINE,
    "CreateTrigStmt": _TRIGGER,
    "CreateEventTrigStmt": _TRIGGER,
    "AlterEventTrigStmt": _TRIGGER,
    "CreateExtensionStmt": "an extension brings code",
    "AlterExtensionStmt": "an extension brings code",
    "CreatePLangStmt": _CODE,
    "CreateAmStmt": _CODE,
    "LoadStmt": "LOAD brings code",
    "AlterSystemStmt": "the server's settings name files and programs",
    "CreateTableSpaceStmt": "it uses a folder of the server",
    "AlterTableMoveAllStmt": "it moves tables that the text does not name",
    "DropOwnedStmt": "it drops tables that the text does not name",
    "ReassignOwnedStmt": "it reaches tables that the text does not name",
    "DropdbStmt": "it drops tables that the text does not name",
    "AlterDefaultPrivilegesStmt": _RIGHTS,
    "CreateSubscriptionStmt": "another server decides which tables it writes",
    "AlterSubscriptionStmt": "another server decides which tables it writes",
    "CreateFdwStmt": _FOREIGN,
    "AlterFdwStmt": _FOREIGN,
    "CreateForeignServerStmt": _FOREIGN,
    "AlterForeignServerStmt": _FOREIGN,
    "CreateUserMappingStmt": _FOREIGN,
    "AlterUserMappingStmt": _FOREIGN,
    "CreateForeignTableStmt": _FOREIGN,
    "ImportForeignSchemaStmt": _FOREIGN,
}
#: Judged by the routine: see `moved`.
_ROUTINES: Final = frozenset(
    f"OBJECT_{word}" for word in ("FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE")
)
_OF_CODE: Final = frozenset(
    f"OBJECT_{word}"
    for word in ("OPERATOR", "CAST", "TRANSFORM", "OPCLASS", "OPFAMILY", "LANGUAGE")
    + ("EVENT_TRIGGER", "ACCESS_METHOD")
)
_OWNERS_OF_TABLES: Final = frozenset(("OBJECT_SCHEMA", "OBJECT_DATABASE"))


def opaque(name: str, fields: dict[str, Any]) -> str:
    """Why a statement reaches what its text does not show; empty if it does not."""
    reason = OPAQUE.get(name)
    if reason is None:
        if name not in SHOWN and name not in CONDITIONS:
            return "the statement is not known"
        condition = CONDITIONS.get(name)
        reason = condition(fields) if condition else ""
    if not reason and fields.get("behavior") == "DROP_CASCADE" and name not in _GRANTS:
        # Also of the parts of a statement, such as DROP COLUMN.
        reason = "CASCADE reaches what the text does not name"
    return reason


_GRANTS: Final = frozenset(("GrantStmt", "GrantRoleStmt"))


def _alter_table(fields: dict[str, Any]) -> str:
    for command in fields.get("cmds", ()):
        part = command.get("AlterTableCmd", {})
        if "GenericOptions" in part.get("subtype", ""):
            return _FOREIGN
        if part.get("behavior") == "DROP_CASCADE":
            return "CASCADE reaches what the text does not name"
    return ""


def _drop(fields: dict[str, Any]) -> str:
    if fields.get("removeType") == "OBJECT_EXTENSION":
        return "it drops the tables of the extension"
    return ""


def _grant(fields: dict[str, Any]) -> str:
    target, kind = fields.get("targtype"), fields.get("objtype")
    if target == "ACL_TARGET_DEFAULTS":
        return _RIGHTS
    if target == "ACL_TARGET_ALL_IN_SCHEMA" and kind in ("OBJECT_TABLE", "OBJECT_SEQUENCE"):
        return _RIGHTS
    return ""


def _role(fields: dict[str, Any]) -> str:
    given = {option.get("DefElem", {}).get("defname") for option in fields.get("options", ())}
    return _RIGHTS if given & {"superuser", "bypassrls", "addroleto", "rolemembers"} else ""


def _publication(fields: dict[str, Any]) -> str:
    if fields.get("for_all_tables"):
        return "it publishes tables that the text does not name"
    for item in fields.get("pubobjects", ()):
        if item.get("PublicationObjSpec", {}).get("pubobjtype") != "PUBLICATIONOBJ_TABLE":
            return "it publishes tables that the text does not name"
    return ""


def _owner(fields: dict[str, Any]) -> str:
    kind = fields.get("objectType")
    if kind in _OF_CODE:
        return "it gives code another owner"
    return _RIGHTS if kind in _OWNERS_OF_TABLES else ""


def _renamed(fields: dict[str, Any]) -> str:
    if (fields.get("renameType") or fields.get("objectType")) in _OF_CODE:
        return "it gives code another name"
    return ""


def _domain(fields: dict[str, Any]) -> str:
    # A new constraint is asked of the values in every table that uses the domain.
    return "it reads tables that the text does not name" if fields["subtype"] in "CVO" else ""


def _whole_database(fields: dict[str, Any]) -> str:
    if "relation" in fields or "rels" in fields:
        return ""
    options = {option.get("DefElem", {}).get("defname") for option in fields.get("options", ())}
    if "only_database_stats" in options:
        return ""
    return "it works on tables that the text does not name"


def _database(fields: dict[str, Any]) -> str:
    given = {option.get("DefElem", {}).get("defname") for option in fields.get("options", ())}
    return "it moves tables that the text does not name" if "tablespace" in given else ""


def _createdb(fields: dict[str, Any]) -> str:
    for option in fields.get("options", ()):
        if option.get("DefElem", {}).get("defname") == "template":
            return "it copies every table of the template"
    return ""


def _nothing(_fields: dict[str, Any]) -> str:
    return ""


#: It depends on the statement's form.
CONDITIONS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "AlterTableStmt": _alter_table,
    "DropStmt": _drop,
    "GrantStmt": _grant,
    "GrantRoleStmt": lambda fields: _RIGHTS if fields.get("is_grant") else "",
    "CreateRoleStmt": _role,
    "AlterRoleStmt": _role,
    "CreatePublicationStmt": _publication,
    "AlterPublicationStmt": _publication,
    "AlterOwnerStmt": _owner,
    "RenameStmt": _renamed,
    "AlterObjectSchemaStmt": _renamed,
    "VacuumStmt": _whole_database,
    "ClusterStmt": _whole_database,
    "ReindexStmt": _whole_database,
    "CreatedbStmt": _createdb,
    "AlterDatabaseStmt": _database,
    "AlterDomainStmt": _domain,
    # Only CASCADE causes it.
    "TruncateStmt": _nothing,
    # The routine causes it: see `moved`.
    "AlterFunctionStmt": _nothing,
    # The functions that they bind cause it: see `bound`.
    "DefineStmt": _nothing,
    "CreateCastStmt": _nothing,
    "CreateOpClassStmt": _nothing,
    "AlterOpFamilyStmt": _nothing,
    "AlterOperatorStmt": _nothing,
    "AlterTypeStmt": _nothing,
    "CreateRangeStmt": _nothing,
    "CreateTransformStmt": _nothing,
    "CreateConversionStmt": _nothing,
}

_PROPERTIES: Final = frozenset(
    # Operators.
    ("function", "procedure", "restrict", "join")
    # Aggregates.
    + ("sfunc", "sfunc1", "sfunc2", "finalfunc", "combinefunc", "serialfunc", "deserialfunc")
    + ("msfunc", "minvfunc", "mfinalfunc")
    # Types and ranges.
    + ("input", "output", "receive", "send", "typmod_in", "typmod_out", "analyze", "subscript")
    + ("canonical", "subtype_diff")
    # Text search.
    + ("start", "gettoken", "end", "headline", "lextypes", "init", "lexize")
)


def bound(name: str, fields: dict[str, Any]) -> Iterator[list[str]]:
    """The qualified names of functions that a definition binds to something else."""
    if name in ("DefineStmt", "AlterOperatorStmt", "AlterTypeStmt", "CreateRangeStmt"):
        for key in ("definition", "options", "params"):
            for option in fields.get(key, ()):
                element = option.get("DefElem", {})
                if element.get("defname", "").lower() in _PROPERTIES:
                    yield _names(element.get("arg", {}))
    elif name == "CreateCastStmt":
        yield _object_names(fields.get("func"))
    elif name == "CreateTransformStmt":
        yield _object_names(fields.get("fromsql"))
        yield _object_names(fields.get("tosql"))
    elif name == "CreateConversionStmt":
        yield _strings(fields.get("func_name", ()))
    elif name in ("CreateOpClassStmt", "AlterOpFamilyStmt"):
        for item in fields.get("items", ()):
            part = item.get("CreateOpClassItem", {})
            if part.get("itemtype") == _FUNCTION_ITEM:
                yield _object_names(part.get("name"))


def moved(name: str, fields: dict[str, Any]) -> list[str]:
    """The qualified name of a routine that gets another name, owner or way of running."""
    if name == "AlterFunctionStmt":
        return _object_names(fields.get("func"))
    if name in ("RenameStmt", "AlterObjectSchemaStmt", "AlterOwnerStmt"):
        kind = fields.get("renameType") or fields.get("objectType")
        if kind in _ROUTINES:
            return _object_names(fields.get("object", {}).get("ObjectWithArgs"))
    return []


#: OPCLASS_ITEM_FUNCTION
_FUNCTION_ITEM: Final = 2


def _names(argument: dict[str, Any]) -> list[str]:
    """A definition's value: the grammar reads a function's name as a type's or as a list."""
    kind = argument.get("TypeName", {})
    if kind:
        return _strings(kind.get("names", ()))
    if "String" in argument:
        return [argument["String"]["sval"]]
    return _strings(argument.get("List", {}).get("items", ()))


def _object_names(item: dict[str, Any] | None) -> list[str]:
    return _strings((item or {}).get("objname", ()))


def _strings(items: Any) -> list[str]:
    return [item["String"]["sval"] for item in items if "String" in item]
