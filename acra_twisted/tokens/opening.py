"""Token stores and sources by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS

from acra_twisted.errors import ConfigError
from acra_twisted.hosts import host_and_port
from acra_twisted.nearest import meant
from acra_twisted.tokens.boltstore import BoltSource
from acra_twisted.tokens.exportfile import ExportSource
from acra_twisted.tokens.memorystore import MemoryStore
from acra_twisted.tokens.redisconnection import TIMEOUT, RedisConnection, redis_protocol
from acra_twisted.tokens.redisstore import RedisStore
from acra_twisted.tokens.sqlitestore import check_file, open_file

#: How a store or a source is named.
FORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sqlite": "sqlite:FILE",
        "redis": "redis",
        "memory": "memory",
        "boltdb": "boltdb:FILE",
        "export": "export:FILE",
    }
)
#: Those that are read alone.
_READ_ALONE: Final = ("boltdb", "export")


def open_source(
    text: str,
    settings: Mapping[str, Any],
    reactor: Any,
    tls: Callable[[], Any] | None = None,
    *,
    create: bool = True,
) -> Any:
    """Return the ITokenSource of a name; an ITokenStore if it can be written.  Raises ConfigError.

    ``settings`` has ``redis_host_port`` (a path is a unix socket), ``redis_username``,
    ``redis_password`` and ``redis_db_tokens``; ``tls`` returns what makes Redis' TLS connections,
    an IOpenSSLClientConnectionCreator, and is None if there is none.  A file of SQLite that is not
    there is made if ``create``.  Nothing is connected yet.
    """
    name, path = _parts(text)
    if name == "redis":
        return RedisStore(_connection(settings, reactor, tls))
    if name == "memory":
        return MemoryStore()
    if name == "sqlite":
        return open_file(path, reactor, create=create)
    return BoltSource(path) if name == "boltdb" else ExportSource(path)


def open_store(
    text: str,
    settings: Mapping[str, Any],
    reactor: Any,
    tls: Callable[[], Any] | None = None,
    *,
    create: bool = True,
) -> Any:
    """Return the ITokenStore of a name, as `open_source` does.  Raises ConfigError for a source
    that cannot be written."""
    _check_written(text)
    return open_source(text, settings, reactor, tls, create=create)


def check_store(text: str, settings: Mapping[str, Any]) -> None:
    """Look at a store's name, and at its file if it is one; make and open nothing.  Raises
    ConfigError, as `open_store` would."""
    _check_written(text)
    name, path = _parts(text)
    if name == "redis":
        _address(settings)
    elif name == "sqlite":
        check_file(path)


def _parts(text: str) -> tuple[str, str]:
    """Return the kind of a store and its file, "" for none.  Raises ConfigError."""
    name, _, path = text.partition(":")
    form = FORMS.get(name)
    if form is None:
        known = ", ".join(FORMS.values())
        raise ConfigError(
            f"no token store is named {name!r}{meant(name, FORMS)} (there are: {known})"
        )
    if bool(path) != form.endswith(":FILE"):
        # There may be a password in it.
        shown = f"{name}:..." if name == "redis" else text
        more = "; redis_host_port names the server" if name == "redis" else ""
        raise ConfigError(f"expected {form}, not {shown!r}{more}")
    return name, path


def _check_written(text: str) -> None:
    name = text.partition(":")[0]
    if name in _READ_ALONE:
        raise ConfigError(
            f"{FORMS[name]} is read alone; acra-tokens import copies it into a store, such as "
            f"{FORMS['sqlite']}"
        )


def _address(settings: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the host and port of Redis, None for a unix socket.  Raises ConfigError."""
    address = settings["redis_host_port"]
    if not address:
        raise ConfigError("redis_host_port: name the host and port of Redis, such as host:6379")
    if settings["redis_db_tokens"] < 0:
        raise ConfigError("redis_db_tokens: name the number of Redis' database for tokens")
    if address[0] == "/":
        return None
    try:
        return host_and_port(address)
    except ValueError as error:
        raise ConfigError(f"redis_host_port: {error}") from None


def _connection(
    settings: Mapping[str, Any], reactor: Any, tls: Callable[[], Any] | None
) -> RedisConnection:
    place, address = _address(settings), settings["redis_host_port"]
    database = settings["redis_db_tokens"]
    endpoint: Any
    if place is None:
        endpoint = UNIXClientEndpoint(reactor, address, timeout=TIMEOUT)
    else:
        endpoint = HostnameEndpoint(reactor, *place, timeout=TIMEOUT)
        if tls is not None:
            endpoint = wrapClientTLS(tls(), endpoint)
    make = redis_protocol(settings["redis_password"], settings["redis_username"], database)
    return RedisConnection(endpoint, make, address)
