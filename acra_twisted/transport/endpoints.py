"""``tcp://`` and ``unix://`` addresses to listening sockets and to connections.

Listening sockets are bound while the service is made, before the process goes into the
background: an address in use is one clear line and exit status 1, not a traceback in a log.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IProtocolFactory

from acra_twisted.errors import ConfigError
from acra_twisted.events import START_LISTENING
from acra_twisted.optionkinds import Address
from acra_twisted.transport.activation import InheritedSockets
from acra_twisted.transport.dialling import TcpEndpoint
from acra_twisted.transport.keepalive import KeepAlive

_BACKLOG = 1024
_SYSTEMS = KeepAlive()


def bind(
    option: str,
    address: Address,
    mode: int = 0o600,
    shared: bool = False,
    keepalive: KeepAlive = _SYSTEMS,
    inherited: InheritedSockets | None = None,
) -> socket.socket:
    """A listening, non-blocking socket: the one of ``inherited`` that listens on this address, or
    a new one, ``shared`` with other processes of this user that ask for it.  ``keepalive`` holds
    for what it accepts.  Raises ConfigError naming the option."""
    listener = inherited.take(address) if inherited is not None else None
    if listener is None:
        listener = _bind(option, address, mode, shared)
    keepalive.apply(listener)
    return listener


def _bind(option: str, address: Address, mode: int, shared: bool) -> socket.socket:
    try:
        if address.path:
            return _bind_unix(address.path, mode)
        family, _, _, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(where)
            return _listening(listener)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        hint = _remedy(error, address)
        why = error.strerror or str(error)
        raise ConfigError(
            f"{option}: cannot listen on {address}: {why}{hint}", code=START_LISTENING
        ) from None


def _remedy(error: OSError, address: Address) -> str:
    if error.errno == errno.EADDRINUSE:
        if os.path.isfile(address.path) or os.path.isdir(address.path):
            return "; a file that is no socket has this name: choose another one"
        return "; another program listens there: stop it or choose another address"
    if error.errno == errno.EACCES and not address.path:
        return "; choose a port from 1024 on, or give the process CAP_NET_BIND_SERVICE"
    return ""


def _listening(listener: socket.socket) -> socket.socket:
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _bind_unix(path: str, mode: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            _bind_with_mode(listener, path, mode)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_stale(path):
                raise
            os.unlink(path)
            _bind_with_mode(listener, path, mode)
        return _listening(listener)
    except OSError:
        listener.close()
        raise


def _bind_with_mode(listener: socket.socket, path: str, mode: int) -> None:
    # The mode must hold from the first moment on.
    before = os.umask(0o777 & ~mode)
    try:
        listener.bind(path)
    finally:
        os.umask(before)


def _is_stale(path: str) -> bool:
    """A socket that nobody accepts on: left behind by a process that was killed."""
    if not stat.S_ISSOCK(os.stat(path).st_mode):
        return False
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(path)
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    finally:
        probe.close()
    return False


class ListenerService(Service):
    """Accepts on a bound socket while it runs.  The path of a unix socket is removed at its end,
    unless the socket is one of ``inherited``: then its owner removes it."""

    def __init__(
        self,
        reactor: Any,
        listener: socket.socket,
        factory: IProtocolFactory,
        path: str = "",
        mode: int = 0o600,
        inherited: InheritedSockets | None = None,
    ) -> None:
        self._reactor = reactor
        self._listener = listener
        self._factory = factory
        self._path = path
        self._mode = mode
        self._is_ours = inherited is None or not inherited.gave(listener)
        self._port: Any = None

    @property
    def port_number(self) -> int:
        """Where a TCP listener listens."""
        return int(self._listener.getsockname()[1])

    def startService(self) -> None:
        """The reactor takes a duplicate of the socket."""
        Service.startService(self)
        self._port = self._reactor.adoptStreamPort(
            self._listener.fileno(), self._listener.family, self._factory
        )
        if self._path and self._is_ours:
            # Twisted opens a unix socket to everyone when it adopts it.
            os.chmod(self._path, self._mode)

    def stopService(self) -> Deferred[Any]:
        """Stop accepting."""
        Service.stopService(self)
        self._listener.close()
        port, self._port = self._port, None
        if not self._path:
            return maybeDeferred(port.stopListening if port is not None else lambda: None)
        return self._stop_unix(port)

    def _stop_unix(self, port: Any) -> Deferred[Any]:
        if port is None:
            self._remove()
            return succeed(None)
        if not self._is_ours:
            # Twisted would remove the path of a socket that the service manager goes on with.
            port.stopReading()
            return succeed(None)
        # Twisted removes the path; a path that somebody has removed already is no failure.
        stopped: Deferred[Any] = maybeDeferred(port.stopListening)
        return stopped.addErrback(lambda failure: failure.trap(FileNotFoundError) and None)

    def _remove(self) -> None:
        if self._is_ours:
            try:
                os.unlink(self._path)
            except OSError:
                pass


def client_endpoint(
    reactor: Any, address: Address, timeout: float, keepalive: KeepAlive = _SYSTEMS
) -> Any:
    """An IStreamClientEndpoint."""
    if address.path:
        return UNIXClientEndpoint(reactor, address.path, timeout=int(max(timeout, 1)))
    return TcpEndpoint(reactor, address.host, address.port, timeout, keepalive)
