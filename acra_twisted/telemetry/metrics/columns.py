"""The Prometheus metrics of protected columns.

Their labels are the configured labels of columns, and small fixed sets: their number is bounded by
the configuration.  Source of Acra's names: acra-observability reference, section 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter

from acra_twisted import events
from acra_twisted.telemetry.metrics.columncounts import ColumnCounts
from acra_twisted.verdicts import Deny

_SUCCESS: Final = "success"
#: Actions that Acra counts, too, each with the name and text of its counter, and its second label.
_ACRAS: Final = {
    "encrypted": ("acra_encryptions_total", "Values that were encrypted", "type"),
    "tokenized": ("acra_tokenizations_total", "Values that became tokens", "token_type"),
    "detokenized": ("acra_detokenizations_total", "Tokens that became values", "token_type"),
}


class _LateCounter(Counter):
    """A Counter that `settle` brings up to date before it is read."""

    settle: Callable[[], None]

    def collect(self) -> Iterable[Any]:
        """prometheus-client: the samples."""
        self.settle()
        return super().collect()


class ColumnMetrics:
    """Counts values of protected columns, refusals, and uses of bypasses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._values = _LateCounter(
            "acra_column_values_total",
            "Values of protected columns, by what became of them",
            ["column", "action"],
            registry=registry,
        )
        self._refusals = Counter(
            "acra_column_refusals_total",
            "Statements and values that were refused for a protected column",
            ["column", "reason"],
            registry=registry,
        )
        self._bypasses = Counter(
            "acra_column_bypasses_total",
            "Requests that a bypass let pass, by its name",
            ["bypass"],
            registry=registry,
        )
        self._acras = {
            action: _LateCounter(name, text, ["status", label], registry=registry)
            for action, (name, text, label) in _ACRAS.items()
        }
        for counter in (self._values, *self._acras.values()):
            counter.settle = self._settle
        # By column and action: labels are compared as text, under a lock.
        self._bound: dict[tuple[Any, str], tuple[Callable[[float], None], ...]] = {}
        # Those since somebody last asked: inc() takes a microsecond, and these are for every
        # statement.
        self._pending = ColumnCounts()
        #: Counts values by their columns' settings and what became of them.
        self.values = self._pending.add

    def _settle(self) -> None:
        """Put what has been counted into the counters."""
        for key, number in self._pending.taken():
            bound = self._bound.get(key)
            if bound is None:
                bound = self._bound[key] = tuple(self._bind(*key))
            for count in bound:
                count(number)

    def _bind(self, setting: Any, action: str) -> list[Callable[[float], None]]:
        bound: list[Callable[[float], None]] = [self._values.labels(setting.label, action).inc]
        if action in self._acras:
            kind = setting.token_type if action != "encrypted" else _envelope(setting)
            bound.append(self._acras[action].labels(_SUCCESS, kind).inc)
        return bound

    def refused(self, verdict: Deny) -> bool:
        """Count a refusal if it is about protected columns, and tell whether it is."""
        if verdict.column is None:
            return False
        self._refusals.labels(verdict.column, verdict.rule).inc()
        return True

    def event(self, code: int, fields: Mapping[str, Any]) -> None:
        """Count the use of a bypass; other events are not about columns."""
        if code == events.COLUMN_BYPASSED:
            self._bypasses.labels(fields["rule"]).inc()


def _envelope(setting: Any) -> str:
    """The container of a column's values, by Acra's name."""
    kind: str = setting.envelope
    return f"{kind}_searchable" if setting.kind == "searchable" else kind
