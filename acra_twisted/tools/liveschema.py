"""Reads the schema of AcraServer's database for a tool."""

from __future__ import annotations

from typing import Any

from acra_twisted.encryption.mysql.schema import Schema as MysqlSchema
from acra_twisted.encryption.postgresql.schema import Schema
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.options import Settings
from acra_twisted.queryactions import Rows
from acra_twisted.server.liveschema import read_mysql_schema, read_schema
from acra_twisted.server.pieces import Ask
from acra_twisted.tools.databasequestion import ask_database


async def read_live(
    reactor: Any, settings: Settings, password: bytes, protected: EncryptionSettings
) -> Schema:
    """The schema of the database that ``settings`` name, as far as it concerns protected columns.
    Raises ConfigError, SchemaError."""
    return await read_schema(_asking(reactor, settings, password), protected)


async def read_live_mysql(
    reactor: Any, settings: Settings, password: bytes, protected: EncryptionSettings
) -> MysqlSchema:
    """The same of a server of MySQL or MariaDB.  Raises its SchemaError."""
    return await read_mysql_schema(_asking(reactor, settings, password), protected)


def _asking(reactor: Any, settings: Settings, password: bytes) -> Ask:
    async def ask(statement: str, rows: int) -> Rows:
        return await ask_database(reactor, settings, password, statement, rows, b"", "")

    return ask
