"""A leg's judge of peers: has their certificates checked for revocation, and says what was found.

It stands between the transports, which ask it after each handshake, and the checker of the leg.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.interfaces import IPeerJudge
from acra_twisted.telemetry.metrics.revocation import RevocationMetrics
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport import certificates
from acra_twisted.transport.channel import Channel
from acra_twisted.transport.evidence import Evidence
from acra_twisted.transport.identity import subject_of
from acra_twisted.transport.revocation.checker import RevocationChecker
from acra_twisted.transport.revocation.policy import RESUMED_UNSEEN, REVOKED, Verdict
from acra_twisted.transport.tlscontext import TLSContext
from acra_twisted.transport.verifier import CertificateRefused


@implementer(IPeerJudge)
class PeerJudge:
    """Judges the peers of ``leg``.  ``check`` is the leg's RevocationChecker, ``event`` logs and
    counts an event; ``closes``: an open session ends when its certificate is revoked.
    ``connects``: this side has connected to the peer."""

    def __init__(
        self,
        leg: str,
        checker: RevocationChecker,
        *,
        event: Callable[..., None],
        metrics: RevocationMetrics,
        tracing: Any,
        closes: bool,
        connects: bool,
    ) -> None:
        self.leg = leg
        self.checker = checker
        self._event = event
        self._metrics = metrics
        self._tracing = tracing
        self._closes = closes
        self._where = "server" if connects else "peer"
        self._contexts: list[TLSContext] = []

    def watch(self, context: TLSContext) -> None:
        """See IPeerJudge."""
        context.judge = self
        if self.checker.policy.stapling:
            context.ask_for_staples()
        self._contexts.append(context)

    def forget_sessions(self) -> None:
        """Resume no session of before: a certificate has been revoked."""
        for context in self._contexts:
            context.forget_sessions()

    def judge(self, evidence: Evidence, channel: Channel) -> Deferred[None] | None:
        """See IPeerJudge."""
        leaf = evidence.chain[0]
        chain = self.checker.known(leaf) if evidence.resumed else evidence.chain
        if chain is None:
            # With its session it would be refused again and again.
            self.forget_sessions()
            self._decide(RESUMED_UNSEEN, evidence, channel)
            return None
        found = self.checker.verdict(chain, evidence.staple)
        if isinstance(found, Verdict):
            self._decide(found, evidence, channel)
            return None
        span = self._begin(channel)

        def decided(verdict: Verdict) -> None:
            if span is not None:
                self._end(span, verdict)
            if channel.is_gone:
                self.checker.untold(leaf, verdict)
            else:
                self._decide(verdict, evidence, channel)

        return found.addCallback(decided)

    def _begin(self, channel: Channel) -> Span | None:
        if channel.parent_span is None:
            return None
        span: Span = self._tracing.child(channel.parent_span, "revocation check", spans.INTERNAL)
        span.add_attribute("acra.revocation.leg", self.leg)
        return span

    def _end(self, span: Span, verdict: Verdict) -> None:
        span.add_attribute("acra.revocation.result", verdict.reason)
        if not verdict.accepted:
            span.fail(spans.UNAVAILABLE, f"the certificate {verdict.about}")
        self._tracing.finish(span)

    def _decide(self, verdict: Verdict, evidence: Evidence, channel: Channel) -> None:
        """Raises CertificateRefused for a verdict that refuses."""
        leaf = evidence.chain[0]
        if verdict.reason:
            self._metrics.checked(self.leg, verdict.reason, verdict.accepted)
        if not verdict.accepted:
            if evidence.resumed and self._where == "server":
                # A session that is resumed brings no staple: with it, it would stay so.
                self.forget_sessions()
            revoked = verdict.reason == REVOKED
            code = events.REVOKED if revoked else events.REVOCATION_UNKNOWN
            self._tell(code, "A peer was refused for its certificate", verdict.about, leaf, channel)
            raise _refusal(revoked, verdict.about, leaf)
        if verdict.event:
            text = "A peer was accepted whose certificate could not be checked for revocation"
            self._tell(events.REVOCATION_NOT_CHECKED, text, verdict.about, leaf, channel)
        channel.until_lost(self.checker.follow(leaf, lambda: self._is_revoked(leaf, channel)))

    def _is_revoked(self, leaf: bytes, channel: Channel) -> None:
        """The certificate of an open session has been revoked."""
        about = "has been revoked while its session was open"
        ending = {"action": events.ENDED if self._closes else events.ALLOWED}
        text = "The certificate of an open session has been revoked"
        self._tell(events.REVOKED, text, about, leaf, channel, **ending)
        if self._closes:
            channel.revoked(Failure(_refusal(True, about, leaf)))

    def _tell(
        self, code: int, text: str, about: str, leaf: bytes, channel: Channel, **fields: Any
    ) -> None:
        address = channel.transport.getPeer()
        host, port = getattr(address, "host", ""), getattr(address, "port", 0)
        where = {"peer": host or "unix", "peer_port": port}
        if self._where == "server":
            where = {"server_address": host or "unix", "server_port": port}
        span = channel.parent_span
        if span is not None:
            fields.update(trace_id=span.trace_id, span_id=span.span_id)
        self._event(
            code,
            text,
            leg=self.leg,
            certificate=subject_of(leaf),
            error=f"the certificate {about}",
            **where,
            **fields,
        )


def _refusal(revoked: bool, about: str, leaf: bytes) -> CertificateRefused:
    problem = certificates.REVOKED if revoked else certificates.UNCHECKED
    whose = subject_of(leaf)
    return CertificateRefused(problem, f"({whose}) {about}", whose)
