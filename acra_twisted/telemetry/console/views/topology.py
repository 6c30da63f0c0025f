"""Topology: who talks to whom, how much, how fast, and is the load balanced?"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from acra_twisted.telemetry.console import charts, formats, otherways, serverlines
from acra_twisted.telemetry.console.firststatement import explained
from acra_twisted.telemetry.console.gone import Gone, gone, lasts
from acra_twisted.telemetry.console.graph import Line, Node, draw
from acra_twisted.telemetry.console.layers import ours, per_call
from acra_twisted.telemetry.console.otherservers import counting, instance_of
from acra_twisted.telemetry.console.otherways import Ways, ways_of
from acra_twisted.telemetry.console.ranges import RECENT, Range
from acra_twisted.telemetry.console.sentences import Answer
from acra_twisted.telemetry.console.serverlines import Servers
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views.topologysentences import (
    MANY,
    PART,
    address,
    by_calls,
    doors,
    is_slower,
    said,
)
from acra_twisted.telemetry.console.ways import (
    BASE,
    CLIENT,
    CONNECTOR,
    SERVER,
    Box,
    Part,
    Picture,
    database_ms,
    layer_of,
    line_ms,
    of_kind,
    picture,
)
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.figures.edges import Way
from acra_twisted.telemetry.figures.rows import WHOLE, Row
from acra_twisted.telemetry.figures.summary import mean_ms, percentiles
from acra_twisted.telemetry.pages.arguments import chosen, given
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.pages.search import DENY, ERROR
from acra_twisted.telemetry.pages.waiting import Wait

QUESTION: Final = "Who talks to whom, how much, and is the load balanced?"
SHOWS: Final = ("rate", "p95", "errors")
ARGUMENTS: Final[Mapping[str, str]] = {
    "range": f"time up to now: {', '.join(RECENT)}",
    "show": f"on the lines: {', '.join(SHOWS)}",
    "servers": f"servers: {', '.join(serverlines.SERVERS)}",
}
_HOUR: Final = 60
_LINES: Final = 40
_BALANCED: Final = 12


class Asked(NamedTuple):
    """The arguments of the view: minutes up to now, what is on the lines, and which servers."""

    key: str
    since: int
    until: int
    show: str
    servers: str = serverlines.ALL

    @property
    def seconds(self) -> int:
        """How long it is."""
        return 60 * (self.until - self.since)


class Gathered(NamedTuple):
    """All that the view shows.  ``layers`` are the mean milliseconds of a request of the time;
    ``silent`` are clients that were heard in the hour before, and not since; ``missing`` are the
    addresses of servers whose ways are not in the picture.  ``own`` are the ways of this server."""

    wanted: Asked
    picture: Picture
    layers: Mapping[str, float]
    silent: Sequence[str]
    servers: Servers | None
    said: Answer
    missing: Sequence[str]
    own: Ways
    lost: Sequence[Gone] = ()


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    key = chosen("range", found.get("range") or "5m", RECENT)
    until = now // MINUTE + 1
    show = chosen("show", found.get("show") or SHOWS[0], SHOWS)
    servers = serverlines.chosen_servers(found)
    return Asked(key, until - RECENT[key][1], until, show, servers)


def gather(sources: Sources, wanted: Asked) -> Generator[Piece, None, Gathered]:
    """Return what the view shows, in steps; it waits for other servers, if any are named."""
    if wanted.servers == serverlines.THIS:
        sources = sources._replace(others=None)
    wait = None
    if sources.others is not None:
        wait = Wait(sources.others(otherways.question(wanted.key)))
    now = yield from _total(sources, wanted.since, wanted.until)
    before = yield from _total(sources, wanted.since - _HOUR, wanted.since)
    heard = lasts(sources.edges.heard() if sources.edges is not None else {})
    own = ways_of(instance_of(sources.fact("origin")), now, before, heard)
    yield ""
    row = Row()
    for column in (yield from sources.sums.by_column(Range("1h", wanted.since, wanted.until))):
        row.add(column)
    servers = yield from serverlines.gather(sources)
    parts, told = [Part(sources.traces.service, "", own.now, own.before)], [own]
    missing: list[str] = []
    if wait is not None:
        yield wait
        missing = [other.at for other in wait.result if other.told is None]
        for other, theirs in counting(own.instance, wait.result):
            told.append(theirs)
            parts.append(Part(other.at, other.href, theirs.now, theirs.before))
    seen = yield from picture(parts)
    yield ""
    silent = otherways.silent(told)
    away = serverlines.missing(servers.others if servers is not None else ())
    # A server of a release that does not tell when they came last may have them.
    unsure = {way.connector for one in told if not one.connectors for way in one.now}
    last = [one for ways in told for one in ways.connectors if one.connector not in unsure]
    lost = gone(last, wanted.until - 1)
    text = said(
        (wanted.key, RECENT[wanted.key][0]),
        seen,
        silent,
        away,
        lost,
        here=len(told) == 1 or bool(missing),
    )
    text = yield from explained(text, sources.fact)
    return Gathered(wanted, seen, per_call(row), silent, servers, text, missing, own, lost)


def _total(sources: Sources, since: int, until: int) -> Generator[str, None, dict[Way, Row]]:
    found: dict[Way, Row] = {}
    if sources.edges is not None:
        for some in sources.edges.total(since, until):
            found = some
            yield ""
    return found


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    seen = gathered.picture
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "range": gathered.wanted.key,
        "layers_ms": dict(gathered.layers),
        "connectors_unseen": _is_unseen(gathered),
        "silent": list(gathered.silent),
        "missing": list(gathered.missing),
        "gone": [one.as_json() for one in gathered.lost],
        **(otherways.as_json(gathered.own) if gathered.wanted.servers == serverlines.THIS else {}),
        **serverlines.as_json(gathered.servers),
        "boxes": (
            {**box._asdict(), **_figures(row, WHOLE), "database_ms": database_ms(row)}
            for box, row in seen.boxes.items()
        ),
        "lines": (
            {
                "from": source._asdict(),
                "to": target._asdict(),
                **_figures(row, layer_of(target)),
                "mean_ms": line_ms(target, row),
            }
            for (source, target), row in _busiest(seen)
        ),
    }


def _figures(row: Row, layer: str) -> dict[str, Any]:
    return {
        "calls": row.calls,
        "errors": row.errors,
        "denied": row.denied,
        "mean_ms": mean_ms(row),
        **percentiles(row, layer),
    }


def _busiest(seen: Picture) -> list[tuple[tuple[Box, Box], Row]]:
    return sorted(seen.lines.items(), key=lambda item: -item[1].calls)


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    wanted, seen = gathered.wanted, gathered.picture
    lines = _busiest(seen)
    arguments = {"range": wanted.key, "show": wanted.show, "servers": wanted.servers}
    yield ""
    nodes = [_node(box, seen.boxes[box], gathered) for box in _in_order(seen)]
    yield ""
    drawn = [_line(pair, row, lines[0][1].calls, gathered) for pair, row in lines]
    yield ""
    name = (
        "Requests from applications over connectors and servers to databases; the same as a table"
    )
    graph = yield from draw(f"{name} below", nodes, drawn)
    yield ""
    return {
        "said": gathered.said,
        "ranges": [
            (title, f"?{urlencode({**arguments, 'range': key})}", key == wanted.key)
            for key, (title, _) in RECENT.items()
        ],
        "shows": [
            (show, f"?{urlencode({**arguments, 'show': show})}", show == wanted.show)
            for show in SHOWS
        ],
        "title_of_range": RECENT[wanted.key][0],
        "graph": graph if lines else "",
        "which": serverlines.choice(gathered.servers is not None, wanted.servers, arguments),
        "missing": ", ".join(map(formats.name, gathered.missing)),
        "unseen": _is_unseen(gathered),
        "balance": _balance(seen, wanted),
        "balance_note": _balance_note(_compared(seen)),
        "servers": serverlines.shown(gathered.servers),
        "lines": (_row(pair, row, seen, wanted) for pair, row in lines[:_LINES]),
        "note": f"{min(len(lines), _LINES)} of {len(lines)}, busiest first",
        "query": urlencode(arguments),
    }


def _is_unseen(gathered: Gathered) -> bool:
    """Return True if connectors send requests, and nothing of the time that these spend there."""
    return "link" not in gathered.layers and any(way.connector for way in gathered.own.now)


def _in_order(seen: Picture) -> list[Box]:
    """Return the boxes, the busiest first; clients without a connector stand below the others, so
    that their lines pass the connectors."""
    direct = {source for source, target in seen.lines if target.kind == SERVER}
    return sorted(seen.boxes, key=lambda box: (box.kind, box in direct, -seen.boxes[box].calls))


def _rate(row: Row, wanted: Asked) -> str:
    return formats.rate(row.calls / wanted.seconds)


def _node(box: Box, row: Row, gathered: Gathered) -> Node:
    rate, look = _rate(row, gathered.wanted), ""
    second = f"p95 {formats.ms(percentiles(row, WHOLE)['p95_ms'])}"
    if box.kind == SERVER and len(of_kind(gathered.picture.boxes, SERVER)) == 1:
        second = f"ours {formats.ms(ours(gathered.layers))}"
    elif box.kind == CONNECTOR and "link" in gathered.layers:
        second = f"link {formats.ms(gathered.layers['link'])}"
    elif box.kind == BASE:
        second = formats.ms(database_ms(row))
        if is_slower(gathered.picture, box):
            second += f", was {formats.ms(database_ms(gathered.picture.before[box]))}"
            look = "warn"
    href, known = address(box), doors(box, gathered.picture, gathered.wanted.key)
    for verdict, word, number, is_bad in (
        (DENY, "denied", row.denied, box.kind == CLIENT and row.denied > 0),
        (ERROR, "failed", row.errors, row.errors >= max(MANY, PART * row.calls)),
    ):
        if is_bad and box.kind in (CLIENT, BASE):
            told = formats.count(number) if known else formats.share(number, row.calls)
            second, look, href = f"{told} {word}", "bad", known.get(verdict, href)
            break
    return Node(box.key, box.kind, formats.name(box.name), rate, second, look, href)


def _line(pair: tuple[Box, Box], row: Row, most: int, gathered: Gathered) -> Line:
    source, target = pair
    rate = _rate(row, gathered.wanted)
    p95 = formats.ms(percentiles(row, layer_of(target))["p95_ms"])
    failed = formats.share(row.errors, row.calls)
    text = {"rate": rate, "p95": p95, "errors": failed}[gathered.wanted.show]
    look = ""
    if target.kind == BASE and is_slower(gathered.picture, target):
        look = "hot"
    elif row.errors >= max(MANY, PART * row.calls):
        look = "bad"
    title = (
        f"{formats.name(source.name)} to {formats.name(target.name)}: {rate}, "
        f"p95 {p95}, {failed} failed"
    )
    return Line(source.key, target.key, row.calls / (most or 1), text, title, look)


def _compared(seen: Picture) -> Sequence[Box]:
    """Return the boxes of which the shares are told."""
    boxes = of_kind(seen.boxes, SERVER)
    if len(boxes) < 2:
        boxes = of_kind(seen.boxes, CONNECTOR) or of_kind(seen.boxes, CLIENT)
    return boxes


def _has_even_shares(boxes: Sequence[Box]) -> bool:
    """Return True if an even share is to be expected: clients need not send alike."""
    return len(boxes) > 1 and boxes[0].kind != CLIENT


def _balance_note(boxes: Sequence[Box]) -> str:
    names = {SERVER: "servers", CONNECTOR: "connectors", CLIENT: "clients"}
    text = f"shares of {names[boxes[0].kind]}" if boxes else ""
    return f"{text}; the tick is an even share" if _has_even_shares(boxes) else text


def _balance(seen: Picture, wanted: Asked) -> list[dict[str, Any]]:
    """The shares of servers where there are several, else of connectors, or of clients where there
    are none."""
    boxes = _compared(seen)
    even = _has_even_shares(boxes)
    whole = sum(seen.boxes[box].calls for box in boxes)
    calls = {box: seen.boxes[box].calls for box in boxes}
    return [
        {
            "name": formats.name(box.name),
            "href": address(box),
            "share": formats.share(calls[box], whole),
            "gauge": charts.gauge(calls[box], whole, 100 / len(boxes) if even else 0.0),
            "rate": _rate(seen.boxes[box], wanted),
            "mean": formats.ms(mean_ms(seen.boxes[box]), False),
            "errors": formats.share(seen.boxes[box].errors, calls[box]),
            "denied": formats.count(seen.boxes[box].denied),
            "doors": _doors(box, seen.boxes[box], seen, wanted),
        }
        for box in by_calls(calls)[:_BALANCED]
    ]


def _doors(box: Box, row: Row, seen: Picture, wanted: Asked) -> dict[str, str]:
    """Return where the errors and denials of a row lead, if it has all those of a box."""
    known = doors(box, seen, wanted.key) if row.calls == seen.boxes[box].calls else {}
    counts = {ERROR: row.errors, DENY: row.denied}
    return {verdict: href for verdict, href in known.items() if counts[verdict]}


def _row(pair: tuple[Box, Box], row: Row, seen: Picture, wanted: Asked) -> dict[str, Any]:
    source, target = pair
    spread = percentiles(row, layer_of(target))
    return {
        "source": formats.name(source.name),
        "href": address(source),
        "target": formats.name(target.name),
        "target_href": address(target),
        "rate": _rate(row, wanted),
        "mean": formats.ms(line_ms(target, row), False),
        "p50": formats.ms(spread["p50_ms"], False),
        "p95": formats.ms(spread["p95_ms"], False),
        "errors": formats.share(row.errors, row.calls),
        "denied": formats.count(row.denied),
        "doors": _doors(source if source.kind == CLIENT else target, row, seen, wanted),
    }


VIEW: Final = View("topology", "Topology", "topology", asked, gather, as_json, shown, live=10)
