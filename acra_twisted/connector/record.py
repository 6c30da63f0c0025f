"""The record of an application's connection: its spans and its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acra_twisted import events
from acra_twisted.connector.applicationtls import LEFT
from acra_twisted.telemetry.logs.audit import identity_fields
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport.failures import Reason, tell

if TYPE_CHECKING:
    from acra_twisted.connector.context import ConnectorContext
    from acra_twisted.session import Identity


class ConnectionRecord:
    """``connector`` is what all connections share, ``number`` and ``identity`` are the
    connection's.  Its span begins at once."""

    def __init__(self, connector: ConnectorContext, number: int, identity: Identity) -> None:
        self._connector = connector
        self._tracing = connector.tracing
        self._number = number
        self._identity = identity
        self._wrap: Span | None = None
        self._loops: list[Span] = []
        # This side's address on the link, once the server has been reached.
        self._local = ""
        self.span = self._tracing.root("handleConnection", spans.CLIENT)
        self.span.add_attribute("acra.connection_id", number)
        if connector.listener:
            self.span.add_attribute("acra.listener", connector.listener)

    # -- spans ------------------------------------------------------------------------------------

    def link_begins(self) -> Span:
        """Begin the span of the link's handshake, and return it."""
        self._wrap = self._tracing.child(self.span, "WrapClient", spans.CLIENT)
        return self._wrap

    def link_stands(self, local: str) -> None:
        """End that span, and begin those of both directions.  ``local`` is this side's address on
        the link."""
        self._local = local
        assert self._wrap is not None  # noqa: S101 - it has begun
        self._wrap.end = self._tracing.clock()
        self._loops = [
            self._tracing.child(self.span, "ProxyWithTracing", spans.INTERNAL) for _ in range(2)
        ]
        for loop, direction in zip(self._loops, ("request", "response"), strict=True):
            loop.add_attribute("acra.direction", direction)

    def hand_on_wrap(self) -> None:
        """Export the span of the link's handshake, now that it was made for something."""
        wrap, self._wrap = self._wrap, None
        if wrap is not None:
            wrap.end = wrap.end or self._tracing.clock()
            self._tracing.emit(wrap)

    def end_loops(self) -> None:
        """End the spans of both directions."""
        for span in self._loops:
            self._tracing.finish(span)

    def finish(self) -> None:
        """End all spans."""
        self.hand_on_wrap()
        self.end_loops()
        self._tracing.finish(self.span)

    # -- events -----------------------------------------------------------------------------------

    def event(self, code: int, text: str, **fields: Any) -> None:
        """Report an event of this connection."""
        self._connector.event(
            code,
            text,
            trace_id=self.span.trace_id,
            span_id=self.span.span_id,
            session_id=self._number,
            **{**identity_fields(self._identity), **fields},
        )

    def _of_link(self, code: int, text: str, error: str) -> None:
        self.event(code, text, error=error, local=self._local or None)

    def unreachable(self, reason: Reason, local: str) -> None:
        """Report that there is no link, and end the span of its handshake.  ``local`` is empty if
        the server was not reached at all."""
        self._local = local
        assert self._wrap is not None  # noqa: S101 - it has begun
        tell(self._wrap, spans.UNAVAILABLE, reason)
        self.hand_on_wrap()
        if self._local:
            self.span.fail(spans.UNKNOWN, "")
            self._of_link(events.WRAP_CONNECTION, "Can't wrap connection", str(reason))
        else:
            text = "Can't connect to AcraServer"
            self.span.fail(spans.UNKNOWN, text)
            self._of_link(events.START_CONNECTION, text, str(reason))

    def refused(self, refusal: str) -> None:
        """Report that AcraServer has refused the session."""
        self._of_link(events.START_CONNECTION, "AcraServer refused the session", refusal)

    def foreign(self, reason: Reason) -> None:
        """Report that the first answer is none of AcraServer's."""
        tell(self.span, spans.UNAVAILABLE, reason)
        self._of_link(events.WRAP_CONNECTION, "Can't wrap connection", str(reason))

    def lost(self, reason: Reason) -> None:
        """Report that the link is gone."""
        tell(self.span, spans.UNKNOWN, reason)
        self._of_link(events.CLOSE_CONNECTION, "Lost AcraServer", str(reason))

    def tls_failed(self, reason: Reason) -> None:
        """Report that TLS with the application was begun and is not complete."""
        self.event(events.TLS_INIT, "TLS with an application failed", error=str(reason))

    def declined(self) -> None:
        """Log why an application may have left that was told that there is no TLS."""
        self._connector.log.info("{event_text}", event_text=LEFT, session_id=self._number)

    def not_followed(self, silent: str) -> None:
        """Log the end of a connection without a session; ``silent`` if it asked for nothing."""
        log = self._connector.log.debug if silent else self._connector.log.info
        log(
            "Finished processing client's connection",
            reason="it asked for nothing" if silent else "nothing was followed",
            session_id=self._number,
            trace_id=self.span.trace_id,
            span_id=self.span.span_id,
        )
