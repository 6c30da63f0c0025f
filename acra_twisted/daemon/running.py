"""Collect the present sessions of a daemon, for its pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol


class Traced(Protocol):
    """A connection: its span once it has one, the relay of its session likewise, or a session of
    which nothing can be read."""

    span: Any
    relay: Any
    unread: Any


def sessions(connections: Iterable[Traced]) -> Iterator[Any]:
    """The sessions of those connections that have one."""
    for connection in connections:
        if connection.relay is not None:
            yield connection.relay.session
        elif connection.unread is not None:
            yield connection.unread


def running(connections: Iterable[Traced]) -> Iterator[Any]:
    """The spans that have begun and not ended: of connections, and of exchanges."""
    for connection in connections:
        if connection.span is not None:
            yield connection.span
        if connection.relay is not None:
            for _, _, exchange, _ in connection.relay.session.outstanding:
                if exchange is not None and exchange.span is not None:
                    yield exchange.span
