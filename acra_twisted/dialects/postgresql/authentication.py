"""Passwords, MD5 and SCRAM pass through; what cannot pass is detected and explained.

SCRAM with channel binding ties the login to the TLS connection that the client sees.  A proxy
that ends TLS on both legs shows the client another certificate than the database has, so the
login must fail, at the database, with a text that helps no one.  Which legs have TLS decides:

====== ======== =================================================================================
client database what happens
====== ======== =================================================================================
plain  plain    passes
TLS    plain    passes (the database offers no binding, and accepts a client that could have)
plain  TLS      ``SCRAM-SHA-256-PLUS`` is taken off the offer: over a plain connection libpq
                takes it for an attack; the database accepts a client that cannot bind.  A
                client that could has TLS that something before us ends (AcraConnector): it is
                told as below
TLS    TLS      passes for a client that does not ask for binding (``channel_binding=disable``);
                any other is told so
====== ======== =================================================================================
"""

from __future__ import annotations

from typing import NamedTuple

from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import backend

EXPLANATION = (
    "SCRAM channel binding cannot pass through AcraConnector and AcraServer, which end TLS on "
    "both sides; connect with channel_binding=disable"
)


class AuthenticationPolicy(NamedTuple):
    """Which legs have TLS, and whether passwords may cross a database leg without it."""

    client_tls: bool = False
    database_tls: bool = False
    password_without_tls: bool = True


class PassThrough:
    """Watches one login."""

    def __init__(self, policy: AuthenticationPolicy) -> None:
        self._policy = policy
        self._binding_offered = False

    def from_database(self, body: bytes) -> bytes | None:
        """An Authentication message: None to let it pass, or a message in its place.

        Raises WireError if it must not go on.
        """
        kind = backend.authentication_kind(body)
        policy = self._policy
        if kind in (backend.AUTH_CLEARTEXT, backend.AUTH_MD5):
            if not (policy.database_tls or policy.password_without_tls):
                raise WireError(
                    "database",
                    "the database asks for a password over a connection without TLS; "
                    "use SCRAM, or set db_tls = require",
                    b"28000",
                )
        elif kind == backend.AUTH_SASL:
            offered = backend.sasl_mechanisms(body)
            if backend.SCRAM_PLUS in offered:
                self._binding_offered = policy.database_tls
                if not policy.client_tls:
                    return backend.encode_sasl([m for m in offered if m != backend.SCRAM_PLUS])
        return None

    def from_client(self, body: bytes) -> None:
        """The client's answer.  Raises WireError if it asks for what cannot work."""
        if not self._binding_offered:
            return
        # Only the first answer names a mechanism; what follows is the mechanism's own.
        self._binding_offered = False
        mechanism, _, rest = body.partition(b"\0")
        # Four bytes of length, then the GS2 header: n, y or p=...
        if mechanism == backend.SCRAM_PLUS or rest[4:5] in (b"y", b"p"):
            raise WireError("client", EXPLANATION, b"28000")
