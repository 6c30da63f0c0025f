"""Where AcraConnector's settings take effect."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.commoneffects import (
    KEY_SETTINGS,
    KEY_STORE_RULES,
    LISTENER_RULES,
    LOGGING_RULES,
    TRACING_RULES,
    serves_pages,
)
from acra_twisted.config.effects import Rule
from acra_twisted.config.history import WATCHING_RULES
from acra_twisted.config.revocation import ACRASERVER as LINK
from acra_twisted.config.revocation import APPLICATION, CONNECTOR_REVOCATION
from acra_twisted.config.revocationeffects import revocation_rules
from acra_twisted.connector.applicationtls import application_tls
from acra_twisted.daemon.link import ACRASERVER, is_secure_session, is_tls
from acra_twisted.loginactions import OFFER, REQUIRE
from acra_twisted.options import Settings


def _link_tls(settings: Settings) -> bool:
    return is_tls(settings, ACRASERVER)


def _is_secure_session(settings: Settings) -> bool:
    return is_secure_session(settings, ACRASERVER)


def _ends_tls(settings: Settings) -> bool:
    return application_tls(settings) in (OFFER, REQUIRE)


def verifies_server(settings: Settings) -> bool:
    """Return True if AcraServer's certificate is verified."""
    return _link_tls(settings) and settings["tls_auth"] != 0


def verifies_applications(settings: Settings) -> bool:
    """Return True if certificates of applications are verified."""
    return _ends_tls(settings) and bool(settings["application_tls_ca"])


def verified_legs(settings: Settings) -> list[str]:
    """The legs whose peers' certificates are verified, as `config.revocation` names them."""
    verified = {LINK: verifies_server, APPLICATION: verifies_applications}
    return [leg for leg, verifies in verified.items() if verifies(settings)]


def _has_unix_socket(settings: Settings) -> bool:
    api = settings["http_api_enable"] and settings["incoming_connection_api_string"]
    return bool(settings["incoming_connection_string"].path or api and api.path)


_UNENDED: Final = (
    "the connector does not end TLS of applications; set application_tls = require, with "
    "application_tls_cert and application_tls_key"
)

RULES: Final = (
    *LISTENER_RULES,
    Rule(
        ("acraserver_transport_encryption_disable",),
        lambda settings: not _link_tls(settings),
        "acraserver_tls_transport_enable is on, too, and the link is TLS; take one of the two out",
    ),
    Rule(
        ("acraserver_securesession_id",),
        _is_secure_session,
        "the link is not Secure Session",
    ),
    Rule(
        ("acraserver_connection_string",),
        lambda settings: not settings["acraserver_connection_host"],
        "acraserver_connection_host says where AcraServer is",
    ),
    Rule(
        ("acraserver_connection_port", "acraserver_api_connection_port"),
        lambda settings: settings["acraserver_connection_host"],
        "it goes with acraserver_connection_host, which is empty",
    ),
    Rule(
        ("acraserver_api_connection_string", "acraserver_api_connection_port"),
        lambda settings: settings["http_api_enable"],
        "http_api_enable is off",
    ),
    Rule(("tls_acraserver_sni",), _link_tls, "the link is not TLS"),
    Rule(
        ("tls_ca", "tls_cert", "tls_key", "tls_auth"),
        lambda settings: (
            _link_tls(settings) or serves_pages(settings) and settings["zpages_tls_enable"]
        ),
        "the link is not TLS; set acraserver_tls_transport_enable = true",
    ),
    Rule(("application_tls_ca",), _ends_tls, _UNENDED, protects=True),
    Rule(("application_tls_cert", "application_tls_key"), _ends_tls, _UNENDED),
    Rule(("tls_ocsp_staple",), _link_tls, "the link is not TLS"),
    *revocation_rules(
        CONNECTOR_REVOCATION.options,
        {
            LINK: (
                verifies_server,
                "AcraServer's certificate is not verified; set acraserver_tls_transport_enable = "
                "true, and tls_auth = 4",
            ),
            APPLICATION: (
                verifies_applications,
                "no certificate of an application is verified; set application_tls_ca",
            ),
        },
    ),
    Rule(
        ("unix_socket_mode",),
        _has_unix_socket,
        "incoming_connection_string is no unix socket",
    ),
    Rule(
        ("message_size_limit", "max_prepared_statements", "max_pending_exchanges"),
        lambda settings: settings["tracing_scope"] == "request",
        "tracing_scope = connection: the protocol is carried unread",
    ),
    Rule(
        KEY_SETTINGS,
        lambda settings: _is_secure_session(settings) or settings["audit_log_enable"],
        "nothing needs keys: the link is not Secure Session, the log is not signed",
    ),
    *KEY_STORE_RULES,
    *LOGGING_RULES,
    *TRACING_RULES,
    *WATCHING_RULES,
)
