"""Tells whether a tool talks with the database itself.

AcraServer and its connector take a trace context off each statement, or put another into its place,
whatever else they are told to do.  So the database is asked which text it has got.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from acra_twisted.errors import ConfigError
from acra_twisted.sql.comments import add_context
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.wire.link.tracecontext import TraceContext

#: Queries for the text of the statement that runs.
POSTGRESQL: Final = "SELECT pg_catalog.current_query()"
MYSQL: Final = "SELECT info FROM information_schema.processlist WHERE id = connection_id()"

#: Returns the rows of a query.
Ask = Callable[[str], Awaitable[Sequence[Sequence[bytes | None]]]]


async def check_direct(query: str, ask: Ask) -> None:
    """Raise ConfigError if a statement does not reach the database as it was sent.  ``query`` is
    the database's.  A database that does not tell is not judged."""
    context = TraceContext(os.urandom(16).hex(), os.urandom(8).hex(), False)
    sent = add_context(query.encode(), context)
    try:
        rows = await ask(sent.decode())
    except DatabaseError:
        return
    arrived = [text for row in rows for text in row if text is not None]
    if arrived and arrived != [sent]:
        raise ConfigError(
            "connection string: statements are changed on their way to the database, as AcraServer "
            "and AcraConnector do; name the database itself"
        )
