"""Listening sockets that a service manager has opened, and telling it how we do.

systemd's protocol (sd_listen_fds, sd_notify).  Which socket is for what is told by the address
that it listens on.  As the sockets outlive the program, a restart refuses no connection.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping, MutableMapping

from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address

#: The number of the first descriptor that is handed over, and how many there may be.
_FIRST, _MOST = 3, 1024


class InheritedSockets:
    """Inherited listening sockets that `take` has not returned yet, by their descriptors."""

    def __init__(self, descriptors: Iterable[int] = ()) -> None:
        self._sockets: list[socket.socket] = []
        self._given: list[socket.socket] = []
        for fd in descriptors:
            try:
                self._sockets.append(socket.socket(fileno=fd))
            except OSError as error:
                raise ConfigError(
                    f"LISTEN_FDS: descriptor {fd} is no socket: {error.strerror}"
                ) from None
            os.set_inheritable(fd, False)

    def take(self, address: Address) -> socket.socket | None:
        """The socket that listens on ``address``; None if none was handed over."""
        for one in self._sockets:
            if _listens_on(one, address):
                self._sockets.remove(one)
                self._given.append(one)
                one.setblocking(False)
                return one
        return None

    def gave(self, one: socket.socket) -> bool:
        """Return True if a socket was inherited: its owner removes its path in the file system."""
        return one in self._given

    def check(self) -> None:
        """Raises ConfigError if a socket is left that no option names: nobody would answer it."""
        for one in self._sockets:
            raise ConfigError(
                f"the service manager has opened a socket on {one.getsockname()} that no option "
                f"names; set incoming_connection_string to that address"
            )


def descriptors(environment: Callable[[], Mapping[str, str]] | None = None) -> list[int]:
    """The descriptors of ``LISTEN_FDS``, if ``LISTEN_PID`` is this process.

    ``environment`` gives the variables.  By default they are those that the process began with:
    Twisted removes both from ``os.environ`` when its endpoints are imported.
    """
    found = (environment or first_environment)()
    number = found.get("LISTEN_FDS", "")
    if found.get("LISTEN_PID") != str(os.getpid()) or not number.isdecimal():
        return []
    return list(range(_FIRST, _FIRST + min(int(number[:9]), _MOST)))


def first_environment(path: str = "/proc/self/environ") -> dict[str, str]:
    """Return the process's first environment; empty if the system does not tell it."""
    try:
        with open(path, "rb") as file:
            pairs = file.read().split(b"\0")
    except OSError:
        return {}
    texts = (pair.decode("utf-8", "surrogateescape").partition("=") for pair in pairs)
    return {name: value for name, equals, value in texts if equals}


def _listens_on(one: socket.socket, address: Address) -> bool:
    name = one.getsockname()
    if address.path:
        return bool(one.family == socket.AF_UNIX and name == address.path)
    if one.family not in (socket.AF_INET, socket.AF_INET6) or name[1] != address.port:
        return False
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    return any(where[4][0] == name[0] for where in found)


class Notifier:
    """Tells the service manager at ``NOTIFY_SOCKET``; does nothing where there is none."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        path = environ.pop("NOTIFY_SOCKET", "")
        self._path = "\0" + path[1:] if path.startswith("@") else path
        timeout = environ.pop("WATCHDOG_USEC", "")
        #: Seconds between two signs of life; 0 if nobody waits for them.
        self.interval = int(timeout) / 2e6 if timeout.isdigit() else 0.0

    def tell(self, text: str) -> None:
        """``READY=1``, ``STOPPING=1``, ``RELOADING=1``, ``WATCHDOG=1``."""
        if not self._path:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            try:
                one.sendto(text.encode(), self._path)
            except OSError:
                # A service manager that does not listen is not told; nothing depends on it.
                return
