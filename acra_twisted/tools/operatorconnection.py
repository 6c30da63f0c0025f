"""The connection over which a tool runs an operator's statements."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.threads import deferToThread

from acra_twisted.encryption.mysql.moving import SETTINGS
from acra_twisted.errors import ConfigError
from acra_twisted.tools import mysqlclient
from acra_twisted.tools.commandline import Environment
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.mysqlclient import MysqlClient
from acra_twisted.tools.mysqlselection import MysqlStatements, MysqlTexts
from acra_twisted.tools.postgresqlselection import PostgresqlStatements, PostgresqlTexts
from acra_twisted.tools.selection import Statements, Texts

#: The help of the flag.
MYSQL_ENABLE: Final = "the database is MySQL or MariaDB, as its connection string must say"


class OperatorConnection:
    """``text`` is the connection string, ``program`` the name that the database is told;
    ``mysql_enable`` is the flag.  Raises ConfigError if both are not of one database."""

    def __init__(
        self, text: str, program: str, environment: Environment, mysql_enable: bool = False
    ) -> None:
        self._text, self._program, self._environment = text, program, environment
        self._is_mysql = mysqlclient.is_mysql_address(text)
        if mysql_enable and not self._is_mysql:
            raise ConfigError(
                "--mysql_enable: the connection string is not one of MySQL, such as "
                "mysql://USER@HOST:PORT/DATABASE"
            )
        self._client: DatabaseClient | MysqlClient | None = None
        self.texts: Texts = MysqlTexts() if self._is_mysql else PostgresqlTexts()

    async def open(self, reactor: Any) -> Statements:
        """Log in.  Raises ConfigError, DatabaseError."""
        if self._is_mysql:
            settings = mysqlclient.settings_of(self._text, "", self._environment)
            password = mysqlclient.password_of(self._text, self._environment)
            mysql = self._client = MysqlClient(reactor, settings, password)
            await mysql.connect(SETTINGS)
            return MysqlStatements(mysql)
        client = self._client = DatabaseClient(self._text, self._program, deferToThread)
        await client.connect()
        return PostgresqlStatements(client)

    def close(self) -> None:
        """End the connection, and whatever transaction it has."""
        if self._client is not None:
            self._client.close()
