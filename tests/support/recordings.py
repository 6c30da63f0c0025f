"""Exchanges as they were recorded, for what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acra_twisted.exchange import ROWS, STATEMENT, Exchange, Statement
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.recorded import Recorded, Recorder
from acra_twisted.telemetry.tracing.spans import Event, Span
from acra_twisted.verdicts import PASS
from tests.support.sessions import make_session

START = 1_700_000_000_000_000_000
RECORDER = Recorder(("db", 5432), 0)


def record(
    stages: int = 0,
    *,
    recorder: Recorder = RECORDER,
    text: bytes | None = b"SELECT 1 FROM t",
    kind: str = "query",
    start: int = START,
    took: int = 5_000_000,
    sent: int = 1_000_000,
    first_byte: int = 1_500_000,
    answered: int = 0,
    rows: int = 1,
    parent: str = "",
    links: int = 1,
    verdict: Any = PASS,
    sampled: bool = True,
    outcome: str = "ok",
    notes: dict[str, Any] | None = None,
    events: Sequence[Event] = (),
    rows_runs: int = 0,
    system: str = "postgresql",
    **more: Any,
) -> Recorded:
    """Times are nanoseconds since ``start``; 0 for what did not happen."""
    session = make_session()
    session.database, session.system = b"shop", system
    statement = None if text is None else Statement(text)
    exchange = Exchange(session, kind, statement, start)
    span = Span("", spans.new_trace_id(), parent, spans.SERVER, start, sampled)
    for _ in range(links):
        span.add_link(spans.new_trace_id(), spans.new_span_id())
    exchange.span = span
    session.answered = start + answered if answered else 0
    exchange.sent = start + sent if sent else 0
    exchange.first_byte = start + first_byte if first_byte else 0
    exchange.rows, exchange.outcome, exchange.closed = rows, outcome, start + took
    if stages:
        names = ["censor" if n == 0 else f"stage{n}" for n in range(stages)]
        exchange.stage_runs = [
            StageRun(name, STATEMENT, verdict, start + 100 + n, start + 200 + n)
            for n, name in enumerate(names)
        ]
    if rows_runs:
        run = StageRun("decryptor", ROWS, verdict, start + 500, start + 700)
        run.runs = rows_runs
        exchange.stage_runs = [*(exchange.stage_runs or ()), run]
    for event in events:
        span.add_event(event)
    exchange.notes.update(notes or {})
    for name, value in more.items():
        setattr(exchange, name, value)
    return recorder.record(exchange, span)
