"""Definitions by which the database itself refuses plaintext, and finds values by their prefix.

Domains refuse it whatever way it comes: by functions, triggers, COPY on the server or a client
beside AcraServer.  An error of a domain does not show the value, as one of a table's CHECK does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from acra_twisted.encryption.postgresql.storage import storage_type
from acra_twisted.encryption.settings import (
    MASKED,
    PLAIN,
    SEARCHABLE,
    ColumnSetting,
    EncryptionSettings,
)

_EMPTY: Final = "VALUE IS NULL OR octet_length(VALUE) = 0"
#: The first bytes of a container, written so that no setting changes their meaning.
_MARK: Final = r"E'\\x252525'::bytea"
_BEGINS: Final = "substr(VALUE, 1, 3) = " + _MARK
#: A container behind a prefix, whose first byte tells its kind.
_PREFIXED: Final = (
    f"octet_length(VALUE) > 33 AND get_byte(VALUE, 0) = {{}} AND substr(VALUE, 34, 3) = {_MARK}"
)
_CHECKS: Final = {
    "acra_protected": _BEGINS,
    "acra_searchable": _PREFIXED.format(127),
    "acra_searchable_scoped": _PREFIXED.format(128),
    "acra_masked": f"position({_MARK} IN VALUE) > 0",
}


def domain(setting: ColumnSetting) -> str:
    """The name of the domain for a column; empty for one of tokens, which look like any value."""
    if setting.kind == SEARCHABLE:
        return "acra_searchable_scoped" if setting.scoped else "acra_searchable"
    return {PLAIN: "acra_protected", MASKED: "acra_masked"}.get(setting.kind, "")


def domains(settings: EncryptionSettings) -> Sequence[str]:
    """The definitions of the domains that some columns need."""
    names = sorted({domain(setting) for setting in settings.columns} - {""})
    return [f"CREATE DOMAIN {name} AS bytea CHECK ({_EMPTY} OR {_CHECKS[name]});" for name in names]


def columns(settings: EncryptionSettings) -> Sequence[str]:
    """The statements that give columns of bytea their domains, and columns of tokens their
    types."""
    return [
        f"ALTER TABLE {_table(setting)} ALTER COLUMN {quoted(setting.name)} "
        f"TYPE {domain(setting) or storage_type(setting)};"
        for setting in settings.columns
    ]


def indexes(settings: EncryptionSettings) -> Sequence[str]:
    """The statements that make an index for each searchable column."""
    return [index(setting) for setting in settings.columns if setting.kind == SEARCHABLE]


def index(setting: ColumnSetting, table: str = "") -> str:
    """The statement that makes the index by which a searchable column is searched.  ``table`` is
    the table's name as it is written, if it is not the setting's."""
    key = f"substr({quoted(setting.name)}, 1, 33)"
    return f"CREATE INDEX CONCURRENTLY ON {table or _table(setting)} ({key});"


def quoted(*names: str) -> str:
    """A name as it is written in a statement: each part in quotes."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names if name)


def _table(setting: ColumnSetting) -> str:
    return quoted(setting.schema, setting.table)


def script(settings: EncryptionSettings) -> str:
    """All definitions, in the order in which they can be run."""
    lines: Iterable[str] = (*domains(settings), *columns(settings), *indexes(settings))
    return "".join(f"{line}\n" for line in lines)
