"""The login of an application that a connector follows to AcraServer."""

from __future__ import annotations

from typing import Final

from zope.interface import classImplements

from acra_twisted.dialectinterfaces import IFollowedLogin
from acra_twisted.dialects.postgresql.followedstartup import FollowedStartup
from acra_twisted.dialects.postgresql.login import ANYTHING, Login
from acra_twisted.dialects.postgresql.sessions import Sessions
from acra_twisted.dialects.postgresql.startup import ClientStartup, StartupPolicy
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    OFFER,
    PASS,
    REQUIRE,
    Action,
    Carry,
    Copy,
    Open,
    Write,
)
from acra_twisted.session import Session
from acra_twisted.wire.postgres import frames
from acra_twisted.wire.postgres.frames import StartupPacket

#: So much of what a client has said is kept until the server answers.
_SAID_LIMIT: Final = 16 * 1024
_REQUESTS: Final = (frames.SSL_REQUEST_PACKET, frames.GSSENC_REQUEST_PACKET)


class FollowedLogin(Login):
    """An application of a connector.  AcraServer has been reached already.

    ``tls`` says who answers a request for TLS; ``reads``: sessions are followed; without it, and
    with PASS, everything is carried unread.  ``startup_span``: see Sessions.follow.
    """

    def __init__(
        self, sessions: Sessions, tls: str = PASS, reads: bool = True, startup_span: str = ""
    ) -> None:
        super().__init__(sessions)
        self._tls = tls
        self.reads = reads
        self._startup_span = startup_span
        self._watch: FollowedStartup | None = FollowedStartup(tls)
        self._wanted: StartupPacket | None = None
        #: What the client has said and has no answer to; None once the server has answered.
        self.said: bytes | None = b""

    def begin(self) -> list[Action]:
        """See ILogin."""
        if self.reads or self._tls != PASS:
            return []
        self._watch = None
        return [Carry("")]

    @property
    def encrypted(self) -> bool:
        """See ILogin."""
        return self._watch is not None and self._watch.encrypted

    @property
    def declined(self) -> bool:
        """See ILogin."""
        return self._watch is not None and self._given_up is None and self._watch.declined

    @property
    def unanswered(self) -> bool:
        """See ILogin.  A cancel request has no answer."""
        if self._until is not None:
            return self._until.unanswered
        return not (self._is_over or self.said is None or _asks_to_cancel(self.said))

    def feed(self, leg: str, data: bytes) -> list[Action]:
        """See ILogin."""
        if self._is_over:
            return []
        if self._until is not None:
            if leg == DATABASE:
                self.said = None
            return self._until.feed(leg, data)
        if leg == DATABASE:
            return self._answer(data)
        if self._given_up is not None:
            return self._tell(data)
        if self.said is not None:
            self.said += data
            if len(self.said) > _SAID_LIMIT:
                self.said = None
        if self._watch is None:
            return [Write(DATABASE, data)]
        try:
            passed = self._watch.from_client(data)
        except WireError as error:
            return self._fail(error)
        return self._watched(self._watch, passed) + self._unread()

    def _answer(self, data: bytes) -> list[Action]:
        """The server speaks."""
        if self._given_up is not None:
            return []
        answers_request = data == b"N" and self.said in _REQUESTS
        actions: list[Action] = []
        if self._watch is not None:
            try:
                passed = self._watch.from_database(data)
            except WireError as error:
                return self._fail(error)
            actions += self._watched(self._watch, passed)
        self.said = b"" if answers_request else None
        actions.append(Write(CLIENT, data))
        return actions + self._unread()

    def _unread(self) -> list[Action]:
        """The server has answered to what is carried unread: nobody need look any more."""
        if self._watch is not None or self.said is not None:
            return []
        self._is_over = True
        return [Copy()]

    def _watched(self, watch: FollowedStartup, passed: bytes) -> list[Action]:
        actions: list[Action] = []
        if watch.reply:
            actions.append(Write(CLIENT, watch.reply))
            watch.reply = self.said = b""
        if passed:
            actions.append(Write(DATABASE, passed))
        if watch.begins_tls:
            self.said = b""
            actions.append(self._begin_tls(watch.client_hello))
        elif watch.opaque:
            self._watch = None
            actions.append(Carry(watch.opaque))
        elif watch.startup is not None and not self.reads:
            self._watch = None
            actions += [Carry(""), Write(DATABASE, watch.packet + watch.rest)]
        elif watch.startup is not None:
            self._wanted = watch.startup
            actions.append(Open())
        return actions

    def _tls_started(self, end_point: bytes | None) -> None:
        if self._watch is not None:
            self._watch.tls_started()

    def connected(
        self, encrypted: bool, sent: bool = False, end_point: bytes | None = None
    ) -> list[Action]:
        """See ILogin: AcraServer had been reached before the login began."""
        return []

    def opened(self, session: Session) -> list[Action]:
        """See ILogin."""
        watch, startup = self._watch, self._wanted
        assert watch is not None and startup is not None  # noqa: S101 - this is how it opens
        self._watch = None
        until = self._until = self._sessions.follow(session, startup, self._startup_span)
        actions: list[Action] = [Write(DATABASE, watch.packet)]
        return actions + (until.feed(CLIENT, watch.rest) if watch.rest else [])

    def refuse(self, reason: EndReason, text: str, trace_id: str = "") -> list[Action]:
        """See ILogin."""
        error = self._sessions.fatal(reason, text, trace_id)
        if self._until is not None or self._is_over:
            return self._end_with(error)
        watch = self._watch
        offered = "allow" if self._tls in (OFFER, REQUIRE) else "disable"
        policy = StartupPolicy(offered, ANYTHING, replication=True)
        startup = ClientStartup(policy, self.encrypted)
        said, self.said = self.said or b"", None
        if watch is not None and watch.begins_tls:
            # The handshake goes on; the startup packet comes within it.
            said = b""
        return self._give_up(error, startup, said)


# Not as a decorator: compiled classes have none.
classImplements(FollowedLogin, IFollowedLogin)


def _asks_to_cancel(said: bytes) -> bool:
    """Return True if that is a cancel request, perhaps behind one for encryption."""
    code = frames.STARTUP_HEADER.unpack_from(said)[1] if len(said) >= 8 else 0
    return code == frames.CANCEL_REQUEST
