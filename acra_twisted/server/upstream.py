"""The way to the database, by the settings: its address, and whether there is TLS on it."""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.config.revocation import DATABASE
from acra_twisted.daemon.dialect import dialect_of, protocols
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.server.database import Database
from acra_twisted.transport.credentials import NONE, Credentials
from acra_twisted.transport.keepalive import KeepAlive
from acra_twisted.transport.native.adoption import PLAIN, Transports
from acra_twisted.transport.tlscontext import TLSContext

_DIRECT: Final = "direct"
_NEVER_AT_ONCE: Final = (
    "db_tls = direct: TLS with this database never begins at once; set db_tls = require"
)


def uses_database_tls(settings: Settings) -> bool:
    """Return True if connections to the database must use TLS."""
    if settings["db_tls"] == "auto":
        return not database_address(settings).is_local
    return settings["db_tls"] in ("require", _DIRECT)


def asks_for_database_tls(settings: Settings) -> bool:
    """Return True if a database on this host is asked for TLS, and used without it if it
    declines.  This needs certificates.  A unix socket has no TLS."""
    address = database_address(settings)
    if settings["db_tls"] != "auto" or address.path or not address.is_local:
        return False
    return bool(settings["tls_ca"] or settings["tls_cert"]) or _judges_database(settings)


def _judges_database(settings: Settings) -> bool:
    """Return True if a setting concerns the database's own certificate."""
    said = ("tls_database_ca", "tls_database_cert", "tls_database_sni")
    asked = [settings[f"tls_{by}_{DATABASE}_url"] for by in ("ocsp", "crl")]
    return settings["tls_database_auth"] >= 0 or any((*(settings[name] for name in said), *asked))


def verifies_database(settings: Settings) -> bool:
    """Return True if a database with TLS must show a certificate that is verified."""
    own = settings["tls_database_auth"]
    auth = settings["tls_auth"] if own < 0 else own
    judged = asks_for_database_tls(settings) and _judges_database(settings)
    return auth != NONE and (uses_database_tls(settings) or judged)


def database_tls(settings: Settings) -> TLSContext | None:
    """For TLS with the database; None if there is to be none.  Raises ConfigError; reads files of
    certificates."""
    if not (uses_database_tls(settings) or asks_for_database_tls(settings)):
        return None
    credentials = Credentials(settings, "tls_database_")
    if not (uses_database_tls(settings) or _judges_database(settings)):
        # Of the one on this host nothing was expected, and there may be none to verify it by.
        credentials.auth = NONE
    names = protocols(dialect_of(settings)) if settings["db_tls"] == _DIRECT else ()
    if settings["db_tls"] == _DIRECT and not names:
        raise ConfigError(_NEVER_AT_ONCE)
    name = settings["tls_database_sni"] or settings["db_host"]
    return credentials.client_creator(name, names)


def make_database(
    reactor: Any,
    settings: Settings,
    creator: TLSContext | None,
    keepalive: KeepAlive,
    transports: Transports = PLAIN,
) -> Database:
    """The way to the database; ``creator`` is what `database_tls` gives."""
    insists = uses_database_tls(settings)
    return Database(
        reactor,
        database_address(settings),
        creator,
        settings["db_connect_timeout"],
        keepalive,
        transports,
        insists=insists,
        settles=not insists and not _judges_database(settings),
        direct=settings["db_tls"] == _DIRECT,
    )


def database_address(settings: Settings) -> Address:
    """db_host may be a directory, as for the database's own clients: then it holds a unix
    socket."""
    host, port = settings["db_host"], settings["db_port"]
    if host[:1] != "/":
        return Address(host, port)
    return Address(path=f"{host}/{dialect_of(settings).socket_name(port)}")
