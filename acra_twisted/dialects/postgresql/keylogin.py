"""Logging in to the database as a client that has proven who it is: with its key, by SCRAM.

The client hears nothing of it until the database has let it in.  Whatever the database says behind
that, or says instead, is the client's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from acra_twisted import events
from acra_twisted.dialects.postgresql.authentication import (
    TOKENS,
    Mediated,
    ProvenHere,
    not_this_way,
    unbound,
)
from acra_twisted.dialects.postgresql.challenge import ChallengePolicy, Proof
from acra_twisted.dialects.postgresql.passwordmessages import wrong_password
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.loginactions import Action, Stale, Unproven
from acra_twisted.session import Session
from acra_twisted.wire import scram
from acra_twisted.wire.postgres import backend, frontend
from acra_twisted.wire.postgres.frames import message as encode
from acra_twisted.wire.scram import ClientConversation, Keys, ScramError

_PASSWORD: Final = b"p"
_TOKENS: Final = (
    "the database asks for a token (OAUTHBEARER) for this role; such roles need a listener with "
    "auth_mode = passthrough"
)
_FAILED: Final = backend.encode_error(b"FATAL", b"08006", "could not log in to the database")


class KeyLogin(ProvenHere):
    """One login, mediated by `UntilReady`; see `authentication.PassThrough`.

    ``encrypted``: the database's leg has TLS; ``end_point`` is that of the database's certificate.
    ``method`` and ``bound`` tell of the client's leg, for the metric.
    """

    def __init__(
        self,
        session: Session,
        policy: ChallengePolicy,
        proof: Proof,
        bound: bool,
        encrypted: bool,
        end_point: bytes | None,
        method: str = "scram",
    ) -> None:
        self._session = session
        self._method = method
        self._policy = policy
        self._proof: Proof | None = proof
        self._user, self._last = proof.user, proof.last
        self._bound = bound
        self._encrypted = encrypted
        self._end_point = end_point
        self._talk: ClientConversation | None = None
        # The binding that the database may refuse: the header of our first message.
        self._header = b""
        self._expected = backend.AUTH_SASL

    def from_database(self, message: bytes) -> Mediated:
        """Answer an Authentication message.  Raises WireError if the login cannot go on."""
        body = message[5:]
        kind = backend.authentication_kind(body)
        if kind == backend.AUTH_OK:
            return self._let_in(message)
        if kind != self._expected:
            raise self._not_this_way(kind)
        try:
            if kind == backend.AUTH_SASL:
                return self._begin(backend.sasl_mechanisms(body))
            if kind == backend.AUTH_SASL_CONTINUE:
                return self._answer(body[4:])
            return self._confirm(body[4:])
        except ScramError as error:
            if error.kind == scram.UNSUPPORTED:
                text = f"the database's login is refused: {error}"
                raise WireError("database", text, EndReason.LOGIN) from None
            return self._not_proven(str(error))

    def refused(self, message: bytes, fields: Mapping[str, bytes]) -> Mediated:
        """Say what the client gets for an error of the database's."""
        if self._expected in (backend.AUTH_SASL, backend.AUTH_OK):
            return Mediated(message)
        sqlstate = fields.get("C", b"")
        if sqlstate == b"28P01":
            return Mediated(message, actions=(Stale(self._user),))
        if sqlstate == b"28000" and self._header != scram.CANNOT:
            self._report(
                events.BINDING_REFUSED,
                "The database refused the binding of a login",
                "it has another certificate than the one that AcraServer has seen, or was told "
                "that AcraServer knows of no binding",
            )
            return Mediated(actions=(self._end(_FAILED),))
        return Mediated(message)

    def _begin(self, offered: list[bytes]) -> Mediated:
        policy = self._policy
        if scram.PLAIN not in offered and TOKENS in offered:
            raise WireError("database", _TOKENS, EndReason.LOGIN)
        choice = scram.choose(offered, self._encrypted, self._end_point, policy.database_binding)
        talk = self._talk = ClientConversation(choice, policy.nonce())
        self._header = choice.header
        self._expected = backend.AUTH_SASL_CONTINUE
        return Mediated(to_database=frontend.encode_sasl_initial(choice.mechanism, talk.first))

    def _answer(self, said: bytes) -> Mediated:
        talk, proof = self._talk, self._proof
        assert talk is not None and proof is not None  # noqa: S101 - this state has both
        verifier = proof.verifier
        if talk.challenged(said) != (verifier.salt, verifier.iterations):
            # The key fits another secret: a proof by it would be refused, and would be material for
            # guesses.
            error = wrong_password(self._user)
            return Mediated(actions=(Stale(self._user), self._end(error)))
        self._expected = backend.AUTH_SASL_FINAL
        answer = talk.answer(Keys(proof.client_key, verifier.server_key))
        self._proof = None
        return Mediated(to_database=encode(_PASSWORD, answer))

    def _confirm(self, said: bytes) -> Mediated:
        talk = self._talk
        assert talk is not None  # noqa: S101 - this state has one
        if not talk.accepted(said):
            return self._not_proven("it does not know the user's secret")
        self._expected = backend.AUTH_OK
        return Mediated()

    def _let_in(self, message: bytes) -> Mediated:
        """Tell the client that it is in: by its proof, or because the database asks for none, as
        it does with trust and certificates."""
        asks = self._expected == backend.AUTH_SASL
        if not (asks or self._expected == backend.AUTH_OK):
            return self._not_proven("it has let the user in and has not proven itself")
        if self._policy.database_binding == "require" and self._header != scram.BINDS:
            raise unbound()
        self._proof = self._talk = None
        if not self._last:
            # The client was asked for no proof of this kind.
            return Mediated(message)
        last = backend.encode_authentication(backend.AUTH_SASL_FINAL, self._last)
        return Mediated(last + message)

    def _not_this_way(self, kind: int) -> WireError:
        if self._expected != backend.AUTH_SASL:
            return WireError("database", "an Authentication message out of turn")
        return not_this_way(kind)

    def _not_proven(self, why: str) -> Mediated:
        self._report(events.DATABASE_UNPROVEN, "The database has not proven what it is", why)
        return Mediated(actions=(self._end(_FAILED),))

    def _report(self, code: int, text: str, why: str) -> None:
        session = self._session
        session.observer.security_event(code, text, session, None, error=why)

    def _end(self, error: bytes) -> Action:
        self._session.refused = True
        return Unproven("database", error, self._method, self._bound)
