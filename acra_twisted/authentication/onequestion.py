"""One question to the database by a connection of its own, for tools and examinations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred

from acra_twisted.authentication.queryconnection import KeyDerivation, NoAnswer, QueryConnection
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

    ``seconds`` is the time limit for the login, and for the answer.  Keys of passwords are
    derived at once, however long it takes.  Raises NoAnswer.
    """
    try:
        channel = await connect(client.plain)
    except Exception as error:
        raise NoAnswer(explain(error)) from None
    connection = QueryConnection(client, KeyDerivation(maybeDeferred), explain, lambda _: None)

    def limited(answer: Deferred[Any]) -> Deferred[Any]:
        return answer.addTimeout(seconds, reactor, lambda failure, _: failure)

    try:
        await limited(connection.log_in(channel))
        rows: Rows = await limited(connection.ask(value))
        return rows
    finally:
        connection.close()
