"""Reads the schema of AcraServer's database for a tool."""

from __future__ import annotations

from typing import Any

from acra_twisted.encryption.postgresql.schema import Schema
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.options import Settings
from acra_twisted.queryactions import Rows
from acra_twisted.server.liveschema import read_schema
from acra_twisted.tools.databasequestion import ask_database


async def read_live(
    reactor: Any, settings: Settings, password: bytes, protected: EncryptionSettings
) -> Schema:
    """The schema of the database that ``settings`` name, as far as it concerns protected columns.
    Raises ConfigError, SchemaError."""

    async def ask(statement: str, rows: int) -> Rows:
        return await ask_database(reactor, settings, password, statement, rows, b"", "")

    return await read_schema(ask, protected)
