"""Checks of acra-doctor for the sources of secrets: the file, and the query on the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from acra_twisted.authentication.authfile import load
from acra_twisted.authentication.onequestion import ask_once
from acra_twisted.authentication.queryconnection import NoAnswer
from acra_twisted.config.authentication import uses_secrets
from acra_twisted.config.secretsources import uses_query
from acra_twisted.daemon.dialect import service_query
from acra_twisted.doctor.result import Result, fail, ok
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.server.credentials import explainer, read_password
from acra_twisted.server.database import Database

#: The user whose secret is asked for.  Nobody should have this name.
_NOBODY: Final = b"acra_doctor"


async def sources(reactor: Any, settings: Settings, database: Database) -> AsyncIterator[Result]:
    """Read the file, and ask the database for the secret of a user that it does not have."""
    if not uses_secrets(settings):
        return
    try:
        if settings["auth_file"]:
            number = len(load(settings["auth_file"], settings["auth_md5"]))
            yield ok("auth_file", f"secrets it has: {number}")
        password = read_password(settings)
    except ConfigError:
        # It has been told of where settings are checked.
        return
    if not uses_query(settings):
        return
    explain, role = explainer(settings), settings["auth_query_user"]
    client = service_query(settings, password, database)
    try:
        await ask_once(
            reactor, database.connect, client, explain, settings["auth_query_timeout"], _NOBODY
        )
    except NoAnswer as error:
        yield fail(
            "auth_query",
            f"{role} cannot look up secrets: {error}",
            "acra-auth sql prints what to run in the database",
        )
    else:
        yield ok("auth_query", f"{role} can look up secrets")
