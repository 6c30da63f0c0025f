"""Changes of a type that change the tables which are of it, by ``CREATE TABLE ... OF``."""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal

_CASCADE: Final = "DROP_CASCADE"


def refused(fields: dict[str, Any]) -> Refusal | None:
    """Judge a change of a type's attributes, ``fields`` of its tree, which is libpg_query's: a
    protected column would have another name or type.  Without CASCADE the database takes none while
    a table is of the type."""
    commands = [fields, *(item.get("AlterTableCmd", {}) for item in fields.get("cmds", ()))]
    if not any(command.get("behavior") == _CASCADE for command in commands):
        return None
    return Refusal(
        refusals.SCHEMA_MISMATCH,
        "",
        "the statement changes tables that it does not name, as they are of a type",
        "take the tables out of their type by ALTER TABLE ... NOT OF, or leave CASCADE out",
    )
