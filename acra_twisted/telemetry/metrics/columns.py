"""The Prometheus metrics of protected columns.

Their labels are the configured labels of columns, and small fixed sets: their number is bounded by
the configuration.  Source of Acra's names: acra-observability reference, section 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter

from acra_twisted import events
from acra_twisted.telemetry.metrics.collectors import ListenerLabel
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
    """Counts values of protected columns, refusals, and uses of bypasses: see `of`."""

    def __init__(self, registry: CollectorRegistry, by_listener: ListenerLabel) -> None:
        label = by_listener.label
        self.values = _LateCounter(
            "acra_column_values_total",
            "Values of protected columns, by what became of them",
            ["column", "action", *label],
            registry=registry,
        )
        self.refusals = Counter(
            "acra_column_refusals_total",
            "Statements and values that were refused for a protected column",
            ["column", "reason", *label],
            registry=registry,
        )
        self.bypasses = Counter(
            "acra_column_bypasses_total",
            "Requests that a bypass let pass, by its name",
            ["bypass", *label],
            registry=registry,
        )
        self.acras = {
            action: _LateCounter(name, text, ["status", label], registry=registry)
            for action, (name, text, label) in _ACRAS.items()
        }
        for counter in (self.values, *self.acras.values()):
            counter.settle = self._settle
        self._by_listener = by_listener
        self._made: dict[str, ListenerColumns] = {}

    def of(self, listener: str) -> ListenerColumns:
        """Return what counts for a listener: two of them may have columns of the same name."""
        made = self._made.get(listener)
        if made is None:
            value = self._by_listener.value(listener)
            made = self._made[listener] = ListenerColumns(self, value)
        return made

    def _settle(self) -> None:
        for one in self._made.values():
            one.settle()


class ListenerColumns:
    """Counts for one listener; ``value`` is that of its label, if there is one."""

    def __init__(self, metrics: ColumnMetrics, value: Sequence[str]) -> None:
        self._metrics, self._value = metrics, value
        # By column and action: labels are compared as text, under a lock.
        self._bound: dict[tuple[Any, str], tuple[Callable[[float], None], ...]] = {}
        # Those since somebody last asked: inc() takes a microsecond, and these are for every
        # statement.
        self._pending = ColumnCounts()
        #: Counts values by their columns' settings and what became of them.
        self.values = self._pending.add

    def settle(self) -> None:
        """Put what has been counted into the counters."""
        for key, number in self._pending.taken():
            bound = self._bound.get(key)
            if bound is None:
                bound = self._bound[key] = tuple(self._bind(*key))
            for count in bound:
                count(number)

    def _bind(self, setting: Any, action: str) -> list[Callable[[float], None]]:
        metrics = self._metrics
        counter = metrics.values.labels(setting.label, action, *self._value)
        bound: list[Callable[[float], None]] = [counter.inc]
        if action in metrics.acras:
            kind = setting.token_type if action != "encrypted" else _envelope(setting)
            bound.append(metrics.acras[action].labels(_SUCCESS, kind).inc)
        return bound

    def refused(self, verdict: Deny) -> bool:
        """Count a refusal if it is about protected columns, and tell whether it is."""
        if verdict.column is None:
            return False
        self._metrics.refusals.labels(verdict.column, verdict.rule, *self._value).inc()
        return True

    def event(self, code: int, fields: Mapping[str, Any]) -> None:
        """Count the use of a bypass; other events are not about columns."""
        if code == events.COLUMN_BYPASSED:
            self._metrics.bypasses.labels(fields["rule"], *self._value).inc()


def _envelope(setting: Any) -> str:
    """The container of a column's values, by Acra's name."""
    kind: str = setting.envelope
    return f"{kind}_searchable" if setting.kind == "searchable" else kind
