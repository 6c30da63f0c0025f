"""Tell the story of the demo, as each of its parts does, and connect as an application would."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.postgres import SUPERUSER
from acra_twisted.telemetry.pages.waterfall import draw
from acra_twisted.telemetry.tracing import spans as model
from acra_twisted.telemetry.tracing.spans import Span


class Failed(Exception):
    """Something was not as it should be."""


def say(text: str = "") -> None:
    print(text, flush=True)


def expect(what: str, found: Any, wanted: Any) -> None:
    """Print a line of the workload's outcome; raise if it is not what it should be."""
    if found != wanted:
        raise Failed(f"{what}: got {found!r}, expected {wanted!r}")
    say(f"  {what}: {found!r}")


def refused(run: Callable[[], Any]) -> str | None:
    """SQLSTATE of the error a statement ends with."""
    try:
        run()
    except psycopg.Error as error:
        return error.sqlstate
    return None


def connect(port: int, options: str = "") -> psycopg.Connection:
    """Connect as an application does."""
    where = f"host=127.0.0.1 port={port} user={SUPERUSER} dbname=postgres sslmode=disable"
    return psycopg.connect(where, autocommit=True, application_name="demo", options=options)


def begin(name: str) -> Span:
    """A span as an application that traces would have one, for what it does now."""
    return Span(name, model.new_trace_id(), "", model.SERVER, time.time_ns(), True)


def passing(page: Span) -> str:
    """The option of a connection that passes the trace on."""
    return f"-c acra.traceparent={page.context.traceparent()}"


def event(folder: Path, code: int) -> dict[str, Any]:
    """The line of the server's log with an event's code."""
    for line in (folder / "acra-server.log").read_text().splitlines():
        if line.startswith("{") and json.loads(line).get("code") == code:
            found: dict[str, Any] = json.loads(line)
            return found
    raise Failed(f"no event {code} in the server's log")


def the_trace(collector: Collector, trace_id: str) -> list[dict[str, Any]]:
    """The spans of a trace, once both daemons have exported all of them."""
    deadline = time.monotonic() + 20
    seen = 0
    while time.monotonic() < deadline:
        time.sleep(0.5)
        spans = collector.traces().get(trace_id, [])
        # Both daemons send several times a second: nothing more is on the way.
        if spans and len(spans) == seen:
            return spans
        seen = len(spans)
    raise Failed("the whole trace did not arrive at the collector")


def show(spans: list[dict[str, Any]]) -> None:
    """The waterfall."""
    for line in draw(spans):
        say("  " + line)
