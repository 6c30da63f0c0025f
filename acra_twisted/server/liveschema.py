"""Reads the schema of AcraServer's database by a connection of its own."""

from __future__ import annotations

from acra_twisted.encryption.mysql import question as mysqlquestion
from acra_twisted.encryption.mysql.schema import Schema as MysqlSchema
from acra_twisted.encryption.postgresql import catalog
from acra_twisted.encryption.postgresql.question import schema_question
from acra_twisted.encryption.postgresql.schema import Schema, SchemaError
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.server.pieces import Ask, read_cells

#: Errors of a schema that cannot be read.
SCHEMA_ERRORS = (SchemaError, mysqlquestion.SchemaError)


async def read_schema(ask: Ask, protected: EncryptionSettings) -> Schema:
    """Return the schema of a database as far as it concerns protected columns.  Raises
    ConfigError, SchemaError, and the errors of ``ask``."""
    question = schema_question(table.name for table in protected.tables).decode("ascii")
    found = await read_cells(ask, question, catalog.MAX_ROWS, catalog.MAX_BYTES)
    return catalog.read(found, 1)


async def read_mysql_schema(ask: Ask, protected: EncryptionSettings) -> MysqlSchema:
    """Return the schema of a server of MySQL or MariaDB, as far as the user may see it.  Raises its
    SchemaError, and the errors of ``ask``."""
    question = mysqlquestion.schema_question(table.name for table in protected.tables)
    rows = await ask(question.decode("ascii"), mysqlquestion.MOST)
    return mysqlquestion.read_schema(rows, 1)
