"""A client whose certificate has proven it, and its login to the database.

The role is logged in by its keys where they are known (see `keylogin`), else by AcraServer's own
certificate, which pg_ident.conf of the database maps to the role.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.postgresql.authentication import Mediated, ProvenHere, unbound
from acra_twisted.dialects.postgresql.challenge import Proof
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.loginactions import Unproven
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.scramkeys import read_keys

METHOD: Final = "certificate"
#: The client is told what is missing; it has proven who it is.
_MISSING: Final = (
    "the database asks for a password, and AcraServer has no keys of this role; name them in "
    "auth_keys_file, or map AcraServer's certificate to the role in pg_ident.conf"
)


def unproven(user: bytes) -> Unproven:
    """Refuse a client whose certificate does not prove that it is ``user``, in PostgreSQL's
    words."""
    text = f'certificate authentication failed for user "{user.decode("utf-8", "replace")}"'
    return Unproven("unknown", backend.encode_error(b"FATAL", b"28000", text), METHOD, True)


def proof_of(user: bytes, keys: bytes) -> Proof:
    """Return the proof that the keys of ``user`` make; see `wire.scramkeys`."""
    client_key, verifier = read_keys(keys)
    return Proof(user, client_key, verifier, b"")


class CertificateLogin(ProvenHere):
    """One login without keys, which nothing binds to the database's TLS; see
    `authentication.Mediator`."""

    def __init__(self, database_binding: str) -> None:
        self._binding = database_binding

    def from_database(self, message: bytes) -> Mediated:
        """Let the client in if the database does.  Raises WireError if it asks for more, or if the
        login has to be bound."""
        if backend.authentication_kind(message[5:]) != backend.AUTH_OK:
            raise WireError("database", _MISSING, EndReason.LOGIN)
        if self._binding == "require":
            raise unbound()
        return Mediated(message)
