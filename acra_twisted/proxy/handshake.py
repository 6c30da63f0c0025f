"""A login carried out between two channels, until a `Relay` takes over or the client has gone.

The login decides (see dialectinterfaces.ILogin); this does what it asks for.  What one daemon
alone can do, such as reaching the database, is done by its host: the daemon's connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from acra_twisted.dialectinterfaces import ILogin
from acra_twisted.endreason import EndReason, Farewell
from acra_twisted.errors import WireError
from acra_twisted.exchange import lose_replies
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    Action,
    Ask,
    Close,
    Fail,
    Open,
    Ready,
    StartTLS,
    Write,
)
from acra_twisted.lookup import Found
from acra_twisted.pipeline.driver import settled
from acra_twisted.proxy import ends
from acra_twisted.proxy.limits import Limits
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import GETTING_READY, STAGE, Valve, between
from acra_twisted.session import Session
from acra_twisted.telemetry.logs.audit import session_fields
from acra_twisted.transport.binding import end_point
from acra_twisted.verdicts import Hangup

_log: Final = Logger()


class Host(Protocol):
    """A daemon's connection, as its handshake sees it."""

    def tls_context(self, leg: str) -> Any:
        """Return the TLSContext of a leg."""

    def make_session(self) -> Session:
        """Make the session's record."""

    def failed(self, error: Exception, at_once: bool) -> None:
        """End a connection that has no session, for a WireError or a HandshakeError."""

    def fatal(self, reason: EndReason, text: str, number: int) -> bytes:
        """Encode the error that ends a session, which has a number, as in IReplyFlow.due."""

    def session_ready(self, relay: Relay) -> None:
        """Take note that ``relay`` has the session from here on, and the handshake nothing."""

    def session_ended(self, reason: str) -> None:
        """Take note that the session is over."""


class Handshake:
    """``client`` is a Channel.  ``pipeline`` is a `pipeline.hooks.Pipeline`, or whatever answers
    the login's questions.  ``reactor`` gives the time; ``actions`` are carried out by the host, by
    their types.
    """

    def __init__(
        self,
        login: ILogin,
        client: Any,
        host: Host,
        pipeline: Any,
        limits: Limits,
        reactor: Any,
        actions: Mapping[type[Any], Callable[[Any], None]],
    ) -> None:
        self.login = login
        self._channels: dict[str, Any] = {CLIENT: client}
        self._host = host
        self._pipeline = pipeline
        self._limits = limits
        self._reactor = reactor
        #: Stop reading the client and the database; made with the session.
        self.valves: tuple[Valve, Valve] | None = None
        #: The session, once there is one.
        self.session: Session | None = None
        # Where bytes go from each leg once the login has nothing to do with them.
        self._onward: dict[str, Callable[[bytes], None]] | None = None
        #: Nothing more is carried out.
        self.is_over = False
        self._on: dict[type[Any], Callable[[Any], None]] = {
            Write: lambda action: self._channels[action.leg].write(action.data),
            StartTLS: self._start_tls,
            Open: self._open,
            Ask: self._ask,
            Close: lambda action: self._channels[action.leg].close(),
            Fail: self._fail,
            Ready: self._ready,
            **actions,
        }

    # -- facts ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin: the client is there."""
        self._perform(self.login.begin())

    def from_client(self, data: bytes) -> None:
        """Take bytes of the client."""
        self._feed(CLIENT, data)
        if self.valves is not None and self.login.holding and not self.is_over:
            self.valves[0].close(GETTING_READY)

    def from_database(self, data: bytes) -> None:
        """Take bytes of the database."""
        self._feed(DATABASE, data)

    def _feed(self, leg: str, data: bytes) -> None:
        if self._onward is not None:
            # A transport may still have the way of before for what it is reading now.
            self._onward[leg](data)
            return
        try:
            self._perform(self.login.feed(leg, data))
        except Exception:
            if self.session is None:
                raise
            self._broken(Failure())

    def tls_started(self, leg: str) -> None:
        """Take note that TLS, begun for StartTLS, is complete."""
        channel = self._channels[leg]
        server = channel.own_certificate() if leg == CLIENT else channel.certificate
        found = None if server is None else end_point(server)
        protocol = channel.transport.negotiatedProtocol
        self._perform(self.login.tls_started(leg, protocol, found))

    def looked_up(self, found: Found) -> None:
        """Go on with what was found for LookUp."""
        self._perform(self.login.looked_up(found))

    def derived(self, salted: bytes) -> None:
        """Go on with what was derived for Derive."""
        self._perform(self.login.derived(salted))

    def attach(self, database: Any) -> None:
        """Take the database's channel, which was reached before the login begins."""
        self._channels[DATABASE] = database

    def reached(self, database: Any, encrypted: bool, sent: bool = False) -> None:
        """Go on with ``database``, which was reached for Connect; see ILogin.connected."""
        self.attach(database)
        server = database.certificate if encrypted else None
        found = None if server is None else end_point(server)
        self._perform(self.login.connected(encrypted, sent, found))

    def let_go(self) -> None:
        """Carry out nothing more: both channels are copied from here on, by the host."""
        self.is_over = True
        client, database = self._channels[CLIENT], self._channels[DATABASE]
        self._onward = {CLIENT: database.write, DATABASE: client.write}
        if self.valves is not None:
            self.valves[0].open(GETTING_READY)

    @property
    def finished(self) -> bool:
        """True if there was a session and it has ended, or a relay has it."""
        return self.is_over

    def refuse(self, reason: EndReason, text: str, trace_id: str = "") -> None:
        """Give up a client that has no session; see ILogin."""
        self._perform(self.login.refuse(reason, text, trace_id))

    def leave(self) -> None:
        """Leave the database before the session is ready; see ILogin."""
        for action in self.login.leave():
            self._on[type(action)](action)

    # -- actions ----------------------------------------------------------------------------------

    def _perform(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if self.is_over:
                return
            self._on[type(action)](action)

    def _start_tls(self, action: StartTLS) -> None:
        context = self._host.tls_context(action.leg)
        self._channels[action.leg].start_tls(context, action.leg == DATABASE, action.received)

    def _open(self, action: Open) -> None:
        channels = self._channels
        self.valves = between(channels[CLIENT], channels[DATABASE], self._reactor.seconds)
        session = self.session = self._host.make_session()
        self._perform(self.login.opened(session))
        if self.login.holding and not self.is_over:
            self.valves[0].close(GETTING_READY)

    def _fail(self, action: Fail) -> None:
        if self.session is None:
            self._host.failed(action.error, action.at_once)
        elif isinstance(action.error, WireError):
            self.finish("protocol error", ends.broken(self.session, action.error))

    def _ready(self, action: Ready) -> None:
        self.is_over = True
        session = self.session
        assert session is not None and self.valves is not None  # noqa: S101 - Open came before
        relay = Relay(
            session,
            self._channels[CLIENT],
            self._channels[DATABASE],
            action.flows,
            self._pipeline,
            self._limits,
            fatal=self._host.fatal,
            seconds=self._reactor.seconds,
            later=self._reactor.callLater,
            ended=self._host.session_ended,
            valves=self.valves,
        )
        self._host.session_ready(relay)
        # These name their owner: they would keep it until garbage is collected.
        self._on = {}
        relay.begin()
        self._onward = {CLIENT: relay.from_client, DATABASE: relay.from_database}
        if self.login.terminated:
            relay.finish(ends.TERMINATED)
            return
        if action.from_database:
            relay.from_database(action.from_database)
        if session.draining:
            relay.drain()
        if action.from_client and not relay.finished:
            relay.from_client(action.from_client)
        self.valves[0].open(GETTING_READY)

    # -- questions --------------------------------------------------------------------------------

    def _ask(self, action: Ask) -> None:
        verdict = self._pipeline.run(action.question)
        if isinstance(verdict, Deferred):
            verdict = settled(verdict)
        if isinstance(verdict, Deferred):
            if self.valves is not None:
                self.valves[1].close(STAGE)
            verdict.addCallback(self._answer_late)
            # The pipeline's Deferred never fails: what fails is ours.
            verdict.addErrback(self._broken)
        else:
            self._answer(verdict)

    def _answer_late(self, verdict: Any) -> None:
        if not self.is_over:
            if self.valves is not None:
                self.valves[1].open(STAGE)
            self._answer(verdict)

    def _answer(self, verdict: Any) -> None:
        if type(verdict) is Hangup:
            self.finish(f"stage: {verdict.reason}", ends.HUNG_UP)
        else:
            self._perform(self.login.answered(verdict))

    def _broken(self, failure: Failure) -> None:
        assert self.session is not None  # noqa: S101 - a session's login asked
        _log.failure("internal error", failure, **session_fields(self.session))
        self.finish("internal error", ends.INTERNAL)

    # -- the end ----------------------------------------------------------------------------------

    def client_lost(self, reason: Failure) -> None:
        """End the session: the client is gone."""
        self._lost("client", reason, None)

    def database_lost(self, reason: Failure, unanswered: Farewell = ends.UNANSWERED) -> None:
        """End the session: the database is gone.  ``unanswered`` is what a client is told that
        waits for its session, and has been told of no error."""
        self._lost("database", reason, unanswered if self.login.unanswered else None)

    def _lost(self, side: str, reason: Failure, farewell: Farewell | None) -> None:
        if self.session is not None and self.login.terminated:
            self.finish(ends.TERMINATED)
        elif self.session is not None:
            self.finish(ends.lost(self.session, side, reason), farewell)

    def drain(self) -> None:
        """End the session as soon as no work is lost by it."""
        if self.session is not None:
            self.session.draining = True

    def finish(self, reason: str, farewell: Farewell | None = None) -> None:
        """End the session, once: tell the client why, close both sides."""
        if self.is_over:
            return
        self.is_over = True
        client, session = self._channels[CLIENT], self.session
        if farewell is not None:
            client.write(self._host.fatal(*farewell, self.login.due))
        client.close()
        self.leave()
        assert session is not None  # noqa: S101 - it is a session that ends
        lose_replies(session)
        self._host.session_ended(reason)
