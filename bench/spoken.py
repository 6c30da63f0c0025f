"""Conversations of a client and its database, which `inprocess` repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from acra_twisted.loginactions import CLIENT, DATABASE, Connect, Open, Ready
from acra_twisted.server.service import AcraServer
from acra_twisted.session import Session

#: What both sides say, each behind the side whose it is.
Login = tuple[tuple[str, bytes], ...]


class Spoken(NamedTuple):
    """``section`` has settings of ``[database]``.  ``first``: a request and its reply, once for
    each session.  ``transactions``: requests, by a number, and their reply, by a name."""

    section: Mapping[str, str]
    login: Login
    first: tuple[bytes, bytes]
    transactions: Mapping[str, tuple[Callable[[int], bytes], bytes]]


def log_in(server: AcraServer, session: Session, spoken: Spoken) -> Any:
    """Return the flows of a session that was let in."""
    login = server.context.dialect.serve(server.context.login_policy)
    found: list[Any] = []

    def perform(actions: list[Any]) -> None:
        for action in actions:
            if isinstance(action, Connect):
                perform(login.connected(encrypted=False))
            elif isinstance(action, Open):
                perform(login.opened(session))
            elif isinstance(action, Ready):
                found.append(action.flows)

    perform(login.begin())
    for side, data in spoken.login:
        assert side in (CLIENT, DATABASE)
        perform(login.feed(side, data))
    return found[0]
