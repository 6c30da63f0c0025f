"""The lines and the boxes of who talks to whom, from the figures of ways of one or more servers."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.telemetry.console.people import who
from acra_twisted.telemetry.figures.edges import OTHERS, Way
from acra_twisted.telemetry.figures.rows import WHOLE, Row
from acra_twisted.telemetry.figures.summary import mean_ms
from acra_twisted.telemetry.figures.tallies import DATABASE

#: Kinds of boxes, in the order of a request's way.
CLIENT, CONNECTOR, SERVER, BASE = range(4)
#: Boxes of a column at most; what is beyond is one.
BOXES_MAX: Final = 8
_REST: Final = "others"
#: Ways that are added up between two turns.
_STEP: Final = 16


class Box(NamedTuple):
    """A box: its kind, and what tells it from others of the kind.  ``name`` is shown, ``given`` is
    what a search takes, of another server its console's address."""

    kind: int
    name: str
    given: str

    @property
    def key(self) -> str:
        """Its key among all."""
        return f"{self.kind} {self.given} {self.name}"


class Part(NamedTuple):
    """The figures of the ways over a server, and those of the hour before, of which the databases
    alone count.  ``href`` is the console's address of another server."""

    name: str
    href: str
    now: Mapping[Way, Row]
    before: Mapping[Way, Row]


class Picture(NamedTuple):
    """Figures by box, and by pairs of boxes, in the time that is asked for; ``before`` are those of
    databases in the hour before."""

    boxes: Mapping[Box, Row]
    lines: Mapping[tuple[Box, Box], Row]
    before: Mapping[Box, Row]


def picture(parts: Sequence[Part]) -> Generator[str, None, Picture]:
    """Return the figures of boxes and lines, in steps."""
    kept = _kept(parts)
    count = 0
    boxes: dict[Box, Row] = {}
    lines: dict[tuple[Box, Box], Row] = {}
    earlier: dict[Box, Row] = {}
    for part in parts:
        for way, row in part.now.items():
            through = [kept.get(box, _rest(box)) for box in _boxes(way, part)]
            for box in through:
                boxes.setdefault(box, Row()).add(row)
            for pair in zip(through, through[1:], strict=False):
                lines.setdefault(pair, Row()).add(row)
            count += 1
            if not count % _STEP:
                yield ""
        for way, row in part.before.items():
            base = _boxes(way, part)[-1]
            earlier.setdefault(kept.get(base, _rest(base)), Row()).add(row)
        yield ""
    return Picture(boxes, lines, earlier)


def _boxes(way: Way, part: Part) -> list[Box]:
    """Return the boxes that a way leads through."""
    server = Box(SERVER, part.name, part.href)
    if way == OTHERS:
        return [Box(CLIENT, _REST, ""), server, Box(BASE, _REST, "")]
    found = [Box(CLIENT, who(way.client_id, way.certificate, way.peer), way.client_id)]
    if way.connector:
        found.append(Box(CONNECTOR, way.connector, way.connector))
    found.append(server)
    found.append(Box(BASE, way.database or way.server, way.database))
    return found


def _rest(box: Box) -> Box:
    return Box(box.kind, _REST, "")


def _kept(parts: Iterable[Part]) -> dict[Box, Box]:
    """Return the boxes of each column that are drawn: those with most calls."""
    calls: list[dict[Box, int]] = [{} for _ in range(4)]
    for box, row in _all(parts):
        column = calls[box.kind]
        column[box] = column.get(box, 0) + row.calls
    found: dict[Box, Box] = {}
    for column in calls:
        most = sorted(column, key=lambda box: -column[box])
        limit = BOXES_MAX if len(most) <= BOXES_MAX else BOXES_MAX - 1
        found.update((box, box) for box in most[:limit])
    return found


def _all(parts: Iterable[Part]) -> Iterator[tuple[Box, Row]]:
    for part in parts:
        for way, row in part.now.items():
            for box in _boxes(way, part):
                yield box, row


def database_ms(row: Row) -> float:
    """Return the mean milliseconds of a request in the database."""
    layer = row.layers.get(DATABASE)
    return layer.total / layer.count / 1e6 if layer is not None and layer.count else 0.0


def line_ms(target: Box, row: Row) -> float:
    """Return the mean milliseconds of a request on a line: of the whole, or in the database."""
    return database_ms(row) if target.kind == BASE else mean_ms(row)


def layer_of(target: Box) -> str:
    """Return the name of the layer that a line's times are of."""
    return DATABASE if target.kind == BASE else WHOLE


def of_kind(boxes: Iterable[Box], kind: int) -> list[Box]:
    """Return the boxes of a kind."""
    return [box for box in boxes if box.kind == kind]
