"""Tell the story of the demo, as each of its parts does, and find what its daemons have said."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from acra_twisted.sandbox.collector import Collector
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


def ask(db: Any, text: str, *values: Any) -> list[tuple[Any, ...]]:
    """Execute a statement on a connection of any database's driver; return its rows, if any."""
    with db.cursor() as cursor:
        cursor.execute(text, values or None)
        return list(cursor.fetchall()) if cursor.description else []


def begin(name: str) -> Span:
    """A span as an application that traces would have one, for what it does now."""
    return Span(name, model.new_trace_id(), "", model.SERVER, time.time_ns(), True)


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
