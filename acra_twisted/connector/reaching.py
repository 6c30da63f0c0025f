"""One application's way to AcraServer: the link that is made for it, and the first answer on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from acra_twisted.connector.answer import explain, greets, judge
from acra_twisted.connector.link import Attempt, LinkChannel, begin
from acra_twisted.transport import spoken
from acra_twisted.transport.failures import Reason, reason_of
from acra_twisted.wire.link import tracecontext

if TYPE_CHECKING:
    from acra_twisted.connector.context import ConnectorContext
    from acra_twisted.connector.record import ConnectionRecord


class Application(Protocol):
    """The application's connection."""

    def reached(self, link: LinkChannel) -> None:
        """The link stands, and the trace has been handed on."""

    def unreachable(self, reason: Reason) -> None:
        """There is no link."""

    def abandoned(self) -> None:
        """A link that was made for an application which has gone meanwhile has come to its end."""

    def broken(self, failure: Failure) -> None:
        """Something here is at fault."""


class Reaching:
    """One connection's.  ``startup_span`` is the id of the span of its session's startup, empty if
    it has none."""

    __slots__ = (
        "_connector",
        "_application",
        "_record",
        "_startup_span",
        "_attempt",
        "_connecting",
        "_is_left",
        "_opening",
        "_has_answered",
    )

    def __init__(
        self,
        connector: ConnectorContext,
        application: Application,
        record: ConnectionRecord,
        startup_span: str,
    ) -> None:
        self._connector = connector
        self._application = application
        self._record = record
        self._startup_span = startup_span
        self._attempt: Attempt | None = None
        self._connecting: Deferred[LinkChannel] | None = None
        self._is_left = False
        # How the application began, until it is answered.
        self._opening = b""
        self._has_answered = False

    @property
    def in_progress(self) -> bool:
        """True while a link is being made."""
        return self._connecting is not None

    def begin(self) -> None:
        """Make the link."""
        connector, span = self._connector, self._record.link_begins()
        self._attempt = begin(connector.connect, connector.connect_timeout, connector.reactor, span)
        self._connecting = self._attempt
        self._connecting.addCallbacks(self._established, self._failed)
        self._connecting.addErrback(self._application.broken)

    def leave(self) -> None:
        """The application is gone.  A link that is being made goes on until it stands: for the
        server, who goes in the middle of a handshake is worth a warning."""
        self._is_left = True

    def cancel(self) -> None:
        """Give up a link that is being made."""
        if self._connecting is not None:
            self._connecting.cancel()

    def _established(self, link: LinkChannel) -> None:
        self._connecting = None
        if self._is_left:
            # The server's handshake is complete: to go now is nothing to speak of.
            link.close()
            self._application.abandoned()
            return
        self._record.link_stands(self._local)
        context = self._record.span.context
        link.write(tracecontext.encode(context, self._connector.mark, self._startup_span))
        self._application.reached(link)

    def _failed(self, failure: Failure) -> None:
        self._connecting = None
        if self._is_left:
            self._application.abandoned()
            return
        reason = reason_of(failure, self._connector.server)
        self._record.unreachable(reason, self._local)
        self._application.unreachable(reason)

    @property
    def _local(self) -> str:
        assert self._attempt is not None  # noqa: S101 - it has begun
        return self._attempt.local

    # -- on the link ------------------------------------------------------------------------------

    def note_opening(self, data: bytes) -> None:
        """Take note of what the application says."""
        if len(self._opening) < spoken.LOOK and not self._has_answered:
            self._opening += data[: spoken.LOOK]

    def is_early(self, data: bytes) -> bool:
        """Return True if the server greets before the application has said anything, as servers of
        its protocol do not: see Greeting."""
        unasked = not self._opening and not self._has_answered
        return unasked and greets(data, self._connector.dialect)

    def strange(self, data: bytes, said: bytes) -> Reason | None:
        """Return a reason, which is logged, if these first bytes of an answer to ``said`` are not
        AcraServer's.  This also logs an error that they are."""
        self._has_answered = True
        # What the connector itself has answered is not in ``said``.
        wrong, refusal = judge(data, said or self._opening, self._connector.dialect)
        if refusal:
            self._record.refused(refusal)
        if wrong is None:
            return None
        reason = reason_of(wrong, self._connector.server, stood=True)
        self._record.foreign(reason)
        return reason

    def lost(self, failure: Failure, unanswered: bool, has_ended: bool) -> Reason:
        """Return why the link is gone, and log it if nobody has ended the session before.
        ``unanswered``: something has been said, or waited for, that has no answer."""
        reason = reason_of(failure, self._connector.server, stood=True, unanswered=unanswered)
        if unanswered and not self._has_answered:
            reason = explain(reason, self._connector.dialect)
        if unanswered or not (failure.check(ConnectionDone) or has_ended):
            self._record.lost(reason)
        return reason
