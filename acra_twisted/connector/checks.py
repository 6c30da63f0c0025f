"""AcraConnector's settings before a start: what cannot be used together, and what is to be said."""

from __future__ import annotations

import os
from collections.abc import Sequence

from acra_twisted.config.databasekind import check_kind
from acra_twisted.config.listeners import ADDRESS, check_addresses, checked, each
from acra_twisted.config.revocation import check_revocation, policy_of
from acra_twisted.connector.api import api_address
from acra_twisted.connector.applicationtls import application_context, application_tls
from acra_twisted.connector.effects import verified_legs
from acra_twisted.connector.upstream import link_security, server_address
from acra_twisted.daemon.link import ACRASERVER, is_plain, is_secure_session, is_tls
from acra_twisted.daemon.localuser import user_ids
from acra_twisted.errors import ConfigError, try_all
from acra_twisted.keystore.opening import open_keys
from acra_twisted.loginactions import OFFER, REQUIRE
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.telemetry.export.destinations import doubts, make_exporters
from acra_twisted.telemetry.sites import make_guard
from acra_twisted.transport import certificates
from acra_twisted.transport.credentials import Credentials, told
from acra_twisted.transport.tlscontext import TLSContexts


def socket_mode(settings: Settings) -> int:
    """The mode of a unix socket.  Raises ConfigError."""
    try:
        mode = int(settings["unix_socket_mode"], 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise ConfigError("unix_socket_mode: expected an octal mode such as 0600")
    return mode


def check(settings: Settings) -> None:
    """Settings that cannot be used together.  Raises ConfigError."""
    try_all(
        lambda: checked(_check_listener, settings),
        lambda: _check_addresses(settings),
        lambda: _check_tracing(settings),
        lambda: socket_mode(settings),
        lambda: settings["http_api_enable"] and api_address(settings),
        lambda: check_revocation(settings, verified_legs(settings)),
    )


def _check_listener(settings: Settings) -> None:
    try_all(
        lambda: check_kind(settings),
        lambda: application_tls(settings) in (OFFER, REQUIRE) and application_context(settings),
        lambda: _check_link(settings),
    )


def _check_addresses(settings: Settings) -> None:
    """Listeners have addresses of their own, none leads to another, and revocation is the same at
    all of them."""
    check_addresses(settings, "connector")
    own = [there[ADDRESS] for _, there in each(settings)]
    for mark, there in each(settings):
        _check_end(mark, there, own)
        for leg in verified_legs(there):
            if leg not in verified_legs(settings) and policy_of(settings, leg).active:
                raise ConfigError(
                    f"{mark}application_tls: certificates of applications are asked about by "
                    "application_tls_ocsp_url or application_tls_crl_url where the connector's own "
                    "address verifies them; let it end TLS too, or turn that off"
                )


def _check_end(mark: str, settings: Settings, own: Sequence[Address]) -> None:
    """AcraServer's address is none of our ``own``."""
    try:
        server = server_address(settings)
    except ConfigError:
        # It is told of with the link.
        return
    for address in own:
        if server.leads_to(address):
            raise ConfigError(
                f"{mark}acraserver_connection_string: {address} is the connector's own address "
                f"({ADDRESS}), and it would connect to itself without end; name AcraServer's"
            )


def _check_tracing(settings: Settings) -> None:
    if settings["tracing_to_server"] and is_plain(settings, ACRASERVER):
        raise ConfigError(
            "tracing_to_server: AcraServer takes spans over TLS and Secure Session only, for "
            "elsewhere nobody has proven who sends them; set acraserver_tls_transport_enable = "
            "true, or tracing_to_server = false (and otlp_endpoint)"
        )


def _check_link(settings: Settings) -> None:
    """The link can be made, as far as it is known here."""
    server_address(settings)
    # A copy of the environment: the service will want to find the master key there as well.
    wanted = is_secure_session(settings, ACRASERVER)
    keys = open_keys(settings, dict(os.environ), lambda: 0.0, wanted)
    link_security(settings, keys, TLSContexts())


def check_whole(settings: Settings) -> list[str]:
    """Exporters and pages can be made, and certificates used; the rest that is to be said.  Raises
    ConfigError, as a start or connections would."""
    remarks: list[str] = []
    try_all(
        lambda: make_exporters(None, "", settings),
        lambda: make_guard(settings, "tls_"),
        lambda: checked(_check_users, settings),
        lambda: remarks.extend(doubts(settings)),
        lambda: remarks.extend(checked(check_certificates, settings)),
    )
    return remarks


def _check_users(settings: Settings) -> None:
    user_ids("allowed_users", settings["allowed_users"])


def check_certificates(settings: Settings) -> list[str]:
    """Return remarks about this side's certificates.  Raises ConfigError if connections cannot
    work with them."""
    parts = []
    if is_tls(settings, ACRASERVER):
        parts.append(Credentials(settings).judged(certificates.CLIENT, link=True))
    if application_tls(settings) in (OFFER, REQUIRE):
        applications = Credentials(settings, "application_tls_", falls_back=False)
        parts.append(applications.judged(certificates.SERVER))
    if settings["zpages_tls_enable"]:
        severe, others = Credentials(settings).judged(certificates.SERVER)
        parts.append(([], [*severe, *others]))
    return told(*parts)
