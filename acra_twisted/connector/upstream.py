"""The way to AcraServer, by the settings: its address, and the protection of the link."""

from __future__ import annotations

import time
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from acra_twisted.config.revocation import APPLICATION
from acra_twisted.connector.effects import verified_legs
from acra_twisted.daemon.link import ACRASERVER, is_plain, is_tls
from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.events import KEY_STORE
from acra_twisted.keystore.opening import need_keys
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.link import RawSecurity, TLSSecurity
from acra_twisted.transport.securesession import SecureSessionSecurity
from acra_twisted.transport.tlscontext import TLSContexts

_log = Logger()


def server_address(settings: Settings) -> Address:
    """Where AcraServer is.  Raises ConfigError if nothing says so."""
    if settings["acraserver_connection_host"]:
        return Address(
            settings["acraserver_connection_host"], settings["acraserver_connection_port"]
        )
    address = settings["acraserver_connection_string"]
    if address is None:
        raise ConfigError("acraserver_connection_string: name the server, as tcp://host:9393")
    return Address(address.host, address.port, address.path)


def verified_credentials(settings: Settings) -> dict[str, Credentials]:
    """The credentials of the legs whose peers' certificates are verified, as `config.revocation`
    names them.  Raises ConfigError; reads files."""
    found = {}
    for leg in verified_legs(settings):
        own = leg == APPLICATION
        found[leg] = Credentials(
            settings, "application_tls_" if own else "tls_", falls_back=not own
        )
    return found


def link_security(
    settings: Settings,
    keys: Any,
    contexts: TLSContexts,
    address: Address | None = None,
    judge: Any = None,
) -> Any:
    """The ITransportSecurity of a link to the server, or to another ``address`` of its.  Raises
    ConfigError; reads certificate and key files.

    The context of TLS is added to ``contexts``; ``judge`` is its IPeerJudge, if any.
    """
    if is_tls(settings, ACRASERVER):
        name = settings["tls_acraserver_sni"] or (address or server_address(settings)).host
        if not name:
            raise ConfigError("tls_acraserver_sni: name the server's certificate")
        made = contexts.add(lambda: Credentials(settings).client_creator(name), judge=judge)
        return TLSSecurity(made, True)
    if is_plain(settings, ACRASERVER):
        return RawSecurity()
    if not settings["client_id"]:
        raise ConfigError(
            "client_id: Secure Session needs one; or choose acraserver_tls_transport_enable = "
            "true, or acraserver_transport_encryption_disable = true for no protection"
        )
    security = SecureSessionSecurity(
        need_keys(keys, settings, "Secure Session"),
        settings["acraserver_securesession_id"],
        time.time,
        settings["client_id"],
    )
    try:
        checking = security.check()
    except KeyStoreError as error:
        raise ConfigError(str(error)) from None
    if checking is not None:
        # A start does not wait for a store that answers later.  Each handshake asks again.
        checking.addErrback(_tell)
    return security


def _tell(failure: Failure) -> None:
    _log.error("{event_text}", event_text=str(failure.value), code=KEY_STORE)
