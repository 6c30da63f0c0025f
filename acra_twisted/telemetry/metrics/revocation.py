"""Metrics of the checks whether certificates are revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter

from acra_twisted.telemetry.metrics.collectors import Counts
from acra_twisted.telemetry.metrics.daemon import DaemonMetrics


class RevocationMetrics:
    """Counts checks; of one daemon."""

    def __init__(self, metrics: DaemonMetrics) -> None:
        self._registry = metrics.registry
        self._checks = Counter(
            "acra_revocation_checks_total",
            "Handshakes whose peer's certificate was checked for revocation, by what was found",
            ["leg", "result", "accepted"],
            registry=metrics.registry,
        )
        # labels() takes longer than inc().
        self._bound: dict[tuple[str, str, bool], Any] = {}

    def watch(self, checkers: Mapping[str, Any], fetches: Mapping[str, int]) -> None:
        """Expose the lists and the last answers that the checkers of legs have, and what became of
        questions; read when scraped."""
        self._registry.register(_Sources(checkers))
        text = "Questions to OCSP responders and servers of revocation lists"
        self._registry.register(
            Counts(("acra_revocation_fetches", text), "result", lambda: fetches)
        )

    def checked(self, leg: str, result: str, accepted: bool) -> None:
        """A peer's certificate was judged; ``result`` is a finding of
        `transport.revocation.policy`."""
        key = leg, result, accepted
        counter = self._bound.get(key)
        if counter is None:
            said = "true" if accepted else "false"
            counter = self._bound[key] = self._checks.labels(leg, result, said)
        counter.inc()


class _Sources:
    """When lists end and answers came, read when scraped."""

    def __init__(self, checkers: Mapping[str, Any]) -> None:
        self._checkers = checkers

    def collect(self) -> Any:
        """Give one value for each leg; the list that ends first stands for all of it."""
        from prometheus_client.core import GaugeMetricFamily

        ends = GaugeMetricFamily(
            "acra_revocation_list_expiry_timestamp_seconds",
            "When the first revocation list of a leg ends, in Unix time",
            labels=["leg"],
        )
        answers = GaugeMetricFamily(
            "acra_ocsp_last_answer_timestamp_seconds",
            "When a responder has last answered about a peer of a leg, in Unix time; 0 is never",
            labels=["leg"],
        )
        for leg, checker in self._checkers.items():
            lists = checker.lists
            if lists:
                ends.add_metric([leg], min(each.end for each in lists))
            if checker.policy.ocsp.active:
                answers.add_metric([leg], checker.last_good)
        yield ends
        yield answers
