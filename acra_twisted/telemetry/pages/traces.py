"""The trace pages: ``/debug/tracez`` and the waterfall of one trace, as HTML and as JSON.

Behaviour after OpenCensus' zPages: per span name the running ones, nine latency buckets and
errors.  HTML that needs nothing from outside; every value is escaped, for attributes may hold
what clients sent.  ``?format=json`` gives the same data.

A page is made in pieces, some of them empty, each of which takes some microseconds: between two of
them sessions have their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from acra_twisted.session import Session
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.pages import sessions as live
from acra_twisted.telemetry.pages.facts import Facts
from acra_twisted.telemetry.pages.found import Matches, in_memory
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.pages.rendering import NotKept, Page, Piece, Templates, as_json, made
from acra_twisted.telemetry.pages.search import (
    FILTERS,
    KINDS,
    ORDERS,
    VERDICTS,
    Filters,
    Unfit,
)
from acra_twisted.telemetry.pages.statements import StatementPages
from acra_twisted.telemetry.pages.waterfall import (
    arrange,
    daemons,
    folded,
    shares,
    summary,
    ticks,
)
from acra_twisted.telemetry.tracing import latencies
from acra_twisted.telemetry.tracing.records import as_record
from acra_twisted.telemetry.tracing.spans import Span, iso_time
from acra_twisted.telemetry.tracing.store import SpanStore

if TYPE_CHECKING:
    from acra_twisted.telemetry.pages.past import Past

_LABELS = {
    "trace_id": "Trace id",
    "client_id": "Client id",
    "user": "User",
    "database": "Database",
    "statement": "Statement has",
    "table": "Table",
    "verdict": "Verdict",
    "min_ms": "At least, ms",
    "max_ms": "At most, ms",
    "since": "Since",
    "until": "Until",
    "of": "Of",
    "sort": "Order",
    "limit": "How many",
}
_COLUMNS = (
    ("Count", "count"),
    ("Errors", "errors"),
    ("Average, ms", "average_ms"),
    ("50 % within, ms", "p50_ms"),
    ("95 % within, ms", "p95_ms"),
    ("99 % within, ms", "p99_ms"),
    ("Rate, /s", "rate"),
    ("Input, kB/s", "input_kb"),
    ("Output, kB/s", "output_kb"),
)
#: Where pages are, and what they show.
PLACES = (
    ("/debug/traces", "Search: recent, slow, refused and failed requests"),
    ("/debug/tracez", "Spans by name and latency, with samples"),
    ("/debug/sessions", "Sessions of this moment, and their statements"),
    ("/debug/statements", "Statements: calls, times and failures of each shape of statement"),
    ("/debug/facts", "JSON: settings and their origins, changes, peers of clients, and the origin"),
    ("/debug/rpcz", "Calls: counts, latencies and rates by kind of request, and of stages"),
)
_RUNNING_MAX = 100
_RECENT_MAX = 50
_BUCKETS = (*(str(number) for number in range(len(latencies.BOUNDS))), "running", "errors", "")


class TracePages:
    """Renders pages from a SpanStore.

    ``running`` gives spans that have not ended, ``sessions`` those of the moment; ``figures``
    are those of statements and of calls.  ``past`` asks the history, where there is one.  ``clock``
    gives nanoseconds.  Pages raise Unfit if an argument cannot be.
    """

    def __init__(
        self,
        service: str,
        store: SpanStore,
        running: Callable[[], Iterable[Span]],
        *,
        sessions: Callable[[], Iterable[Session]] = tuple,
        clock: Callable[[], int] = lambda: 0,
        figures: StatementFigures | None = None,
        past: Past | None = None,
    ) -> None:
        self._service = service
        self._store = store
        self._running = running
        self._sessions = sessions
        self._clock = clock
        #: Traces, of what has ended and of what still runs.
        self.kept = KeptTraces(service, store, running, sessions, clock, past)
        self.templates = Templates(service)
        if figures is None:
            figures = StatementFigures(clock())
        self._calls = figures.counter.calls
        #: Facts of the daemon; whoever has some adds them.
        self.facts_told = Facts(service)
        self.facts = self.facts_told.page
        self.statements = StatementPages(service, figures, self.templates, clock).page

    def tracez(self, arguments: Mapping[str, str]) -> Page:
        """Summary by span name, and the samples of ``name`` and ``bucket`` if they are given."""
        if arguments.get("bucket", "") not in _BUCKETS:
            raise Unfit("bucket must be 0 to 8, running or errors")
        return made(arguments, self._tracez(arguments))

    def _tracez(self, arguments: Mapping[str, str]) -> Iterator[str]:
        running: dict[str, list[Span]] = {}
        for _, span in zip(range(_RUNNING_MAX), self._running(), strict=False):
            running.setdefault(span.name or "(exchange)", []).append(span)
        yield ""
        rows = [
            {**row._asdict(), "running": len(running.get(row.name, ()))}
            for row in self._store.summary()
        ]
        yield ""
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
                place = latencies.ERRORS if bucket == "errors" else int(bucket or 0)
                samples = self._store.samples(chosen, place)
        records = [as_record(span, self._service) for span in samples]
        yield ""
        if arguments.get("format") == "json":
            yield from as_json({"service": self._service, "names": rows, "samples": records})
            return
        for record in records:
            record["when"] = iso_time(record["start"])
            took = record["end"] - record["start"]
            record["elapsed"] = f"{took / 1e6:.3f}" if took else ""
        yield ""
        recent = self._store.traces()[:_RECENT_MAX]
        yield from self.templates.render(
            "tracez.html",
            title="Spans",
            labels=latencies.LABELS,
            rows=rows,
            chosen=chosen,
            samples=records,
            recent=((kept.trace_id, len(kept)) for kept in recent),
        )

    def trace(self, trace_id: str, arguments: Mapping[str, str]) -> Page:
        """The waterfall of one trace, of what has ended and of what still runs.  Its pieces raise
        NotKept if there is nothing of it."""
        return made(arguments, self._trace(trace_id, arguments))

    def _trace(self, trace_id: str, arguments: Mapping[str, str]) -> Iterator[Piece]:
        found = yield from self.kept.records(trace_id)
        if not found:
            raise NotKept(self.kept.why_missing())
        if arguments.get("format") == "json":
            yield from as_json({"trace_id": trace_id, "spans": found})
            return
        yield ""
        spent = shares(found)
        whole = sum(spent.values()) or 1
        parts = [(name, f"{took / whole:.1%}") for name, took in sorted(spent.items())]
        yield ""
        head = summary(found)
        yield ""
        yield from self.templates.render(
            "trace.html",
            title=f"Trace {trace_id[:8]}",
            trace_id=trace_id,
            head={**head._asdict(), "when": iso_time(head.start)},
            ticks=ticks(head.took),
            daemons=daemons(found),
            rows=folded(arrange(found)),
            shares=parts,
        )

    def traces(self, arguments: Mapping[str, str]) -> Page:
        """The traces that fit."""
        filters = Filters.of(arguments, self._clock())
        return made(arguments, self._traces(arguments, filters))

    def _traces(self, arguments: Mapping[str, str], filters: Filters) -> Iterator[str]:
        memory = yield from in_memory(self._store, filters)
        shown, more = Matches(memory.others, memory.alone).listed(filters)
        yield ""
        if arguments.get("format") == "json":
            rows = (match.as_json() for match in shown)
            yield from as_json({"service": self._service, "more": more, "traces": rows})
            return
        yield from self.templates.render(
            "traces.html",
            title="Search",
            labels=_LABELS,
            asked={name: arguments.get(name, "").strip() for name in FILTERS},
            filters=FILTERS,
            choices={"verdict": ("", *VERDICTS), "of": KINDS, "sort": ORDERS},
            first=filters.offset + 1,
            last=filters.offset + len(shown),
            before=_page_of(arguments, max(filters.offset - filters.limit, 0))
            if filters.offset
            else "",
            after=_page_of(arguments, filters.offset + filters.limit) if more else "",
            rows=({**match._asdict(), "when": iso_time(match.start)} for match in shown),
        )

    def sessions(self, arguments: Mapping[str, str]) -> Page:
        """Show the present sessions."""
        return made(arguments, self._sessions_now(arguments))

    def _sessions_now(self, arguments: Mapping[str, str]) -> Iterator[str]:
        rows: list[dict[str, Any]] = []
        for row in live.describe(self._sessions(), self._clock()):
            if row is not None:
                rows.append(row)
            yield ""
        if arguments.get("format") == "json":
            yield from as_json({"service": self._service, "sessions": iter(rows)})
            return
        states: dict[str, int] = {}
        for row in rows:
            states[row["state"]] = states.get(row["state"], 0) + 1
        yield from self.templates.render(
            "sessions.html", title="Sessions", rows=rows, states=states
        )

    def rpcz(self, arguments: Mapping[str, str]) -> Page:
        """Counts, latencies and rates by kind of request and by stage."""
        return made(arguments, self._rpcz(arguments))

    def _rpcz(self, arguments: Mapping[str, str]) -> Iterator[str]:
        tables = self._calls.page(self._clock())
        yield ""
        if arguments.get("format") == "json":
            yield from as_json({"service": self._service, **tables})
        else:
            yield from self.templates.render(
                "rpcz.html", title="Calls", tables=tables, columns=_COLUMNS
            )

    def start(self, arguments: Mapping[str, str], further: Iterable[tuple[str, str]] = ()) -> Page:
        """Where everything is; ``further`` are paths and meanings of what is beside the pages."""
        return made(arguments, self._start([*PLACES, *further], arguments))

    def _start(self, places: list[tuple[str, str]], arguments: Mapping[str, str]) -> Iterator[str]:
        if arguments.get("format") == "json":
            yield from as_json({"service": self._service, "pages": [path for path, _ in places]})
        else:
            yield from self.templates.render("start.html", title="Start", places=places)

    def prepare(self) -> None:
        """Read the templates now, for it takes a tenth of a second."""
        self.templates.prepare()


def _page_of(arguments: Mapping[str, str], offset: int) -> str:
    """The address of another part of what was found."""
    asked = {name: value for name, value in arguments.items() if value and name != "offset"}
    return "/debug/traces?" + urlencode({**asked, "offset": str(offset)})
