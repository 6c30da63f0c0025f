"""Topology: who talks to whom, how much, how fast, and is the load balanced?"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from acra_twisted.telemetry.console import charts, formats, serverlines
from acra_twisted.telemetry.console.graph import Line, Node, draw
from acra_twisted.telemetry.console.layers import ours, per_call
from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.console.sentences import (
    BAD,
    DATABASE,
    GOOD,
    PLAIN,
    SLOW,
    Answer,
    Sentence,
    answer,
    link,
    sentence,
    strong,
)
from acra_twisted.telemetry.console.serverlines import Servers
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.ways import (
    BASE,
    CLIENT,
    CONNECTOR,
    SERVER,
    Box,
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

QUESTION: Final = "Who talks to whom, how much, and is the load balanced?"
#: Ranges with their names and minutes.
RANGES: Final = {"5m": ("5 min", 5), "15m": ("15 min", 15), "1h": ("1 h", 60)}
SHOWS: Final = ("rate", "p95", "errors")
ARGUMENTS: Final[Mapping[str, str]] = {
    "range": f"time up to now: {', '.join(RANGES)}",
    "show": f"on the lines: {', '.join(SHOWS)}",
}
_HOUR: Final = 60
#: Errors of a client that are many: so many, and such a part of its requests.
_MANY, _PART = 5, 0.05
#: A database is slower if its mean has grown so much, and by milliseconds.
_GROWN, _GROWN_MS = 1.25, 0.2
#: A share that differs so much from an even one is uneven, where so many requests tell of it.
_UNEVEN: Final = 0.15
_TELLING: Final = 50
_LINES: Final = 40
_BALANCED: Final = 12


class Asked(NamedTuple):
    """The arguments of the view: minutes up to now, and what is on the lines."""

    key: str
    since: int
    until: int
    show: str

    @property
    def seconds(self) -> int:
        """How long it is."""
        return 60 * (self.until - self.since)


class Gathered(NamedTuple):
    """All that the view shows.  ``layers`` are the mean milliseconds of a request of the time;
    ``silent`` are clients that were heard in the hour before, and not since."""

    wanted: Asked
    picture: Picture
    layers: Mapping[str, float]
    silent: Sequence[str]
    servers: Servers | None
    said: Answer


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    key = chosen("range", found.get("range") or "5m", RANGES)
    until = now // MINUTE + 1
    show = chosen("show", found.get("show") or SHOWS[0], SHOWS)
    return Asked(key, until - RANGES[key][1], until, show)


def gather(sources: Sources, wanted: Asked) -> Generator[Piece, None, Gathered]:
    """Return what the view shows, in steps; it waits for other servers, if any are named."""
    now = yield from _total(sources, wanted.since, wanted.until)
    before = yield from _total(sources, wanted.since - _HOUR, wanted.since)
    seen = picture(now, before, sources.traces.service)
    yield ""
    row = Row()
    for column in (yield from sources.sums.by_column(Range("1h", wanted.since, wanted.until))):
        row.add(column)
    heard = {way.client_id for way in now}
    silent = sorted({way.client_id for way in before} - heard - {""})
    servers = yield from serverlines.gather(sources)
    said = _answer(wanted, seen, silent, serverlines.away(servers))
    return Gathered(wanted, seen, per_call(row), silent, servers, said)


def _total(sources: Sources, since: int, until: int) -> Generator[str, None, dict[Way, Row]]:
    found: dict[Way, Row] = {}
    if sources.edges is not None:
        for some in sources.edges.total(since, until):
            found = some
            yield ""
    return found


def _answer(wanted: Asked, seen: Picture, silent: Sequence[str], away: Sentence | None) -> Answer:
    if not seen.boxes:
        text = f"No request in the last {RANGES[wanted.key][0]}."
        return answer([away, _silent(silent)], sentence("empty", PLAIN, text))
    clients, connectors = of_kind(seen.boxes, CLIENT), of_kind(seen.boxes, CONNECTOR)
    bases = of_kind(seen.boxes, BASE)
    over = f" over {formats.several(len(connectors), 'connector')}" if connectors else ""
    before = "as in the hour before" if seen.before else "and nothing in the hour before"
    return answer(
        [_failing(seen), _slower(seen), away, _uneven(seen), _silent(silent)],
        sentence(
            "nothing",
            GOOD,
            strong("Nothing stands out"),
            f": {formats.several(len(clients), 'client')} and "
            f"{formats.several(len(bases), 'database')}{over}, {before}.",
        ),
    )


def _failing(seen: Picture) -> Sentence | None:
    """Tell of the client with most errors and denials."""
    failed = {
        box: row.errors + row.denied
        for box, row in seen.boxes.items()
        if box.kind == CLIENT
        and row.errors + row.denied >= _MANY
        and row.errors + row.denied >= _PART * row.calls
    }
    if not failed:
        return None
    box = max(failed, key=lambda one: failed[one])
    row = seen.boxes[box]
    part = formats.share(failed[box], row.calls)
    return sentence(
        "failing",
        BAD,
        link(formats.name(box.name), _address(box)),
        f": {part} of its {formats.several(row.calls, 'request')} failed ",
        f"({formats.count(row.errors)}) or were denied ({formats.count(row.denied)}).",
    )


def is_slower(seen: Picture, box: Box) -> bool:
    """Return True if a database takes longer than in the hour before."""
    now = database_ms(seen.boxes[box])
    before = database_ms(seen.before[box]) if box in seen.before else 0.0
    return bool(before) and now >= _GROWN * before and now - before >= _GROWN_MS


def _slower(seen: Picture) -> Sentence | None:
    slower = [box for box in of_kind(seen.boxes, BASE) if is_slower(seen, box)]
    if not slower:
        return None
    box = max(slower, key=lambda one: seen.boxes[one].calls)
    now, before = database_ms(seen.boxes[box]), database_ms(seen.before[box])
    return sentence(
        "slower",
        DATABASE,
        "The database ",
        link(formats.name(box.name), _address(box)),
        " takes ",
        strong(f"{formats.ms(now)} a request instead of {formats.ms(before)}"),
        " in the hour before.",
    )


def _uneven(seen: Picture) -> Sentence | None:
    """Tell of connectors that do not have even shares."""
    calls = {box: seen.boxes[box].calls for box in of_kind(seen.boxes, CONNECTOR)}
    whole = sum(calls.values())
    if len(calls) < 2 or whole < _TELLING:
        return None
    most = max(calls, key=lambda one: calls[one])
    if calls[most] / whole - 1 / len(calls) < _UNEVEN:
        return None
    shares = " : ".join(str(round(100 * calls[box] / whole)) for box in _by_calls(calls))
    return sentence(
        "uneven",
        SLOW,
        strong(f"The load is spread {shares} over {len(calls)} connectors, not evenly."),
        f" {formats.name(most.name)} has most of it.",
    )


def _by_calls(calls: Mapping[Box, int]) -> list[Box]:
    return sorted(calls, key=lambda box: -calls[box])


def _silent(silent: Sequence[str]) -> Sentence | None:
    if not silent:
        return None
    names = ", ".join(formats.name(one) for one in silent[:3])
    more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
    return sentence("silent", SLOW, f"Silent since the hour before: {names}{more}.")


def _address(box: Box) -> str:
    """Return where a box leads."""
    if box.kind == CLIENT and box.given:
        return f"/console/traces?{urlencode({'client_id': box.given})}"
    if box.kind == CLIENT:
        return "/console/traces"
    if box.kind == BASE and box.given:
        return f"/console/statements?{urlencode({'db': box.given})}"
    return "/console/statements" if box.kind == BASE else "/console/sessions"


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    seen = gathered.picture
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "range": gathered.wanted.key,
        "layers_ms": dict(gathered.layers),
        "silent": list(gathered.silent),
        **serverlines.as_json(gathered.servers),
        "boxes": [
            {**box._asdict(), **_figures(row, WHOLE), "database_ms": database_ms(row)}
            for box, row in seen.boxes.items()
        ],
        "lines": [
            {
                "from": source._asdict(),
                "to": target._asdict(),
                **_figures(row, layer_of(target)),
                "mean_ms": line_ms(target, row),
            }
            for (source, target), row in _busiest(seen)
        ],
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


def shown(gathered: Gathered) -> dict[str, Any]:
    """Values for the template."""
    wanted, seen = gathered.wanted, gathered.picture
    lines = _busiest(seen)
    arguments = {"range": wanted.key, "show": wanted.show}
    return {
        "said": gathered.said,
        "ranges": [
            (title, f"?{urlencode({**arguments, 'range': key})}", key == wanted.key)
            for key, (title, _) in RANGES.items()
        ],
        "shows": [
            (show, f"?{urlencode({**arguments, 'show': show})}", show == wanted.show)
            for show in SHOWS
        ],
        "title_of_range": RANGES[wanted.key][0],
        "graph": draw(
            "Requests from applications over connectors and this server to databases; the same as "
            "a table below",
            [_node(box, seen.boxes[box], gathered) for box in _in_order(seen)],
            [_line(pair, row, lines[0][1].calls, gathered) for pair, row in lines],
        )
        if lines
        else "",
        "balance": _balance(seen, wanted),
        "servers": serverlines.shown(gathered.servers),
        "lines": [_row(source, target, row, wanted) for (source, target), row in lines[:_LINES]],
        "note": f"{min(len(lines), _LINES)} of {len(lines)}, busiest first",
        "query": urlencode(arguments),
    }


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
    if box.kind == SERVER:
        second = f"ours {formats.ms(ours(gathered.layers))}"
    elif box.kind == CONNECTOR and "link" in gathered.layers:
        second = f"link {formats.ms(gathered.layers['link'])}"
    elif box.kind == BASE:
        second = formats.ms(database_ms(row))
        if is_slower(gathered.picture, box):
            second += f", was {formats.ms(database_ms(gathered.picture.before[box]))}"
            look = "warn"
    if box.kind == CLIENT and row.denied:
        second, look = f"{formats.count(row.denied)} denied", "bad"
    elif box.kind in (CLIENT, BASE) and row.errors >= max(_MANY, _PART * row.calls):
        second, look = f"{formats.count(row.errors)} failed", "bad"
    return Node(box.key, box.kind, formats.name(box.name), rate, second, look, _address(box))


def _line(pair: tuple[Box, Box], row: Row, most: int, gathered: Gathered) -> Line:
    source, target = pair
    rate = _rate(row, gathered.wanted)
    p95 = formats.ms(percentiles(row, layer_of(target))["p95_ms"])
    failed = formats.share(row.errors, row.calls)
    text = {"rate": rate, "p95": p95, "errors": failed}[gathered.wanted.show]
    look = ""
    if target.kind == BASE and is_slower(gathered.picture, target):
        look = "hot"
    elif row.errors >= max(_MANY, _PART * row.calls):
        look = "bad"
    title = (
        f"{formats.name(source.name)} to {formats.name(target.name)}: {rate}, "
        f"p95 {p95}, {failed} failed"
    )
    return Line(source.key, target.key, row.calls / (most or 1), text, title, look)


def _balance(seen: Picture, wanted: Asked) -> list[dict[str, Any]]:
    """The shares of connectors; those of clients where there are none."""
    boxes = of_kind(seen.boxes, CONNECTOR) or of_kind(seen.boxes, CLIENT)
    whole = sum(seen.boxes[box].calls for box in boxes)
    calls = {box: seen.boxes[box].calls for box in boxes}
    return [
        {
            "name": formats.name(box.name),
            "href": _address(box),
            "share": formats.share(calls[box], whole),
            "gauge": charts.gauge(calls[box], whole),
            "rate": _rate(seen.boxes[box], wanted),
            "mean": formats.ms(mean_ms(seen.boxes[box]), False),
            "errors": formats.share(seen.boxes[box].errors, calls[box]),
            "denied": formats.count(seen.boxes[box].denied),
        }
        for box in _by_calls(calls)[:_BALANCED]
    ]


def _row(source: Box, target: Box, row: Row, wanted: Asked) -> dict[str, Any]:
    spread = percentiles(row, layer_of(target))
    return {
        "source": formats.name(source.name),
        "href": _address(source),
        "target": formats.name(target.name),
        "target_href": _address(target),
        "rate": _rate(row, wanted),
        "mean": formats.ms(line_ms(target, row), False),
        "p50": formats.ms(spread["p50_ms"], False),
        "p95": formats.ms(spread["p95_ms"], False),
        "errors": formats.share(row.errors, row.calls),
        "denied": formats.count(row.denied),
    }


VIEW: Final = View("topology", "Topology", "topology", asked, gather, as_json, shown, live=10)
