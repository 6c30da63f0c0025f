"""Where the time of one trace went: its spans as a tree, each with its layer, what it spent
itself, and its part of the critical path.  Times are nanoseconds after the trace's begin, of spans
that were moved where clocks differ.

Spans are of others as well: parents may be missing, or go round in a circle.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console.clocks import Moves, moves
from acra_twisted.telemetry.console.layers import DATABASE, LAYERS, layer_of
from acra_twisted.telemetry.console.requests import is_request
from acra_twisted.telemetry.figures.rows import STAGE

#: Spans from which on runs of alike ones are folded, and those of a run at least.
FOLDED_FROM: Final = 80
_RUN_MIN: Final = 3
#: Spans that are looked at between two turns.
_STEP: Final = 32
#: Spans that last as long as a connection, in no layer.
_CONNECTION: Final = frozenset(("handleConnection", "handleCommandsConnection"))
_NS_IN_MS: Final = 1e6
#: Milliseconds that a wait may be said to have taken.
_WAITED_MAX: Final = 1e12


class Part(NamedTuple):
    """A time of a layer."""

    layer: str
    start: int
    end: int


class Bar(NamedTuple):
    """A span.  ``layer`` is empty for a connection.  ``own`` is what it spent itself, ``critical``
    that of it for which the whole trace waited; ``below`` counts the spans below it.  Where several
    alike ones were folded, ``runs`` has the time of each, and ``spans`` counts all that are not
    shown apart."""

    record: Mapping[str, Any]
    depth: int
    layer: str
    start: int
    end: int
    own: Sequence[Part]
    critical: Sequence[Part]
    below: int
    runs: Sequence[Part] = ()
    spans: int = 1

    @property
    def alike(self) -> int:
        """Return how many alike ones it stands for."""
        return max(len(self.runs), 1)

    @property
    def itself(self) -> int:
        """Return how long it took without what is below it."""
        return sum(part.end - part.start for part in self.own)

    @property
    def first_byte(self) -> int | None:
        """Return when the first byte of the database's reply came."""
        waited = self.record["attributes"].get("acra.time.first_byte_ms")
        if self.layer not in DATABASE or not isinstance(waited, int | float):
            return None
        return _after(self.start, self.end, waited)


class Timeline(NamedTuple):
    """A trace: when it began (since the epoch), how long it took, its spans in the order of the
    tree, milliseconds by layer, and the times of the layers, none of them twice; and how its spans
    were moved, whose records have their times as they were."""

    begin: int
    took: int
    bars: Sequence[Bar]
    layers: Mapping[str, float]
    spent: Sequence[Part]
    moves: Moves = Moves()


class _Node:
    __slots__ = ("record", "start", "end", "depth", "layer", "below", "critical")

    def __init__(self, record: Mapping[str, Any], begin: int) -> None:
        """It begins and ends so many nanoseconds behind a moment."""
        self.record = record
        self.start: int = record["start"] - begin
        self.end: int = max(record["end"] - begin, self.start)
        self.depth = 0
        self.layer = ""
        self.below: list[_Node] = []
        self.critical: list[tuple[int, int]] = []


def arrange(records: Sequence[Mapping[str, Any]]) -> Timeline:
    """Make it of the few records of a trace, of which there is one at least, at once."""
    steps = arranged(records)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Timeline = end.value
            return made


def arranged(records: Sequence[Mapping[str, Any]]) -> Generator[str, None, Timeline]:
    """Return it, in steps."""
    moved = yield from moves(records)
    by = moved.by
    begin = min(record["start"] + by.get(record["span_id"], 0) for record in records)
    nodes = {
        record["span_id"]: _Node(record, begin - by.get(record["span_id"], 0)) for record in records
    }
    yield ""
    roots = _tree(nodes)
    yield ""
    order: list[_Node] = []
    for node in _depth_first(roots):
        order.append(node)
        if not len(order) % _STEP:
            yield ""
    # Whatever goes round in a circle has no way from the top.
    reached = set(map(id, order))
    for node in nodes.values():
        if id(node) not in reached:
            node.below = []
            node.layer = _layer(node.record, None)
            order.append(node)
            roots.append(node)
    took = max(max(node.end for node in order), 1)
    yield ""
    for count, _ in enumerate(_mark_critical(roots, took), 1):
        if not count % _STEP:
            yield ""
    bars = []
    for node in order:
        bars.append(_bar(node))
        if not len(bars) % _STEP:
            yield ""
    counted = yield from _with_counts(bars)
    spent = dict.fromkeys(LAYERS, 0)
    parts = []
    for part in moments(bars):
        parts.append(part)
        spent[part.layer] += part.end - part.start
        if not len(parts) % _STEP:
            yield ""
    layers = {layer: time / _NS_IN_MS for layer, time in spent.items() if time}
    return Timeline(begin, took, counted, layers, parts, moved)


def _tree(nodes: Mapping[str, _Node]) -> list[_Node]:
    roots: list[_Node] = []
    for node in sorted(nodes.values(), key=lambda one: one.start):
        above = nodes.get(node.record["parent_id"])
        (roots if above is None or above is node else above.below).append(node)
    return roots


def _depth_first(roots: Sequence[_Node]) -> Iterator[_Node]:
    pending: list[tuple[_Node, _Node | None]] = [(node, None) for node in reversed(roots)]
    while pending:
        node, above = pending.pop()
        node.depth = 0 if above is None else above.depth + 1
        node.layer = _layer(node.record, above)
        yield node
        pending += [(child, node) for child in reversed(node.below)]


def _layer(record: Mapping[str, Any], above: _Node | None) -> str:
    known = record["attributes"]
    stage = known.get("acra.stage")
    if stage:
        return layer_of(f"{STAGE}{stage}") or "other"
    if above is not None and "acra.stage" in above.record["attributes"]:
        # A stage asked somebody: that is part of its time.
        return above.layer
    if record["name"] in _CONNECTION:
        return ""
    if record.get("running") and known.get("acra.in_database"):
        return "dbfirst"
    if "db.system.name" in known:
        # A connector's request is one of a client, too: of AcraServer.
        if record["kind"] == "client" and not is_request(record):
            return "dbfirst"
        if "acra.time.proxy_ms" not in known and not record.get("running"):
            return "link"
    return "proxy"


def _mark_critical(roots: Sequence[_Node], took: int) -> Iterator[None]:
    """Go back from the end of the trace: the span that ended last is what was waited for."""
    pending: list[tuple[_Node | None, Sequence[_Node], int, int]] = [(None, roots, 0, took)]
    while pending:
        node, below, low, high = pending.pop()
        at = high
        for child in sorted(below, key=lambda one: -one.end):
            end = min(child.end, at)
            if end <= low or child.start >= end:
                continue
            if node is not None and end < at:
                node.critical.append((end, at))
            at = max(child.start, low)
            pending.append((child, child.below, at, end))
        if node is not None and at > low:
            node.critical.append((low, at))
        yield None


def _bar(node: _Node) -> Bar:
    split = _first_byte(node)
    own = []
    at = node.start
    for child in node.below:
        if child.start > at:
            own.append((at, min(child.start, node.end)))
        at = max(at, child.end)
        if at >= node.end:
            break
    if at < node.end:
        own.append((at, node.end))
    return Bar(
        node.record,
        node.depth,
        node.layer,
        node.start,
        node.end,
        list(_parts(node, own, split)),
        list(_parts(node, sorted(node.critical), split)),
        0,
    )


def _first_byte(node: _Node) -> int:
    """Return where the rows of the database begin; its end if they have no time of their own."""
    waited = node.record["attributes"].get("acra.time.first_byte_ms")
    if node.layer != "dbfirst" or not isinstance(waited, int | float):
        return node.end
    return _after(node.start, node.end, waited)


def _after(start: int, end: int, waited: float) -> int:
    """Return the moment so many milliseconds behind the start, within the span.
    Not a number counts as 0."""
    return min(start + int(min(max(0.0, waited), _WAITED_MAX) * _NS_IN_MS), end)


def _parts(node: _Node, times: Sequence[tuple[int, int]], split: int) -> Iterator[Part]:
    for start, end in times:
        if node.layer != "dbfirst" or end <= split:
            yield Part(node.layer, start, end)
        elif start >= split:
            yield Part("dbrows", start, end)
        else:
            yield Part("dbfirst", start, split)
            yield Part("dbrows", split, end)


def _with_counts(bars: Sequence[Bar]) -> Generator[str, None, list[Bar]]:
    """Count what is below each, in steps."""
    ends = _ends(bars)
    yield ""
    counted = []
    for place, bar in enumerate(bars):
        counted.append(bar._replace(below=ends[place] - place - 1))
        if not len(counted) % _STEP:
            yield ""
    return counted


def moments(bars: Sequence[Bar]) -> Iterator[Part]:
    """Give the times of the layers, none of them twice: a moment is of the stage that works in it,
    else of the database, else of the deepest span."""
    edges: list[tuple[int, int, int, str]] = []
    for place, bar in enumerate(bars):
        for part in bar.own:
            if part.layer and part.end > part.start:
                edges.append((part.start, 1, place, part.layer))
                edges.append((part.end, 0, place, part.layer))
    edges.sort()
    # The one to which a moment belongs comes first; what has ended goes when it is the first.
    active: set[tuple[int, str]] = set()
    first: list[tuple[bool, bool, int, int, str]] = []
    before = 0
    for at, begins, place, layer in edges:
        while first and first[0][3:] not in active:
            heappop(first)
        if first and at > before:
            yield Part(first[0][4], before, at)
        before = at
        if begins:
            known = bars[place].record["attributes"]
            active.add((place, layer))
            is_last = ("acra.stage" not in known, layer not in DATABASE, -bars[place].depth)
            heappush(first, (*is_last, place, layer))
        else:
            active.discard((place, layer))


def folded(bars: Sequence[Bar]) -> Generator[str, None, list[Bar]]:
    """Put one in the place of several alike ones that follow each other, with all that is below
    them, where there are more than `FOLDED_FROM`, in steps.

    Alike are spans of the same name, of which both or none failed, with alike spans below them.
    """
    if len(bars) <= FOLDED_FROM:
        return list(bars)
    ends = _ends(bars)
    yield ""
    kinds = yield from _kinds(bars, ends)
    found: list[Bar] = []
    place = 0
    while place < len(bars):
        tops = [place]
        end = ends[place]
        while (
            end < len(bars) and kinds[end] == kinds[place] and bars[end].depth == bars[place].depth
        ):
            tops.append(end)
            end = ends[end]
        if len(tops) >= _RUN_MIN:
            found.append(_joined([bars[top] for top in tops], end - place))
            place = end
        else:
            found.append(bars[place])
            place += 1
        if not len(found) % _STEP:
            yield ""
    return found


def _ends(bars: Sequence[Bar]) -> list[int]:
    """Return for each span the place behind all that is below it."""
    ends = [len(bars)] * len(bars)
    open_bars: list[int] = []
    for place, bar in enumerate(bars):
        while open_bars and bars[open_bars[-1]].depth >= bar.depth:
            ends[open_bars.pop()] = place
        open_bars.append(place)
    return ends


def _kinds(bars: Sequence[Bar], ends: Sequence[int]) -> Generator[str, None, list[int]]:
    """Number the spans so that alike ones have the same number."""
    numbers: dict[tuple[Any, ...], int] = {}
    kinds = [0] * len(bars)
    for place in range(len(bars) - 1, -1, -1):
        below, child = [], place + 1
        while child < ends[place]:
            below.append(kinds[child])
            child = ends[child]
        record = bars[place].record
        kind = (record["name"], bool(record["status"]), *below)
        kinds[place] = numbers.setdefault(kind, len(numbers))
        if not place % _STEP:
            yield ""
    return kinds


def _joined(tops: Sequence[Bar], spans: int) -> Bar:
    return tops[0]._replace(
        start=min(bar.start for bar in tops),
        end=max(bar.end for bar in tops),
        own=[part for bar in tops for part in bar.own],
        critical=[part for bar in tops for part in bar.critical],
        below=0,
        runs=[Part(bar.layer or "mute", bar.start, bar.end) for bar in tops],
        spans=spans,
    )
