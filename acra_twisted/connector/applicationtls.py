"""TLS with applications as the connector's settings have it."""

from __future__ import annotations

from acra_twisted.daemon.dialect import dialect_of, protocols
from acra_twisted.errors import ConfigError
from acra_twisted.loginactions import (
    DECLINE,
    ENCRYPTED,
    OFFER,
    OTHER,
    PASS,
    REFUSE,
    REQUIRE,
    UNKNOWN_SERVER,
)
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.transport.credentials import NONE, Credentials
from acra_twisted.transport.credentials import REQUIRE as REQUIRE_PEER
from acra_twisted.transport.tlscontext import TLSContext

#: What the log says of an application that left.
LEFT = (
    "An application asked for TLS, was told that there is none, and left: it may have "
    "sslmode=require. Set application_tls_cert and application_tls_key, or sslmode=prefer. A "
    "certificate: openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=localhost "
    "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout app.key -out app.pem"
)
#: What the log says of the first session that is carried unread, by why.
UNREAD = {
    ENCRYPTED: "An application's TLS goes through to AcraServer: its requests are not traced here, "
    "nor are those of others that do the same (acra_unread_sessions_total). To have the connector "
    "end their TLS set application_tls_cert and application_tls_key; to have it declined set "
    "application_tls = refuse",
    OTHER: "An application does not begin as PostgreSQL's do: what it says is carried unread, and "
    "so it is with others that do the same (acra_unread_sessions_total)",
    UNKNOWN_SERVER: "AcraServer does not make itself known as this package's: sessions are carried "
    "unread, as with tracing_scope = connection, so that no trace context reaches its rules or its "
    "database in comments (acra_unread_sessions_total). If it is Acra's, set that; if it is this "
    "package's, it is older than this connector",
}
_CHOSEN = {"require": REQUIRE, "refuse": REFUSE, "pass": PASS}


def application_tls(settings: Settings) -> str:
    """Say who answers an application's request for TLS: one of `loginactions`'."""
    chosen: str = settings["application_tls"]
    if chosen != "auto":
        return _CHOSEN[chosen]
    if settings["application_tls_cert"]:
        return OFFER
    # With TLS that ends at AcraServer requests could not be traced here.
    traced = settings["tracing_scope"] == "request"
    address: Address = settings["incoming_connection_string"]
    return DECLINE if traced and address.is_local else PASS


def application_context(settings: Settings) -> TLSContext:
    """For TLS with applications.  Raises ConfigError; reads certificate files."""
    credentials = Credentials(settings, "application_tls_", falls_back=False)
    if credentials.certificate is None:
        raise ConfigError(
            "application_tls = require: name the certificate for applications in "
            "application_tls_cert and its key in application_tls_key"
        )
    credentials.auth = REQUIRE_PEER if credentials.authorities else NONE
    return credentials.server_context(protocols(dialect_of(settings)))
