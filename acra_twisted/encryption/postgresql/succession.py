"""The effect of a statement on those that stand behind it in the same text.

Between two texts the database reports what has changed; inside one nobody can ask.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.postgresql import trees
from acra_twisted.encryption.postgresql.syntax import Statement
from acra_twisted.encryption.refusals import StatementRefusedError, refused
from acra_twisted.sql import pgsettings

_BEGINS: Final = frozenset(
    ("TRANS_STMT_BEGIN", "TRANS_STMT_START", "TRANS_STMT_SAVEPOINT", "TRANS_STMT_RELEASE")
)
#: Statements that use tables.
_USING: Final = frozenset(
    ("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CopyStmt")
    + ("PrepareStmt", "ExecuteStmt", "DeclareCursorStmt", "ExplainStmt", "CreateTableAsStmt")
)
#: Statements that may run functions, which may make temporary tables.
_RUNNING: Final = _USING | frozenset(
    ("CallStmt", "DoStmt", "RefreshMatViewStmt", "ReindexStmt")
    # Those of a cursor's query, and of triggers.
    + ("FetchStmt", "TruncateStmt", "ConstraintsSetStmt")
)
#: Statements that leave tables, views and functions as they are.
_HARMLESS: Final = _USING | frozenset(
    ("TransactionStmt", "VariableSetStmt", "VariableShowStmt", "DeallocateStmt", "DiscardStmt")
    + ("FetchStmt", "ClosePortalStmt", "LockStmt", "TruncateStmt", "VacuumStmt", "CommentStmt")
    + ("ConstraintsSetStmt", "ListenStmt", "UnlistenStmt", "NotifyStmt", "CheckPointStmt")
    + ("ReindexStmt", "ClusterStmt", "RefreshMatViewStmt", "GrantStmt", "GrantRoleStmt")
    + ("IndexStmt", "SecLabelStmt")
)
_SCHEMA: Final = "OBJECT_SCHEMA"
#: Statements that drop what they do not name, or change who may use a schema.
_UNCOVERING: Final = frozenset(
    ("DropOwnedStmt", "ReassignOwnedStmt", "GrantRoleStmt", "AlterRoleStmt", "DropRoleStmt")
    + ("CreateExtensionStmt", "AlterExtensionStmt", "ImportForeignSchemaStmt")
)
#: Statements that create code, or name it.
_CODE: Final = frozenset(
    ("RuleStmt", "CreateFunctionStmt", "CreateTrigStmt", "CreateEventTrigStmt", "CreateOpClassStmt")
    + ("AlterOpFamilyStmt", "CreateCastStmt", "DefineStmt")
)


def moves_names(statement: Statement, shown: bytes) -> bool:
    """Tell whether bare names may mean other tables behind a statement.  ``shown`` is its text."""
    kind, fields = statement.kind, statement.fields
    if kind == "VariableSetStmt":
        reset = fields.get("kind") == "VAR_RESET_ALL"
        return reset or fields.get("name", "").lower() in pgsettings.PATH_SETTINGS
    if kind == "TransactionStmt":
        # What SET LOCAL changed, or a transaction that failed, is as before.
        return fields.get("kind", "TRANS_STMT_BEGIN") not in _BEGINS
    if kind == "DiscardStmt":
        return True
    return bool(pgsettings.moves_names(kind, fields)) or b"set_config" in shown.lower()


def may_uncover(statement: Statement) -> bool:
    """Tell whether a statement may have bare names mean tables behind it that others hid before: it
    drops what it does not name, or changes who may use a schema."""
    kind, fields = statement.kind, statement.fields
    if kind == "DropStmt":
        return fields.get("behavior") == "DROP_CASCADE"
    if kind in ("GrantStmt", "AlterOwnerStmt"):
        return _SCHEMA in (fields.get("objtype"), fields.get("objectType"))
    return kind in _UNCOVERING


def may_make_temporary(statement: Statement, shown: bytes) -> bool:
    """Tell whether temporary tables may be there behind a statement that were not before.
    ``shown`` is its text."""
    if statement.kind in _RUNNING or b"temp" in shown.lower():
        return True
    return any(True for _ in trees.functions(statement.fields))


def changes_tables(statement: Statement) -> bool:
    """Tell whether a statement that names a protected table may change which ones are."""
    return statement.kind not in _HARMLESS


def changes_types(statement: Statement) -> bool:
    """Tell whether a statement may change columns of tables that it does not name: by their domain,
    which gives them defaults, or by the type that their tables are of."""
    kind, fields = statement.kind, statement.fields
    if kind == "RenameStmt":
        return fields.get("renameType") == "OBJECT_ATTRIBUTE"
    return kind == "AlterDomainStmt" or fields.get("objtype") == "OBJECT_TYPE"


def creates_code(statement: Statement) -> bool:
    """Tell whether a statement does nothing but create a function or a rule, or name a function
    that something else calls."""
    return statement.kind in _CODE


def behind_a_change(statement: Statement) -> StatementRefusedError | None:
    """The error of a statement behind one that `changes_tables`; None if it uses no table."""
    if statement.kind not in _USING:
        return None
    return refused(
        refusals.SCHEMA_MISMATCH,
        None,
        "stands in a text behind a statement that changes tables",
        "send the statements one by one",
    )
