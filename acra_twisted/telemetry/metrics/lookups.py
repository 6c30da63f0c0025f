"""The Prometheus metrics of lookups: what proves a user, where it was found, and how old it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from acra_twisted.telemetry.metrics.collectors import CountsBy
from acra_twisted.telemetry.metrics.histogram import DurationsBy

#: The last is the usual hard age.
_AGES: Final = (1, 10, 60, 600, 3600)
_TIMES: Final = (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2)
_SECOND: Final = 1_000_000_000


class LookupMetrics:
    """Counts lookups.  ``waiting`` and ``away`` are read when scraped: the number of questions that
    have no answer yet, and whether the source cannot be asked."""

    def __init__(
        self,
        registry: CollectorRegistry,
        waiting: Callable[[], int],
        away: Callable[[], bool],
    ) -> None:
        lookups = (
            "acra_auth_lookups",
            "Lookups of what proves a user, by kind of source and by what was found",
        )
        self._lookups = CountsBy(registry, lookups, ["source", "result"])
        self._age = DurationsBy(
            registry,
            "acra_auth_secret_age_seconds",
            "Time since the source was asked for what was found, whatever that was",
            ["source"],
            _AGES,
        )
        self._time = DurationsBy(
            registry,
            "acra_auth_lookup_seconds",
            "Time that a question to the source took, by whether it was answered",
            ["answered"],
            _TIMES,
        )
        self._times = {known: self._time.labels(str(known).lower()) for known in (True, False)}
        self._ages: dict[str, Any] = {}
        registry.register(_Now(waiting, away))

    def found(self, source: str, result: str, age: float) -> None:
        """Count a lookup; ``source`` is empty where none was asked, ``age`` is in seconds."""
        label = source or "none"
        self._lookups.count(label, result)
        ages = self._ages.get(label)
        if ages is None:
            ages = self._ages[label] = self._age.labels(label)
        # Also of users without a secret: all lookups take the same time.
        ages.count(round(age * _SECOND))

    def asked(self, seconds: float, answered: bool) -> None:
        """Count a question to the source."""
        self._times[answered].count(round(seconds * _SECOND))


class _Now:
    """The state of the source, read when scraped."""

    def __init__(self, waiting: Callable[[], int], away: Callable[[], bool]) -> None:
        self._waiting = waiting
        self._away = away

    def collect(self) -> Iterable[Any]:
        """Reads plain values: safe in the scraper's thread."""
        waiting = GaugeMetricFamily(
            "acra_auth_lookups_waiting", "Questions to the source that have no answer yet"
        )
        waiting.add_metric([], self._waiting())
        away = GaugeMetricFamily(
            "acra_auth_source_away", "1 while the source of the auth query cannot be asked"
        )
        away.add_metric([], int(self._away()))
        yield waiting
        yield away
