"""Checks of acra-doctor and of ``--check_config --schema``: tables of the database beside the
configuration of protected columns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

from acra_twisted.authentication.onequestion import ask_once
from acra_twisted.authentication.queryconnection import NoAnswer
from acra_twisted.config.databasekind import is_mysql
from acra_twisted.daemon.dialect import service_query
from acra_twisted.doctor.result import FAIL, OK, WARN, Result, fail, ok
from acra_twisted.encryption.misfits import ERROR, NOTICE, WARNING, Finding
from acra_twisted.encryption.mysql import findings as mysqlfindings
from acra_twisted.encryption.mysql.protection import Protection as MysqlProtection
from acra_twisted.encryption.postgresql.findings import findings
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.errors import ConfigError
from acra_twisted.lines import printable
from acra_twisted.options import Settings
from acra_twisted.queryactions import Names, Rows
from acra_twisted.server.columnchecks import PROTECTS, configured_columns
from acra_twisted.server.columnsample import Samples
from acra_twisted.server.credentials import explainer, password_in
from acra_twisted.server.database import Database
from acra_twisted.server.liveschema import SCHEMA_ERRORS, read_mysql_schema, read_schema
from acra_twisted.server.pieces import Ask
from acra_twisted.server.sampledcolumns import (
    SampledColumn,
    mysql_columns,
    postgresql_columns,
)
from acra_twisted.server.upstream import database_tls, make_database
from acra_twisted.transport.keepalive import keepalive

_PASSWORD: Final = "schema_password_file"  # noqa: S105 - the name of an option
#: In the place of a database: all.
_ALL: Final = ""
#: Seconds for a login, and for an answer.
_TIMEOUT: Final = 30.0
#: Where its login comes from.
_NAMES: Final = Names(
    "schema_user", _PASSWORD, "schema_databases", "the question", f"{_TIMEOUT:g} seconds", help=""
)
_STATES: Final[Mapping[str, str]] = {ERROR: FAIL, WARNING: WARN, NOTICE: OK}


async def schema(reactor: Any, settings: Settings, sample: int) -> AsyncIterator[Result]:
    """Examine the tables, by connections that are made for it, and ``sample`` values of each
    protected column."""
    if PROTECTS not in settings["stages"]:
        yield fail(
            "columns",
            "no column is protected",
            "name encryptor_config_file, or give [encrypt:TABLE.COLUMN]",
        )
    elif not settings["schema_user"]:
        yield fail("columns", "no role may look at the tables", "name one in schema_user")
    else:
        try:
            database = make_database(reactor, settings, database_tls(settings), keepalive(settings))
        except ConfigError as error:
            yield fail("columns", str(error))
            return
        async for result in columns(reactor, settings, database, sample):
            yield result


async def columns(
    reactor: Any, settings: Settings, database: Database, sample: int = 0
) -> AsyncIterator[Result]:
    """Examine the tables of each database, and ``sample`` values of each protected column, if a
    role is named that may look at them."""
    if not settings["schema_user"]:
        return
    try:
        configured = configured_columns(settings)
        path = settings[_PASSWORD]
        password = password_in(path, _PASSWORD) if path else b""
    except ConfigError as error:
        yield fail("columns", str(error))
        return
    if configured is None:
        return
    samples = Samples(settings, sample) if sample else None
    # A server of MySQL shows the tables of all databases together.
    for name in (_ALL,) if is_mysql(settings) else settings["schema_databases"]:
        ask = _asking(reactor, settings, password, database, name)
        mark = f"{name}: " if name else ""
        try:
            sampled, found = await _compared(ask, settings, configured)
        except (NoAnswer, ConfigError, *SCHEMA_ERRORS) as error:
            where = f"of {name}" if name else "of the server"
            yield fail(
                "columns",
                f"{settings['schema_user']} cannot look at the tables {where}: {error}",
                "see schema_user and schema_password_file",
            )
            continue
        results = [_result(mark, one) for one in found]
        for result in results or [ok("columns", f"{mark}the tables fit the configuration")]:
            yield result
        if samples is not None:
            async for result in samples.results(ask, sampled):
                yield result._replace(text=printable(f"{mark}{result.text}"))


async def _compared(
    ask: Ask, settings: Settings, configured: EncryptionSettings
) -> tuple[Iterable[SampledColumn], list[Finding]]:
    """The columns whose values can be looked at, and what does not fit in the tables."""
    if is_mysql(settings):
        tables = MysqlProtection(await read_mysql_schema(ask, configured), configured)
        return mysql_columns(tables), mysqlfindings.findings(tables)
    protection = Protection(await read_schema(ask, configured), configured)
    return postgresql_columns(protection), findings(protection)


def _asking(
    reactor: Any, settings: Settings, password: bytes, database: Database, name: str
) -> Ask:
    """Questions to a database, each by a connection of its own."""
    role = settings.but(
        auth_query_user=settings["schema_user"],
        auth_query_database=name,
        auth_query_timeout=_TIMEOUT,
    )
    explain = explainer(settings)

    async def ask(statement: str, rows: int) -> Rows:
        client = service_query(role, password, database, statement, rows, _NAMES)
        return await ask_once(reactor, database.connect, client, explain, _TIMEOUT, b"")

    return ask


def _result(mark: str, finding: Finding) -> Result:
    label = f"{finding.label}: " if finding.label else ""
    text = printable(mark + label + finding.text)
    return Result(_STATES[finding.level], "columns", text, printable(finding.remedy))
