"""Common parts of PostgreSQL's logins: see `servedlogin` and `followedlogin`.

Both read a client's first packets, give it up in PostgreSQL's own words where it cannot have a
session, and go on as `UntilReady` once its startup packet is there.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.dialects.postgresql.sessions import Sessions
from acra_twisted.dialects.postgresql.startup import ALPN, ClientStartup
from acra_twisted.dialects.postgresql.startup import StartTLS as BeginTLS
from acra_twisted.dialects.postgresql.untilready import UntilReady
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.loginactions import CLIENT, DATABASE, Action, Close, Fail, StartTLS, Write
from acra_twisted.lookup import Found
from acra_twisted.wire.postgres.frames import StartupPacket

#: Allows all parameters of a startup packet.
ANYTHING: Final = frozenset("*")


class Login:
    """Gives a client up in PostgreSQL's own words, begins TLS, and knows when it is over."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._until: UntilReady | None = None
        # The error for a client that is given up, and how far its startup has come then.
        self._error = b""
        self._given_up: ClientStartup | None = None
        self._is_over = False
        # TLS began without having been asked for.
        self._direct = False

    def begin(self) -> list[Action]:
        """See ILogin: PostgreSQL's client speaks first."""
        return []

    @property
    def unanswered(self) -> bool:
        """See ILogin."""
        return self._until is not None and self._until.unanswered

    @property
    def due(self) -> int:
        """See ILogin: PostgreSQL's messages have no numbers."""
        return 0

    @property
    def holding(self) -> bool:
        """See ILogin."""
        return self._until is not None and self._until.holding

    @property
    def terminated(self) -> bool:
        """See ILogin."""
        return self._until is not None and self._until.terminated

    def answered(self, answer: Any) -> list[Action]:
        """See ILogin: the only question is a Work."""
        assert self._until is not None  # noqa: S101 - nobody else asks
        return self._until.answered(answer)

    def looked_up(self, found: Found) -> list[Action]:
        """See ILogin: a login that does not ask is told nothing."""
        return []

    def derived(self, salted: bytes) -> list[Action]:
        """See ILogin: a login that does not ask is told nothing."""
        return []

    def tls_started(
        self, leg: str, protocol: bytes | None, end_point: bytes | None = None
    ) -> list[Action]:
        """See ILogin."""
        if self._direct and protocol != ALPN:
            return self._fail(HandshakeError("Direct TLS without ALPN postgresql"), at_once=True)
        if self._given_up is not None:
            self._given_up.tls_started()
        else:
            self._tls_started(end_point)
        return []

    def leave(self) -> list[Action]:
        """See ILogin: a server may be left at any time."""
        return [Close(DATABASE)]

    def _tls_started(self, end_point: bytes | None) -> None:
        raise NotImplementedError  # pragma: no cover - abstract

    def _begin_tls(self, client_hello: bytes) -> StartTLS:
        self._direct = bool(client_hello)
        return StartTLS(CLIENT, client_hello)

    def _fail(self, error: WireError | HandshakeError, at_once: bool = False) -> list[Action]:
        self._is_over = True
        return [Fail(error, at_once)]

    def _end_with(self, error: bytes) -> list[Action]:
        self._is_over = True
        return [Write(CLIENT, error), Close(CLIENT)]

    def _give_up(self, error: bytes, startup: ClientStartup, said: bytes) -> list[Action]:
        """Tell the client as soon as it has sent its startup packet."""
        self._error = error
        self._given_up = startup
        return self._tell(said)

    def _tell(self, data: bytes) -> list[Action]:
        startup = self._given_up
        assert startup is not None  # noqa: S101 - it is given up
        try:
            found = startup.feed(data)
        except WireError:
            self._is_over = True
            return [Close(CLIENT)]
        actions: list[Action] = [Write(CLIENT, startup.reply)] if startup.reply else []
        if isinstance(found, BeginTLS):
            actions.append(self._begin_tls(found.direct))
        elif isinstance(found, StartupPacket):
            actions += self._end_with(self._error)
        elif found is not None:
            self._is_over = True
            actions.append(Close(CLIENT))
        return actions
