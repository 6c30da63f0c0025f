"""Collect the present sessions of a daemon, for its pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol


class Traced(Protocol):
    """A connection: its span and its session, once it has them."""

    @property
    def span(self) -> Any:
        """Return its span, or None."""

    @property
    def session(self) -> Any:
        """Return its session, or None."""


class Served(Traced, Protocol):
    """A connection that a listener has accepted, by its name."""

    listener: str


def sessions(connections: Iterable[Traced]) -> Iterator[Any]:
    """Yield the sessions of those connections that have one."""
    for connection in connections:
        if connection.session is not None:
            yield connection.session


def sessions_by_listener(connections: Iterable[Served]) -> Iterator[tuple[str, Any]]:
    """Yield the sessions of those connections that have one, with the names of their listeners."""
    for connection in connections:
        if connection.session is not None:
            yield connection.listener, connection.session


def running(connections: Iterable[Traced]) -> Iterator[Any]:
    """Yield the spans that have begun and not ended: of connections, and of exchanges."""
    for connection in connections:
        if connection.span is not None:
            yield connection.span
        if connection.session is not None:
            for _, _, exchange, _ in connection.session.outstanding:
                if exchange is not None and exchange.span is not None:
                    yield exchange.span
