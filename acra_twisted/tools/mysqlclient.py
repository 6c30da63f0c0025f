"""A connection to MySQL or MariaDB for tools that read and write rows.

Where the database is, and how it is reached, is in AcraServer's own words: its options and files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, unquote_to_bytes, urlsplit

from acra_twisted.authentication.queryconnection import NoAnswer, QueryConnection, log_in
from acra_twisted.config.databasekind import is_mysql
from acra_twisted.config.reading import read_settings
from acra_twisted.daemon.dialect import service_query
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.queryactions import Rows
from acra_twisted.server import tap
from acra_twisted.server.credentials import explainer, password_in
from acra_twisted.server.upstream import database_tls, make_database
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.transport.keepalive import keepalive

_SCHEMES: Final = ("mysql", "mariadb")
#: Acra's connection strings are those of a driver of Go's.
_ACRAS: Final = re.compile(
    r"([^:@/]+)(?::(.*))?@(tcp|unix)\(([^)]*)\)/([^?]*)(?:\?(.*))?\Z", re.DOTALL
)
_TLS: Final = {"true": "require", "false": "disable"}
_SOCKET: Final = "mysqld.sock"
_STRING: Final = "connection string"
_EXPECTED: Final = f"{_STRING}: expected mysql://USER@HOST:PORT/DATABASE?OPTION=VALUE"
#: Beginnings of the names of AcraServer's options that say how the database is reached.
_OPTIONS: Final = ("db_", "tls_")
_PASSWORD_FILE: Final = "password_file"  # noqa: S105 - the name of a part
_PASSWORD: Final = "MYSQL_PWD"  # noqa: S105 - the name of a variable
#: Seconds for the login, and for an answer.
_LOGIN: Final = 20.0
_ANSWER: Final = 600.0
_LONG_ANSWER: Final = 86_400.0
_ROWS: Final = 1_000_000
#: Numbers of errors about a row's value, and of those that pass.
_OF_VALUES: Final = frozenset(
    ("1048", "1062", "1264", "1265", "1292", "1366", "1406", "1451", "1452", "1644", "3819", "4025")
)
_PASSING: Final = frozenset(("1205", "1213", "3572"))


class MysqlError(DatabaseError):
    """``code`` is the number of the error, empty where the connection is gone."""

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(reason)
        self.code = code
        self.is_about_a_value = code in _OF_VALUES
        self.is_passing = code in _PASSING
        self.is_gone = not code


def is_mysql_address(text: str) -> bool:
    """Tell whether a connection string is one of MySQL or MariaDB, Acra's included:
    ``USER:PASSWORD@tcp(HOST:PORT)/DATABASE?tls=true``."""
    return text.partition(":")[0] in _SCHEMES or _ACRAS.match(text) is not None


def settings_of(text: str, server_config: str, environment: Mapping[str, str]) -> Settings:
    """The settings of AcraServer by which the database is reached, and the user who logs in.

    ``server_config`` is the path of its configuration, empty for none: a connection string adds to
    it.  Raises ConfigError.
    """
    parts = _split(text)
    words = [f"--config_file={server_config}"] if server_config else []
    words += ["--mysql_enable=true", "--postgresql_enable=false"]
    words += [f"--{name}={value}" for name, value in _options(parts).items()]
    _, read = read_settings(tap.Options.program, words, dict(environment))
    if not read["db_host"]:
        raise ConfigError(f"{_EXPECTED}: it names no host")
    user, database = unquote(parts.username or ""), unquote(parts.path.removeprefix("/"))
    try:
        (user + database).encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{_STRING}: user and database are names in UTF-8") from None
    return read.but(
        auth_query_user=user,
        auth_query_database=database,
        auth_query_timeout=_ANSWER,
    )


def has_mysql(server_config: str, environment: Mapping[str, str]) -> bool:
    """Tell whether the database of AcraServer's configuration is MySQL.  Raises ConfigError."""
    words = [f"--config_file={server_config}"]
    return is_mysql(read_settings(tap.Options.program, words, dict(environment))[1])


def password_of(text: str, environment: Mapping[str, str]) -> bytes:
    """The password of a connection string, of the file that it names, or of MYSQL_PWD; empty for
    none.  Raises ConfigError."""
    parts = _split(text)
    if parts.password:
        return unquote_to_bytes(parts.password.encode("utf-8", "surrogateescape"))
    path = dict(parse_qsl(parts.query)).get(_PASSWORD_FILE)
    if path:
        return password_in(path, _PASSWORD_FILE)
    return environment.get(_PASSWORD, "").encode("utf-8", "surrogateescape")


def _split(text: str) -> SplitResult:
    """The parts of a connection string.  Raises ConfigError, whose text has none of them."""
    found = _ACRAS.match(text)
    try:
        parts = urlsplit(text if found is None else _from_acra(*found.groups("")))
        parts.port  # noqa: B018 - it is read where it is asked for
    except ValueError:
        raise ConfigError(_EXPECTED) from None
    if parts.scheme not in _SCHEMES or not parts.username or parts.fragment:
        raise ConfigError(_EXPECTED)
    return parts


def _from_acra(
    user: str, password: str, net: str, address: str, database: str, options: str
) -> str:
    """The same of a connection string of Acra's.  Raises ConfigError."""
    given = parse_qsl(options)
    shown = [f"db_tls={_TLS.get(value)}" for name, value in given if name == "tls"]
    other = [name for name, value in given if name != "tls" or value not in _TLS]
    if other:
        raise ConfigError(f"{_STRING}: {other[0]} is not known; options are db_* and tls_* here")
    if net == "unix":
        folder, _, name = address.rpartition("/")
        if name != _SOCKET:
            raise ConfigError(f"{_STRING}: a socket is named {_SOCKET} here")
        shown.append(f"db_host={quote(folder)}")
        address = ""
    # A password need be no UTF-8.
    parts = [quote(part, safe="", errors="surrogateescape") for part in (user, password) if part]
    login = ":".join(parts)
    return f"mysql://{login}@{address}/{quote(database, safe='')}?{'&'.join(shown)}"


def _options(parts: SplitResult) -> dict[str, str]:
    found = {}
    if parts.hostname:
        found["db_host"] = parts.hostname
    if parts.port:
        found["db_port"] = str(parts.port)
    for name, value in parse_qsl(parts.query):
        if name.startswith(_OPTIONS):
            found[name] = value
        elif name != _PASSWORD_FILE:
            raise ConfigError(f"{_STRING}: there is no option {name!r}")
    return found


class MysqlClient:
    """``settings`` are those of `settings_of`."""

    def __init__(self, reactor: Any, settings: Settings, password: bytes) -> None:
        self._reactor, self._settings, self._password = reactor, settings, password
        self._connection: QueryConnection | None = None

    async def connect(self, first: Sequence[str] = ()) -> None:
        """Log in, and run the ``first`` statements.  Raises ConfigError, MysqlError."""
        settings, reactor = self._settings, self._reactor
        database = make_database(reactor, settings, database_tls(settings), keepalive(settings))
        client = service_query(settings, self._password, database, rows=_ROWS)
        explain = explainer(settings)
        try:
            self._connection = await log_in(reactor, database.connect, client, explain, _LOGIN)
        except NoAnswer as error:
            raise ConfigError(f"{_STRING}: {error}") from None
        for statement in first:
            await self.ask(statement)

    async def ask(self, statement: str) -> Rows:
        """Return the answer to one statement.  Raises MysqlError."""
        return await self._ask(statement, _ANSWER)

    async def ask_long(self, statement: str) -> Rows:
        """Return the answer to a statement that may write a whole table anew.  Raises
        MysqlError."""
        return await self._ask(statement, _LONG_ANSWER)

    async def _ask(self, statement: str, seconds: float) -> Rows:
        connection = self._connection
        if connection is None or connection.is_closed:
            raise MysqlError("the connection to the database is gone", "")
        asked = connection.ask(statement.encode())
        try:
            rows: Rows = await asked.addTimeout(seconds, self._reactor, lambda failure, _: failure)
        except NoAnswer as error:
            raise MysqlError(str(error), error.code) from None
        return rows

    def close(self) -> None:
        """End the connection, and whatever transaction it has."""
        if self._connection is not None:
            self._connection.close()
