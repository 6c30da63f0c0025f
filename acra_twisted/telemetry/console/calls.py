"""The kept calls of one statement: who sent them, and samples of each duration."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console.gathering import kept_spans
from acra_twisted.telemetry.console.people import Names
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.figures.shapes import Shape, kind_of_shape, squeezed
from acra_twisted.telemetry.tracing.recorded import Recorded
from acra_twisted.telemetry.tracing.spannames import kind_of

#: Calls that are looked at, the newest.
CALLS_MAX: Final = 600
#: Clients that are told apart.
_CLIENTS_MAX: Final = 8
#: Addresses of a client that are named.
_PEERS_MAX: Final = 3
_MS: Final = 1e6


class Call(NamedTuple):
    """A request: when it began (nanoseconds since the epoch), how long it took (milliseconds), and
    its attributes."""

    start: int
    took: float
    trace_id: str
    known: Mapping[str, Any]


class Caller(NamedTuple):
    """A client with its kept calls; ``peers`` are addresses from which it has logged in."""

    client_id: str
    name: str
    calls: int
    mean: float
    peers: Sequence[str]


def kept_calls(
    sources: Sources, shape: Shape, since: int, until: int
) -> Generator[str, None, list[Call]]:
    """Return the kept calls of a statement that began in a time (nanoseconds), in steps, the newest
    first."""
    found: list[Call] = []
    if not shape.text:
        return found
    fits: dict[str, bool] = {}

    def may_fit(request: Recorded) -> bool:
        known = request.shape
        return (
            known.namespace == shape.database
            and fits.get(known.text, bool(known.text))
            and since <= request.span.start < until
        )

    for span in kept_spans(sources.traces, may_fit):
        if span is None:
            yield ""
            continue
        known = span.attributes
        text = known.get("db.query.text")
        if (
            not isinstance(text, str)
            or "acra.verdict" not in known
            or "acra.stage" in known
            or not since <= span.start < until
            or known.get("db.namespace", "") != shape.database
            or kind_of_shape(kind_of(span.name)) != shape.kind
        ):
            continue
        if text not in fits:
            fits[text] = squeezed(text) == shape.text
        if fits[text]:
            took = (span.end - span.start) / _MS
            found.append(Call(span.start, took, span.trace_id, known))
    found.sort(key=lambda call: -call.start)
    return found[:CALLS_MAX]


def callers(calls: Sequence[Call], told: Any) -> list[Caller]:
    """Return the clients with most calls.  ``told`` is what `pages.peers` knows, or None."""
    names = Names(told)
    by_client: dict[str, list[float]] = {}
    for call in calls:
        by_client.setdefault(str(call.known.get("acra.client_id", "")), []).append(call.took)
    order = sorted(by_client, key=lambda one: (-len(by_client[one]), one))
    return [
        Caller(
            client,
            names.of(client),
            len(by_client[client]),
            sum(by_client[client]) / len(by_client[client]),
            names.peers(client)[:_PEERS_MAX],
        )
        for client in order[:_CLIENTS_MAX]
    ]
