"""Views and tables that may be temporary: none may show protected columns, or inherit them.

What is temporary is its session's own, and is not among the relations that are read: values would
be written through it in clear.  A view is temporary by itself if its name is made in the schema of
temporary tables, or if its query reads such a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal, ResultColumn
from acra_twisted.encryption.postgresql import trees
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting

#: Settings by name of column.
_Named = Mapping[str, ColumnSetting]


def check_view(
    fields: dict[str, Any],
    columns: Sequence[ResultColumn],
    path: SearchPath,
    is_known: Callable[[str, str], bool],
) -> None:
    """Raise StatementRefusedError for a ViewStmt that shows some columns, and may make a temporary
    view of protected ones.  ``is_known`` tells whether a schema and a name mean a table that is
    read, which is not temporary."""
    shown = next((one.setting for one in columns if one.setting is not None), None)
    if shown is None:
        return
    hint = "make it a view that stays, and name its schema and those of its tables"
    if is_made(fields.get("view", {}), path):
        text = "would be shown by a view that is temporary, or may be"
        raise refused(refusals.SCHEMA_MISMATCH, shown, text, hint)
    for table in trees.tables(fields.get("query")):
        schema, name = table.get("schemaname", ""), table["relname"]
        if path.may_be_temporary(schema) and not is_known(schema, name):
            text = f"would be shown by a view that is temporary if {name} is"
            raise refused(refusals.SCHEMA_MISMATCH, shown, text, hint)


def is_made(where: dict[str, Any], path: SearchPath) -> bool:
    """Tell whether what is about to be made by the name of a RangeVar may be temporary."""
    return where.get("relpersistence") == "t" or path.makes_temporary(where.get("schemaname", ""))


def child(settings: _Named) -> Refusal:
    """The refusal of a table that may be temporary, and inherits columns with these settings."""
    text = "a temporary table that inherits from its own would not be"
    hint = "Make it a table that stays, and name its schema."
    setting = next(iter(settings.values()))
    return refused(refusals.SCHEMA_MISMATCH, setting, text, hint).refusal


def parents(fields: dict[str, Any], path: SearchPath) -> Sequence[dict[str, Any]]:
    """The RangeVars of the tables from which an AlterTableStmt has a table inherit that may be
    temporary."""
    if not path.may_be_temporary(fields.get("relation", {}).get("schemaname", "")):
        return ()
    commands = [item.get("AlterTableCmd", {}) for item in fields.get("cmds", ())]
    return [
        one.get("def", {}).get("RangeVar", {})
        for one in commands
        if one.get("subtype") == "AT_AddInherit"
    ]
