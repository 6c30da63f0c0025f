"""The sides of a comparison: a trace, or the typical one of a statement."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import breaks, requests, structure
from acra_twisted.telemetry.console.breaks import Minute
from acra_twisted.telemetry.console.gathering import by_column
from acra_twisted.telemetry.console.layers import LAYERS
from acra_twisted.telemetry.console.ranges import DEFAULT, range_of
from acra_twisted.telemetry.console.structure import Key, Place
from acra_twisted.telemetry.console.timeline import Timeline, arranged
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.figures.summary import whole_ms
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.tracing.kept import Kept

#: Traces that the typical one is made of at most, and spans of each.
_TYPICAL_MAX: Final = 64
_SPANS_MAX: Final = 64
#: Spans that are looked at between two turns.
_STEP: Final = 16
#: Fewer traces than these are not typical of a time.
_FEW: Final = 3
_FOR_EVER: Final = 1 << 62


class Side(NamedTuple):
    """One of both: its places, milliseconds by layer, and the attributes of its requests; of one
    trace the record of its main request, and of a typical one the time that its traces are of."""

    places: Mapping[Key, Place]
    layers: Mapping[str, float]
    known: Sequence[Mapping[str, Any]]
    start: int = 0
    verdict: str = ""
    main: Mapping[str, Any] | None = None
    when: str = ""


def one_of(sources: Sources, trace_id: str) -> Generator[Piece, None, Side | None]:
    """Return a trace, in steps; None if nothing of it is kept."""
    records = yield from sources.traces.records(trace_id)
    if not records:
        return None
    timeline = yield from arranged(records)
    return (yield from side_of(records, timeline))


def side_of(
    records: Sequence[Mapping[str, Any]], timeline: Timeline
) -> Generator[Piece, None, Side]:
    """Make a side of the records of a trace, in steps."""
    main = requests.main_of(records)
    yield ""
    places = yield from structure.places(timeline)
    return Side(
        places,
        timeline.layers,
        [main["attributes"]] if main is not None else [],
        timeline.begin,
        requests.verdict_of(main) if main is not None else "",
        main,
    )


def typical_of(sources: Sources, trace_id: str, side: Side) -> Generator[Piece, None, Side | None]:
    """Return medians of other kept traces of the same statement, the newest ones; None if there are
    none.

    Where the statement has become slower, those before are typical, and those since if it has
    become faster; all of them where these are too few.
    """
    if side.main is None or not side.known[0].get("db.query.text"):
        return None
    since, until, when = yield from _usual(sources, side.main)
    found: list[Side] = []
    others: list[str] = []
    for looked, kept in enumerate(sources.traces.store.traces(), 1):
        if not looked % _STEP:
            yield ""
        if kept.trace_id == trace_id or len(kept) > _SPANS_MAX:
            continue
        start = yield from _begun(kept, side.known[0])
        if start and since <= start < until:
            yield from _add(sources, kept.trace_id, found)
        elif start and len(others) < _TYPICAL_MAX:
            others.append(kept.trace_id)
        if len(found) == _TYPICAL_MAX:
            break
    if len(found) < _FEW:
        when = ""
        for other in others:
            yield from _add(sources, other, found)
    if not found:
        return None
    layers = {layer: median(one.layers.get(layer, 0.0) for one in found) for layer in LAYERS}
    return Side(
        structure.typical([one.places for one in found]),
        {layer: spent for layer, spent in layers.items() if spent},
        [known for one in found for known in one.known],
        when=when,
    )


def _usual(
    sources: Sources, main: Mapping[str, Any]
) -> Generator[Piece, None, tuple[int, int, str]]:
    """Return the time in which a statement took as long as it usually does, and its name."""
    span = range_of(DEFAULT, sources.clock())
    columns = yield from by_column(sources.figures, requests.shape_id(main), span)
    found = breaks.find([Minute(column.calls, whole_ms(column)) for column in columns])
    yield ""
    if found is None:
        return 0, _FOR_EVER, ""
    moment = (span.since + found.place * span.step) * MINUTE
    if found.now > found.before:
        return 0, moment, f"before {span.begins(found.place)}"
    return moment, _FOR_EVER, f"since {span.begins(found.place)}"


def _add(sources: Sources, trace_id: str, found: list[Side]) -> Generator[Piece, None, None]:
    """Add a trace that neither was denied nor failed."""
    side = yield from one_of(sources, trace_id)
    if side is not None and side.verdict in (requests.ALLOWED, requests.SLOW):
        found.append(side)


def _begun(kept: Kept, wanted: Mapping[str, Any]) -> Generator[str, None, int]:
    """Return when a trace's request with the same statement began, 0 if it has none."""
    plain = kept.plain()
    if plain is not None:
        text, database = wanted["db.query.text"], wanted.get("db.namespace")
        same = (one for one in plain if (one.shape.text, one.shape.namespace) == (text, database))
        return next((one.span.start for one in same), 0)
    for number, span in enumerate(kept.spans(), 1):
        known = span.attributes
        if known.get("db.query.text") == wanted["db.query.text"] and known.get(
            "db.namespace"
        ) == wanted.get("db.namespace"):
            return span.start
        if not number % _STEP:
            yield ""
    return 0
