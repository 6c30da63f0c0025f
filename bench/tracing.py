"""Measure the cost of tracing: an exchange's record, an encoded span, a connector that follows."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from acra_twisted.exchange import STATEMENT, Exchange, Statement
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.postgres import Postgres
from acra_twisted.session import Identity, Session
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.export import datadog, jaeger, otlp, otlpforms, zipkin
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.clock import steady_clock
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing, Tracing
from acra_twisted.telemetry.tracing.recorded import Recorded, Recorder
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.verdicts import PASS

_REPEATS = 10_000
BASELINE = "eight spans of OpenCensus' own tracer"
#: With the exchange's own and the database's: eight spans.
_STAGES = ("query_capture", "censor", "encryptor", "masking", "decryptor", "poison")
_RECORDER = Recorder(("127.0.0.1", 5432), 0)
TEXT = b"SELECT abalance FROM pgbench_accounts WHERE aid = 4711;"


def _best(runs: dict[str, tuple[Callable[[], Any], int]], rounds: int) -> dict[str, float]:
    """Microseconds of one call of each, of its best round; each round has all of them in turn."""
    found = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, (run, repeats) in runs.items():
            began = time.perf_counter()
            for _ in range(repeats):
                run()
            found[name] = min(found[name], (time.perf_counter() - began) / repeats * 1e6)
    return found


def _session(
    sampled: bool, kept: list[Any], as_recorded: bool = False
) -> tuple[Session, ExchangeTracing]:
    clock = steady_clock()
    recorded = kept.append if as_recorded else None
    tracing = Tracing(lambda *_: sampled, clock, kept.append, recorded=recorded)
    observer = ExchangeTracing(tracing, scope="request", slow=10**9)
    session = Session(1, Identity("client", "127.0.0.1", True), observer, clock)
    session.span = tracing.root("handleConnection", spans.SERVER)
    session.database = b"postgres"
    session.system = session.language = "postgresql"
    observer.session_opened(session)
    return session, observer


def records(rounds: int) -> dict[str, float]:
    """Microseconds: an exchange as the pipeline reports it, and what it is measured against."""
    kept: list[Any] = []

    def exchange(session: Session, observer: Any, stages: tuple[str, ...]) -> Exchange:
        clock = session.clock
        made = Exchange(session, "query", Statement(TEXT), clock())
        if observer is not None:
            observer.exchange_opened(made)
        made.stage_runs = runs = []
        for stage in stages:
            began = clock()
            runs.append(StageRun(stage, STATEMENT, PASS, began, clock()))
        made.sent = made.first_byte = clock()
        made.outcome, made.closed = "ok", clock()
        if observer is not None:
            observer.exchange_closed(made)
        kept.clear()
        return made

    sampled, watching = _session(True, kept)
    unsampled, idle = _session(False, kept)
    whole, recording = _session(True, kept, as_recorded=True)
    found = _best(
        {
            BASELINE: (_opencensus, _REPEATS // 20),
            "bare": (lambda: exchange(unsampled, None, ()), _REPEATS),
            "sampled exchange, eight spans": (
                lambda: exchange(sampled, watching, _STAGES),
                _REPEATS,
            ),
            "sampled exchange, as it is recorded": (
                lambda: exchange(whole, recording, _STAGES),
                _REPEATS,
            ),
            "unsampled exchange": (lambda: exchange(unsampled, idle, ()), _REPEATS),
        },
        rounds,
    )
    bare = found.pop("bare")
    return {name: took if name == BASELINE else took - bare for name, took in found.items()}


class _Nowhere:
    def export(self, span_datas: Any) -> None:
        """OpenCensus: what its tracer records goes nowhere."""


def _opencensus() -> None:
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer  # noqa: TID251 - to be measured against

    tracer = Tracer(sampler=AlwaysOnSampler(), exporter=_Nowhere())
    with tracer.span("SELECT pgbench_accounts"):
        for stage in range(7):
            with tracer.span(f"stage {stage}") as span:
                span.add_attribute("acra.verdict", "pass")


def encodings(rounds: int) -> dict[str, float]:
    """Microseconds a span, in batches of 256 as exporters make them."""
    kept: list[Span] = []
    session, observer = _session(True, kept)
    while len(kept) < 256:
        made = Exchange(session, "query", Statement(TEXT), session.clock())
        observer.exchange_opened(made)
        made.stage_runs = runs = []
        for stage in _STAGES:
            now = session.clock()
            runs.append(StageRun(stage, STATEMENT, PASS, now, now + 1000))
        made.sent = made.first_byte = session.clock()
        made.outcome, made.closed = "ok", session.clock()
        observer.exchange_closed(made)
    batch = kept[:256]
    encoders = {
        "OTLP": otlp.encode,
        "Zipkin": zipkin.encode,
        "Datadog": datadog.encode,
        "Jaeger": jaeger.collector(False),
    }

    def encoding(encode: Any) -> tuple[Callable[[], Any], int]:
        return lambda: encode(batch, Resource("acra-server")), 20

    runs = {name: encoding(encode) for name, encode in encoders.items()}
    found = {name: took / len(batch) for name, took in _best(runs, rounds).items()}
    # An exchange as a whole, as it is done where nobody wants to see its spans.
    exchange = _recorded(session)
    whole = _best({"": (lambda: otlpforms.pieces(exchange), _REPEATS)}, rounds)[""]
    return {**found, "OTLP, by its exchange's form": whole / (len(_STAGES) + 2)}


def _recorded(session: Session) -> Recorded:
    """A sampled exchange of eight spans, whose form has been made."""
    clock = session.clock
    for _ in range(2):
        made = Exchange(session, "query", Statement(TEXT), clock())
        made.stage_runs = [StageRun(stage, STATEMENT, PASS, clock(), clock()) for stage in _STAGES]
        made.sent = made.first_byte = clock()
        made.outcome, made.closed = "ok", clock()
        span = Span("", spans.new_trace_id(), "", spans.SERVER, made.opened, True)
        recorded = _RECORDER.record(made, span)
        otlpforms.pieces(recorded)
    return recorded


def following(
    postgres: Postgres, stack: ExitStack, folder: Path, pgbench: Any, rounds: int
) -> dict[str, dict[str, float]]:
    """Transactions a second through both daemons, by what the connector does."""
    ports = {}
    for title, tracing in (
        ("carries unread", {"tracing_sampler": "never", "tracing_scope": "connection"}),
        ("follows, never sampled", {"tracing_sampler": "never"}),
        ("follows, 1 %", {"tracing_sampler": "probability:0.01"}),
    ):
        place = Path(tempfile.mkdtemp(dir=folder))
        sections = {"tracing": tracing, "logging": {"v": "false"}}
        chain = Chain(
            ("127.0.0.1", postgres.port), server=sections, connector=sections, folder=place
        )
        stack.callback(chain.stop)
        ports[title] = chain.start().port
    found: dict[str, dict[str, float]] = {}
    for name, arguments in (
        ("select, simple", ("-S", "-M", "simple")),
        ("select, prepared", ("-S", "-M", "prepared")),
    ):
        best = dict.fromkeys(ports, 0.0)
        for _ in range(rounds):
            for title, port in ports.items():
                best[title] = max(best[title], pgbench(port, arguments))
        found[name] = best
    return found


def table(
    recorded: dict[str, float], encoded: dict[str, float], followed: dict[str, dict[str, float]]
) -> str:
    """Return the results; times also as ratios to OpenCensus' own tracer.

    The aims, on a machine where that tracer takes 180 us: 15 us for a sampled exchange, 1.5 us for
    another, 6 us for a span to encode; so ratios of 0.083, 0.008 and 0.033.
    """
    base = recorded[BASELINE]
    lines = ["Tracing, us, and as ratios to OpenCensus' own tracer"]
    encoding = {f"encoding a span for {name}": took for name, took in encoded.items()}
    for name, took in {**recorded, **encoding}.items():
        lines.append(f"  {name:62}{took:8.2f}{took / base:8.3f}")
    lines.append("Tracing: the connector, transactions a second as ratios to carrying unread")
    for name, rates in followed.items():
        first = next(iter(rates.values()))
        ratios = ", ".join(f"{title} {rate / first:.3f}" for title, rate in rates.items())
        lines.append(f"  {name}: {ratios} ({first:,.0f}/s)")
    return "\n".join(lines)
