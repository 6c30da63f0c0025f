"""The trace pages: ``/debug/tracez`` and the waterfall of one trace, as HTML and as JSON.

Behaviour after OpenCensus' zPages: per span name the running ones, nine latency buckets and
errors.  HTML that needs nothing from outside; every value is escaped, for attributes may hold
what clients sent.  ``?format=json`` gives the same data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from acra_twisted.model import Session
from acra_twisted.telemetry import live, zstore
from acra_twisted.telemetry.rpcz import RpcStats
from acra_twisted.telemetry.search import FILTERS, Filters, search
from acra_twisted.telemetry.spans import Span, iso_time
from acra_twisted.telemetry.waterfall import arrange, as_record, shares
from acra_twisted.telemetry.zstore import SpanStore

#: Content type and body.
Page = tuple[str, bytes]
_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
_RUNNING_MAX = 100


class TracePages:
    """Renders pages from a SpanStore.

    ``running`` gives spans that have not ended, ``sessions`` those of the moment; ``calls`` are
    counted by an observer (see `rpcz`).  ``clock`` gives nanoseconds.
    """

    def __init__(
        self,
        service: str,
        store: SpanStore,
        running: Callable[[], Iterable[Span]],
        *,
        sessions: Callable[[], Iterable[Session]] = tuple,
        calls: RpcStats | None = None,
        clock: Callable[[], int] = lambda: 0,
    ) -> None:
        self._service = service
        self._store = store
        self._running = running
        self._sessions = sessions
        self._calls = calls
        self._clock = clock
        self._templates: Any = None

    def tracez(self, arguments: Mapping[str, str]) -> Page:
        """Summary by span name, and the samples of ``name`` and ``bucket`` if they are given."""
        running: dict[str, list[Span]] = {}
        for _, span in zip(range(_RUNNING_MAX), self._running(), strict=False):
            running.setdefault(span.name or "(exchange)", []).append(span)
        rows = [
            {**row._asdict(), "running": len(running.get(row.name, ()))}
            for row in self._store.summary()
        ]
        known = {row["name"] for row in rows}
        rows += [
            {"name": name, "running": len(spans), "latency": [0] * 9, "errors": 0, "seen": 0}
            for name, spans in sorted(running.items())
            if name not in known
        ]
        chosen = arguments.get("name")
        samples: list[Span] = []
        if chosen is not None:
            bucket = arguments.get("bucket", "")
            if bucket == "running":
                samples = running.get(chosen, [])
            else:
                place = zstore.ERRORS if bucket == "errors" else int(bucket or 0)
                samples = self._store.samples(chosen, place)
        records = [as_record(span, self._service) for span in samples]
        if arguments.get("format") == "json":
            return _json({"service": self._service, "names": rows, "samples": records})
        for record in records:
            record["when"] = iso_time(record["start"])
            took = record["end"] - record["start"]
            record["elapsed"] = f"{took / 1e6:.3f}" if took else ""
        return self._render(
            "tracez.html",
            title="tracez",
            labels=zstore.LABELS,
            rows=rows,
            chosen=chosen,
            samples=records,
            recent=self._store.recent_traces(),
        )

    def trace(self, trace_id: str, arguments: Mapping[str, str]) -> Page | None:
        """The waterfall of one trace; None if nothing of it is kept."""
        records = [as_record(span, self._service) for span in self._store.trace(trace_id)]
        if not records:
            return None
        if arguments.get("format") == "json":
            return _json({"trace_id": trace_id, "spans": records})
        spent = shares(records)
        whole = sum(spent.values()) or 1
        parts = [(name, f"{took / whole:.1%}") for name, took in sorted(spent.items())]
        return self._render(
            "trace.html", title=f"trace {trace_id}", rows=arrange(records), shares=parts
        )

    def traces(self, arguments: Mapping[str, str]) -> Page:
        """The traces that fit.  Raises ValueError."""
        found = search(self._store.traces(), Filters.of(arguments))
        if arguments.get("format") == "json":
            rows = [match._asdict() for match in found]
            return _json({"service": self._service, "traces": rows})
        return self._render(
            "traces.html",
            title="traces",
            asked={name: arguments.get(name, "") for name in FILTERS},
            rows=[{**match._asdict(), "when": iso_time(match.start)} for match in found],
        )

    def sessions(self, arguments: Mapping[str, str]) -> Page:
        """What is going on at this moment."""
        rows = live.describe(self._sessions(), self._clock())
        if arguments.get("format") == "json":
            return _json({"service": self._service, "sessions": rows})
        states: dict[str, int] = {}
        for row in rows:
            states[row["state"]] = states.get(row["state"], 0) + 1
        return self._render("sessions.html", title="sessions", rows=rows, states=states)

    def rpcz(self, arguments: Mapping[str, str]) -> Page:
        """Counts, latencies and rates by kind of request and by stage."""
        tables = self._calls.page() if self._calls is not None else {}
        if arguments.get("format") == "json":
            return _json({"service": self._service, **tables})
        return self._render("rpcz.html", title="rpcz", tables=tables)

    def _render(self, template: str, **values: Any) -> Page:
        if self._templates is None:
            # Imported on the first view: the daemon starts without it.
            from jinja2 import Environment, PackageLoader

            self._templates = Environment(
                loader=PackageLoader("acra_twisted.telemetry"), autoescape=True
            )
        page = self._templates.get_template(template).render(service=self._service, **values)
        return _HTML, page.encode()


def _json(value: Any) -> Page:
    return _JSON, json.dumps(value).encode()
