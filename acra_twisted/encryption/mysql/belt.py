"""Definitions for MySQL and MariaDB: types and keys of protected columns, and CHECKs by which the
database itself refuses plaintext.

Both know CHECK: MariaDB since 10.2, MySQL since 8.0.16.  The error of one names the constraint and
no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from acra_twisted.encryption import searching
from acra_twisted.encryption.mysql import storage
from acra_twisted.encryption.settings import (
    MASKED,
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
    EncryptionSettings,
)

#: The first bytes of a container.
_MARK: Final = "x'252525'"


def index(setting: ColumnSetting, database: str = "", table: str = "") -> str:
    """The statement that makes the key by which a searchable column is searched."""
    name = quoted(database or setting.schema, table or setting.table)
    return f"ALTER TABLE {name} ADD KEY ({quoted(setting.name)}({searching.SIZE}));"


def check(setting: ColumnSetting) -> str:
    """The condition that all holds that such a column stores; empty for tokens, which look like
    any value."""
    name = quoted(setting.name)
    if setting.kind == TOKENIZED:
        return ""
    if setting.kind == SEARCHABLE:
        kind = searching.SCOPED if setting.scoped else searching.SHARED
        own = (
            f"LEFT({name}, 1) = x'{kind:02x}' AND SUBSTR({name}, {searching.SIZE + 1}, 3) = {_MARK}"
        )
    elif setting.kind == MASKED:
        own = f"INSTR({name}, {_MARK}) > 0"
    else:
        own = f"LEFT({name}, 3) = {_MARK}"
    return f"{name} IS NULL OR LENGTH({name}) = 0 OR ({own})"


def checks(settings: EncryptionSettings) -> Sequence[str]:
    """The statements that have the database refuse plaintext."""
    return [
        f"ALTER TABLE {quoted(one.schema, one.table)} ADD CONSTRAINT "
        f"{quoted(f'acra_{one.table}_{one.name}'[:64])} CHECK ({check(one)});"
        for one in settings.columns
        if check(one)
    ]


def columns(settings: EncryptionSettings) -> Sequence[str]:
    """The statements that give columns types that can hold what is stored."""
    return [
        f"ALTER TABLE {quoted(one.schema, one.table)} MODIFY {quoted(one.name)} "
        f"{storage.definition(one)};"
        for one in settings.columns
    ]


def indexes(settings: EncryptionSettings) -> Sequence[str]:
    """The statements that make a key for each searchable column."""
    return [index(one) for one in settings.columns if one.kind == SEARCHABLE]


def script(settings: EncryptionSettings) -> str:
    """All definitions, in the order in which they can be run."""
    lines: Iterable[str] = (*columns(settings), *indexes(settings), *checks(settings))
    return "".join(f"{line}\n" for line in lines)


def quoted(*names: str) -> str:
    """A name as it is written in a statement: each part in quotes."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names if name)
