"""The connection of a tool to the database that an operator names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.threads import deferToThread

from acra_twisted.encryption.mysql.moving import SETTINGS
from acra_twisted.errors import ConfigError
from acra_twisted.tools import mysqlclient
from acra_twisted.tools.commandline import Environment
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.directness import MYSQL, POSTGRESQL, check_direct
from acra_twisted.tools.mysqlclient import MysqlClient
from acra_twisted.tools.mysqlselection import MysqlStatements, MysqlTexts
from acra_twisted.tools.postgresqlselection import PostgresqlStatements, PostgresqlTexts
from acra_twisted.tools.selection import Statements, Texts

#: The help of the flag.
MYSQL_ENABLE: Final = "the database is MySQL or MariaDB, as its connection string must say"


class OperatorConnection:
    """``text`` is the connection string, and ``program`` the name that the database is told.

    ``mysql_enable`` is the flag, and ``server_config`` the path of AcraServer's configuration,
    which says the rest of the way to a server of MySQL; empty for none.  Raises ConfigError if
    they are not of one database.
    """

    def __init__(
        self,
        text: str,
        program: str,
        environment: Environment,
        mysql_enable: bool = False,
        server_config: str = "",
    ) -> None:
        self._text, self._program = text, program
        self._client: DatabaseClient | MysqlClient | None = None
        self.is_mysql = mysqlclient.is_mysql_address(text)
        if self.is_mysql:
            self._settings = mysqlclient.settings_of(text, server_config, environment)
            self._password = mysqlclient.password_of(text, environment)
        elif mysql_enable:
            raise ConfigError(
                "--mysql_enable: the connection string is not one of MySQL, such as "
                "mysql://USER@HOST:PORT/DATABASE"
            )
        elif server_config and mysqlclient.has_mysql(server_config, environment):
            raise ConfigError(
                f"the database of {server_config} is MySQL: give the connection string "
                "mysql://USER@/, which takes the rest from there"
            )

    @property
    def texts(self) -> Texts:
        """Return the texts of statements of this database."""
        return MysqlTexts() if self.is_mysql else PostgresqlTexts()

    async def open(self, reactor: Any) -> Any:
        """Log in, and return a MysqlClient or a DatabaseClient.  Raises ConfigError, also where
        AcraServer answers in place of the database; DatabaseError."""
        if self.is_mysql:
            mysql = self._client = MysqlClient(reactor, self._settings, self._password)
            await mysql.connect(SETTINGS)
            await check_direct(MYSQL, mysql.ask)
            return mysql
        client = self._client = DatabaseClient(self._text, self._program, deferToThread)
        await client.connect()

        async def rows(query: str) -> Sequence[Sequence[bytes | None]]:
            return (await client.ask(query)).rows

        await check_direct(POSTGRESQL, rows)
        return client

    async def statements(self, reactor: Any) -> Statements:
        """Log in, for statements of the operator's.  Raises ConfigError, DatabaseError."""
        client = await self.open(reactor)
        return MysqlStatements(client) if self.is_mysql else PostgresqlStatements(client)

    def close(self) -> None:
        """End the connection, and whatever transaction it has."""
        if self._client is not None:
            self._client.close()
