"""Reads the schema of AcraServer's database by a connection of its own."""

from __future__ import annotations

from acra_twisted.encryption.postgresql import catalog
from acra_twisted.encryption.postgresql.question import schema_question
from acra_twisted.encryption.postgresql.schema import Schema
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.server.pieces import Ask, read_cells


async def read_schema(ask: Ask, protected: EncryptionSettings) -> Schema:
    """Return the schema of a database as far as it concerns protected columns.  Raises
    ConfigError, SchemaError, and the errors of ``ask``."""
    question = schema_question(table.name for table in protected.tables).decode("ascii")
    found = await read_cells(ask, question, catalog.MAX_ROWS, catalog.MAX_BYTES)
    return catalog.read(found, 1)
