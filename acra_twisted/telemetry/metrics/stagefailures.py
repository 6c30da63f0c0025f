"""Counts stages that failed, for metrics and for the page of health."""

from __future__ import annotations

from typing import Any, Final

from prometheus_client import CollectorRegistry

from acra_twisted.telemetry.metrics.collectors import CountsBy, ListenerLabel

_COUNTER: Final = ("acra_stage_failures", "Stages that raised")


class StageFailures:
    """The failures of each stage, of which there are few."""

    def __init__(self, registry: CollectorRegistry, by_listener: ListenerLabel) -> None:
        self._by_listener = by_listener
        self._series = CountsBy(registry, _COUNTER, ["stage", *by_listener.label])
        self._counts: dict[str, int] = {}
        self._last: dict[str, int] = {}

    def failed(self, stage: str, when: int, listener: str = "") -> None:
        """Count a failure at a listener, at a moment in nanoseconds since the epoch."""
        self._series.count(stage, *self._by_listener.value(listener))
        self._counts[stage] = self._counts.get(stage, 0) + 1
        self._last[stage] = when

    def shown(self) -> list[dict[str, Any]]:
        """Return them as plain values, with the moment of each stage's last one."""
        return [
            {"stage": stage, "failures": count, "last": self._last[stage]}
            for stage, count in self._counts.items()
        ]
