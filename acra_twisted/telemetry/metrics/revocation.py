"""Metrics of the checks whether certificates are revoked."""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter

from acra_twisted.telemetry.metrics.daemon import DaemonMetrics


class RevocationMetrics:
    """Counts checks; of one daemon."""

    def __init__(self, metrics: DaemonMetrics) -> None:
        self._checks = Counter(
            "acra_revocation_checks_total",
            "Handshakes whose peer's certificate was checked for revocation, by what was found",
            ["leg", "result", "accepted"],
            registry=metrics.registry,
        )
        # labels() takes longer than inc().
        self._bound: dict[tuple[str, str, bool], Any] = {}

    def checked(self, leg: str, result: str, accepted: bool) -> None:
        """A peer's certificate was judged; ``result`` is a finding of
        `transport.revocation.policy`."""
        key = leg, result, accepted
        counter = self._bound.get(key)
        if counter is None:
            said = "true" if accepted else "false"
            counter = self._bound[key] = self._checks.labels(leg, result, said)
        counter.inc()
