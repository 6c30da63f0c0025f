"""The rows of a waterfall as SVG: solid is what a span spent itself, pale where it waits for what
is below it, and the bold line is the critical path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from acra_twisted.telemetry.console import formats, requests
from acra_twisted.telemetry.console.charts import Tick, levels
from acra_twisted.telemetry.console.formats import px
from acra_twisted.telemetry.console.layers import DATABASE
from acra_twisted.telemetry.console.structure import Pair, Place, Usual
from acra_twisted.telemetry.console.timeline import Bar, Part

#: Rows at most; the JSON has all.
ROWS_MAX: Final = 80
#: Rows from which on lines of the grid would be more than the rest.
_GRID_MAX: Final = 40
#: Pieces of a row, and what is between two of them at least, in percent, where they are more.
_PIECES_MAX: Final = 24
_GAP: Final = 1.0
_LEAST: Final = 0.35
#: Classes of indentation that the style sheet has.
_DEEPEST: Final = 4
#: A bar from this long on, in percent, has room for a text.
_ROOM: Final = 30
_TWISTY: Final = Markup(
    '<button type="button" class="tw" aria-expanded="true" aria-label="Collapse {}">'
    '<svg viewBox="0 0 10 10" aria-hidden="true"><path d="M2 3.5l3 3 3-3"/></svg></button>'
)
_LEAF: Final = Markup('<span class="leaf"></span>')
#: Characters of a span's name in a button's label.
_LABEL: Final = 40
#: Bytes of a page for all rows, and those of a row without its texts and its picture.
ROWS_ROOM: Final = 44_000
ROW_BYTES: Final = 220
PAIR_BYTES: Final = 480
_MS: Final = 1e6

_PIECE: Final = Markup('<rect class="f-{}{}" x="{}%" width="{}%" y="10" height="12" rx="1"/>')
_CRITICAL: Final = Markup('<rect class="crit" x="{}%" width="{}%" y="6" height="2"/>')
_LINE: Final = Markup('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="32"/>')
_UPPER: Final = Markup('<rect class="f-{}{}" x="{}%" width="{}%" y="6" height="9" rx="1"/>')
_LOWER: Final = Markup('<rect class="f-control" x="{}%" width="{}%" y="18" height="6" rx="1"/>')
_CHANGE: Final = Markup('<rect class="f-{}{}" x="{}%" width="{}%" y="11" height="10" rx="1"/>')
#: A change is written in bold from this part of the largest on, and from so many milliseconds.
_MATTERS, _MATTERS_MS = 0.01, 0.1
#: Milliseconds that a change has at least.
_SEEN_MS: Final = 0.0005
#: The typical length, below the span's own.
_USUAL: Final = Markup('<rect class="f-control" x="{}%" width="{}%" y="24.5" height="3"/>')
#: A span took much longer than is typical from this factor on.
_TIMES: Final = 2.0
_SAID: Final = Markup(
    '<text x="{}%" dx="-6" y="20" text-anchor="end" class="onbar p-hide">{}</text>'
)


class Window(NamedTuple):
    """The part of a trace that is shown, in nanoseconds after its begin."""

    low: int
    high: int

    @property
    def length(self) -> int:
        """Return how long it is."""
        return self.high - self.low

    def place(self, start: int, end: int) -> tuple[str, str]:
        """Return where a time begins and how wide it is, in percent; what is beyond is cut off."""
        low, high = max(start, self.low), min(end, self.high)
        at = min(100 * (low - self.low) / self.length, 100 - _LEAST)
        return px(at), px(max(100 * (high - low) / self.length, _LEAST))

    def has(self, start: int, end: int) -> bool:
        """Return True if a part of a time is in it."""
        return start <= self.high and end >= self.low


def ticks(window: Window) -> list[Tick]:
    """Return the axis of a part of a trace; its moments count from the trace's begin."""
    whole, low = window.length / _MS, window.low / _MS
    marks = [Tick(0, formats.ms(low) if low else "0")]
    label = formats.ms if low else formats.level
    marks += [Tick(100 * value / whole, label(low + value)) for value in levels(whole)]
    return marks


def rows(
    window: Window,
    bars: Sequence[Bar],
    address: str,
    usual: Mapping[str, Usual] = MappingProxyType({}),
) -> Iterator[dict[str, Any]]:
    """Give the values of the rows that are shown, ``bars`` in the window; ``address`` is a trace's,
    to which a span's id is added.  ``usual`` has what is typical of spans, by their ids."""
    marks = ticks(window) if len(bars) <= _GRID_MAX else []
    grid = Markup("").join(_LINE.format(px(mark.at)) for mark in marks)
    services, names = [""], [""]
    for bar in bars[:ROWS_MAX]:
        service = str(bar.record["service"])
        del services[bar.depth + 1 :]
        named = place_of(bar) or (service if service != services[-1] else "")
        services += [service] * (bar.depth + 2 - len(services))
        whole = str(bar.record["name"])
        del names[bar.depth :]
        names += [whole] * (bar.depth + 1 - len(names))
        name = formats.name(whole)
        # The statement that the database is asked stands above.
        above = names[bar.depth - 1] if bar.depth else ""
        shown = name
        if bar.layer in DATABASE and above and whole.endswith(f" {above}"):
            shown = formats.name(whole.removesuffix(f" {above}"))
        yield {
            "id": bar.record["span_id"],
            "href": address + str(bar.record["span_id"]),
            "name": shown,
            "title": name,
            "twisty": _TWISTY.format(formats.cut(name, _LABEL)) if bar.below else _LEAF,
            "daemon": formats.name(named),
            "depth": bar.depth,
            "indent": min(bar.depth, _DEEPEST),
            "below": bar.below,
            "alike": bar.alike,
            "failed": bool(bar.record["status"]),
            "marks": _marks(bar.record["attributes"]),
            "running": bool(bar.record.get("running")),
            "took": formats.ms((bar.end - bar.start) / _MS),
            "itself": formats.ms(bar.itself / _MS) if bar.layer else formats.NOTHING,
            "picture": grid + _picture(bar, window, usual.get(bar.record["span_id"])),
            **_against(bar, usual.get(bar.record["span_id"])),
        }


def _marks(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the badges of what a span counted that somebody should see."""
    return [(look, word) for key, look, word, _ in requests.COUNTED if requests.number(known, key)]


def _against(bar: Bar, usual: Usual | None) -> dict[str, Any]:
    """Return how many times as long as is typical a span took."""
    if usual is None or bar.alike > 1 or usual.took <= 0:
        return {"times": formats.NOTHING, "worse": False}
    took = (bar.end - bar.start) / _MS
    worse = took >= _TIMES * usual.took and formats.is_worse(usual.took, took)
    return {"times": formats.times(usual.took, took), "worse": worse}


def place_of(bar: Bar) -> str:
    """Return where a database is; empty for other spans."""
    known = bar.record["attributes"]
    if bar.layer not in DATABASE or "server.address" not in known:
        return ""
    port = known.get("server.port")
    return f"{known['server.address']}:{port}" if port else str(known["server.address"])


def _picture(bar: Bar, window: Window, usual: Usual | None) -> Markup:
    layer = bar.layer or "mute"
    drawn = Markup()
    for run in _drawable(bar.runs, window):
        drawn += _PIECE.format(run.layer, " pale", *window.place(run.start, run.end))
    if not bar.runs and (bar.itself < bar.end - bar.start or not bar.layer):
        drawn += _PIECE.format(layer, " pale", *window.place(bar.start, bar.end))
    if bar.layer:
        for part in _drawable(bar.own, window):
            drawn += _PIECE.format(part.layer, "", *window.place(part.start, part.end))
        for part in _drawable(bar.critical, window):
            drawn += _CRITICAL.format(*window.place(part.start, part.end))
    if usual is not None and bar.alike == 1:
        end = bar.start + int(usual.took * _MS)
        if window.has(bar.start, end):
            drawn += _USUAL.format(*window.place(bar.start, end))
    byte = bar.first_byte
    if byte is not None and byte <= window.high:
        room = 100 * (byte - max(bar.start, window.low)) / window.length
        if room > _ROOM:
            said = f"first byte after {formats.ms((byte - bar.start) / _MS)}"
            drawn += _SAID.format(px(100 * (byte - window.low) / window.length), said)
    return drawn


def _drawable(parts: Sequence[Part], window: Window) -> list[Part]:
    """Join what is too near to be seen apart, so that they are not many; leave out what is beyond
    the window."""
    gap = (_GAP if len(parts) > _PIECES_MAX else _LEAST) * window.length / 100
    low, high = window
    found: list[Part] = []
    layer, begin, until = "", 0, 0
    # A row of folded spans has thousands: nothing is called for each.
    for part in sorted(parts, key=attrgetter("start")):
        if part.start > high or part.end < low:
            continue
        if part.layer != layer or part.start - until >= gap:
            if layer:
                found.append(Part(layer, begin, until))
            layer, begin, until = part
        elif part.end > until:
            until = part.end
    return [*found, Part(layer, begin, until)] if layer else found


def pair_rows(pairs: Sequence[Pair], longest: float) -> Iterator[dict[str, Any]]:
    """Give the values of the rows that compare two traces, of which the longer one took so many
    milliseconds: the second is coloured, and the first grey below it."""
    marks = ticks(Window(0, max(int(longest * _MS), 1))) if len(pairs) <= _GRID_MAX else []
    grid = Markup("").join(_LINE.format(px(mark.at)) for mark in marks)
    worst = max((abs(_longer(pair)) for pair in pairs), default=0.0) or 1.0
    for pair in pairs[:ROWS_MAX]:
        place, more = pair.any, _longer(pair)
        layer = place.layer or "mute"
        picture = grid
        if pair.b is not None:
            pale = " pale" if pair.b.waits else ""
            picture += _UPPER.format(layer, pale, *_span_of(pair.b, longest))
        if pair.a is not None:
            picture += _LOWER.format(*_span_of(pair.a, longest))
        width = 50 * abs(more) / worst
        yield {
            "name": formats.name(place.name),
            "layer": place.layer,
            "indent": min(place.depth, _DEEPEST),
            "a": formats.ms(pair.a.took) if pair.a else formats.NOTHING,
            "b": formats.ms(pair.b.took) if pair.b else formats.NOTHING,
            "is_new": pair.a is None,
            "is_missing": pair.b is None,
            "change": formats.signed(more, 3) if abs(more) >= _SEEN_MS else "same",
            "matters": abs(more) > max(_MATTERS * worst, _MATTERS_MS),
            "longer": more > 0,
            "picture": picture,
            "bar": _CHANGE.format(
                "deny" if more > 0 else "good",
                " pale" if place.waits else "",
                px(50 if more > 0 else 50 - width),
                px(max(width, _LEAST)),
            ),
        }


def _longer(pair: Pair) -> float:
    return (pair.b.took if pair.b else 0.0) - (pair.a.took if pair.a else 0.0)


def _span_of(place: Place, longest: float) -> tuple[str, str]:
    at = min(100 * place.start / longest, 100 - _LEAST)
    return px(at), px(max(100 * place.took / longest, _LEAST))
