"""Tell the story of the demo, as each of its parts does, and find what its daemons have said."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.collector import Collector
from acra_twisted.telemetry.pages.waterfall import draw
from acra_twisted.telemetry.tracing import spans as model
from acra_twisted.telemetry.tracing.spans import Span

T = TypeVar("T")


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


def soon(found: Callable[[], T | None], why_not: str) -> T:
    """Return what is found, once it is.  Raises Failed if it is not within a minute."""
    deadline = time.monotonic() + 60
    while (value := found()) is None:
        if time.monotonic() > deadline:
            raise Failed(why_not)
        time.sleep(0.1)
    return value


def event(folder: Path, code: int) -> dict[str, Any]:
    """The line of the server's log with an event's code."""

    def found() -> dict[str, Any] | None:
        for line in (folder / "acra-server.log").read_text().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("}\n"):
                fields: dict[str, Any] = json.loads(line)
                if fields.get("code") == code:
                    return fields
        return None

    return soon(found, f"no event {code} in the server's log")


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return str(answer.read().decode())


def the_trace(collector: Collector, chain: Chain, trace_id: str) -> list[dict[str, Any]]:
    """The spans of a trace, once the collector has all that both daemons know of it."""
    pages = (chain.server_pages, chain.connector_pages)

    def whole() -> list[dict[str, Any]] | None:
        shown = [json.loads(get(port, f"/debug/trace/{trace_id}?format=json")) for port in pages]
        known = {span["span_id"] for one in shown for span in one["spans"]}
        spans = collector.traces().get(trace_id, [])
        return spans if known and known <= {span["span_id"] for span in spans} else None

    return soon(whole, "the whole trace did not arrive at the collector")


def show(spans: list[dict[str, Any]]) -> None:
    """The waterfall."""
    for line in draw(spans):
        say("  " + line)
