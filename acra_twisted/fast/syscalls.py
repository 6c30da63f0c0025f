"""The system calls of the hot path: Python's own, or a small module in C where compiled.

Both are called alike, return alike and raise alike.  The module in C leaves out what Python does
around a call that never waits; its first lines say what that is.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

from acra_twisted.fast.compiled import COMPILED

if COMPILED:
    from acra_twisted.fast._syscalls import Clock, Descriptor  # type: ignore[import-not-found]


class SocketCalls(Protocol):
    """System calls on one connected socket."""

    def recv(self, size: int, /) -> bytes:
        """Return received bytes, at most ``size`` (one or more); none at the end.  Does not wait.
        Raises BlockingIOError if nothing has come, OSError if the connection is broken."""

    def send(self, data: Any, /) -> int:
        """The number of bytes taken.  Does not wait.  Raises BlockingIOError if that is none,
        OSError if the connection is broken."""

    def forget(self) -> None:
        """Before the socket is closed or somebody else's: its number may soon be another's."""


class Poller(Protocol):
    """System calls on one epoll object."""

    def poll(self, seconds: float, most: int, /) -> list[tuple[int, int]]:
        """Descriptors and their events, ``most`` at most (the module in C tells of 256); none if
        ``seconds`` have passed.  A signal may end it earlier, with none."""


class _SocketCalls:
    """A socket that is closed knows that itself."""

    def __init__(self, connected: socket.socket) -> None:
        self.recv = connected.recv
        self.send = connected.send

    def forget(self) -> None:
        pass


def socket_calls(connected: socket.socket) -> SocketCalls:
    """Return the calls of a socket in non-blocking mode."""
    return Descriptor(connected.fileno()) if COMPILED else _SocketCalls(connected)


def clock(offset: int) -> Callable[[], int]:
    """A function of no arguments: nanoseconds of the monotonic clock, and ``offset``."""
    if COMPILED:
        advanced: Callable[[], int] = Clock(offset).now
        return advanced
    monotonic = time.monotonic_ns

    def now() -> int:
        return offset + monotonic()

    return now


def poller(epoll: select.epoll) -> Poller:
    """Return the calls of an epoll object, which the caller keeps as well."""
    return Descriptor(epoll.fileno()) if COMPILED else epoll
