"""Sentences about logins that cannot work as they are configured, and what to set instead."""

from __future__ import annotations

from typing import Final

from OpenSSL import crypto

from acra_twisted.config.authentication import ends_authentication, uses_secrets
from acra_twisted.config.databasekind import is_mysql
from acra_twisted.daemon.link import ACRACONNECTOR, is_plain
from acra_twisted.options import Settings
from acra_twisted.server.upstream import database_address, uses_database_tls
from acra_twisted.transport.binding import end_point
from acra_twisted.transport.credentials import Credentials

REMEDY: Final = (
    "name auth_file or auth_query_user, so that AcraServer checks users itself, or have clients "
    "set channel_binding=disable"
)
_UNBOUND: Final = (
    "tls_cert: clients with channel_binding=require cannot log in: the certificate's signature "
    "has no hash (Ed25519, Ed448); take one that an RSA or ECDSA key has signed"
)


def ends_client_tls(settings: Settings) -> bool:
    """Return True if applications may have TLS of the database's protocol with this server."""
    if settings["client_tls"] in ("allow", "require"):
        return True
    plain = is_plain(settings, ACRACONNECTOR)
    return bool(settings["client_tls"] == "auto" and plain and settings["tls_cert"])


def can_bind(client: Credentials) -> bool:
    """Return True if a login can be bound to the certificate that clients are shown."""
    if client.certificate is None:
        return True
    return end_point(crypto.dump_certificate(crypto.FILETYPE_ASN1, client.certificate)) is not None


def advice(settings: Settings) -> list[str]:
    """Return a sentence for each kind of login that will fail.  Raises ConfigError if a
    certificate cannot be read."""
    found = []
    if (
        not is_mysql(settings)
        and not ends_authentication(settings)
        and ends_client_tls(settings)
        and uses_database_tls(settings)
        and not database_address(settings).path
    ):
        found.append(
            "auth_mode: SCRAM with channel binding, which clients with TLS use by themselves, "
            f"cannot pass through, for the database has TLS, too; {REMEDY}"
        )
    if uses_secrets(settings) and ends_client_tls(settings):
        if not can_bind(Credentials(settings, "tls_client_")):
            found.append(_UNBOUND)
    return found
