"""A question of a tool to the database of AcraServer, by a role that the operator names."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import Any

from acra_twisted.authentication.onequestion import ask_once
from acra_twisted.authentication.queryconnection import NoAnswer
from acra_twisted.config.reading import read_settings
from acra_twisted.daemon.dialect import service_query
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.queryactions import Names, Rows
from acra_twisted.server import tap
from acra_twisted.server.credentials import explainer, password_in
from acra_twisted.server.upstream import database_tls, make_database
from acra_twisted.tools.commandline import Environment
from acra_twisted.transport.keepalive import keepalive

#: Seconds for the login and for the answer.
_TIMEOUT = 30.0
#: Where the login comes from.
_NAMES = Names(
    "--user", "--password_file", "--database", "the question", f"{_TIMEOUT:g} seconds", help=""
)
#: Gives a password after a prompt.
Ask = Callable[[str], str]


def ask_password(prompt: str) -> str:
    """Read a password: from the terminal unseen, else the first line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    return sys.stdin.readline().rstrip("\r\n")


def password_of(given: Any, ask: Ask) -> bytes:
    """The password of ``--user``, out of ``--password_file`` or by ``ask``.  Raises ConfigError."""
    if given.password_file:
        return password_in(given.password_file, "--password_file")
    return ask(f"Password of {given.user}: ").encode(errors="surrogateescape")


def settings_of(given: Any, environment: Environment) -> Settings:
    """The settings of AcraServer in ``--server_config``, with ``--user`` and ``--database`` for the
    question.  Raises ConfigError."""
    program = tap.Options.program
    _, read = read_settings(program, [f"--config_file={given.server_config}"], environment)
    if not read["db_host"]:
        raise ConfigError("db_host: name the database's host", given.server_config)
    return read.but(
        auth_query_user=given.user,
        auth_query_database=given.database,
        auth_query_timeout=_TIMEOUT,
    )


async def ask_database(
    reactor: Any,
    settings: Settings,
    password: bytes,
    statement: str,
    rows: int,
    value: bytes,
    right: str,
) -> Rows:
    """Return the answer to a statement of two columns, with ``value`` for its parameter.

    ``settings`` are those of `settings_of`; ``rows`` is the number of rows that the answer may
    have; ``right`` says what else than logging in the role must be able to do.  Raises ConfigError.
    """
    database = make_database(reactor, settings, database_tls(settings), keepalive(settings))
    try:
        return await ask_once(
            reactor,
            database.connect,
            service_query(settings, password, database, statement, rows, _NAMES),
            explainer(settings),
            _TIMEOUT,
            value,
        )
    except NoAnswer as error:
        role = settings["auth_query_user"]
        raise ConfigError(
            f"--user={role}: {error}; this role must be able to log in by password{right}"
        ) from None
