"""Statements of PostgreSQL that change what later ones mean, by their trees.

Which table a bare name means depends on ``search_path``, on the role (``"$user"`` is in it) and on
which schemas there are.  How a text is read depends on two settings that the database reports,
unless they are changed in its own configuration.
"""

from __future__ import annotations

import re
from typing import Any, Final

from acra_twisted.sql.settings import UNSAFE_ENCODINGS

#: Settings by which a bare name is looked up.
PATH_SETTINGS: Final = frozenset(("search_path", "role", "session_authorization"))
#: Settings by which a text is read.
READING_SETTINGS: Final = frozenset(("standard_conforming_strings", "client_encoding", "names"))
#: These go back to what the session began with.
_RESETS: Final = frozenset(("VAR_RESET", "VAR_RESET_ALL", "VAR_SET_DEFAULT"))
#: They set something for sessions to come.
_FOR_LATER: Final = frozenset(("AlterRoleSetStmt", "AlterDatabaseSetStmt", "AlterSystemStmt"))
#: They fill schemas, or make them.
_IN_SCHEMAS: Final = frozenset(("CreateSchemaStmt", "AlterObjectSchemaStmt"))
_NAMES_MOVE: Final = "a schema is made, named or filled that bare names may be looked up in"
_UNSAFE: Final = frozenset(name.replace(b"_", b"") for name in UNSAFE_ENCODINGS) | frozenset(
    (b"SHIFTJIS", b"SHIFTJIS2004", b"WINDOWS932", b"WINDOWS936", b"WINDOWS949", b"WINDOWS950")
)
_MOVED: Final = frozenset(("OBJECT_SCHEMA", "OBJECT_ROLE"))


def moves_names(name: str, fields: dict[str, Any]) -> str:
    """Why bare names may mean other tables after a statement; empty if they do not."""
    if name in _FOR_LATER:
        name, fields = "VariableSetStmt", fields.get("setstmt", {})
    if name == "VariableSetStmt" and fields.get("kind") not in _RESETS:
        return setting_moves_names(fields.get("name", ""))
    if name == "UpdateStmt" and fields.get("relation", {}).get("relname") == "pg_settings":
        return "an update of pg_settings may change search_path"
    if name in _IN_SCHEMAS:
        return _NAMES_MOVE
    if name == "RenameStmt" and fields.get("renameType") in _MOVED:
        return _NAMES_MOVE
    return ""


def setting_moves_names(setting: str) -> str:
    """Why bare names may mean other tables once a setting has changed; empty if they do not."""
    setting = setting.lower()
    return f"{setting} decides which table a bare name means" if setting in PATH_SETTINGS else ""


def changes_unreported(name: str, fields: dict[str, Any]) -> str:
    """Why a change cannot be followed, as the database reports it to nobody; empty if it can."""
    if name != "AlterSystemStmt":
        return ""
    setting = fields.get("setstmt", {}).get("name")
    if setting is None or setting.lower() in READING_SETTINGS:
        return "ALTER SYSTEM changes how texts are read, and no session is told"
    return ""


def is_unsafe_encoding(name: bytes) -> bool:
    """True if a client encoding cannot be read safely, in any spelling that PostgreSQL takes."""
    plain = re.sub(rb"[^A-Z0-9]", b"", name.upper())
    return plain in _UNSAFE or plain.startswith((b"MSKANJI", b"WIN93", b"WIN94", b"WIN95"))
