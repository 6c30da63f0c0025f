"""Draws who talks to whom: boxes in four columns, and lines as thick as what passes."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from markupsafe import Markup

from acra_twisted.telemetry.console.formats import NOTHING, cut, px

#: The columns with their places.
COLUMNS: Final[Mapping[str, int]] = {
    "Applications, by client id": 8,
    "Connectors": 334,
    "Servers": 660,
    "Databases": 986,
}
_BOX_WIDTH: Final = 178
_BOX_HEIGHT: Final = 68
_STEP: Final = 80
_WIDTH: Final = 1172
_TOP: Final = 42
#: The part of a box's room that lines below a column have, and where in it they pass.
_PASSED, _BELOW = 0.5, 14
#: Widths of the thinnest and of the thickest line.
_THIN, _THICK = 1.5, 8.0
#: Boxes, or lines, that are drawn between two turns.
_TURN: Final = 8
#: Characters of a line of a box, and of its name, which is bold.
_TEXT_MAX, _NAME_MAX = 24, 19
_EDGE: Final = Markup('<path class="edge{}" stroke-width="{}" d="{}"><title>{}</title></path>')
_LABEL: Final = Markup('<text class="e" x="{}" y="{}" text-anchor="middle">{}</text>')
_BOX: Final = Markup(
    '<a href="{}"><rect class="node{}" x="{}" y="{}" width="{}" height="{}" rx="8"/>'
    '<title>{}</title><text class="t1" x="{}" y="{}">{}</text> '
    '<text class="t2" x="{}" y="{}">{}</text> <text class="t2{}" x="{}" y="{}">{}</text></a>'
)


class Node(NamedTuple):
    """A box: its key, its column, its name, two lines, the second of which may be a warning or bad
    news (``look``: ``warn``, ``bad``), and where it leads."""

    key: str
    column: int
    name: str
    first: str
    second: str
    look: str
    href: str


class Line(NamedTuple):
    """A line between two boxes by their keys: its part of the most that any has, the text on it,
    what a pointer shows, and ``hot`` or ``bad``."""

    source: str
    target: str
    part: float
    text: str
    title: str
    look: str = ""


def draw(name: str, nodes: Sequence[Node], lines: Sequence[Line]) -> Generator[str, None, Markup]:
    """Return the picture, in steps.  Lines between boxes that are not there are left out."""
    columns: list[list[Node]] = [[] for _ in COLUMNS]
    at: dict[str, int] = {}
    for node in nodes:
        columns[node.column].append(node)
        at[node.key] = node.column
    # A column that lines pass has room for them, below its boxes.
    passed = {
        between
        for line in lines
        if line.source in at and line.target in at
        for between in range(at[line.source] + 1, at[line.target])
    }
    tall = [len(column) + _PASSED * (place in passed) for place, column in enumerate(columns)]
    most = max(tall) or 1
    height = _TOP + most * _STEP
    places: dict[str, tuple[int, float]] = {}
    ways: dict[int, float] = {}
    for place, (x, column) in enumerate(zip(COLUMNS.values(), columns, strict=True)):
        first = _TOP + (most - tall[place]) * _STEP / 2
        for number, node in enumerate(column):
            places[node.key] = (x, first + number * _STEP)
        if place in passed:
            ways[x] = first + len(column) * _STEP + _BELOW
    known = [line for line in lines if _both(line, places)]
    drawn = yield from _joined(_line(line, places, ways) for line in known)
    heads = Markup().join(
        Markup('<text class="col" x="{}" y="24">{}</text>').format(x, title)
        for title, x in COLUMNS.items()
    )
    boxes = yield from _joined(_box(node, *places[node.key]) for node in nodes)
    labels = yield from _joined(_label(line, places) for line in known)
    return Markup(
        '<svg class="topo" viewBox="0 0 {} {}" role="group" aria-label="{}">{}{}{}{}</svg>'
    ).format(_WIDTH, height, name, drawn, heads, boxes, labels)


def _joined(parts: Iterable[Markup]) -> Generator[str, None, Markup]:
    made = []
    for part in parts:
        made.append(part)
        if not len(made) % _TURN:
            yield ""
    return Markup().join(made)


def _both(line: Line, places: Mapping[str, tuple[int, float]]) -> bool:
    return line.source in places and line.target in places


def _ends(line: Line, places: Mapping[str, tuple[int, float]]) -> tuple[float, float, float, float]:
    (x, y), (to_x, to_y) = places[line.source], places[line.target]
    half = _BOX_HEIGHT / 2
    return x + _BOX_WIDTH, y + half, to_x, to_y + half


def _line(line: Line, places: Mapping[str, tuple[int, float]], ways: Mapping[int, float]) -> Markup:
    """Draw a line, below the boxes of the columns between its ends: ``ways`` are where."""
    x, y, to_x, to_y = _ends(line, places)
    points = [(x, y)]
    for column, below in ways.items():
        if x < column < to_x:
            points += [(column, below), (column + _BOX_WIDTH, below)]
    points.append((to_x, to_y))
    way = f"M{px(x)} {px(y)}"
    for (left, high), (right, low) in pairwise(points):
        middle = px((left + right) / 2)
        way += f"C{middle} {px(high)} {middle} {px(low)} {px(right)} {px(low)}"
    width = px(_THIN + (_THICK - _THIN) * min(max(line.part, 0.0), 1.0))
    look = f" {line.look}" if line.look else ""
    return _EDGE.format(look, width, way, line.title)


def _label(line: Line, places: Mapping[str, tuple[int, float]]) -> Markup:
    x, y, to_x, to_y = _ends(line, places)
    if to_x - x > _BOX_WIDTH:
        # It passes a column, where a box may stand above it.
        return _LABEL.format(px(x + _BOX_WIDTH / 4), px(y + 4), line.text)
    # Nearer to where it comes from: there lines lie apart.
    return _LABEL.format(px(x + (to_x - x) / 3), px(y + (to_y - y) / 4 + 4), line.text)


def _box(node: Node, x: int, y: float) -> Markup:
    at = x + 12
    look = f" {node.look}" if node.look else ""
    said = {"warn": " warnt", "bad": " badt"}.get(node.look, "")
    return _BOX.format(
        node.href,
        look,
        x,
        px(y),
        _BOX_WIDTH,
        _BOX_HEIGHT,
        f"{node.name}: {node.first}; {node.second}",
        *(at, px(y + 22), cut(node.name, _NAME_MAX) or NOTHING),
        *(at, px(y + 40), cut(node.first, _TEXT_MAX)),
        *(said, at, px(y + 56), cut(node.second, _TEXT_MAX)),
    )
