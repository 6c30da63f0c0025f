"""Protected columns in sections of the ini file: the same model as the YAML file's.

The heading names the column, and each key stands on a line of its own::

    [encrypt:people.email]
    searchable = true
    data_type = str

    [bypass:clean-up]
    client_id = migrator
    statement = UPDATE people SET email = email || '' WHERE id = ?
    columns = people.email
    until = 2027-01-31
    reason = ticket 4711
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from acra_twisted.blocks import BYPASS, COLUMN
from acra_twisted.encryption.configuration import keys
from acra_twisted.encryption.configuration.columns import ColumnReader, Defaults, Owner
from acra_twisted.encryption.configuration.file import Source
from acra_twisted.encryption.configuration.keys import Given, Level
from acra_twisted.encryption.configuration.kinds import Several, names_of
from acra_twisted.encryption.configuration.tables import GivenColumn, GivenTable, merged
from acra_twisted.errors import ConfigError
from acra_twisted.nearest import meant
from acra_twisted.options import Block, Line, Option

_COLUMN: Final = Level(
    "in a section of a column",
    [option for option in keys.COLUMN.options if option.name not in ("column", "tokenized")],
)
_BYPASS: Final = Level(
    "in a section of a bypass",
    [option for option in keys.BYPASS.options if option.name != "name"],
)
_COMMENT: Final = re.compile(r"\s[#;]")


def read_sections(blocks: Sequence[Block], database: str) -> Source:
    """Read the sections of protected columns; others are left out."""
    found = Source([], [], [], [])
    for block in blocks:
        if block.name.startswith(COLUMN):
            table = _table(block, database, found.wrong)
            if table is not None:
                found.tables.append(table)
        elif block.name.startswith(BYPASS):
            values = _values(block, _BYPASS, found.wrong)
            if values is not None:
                name = block.name.removeprefix(BYPASS).strip()
                found.bypasses.append(({**values, "name": Given(name, block.where)}, block.where))
    return found._replace(tables=list(merged(found.tables)))


def _table(block: Block, database: str, wrong: list[ConfigError]) -> GivenTable | None:
    """Return a table with the column of a section."""
    try:
        names = names_of(block.name.removeprefix(COLUMN))
        if not 2 <= len(names) <= 3:
            raise ValueError("expected TABLE.COLUMN or SCHEMA.TABLE.COLUMN")
    except ValueError as error:
        wrong.append(ConfigError(f"[{block.name}]: {error}", block.where))
        return None
    *owner, name = names
    table = Owner(owner[0] if len(owner) > 1 else "", owner[-1])
    setting = None
    values = _values(block, _COLUMN, wrong)
    if values is not None:
        setting = ColumnReader(database, Defaults(), wrong).read(table, name, values, block.where)
    return GivenTable(table, block.where, (), [GivenColumn(name, block.where, setting)])


def _values(block: Block, level: Level, wrong: list[ConfigError]) -> dict[str, Given] | None:
    """Return the values of a section, None if there are mistakes in them."""
    found: dict[str, Given] = {}
    before = len(wrong)
    for name, lines in block.keys.items():
        where = block.places[name]
        option = level.option(name)
        if option is None:
            told = f"unknown key {name!r} in [{block.name}]{meant(name, level.known)}"
            wrong.append(ConfigError(told, where))
            continue
        try:
            for value in _value(option, lines):
                found[name] = Given(value, where)
        except ValueError as error:
            wrong.append(ConfigError(f"{name}: {error}", where))
    return found if len(wrong) == before else None


def _value(option: Option, lines: Sequence[Line]) -> Iterator[object]:
    """Yield the value, if there is one.  Raises ValueError."""
    kind = option.kind
    several = isinstance(kind, Several) or kind.verbatim
    if len(lines) > 1 and not several:
        raise ValueError("expected one line")
    text = "\n".join(line.text for line in lines)
    if not kind.verbatim:
        if _COMMENT.search(text):
            raise ValueError("a comment stands on a line of its own")
        if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
            raise ValueError("the quotes count as part of the value; take them off")
    if text or isinstance(kind, Several) and kind.counts:
        yield kind.parse(text)
