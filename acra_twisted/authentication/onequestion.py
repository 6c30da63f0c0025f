"""One question to the database by a connection of its own, for tools and examinations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from acra_twisted.authentication.queryconnection import log_in
from acra_twisted.queryactions import Rows


async def ask_once(
    reactor: Any,
    connect: Callable[[bool], Deferred[Any]],
    client: Any,
    explain: Callable[[Exception], str],
    seconds: float,
    value: bytes,
) -> Rows:
    """Connect, log in by ``client``, an IServiceQuery, and return the answer to the question about
    ``value``.  ``connect`` is told whether TLS is left to the client.

    ``seconds`` is the time limit for the login, and for the answer.  Raises NoAnswer.
    """
    connection = await log_in(reactor, connect, client, explain, seconds)
    try:
        asked = connection.ask(value)
        rows: Rows = await asked.addTimeout(seconds, reactor, lambda failure, _: failure)
        return rows
    finally:
        connection.close()
