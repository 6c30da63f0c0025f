"""Traces: which requests were these?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from acra_twisted.telemetry.console import charts, formats, matches, requests, scatter
from acra_twisted.telemetry.console.countedrequests import counted, minutes
from acra_twisted.telemetry.console.firststatement import explained
from acra_twisted.telemetry.console.matches import WORDS, verdict_of
from acra_twisted.telemetry.console.nearly import Nearly, nearly
from acra_twisted.telemetry.console.people import NAMELESS, Names
from acra_twisted.telemetry.console.sentences import Answer
from acra_twisted.telemetry.console.shapelinks import address as statement_at
from acra_twisted.telemetry.console.timeline import arrange, arranged
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views.searchsentences import HERE, VERDICTS, address, said
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.pages.arguments import given
from acra_twisted.telemetry.pages.exports import CEF, CSV
from acra_twisted.telemetry.pages.finding import find, records_of
from acra_twisted.telemetry.pages.found import Matches
from acra_twisted.telemetry.pages.matching import Match
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.pages.search import FILTERS, TEXT_MAX, Filters
from acra_twisted.telemetry.tracing.spans import iso_time

QUESTION: Final = "Which requests were these?"
#: As many are shown where nobody says how many.
_SHOWN: Final = "20"
#: Characters of the names of a request and of its client, and of its error, in its line.
_NAME, _ERROR = 60, 60
#: What became of requests, by verdicts.
_ENDED: Final = {"deny": "were denied", "error": "failed", "poison": "read a poison record"}
#: Filters that have no field on the page.
_UNFIELDED: Final = ("summary", "shape", "database", "table", "of")
#: Times up to now, by their titles; the last one has everything.
_RANGES: Final = {
    "15 min": "15m",
    "1 h": "1h",
    "24 h": "24h",
    "7 d": "7d",
    "30 d": "30d",
    "all": "",
}
_MS: Final = 1e6
#: Spans of a trace whose times are arranged at once.
_FEW: Final = 16


class Asked(NamedTuple):
    """Filters, and the arguments that were given."""

    filters: Filters
    arguments: Mapping[str, str]


class Line(NamedTuple):
    """A trace of the list, with milliseconds by layer, the attributes of its request, and the id
    of the shape of the statement that it is listed with."""

    match: Match
    layers: Mapping[str, float]
    known: Mapping[str, Any]
    shape: str = ""


class Gathered(NamedTuple):
    """All that the view shows: what fits, newest first, and a part of it as a list; ``kept`` counts
    those in memory, and ``trouble`` says why the history was not searched as a whole.  There may be
    more than what was found unless it is ``whole``; ``counted`` are all requests of which these are
    kept, None where that is not known; ``nearly`` is what would fit, where nothing does."""

    wanted: Asked
    found: Matches
    lines: Sequence[Line]
    more: bool
    kept: int
    said: Answer
    trouble: str = ""
    names: Names = NAMELESS
    service: str = ""
    whole: bool = True
    counted: int | None = None
    nearly: Sequence[Nearly] = ()


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = {name: value for name, value in given(arguments, FILTERS).items() if value}
    return Asked(_filters(found, now), found)


def _filters(arguments: Mapping[str, str], now: int) -> Filters:
    filters = Filters.of({"limit": _SHOWN, **arguments}, now)
    span = minutes(arguments.get("since", ""), now)
    return filters if span is None else filters._replace(since=span.since * MINUTE)


def gather(sources: Sources, wanted: Asked) -> Generator[Piece, None, Gathered]:
    """Return what the view shows, in steps."""
    filters = wanted.filters
    kept = len(sources.traces.store)
    yield ""
    finding = yield from find(sources.traces, filters)
    found = finding.matches
    listed = found.listed(filters)
    yield ""
    records = yield from records_of(sources.traces, finding, listed.matches)
    lines = []
    for match in listed.matches:
        spans = records[match.trace_id]
        layers = yield from _layers(spans)
        main = requests.main_of(spans)
        known = main["attributes"] if main is not None else {}
        named = (one for one in spans if one["name"] == match.name and requests.is_request(one))
        shape = next(filter(None, map(requests.shape_id, named)), "")
        lines.append(Line(match._replace(spans=match.spans or len(spans)), layers, known, shape))
        yield ""
    near: list[Nearly] = []
    if not found:
        now = sources.clock()
        store = sources.traces.store
        near = yield from nearly(store, wanted.arguments, lambda some: _filters(some, now))
    names = Names(sources.fact("peers"))
    told = said(found, kept, wanted.arguments, near, names)
    if not kept:
        told = yield from explained(told, sources.fact)
    yield ""
    number = yield from counted(sources, wanted.arguments, sources.clock())
    return Gathered(
        wanted,
        found,
        lines,
        listed.more,
        kept,
        told,
        finding.trouble,
        names,
        sources.traces.service,
        finding.whole,
        number,
        near,
    )


def _layers(spans: Sequence[Mapping[str, Any]]) -> Generator[Piece, None, Mapping[str, float]]:
    """Return milliseconds by layer: of a few spans at once, and of many in steps."""
    if not spans:
        return {}
    return (arrange(spans) if len(spans) <= _FEW else (yield from arranged(spans))).layers


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "arguments": dict(gathered.wanted.arguments),
        "found": len(gathered.found),
        "kept": gathered.kept,
        "nearly": [one._asdict() for one in gathered.nearly],
        "history_trouble": gathered.trouble,
        "counted": gathered.counted,
        "whole": gathered.whole,
        "verdicts": dict(_verdicts(gathered)),
        "more": gathered.more,
        "facets": [{"name": name, "traces": number} for name, number, _ in _facets(gathered)],
        "traces": [
            {
                **line.match.as_json(),
                "verdict": verdict_of(line.match),
                "layers_ms": dict(line.layers),
            }
            for line in gathered.lines
        ],
    }


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    arguments, filters = gathered.wanted.arguments, gathered.wanted.filters
    counts, more = _verdicts(gathered), "" if gathered.whole else "+"
    dots, points = _plotted(gathered.found)
    yield ""
    plot = scatter.draw(dots, points) if gathered.found else ""
    yield ""
    facets = list(_facets(gathered))
    yield ""
    end = filters.offset + len(gathered.lines)
    return {
        "said": gathered.said,
        "asked": arguments,
        "verdicts": [(filter_, *requests.BADGES[word]) for word, filter_ in VERDICTS.items()],
        "chips": [
            (
                *requests.BADGES[word],
                f"{formats.count(counts[word])}{more}",
                address(arguments, filter_),
            )
            for word, filter_ in VERDICTS.items()
            if counts[word]
        ],
        "count": formats.several(len(gathered.found), "trace"),
        "note": _note(gathered),
        "trouble": gathered.trouble,
        "plot": plot,
        "facets": facets,
        "others": [
            (name, arguments[name], address(arguments, **{name: ""}))
            for name in _UNFIELDED
            if arguments.get(name)
        ],
        "ranges": [
            (title, address(arguments, since=since), arguments.get("since", "") == since)
            for title, since in _RANGES.items()
        ],
        "order": "Slowest first" if filters.slowest else "Newest first",
        "newest": address(arguments, sort="newest"),
        "slowest": address(arguments, sort="slowest"),
        "is_slowest": filters.slowest,
        "lines": _lines(gathered),
        "shown": f"{filters.offset + 1} to {end}" if gathered.lines else "none",
        "before": address(arguments, offset=str(max(filters.offset - filters.limit, 0)))
        if filters.offset
        else "",
        "after": address(arguments, offset=str(end)) if gathered.more else "",
        "exports": [
            (form.upper(), f"{HERE}?{urlencode({**arguments, 'format': form})}")
            for form in (CEF, "json", CSV)
        ],
    }


def _plotted(found: Matches) -> tuple[list[scatter.Dot], list[scatter.Point]]:
    """Return what the plot has: plain requests as dots, and others as points."""
    points = []
    for match in found.only(lambda one: not _is_allowed(one)):
        kind, word = requests.BADGES[verdict_of(match)]
        points.append(
            scatter.Point(
                match.start,
                match.took,
                kind,
                f"/console/trace?id={match.trace_id}",
                match.trace_id,
                f"{iso_time(match.start)[11:19]} {word}, {formats.ms(match.took / _MS)}",
            )
        )
    return found.times(_is_allowed), points


def _is_allowed(match: Match) -> bool:
    return verdict_of(match) == requests.ALLOWED


def _verdicts(gathered: Gathered) -> Counter[str]:
    """Return the traces that have requests of a verdict, by verdicts."""
    found: Counter[str] = Counter()
    for alike, number in gathered.found.alike:
        for verdict in alike.verdicts:
            found[WORDS[verdict]] += number
    return found


def _note(gathered: Gathered) -> str:
    """Tell of how many these are."""
    kept = "the last ones, and samples of slow, denied and failed ones, are kept"
    if gathered.counted is None:
        return f"{formats.count(gathered.kept)} in memory: {kept}"
    verdict = gathered.wanted.arguments.get("verdict", "")
    ended = f" that {_ENDED[verdict]}" if verdict else ""
    return f"of {formats.several(gathered.counted, 'request')}{ended}: {kept}"


def _facets(gathered: Gathered) -> Iterator[tuple[str, str, str]]:
    """Give what most of the traces are of, where not all are of one: names, counts, addresses."""
    found, arguments = gathered.found, gathered.wanted.arguments
    more = "" if gathered.whole else "+"
    for argument, of, most in (
        ("summary", attrgetter("names"), 3),
        ("client_id", attrgetter("clients"), 2),
        ("error", attrgetter("errors"), 2),
    ):
        values: Counter[str] = Counter()
        for alike, times in found.alike:
            for value in of(alike.among):
                values[value] += times
        for value, number in values.most_common(most):
            if number < len(found) and argument not in arguments and len(quote(value)) <= TEXT_MAX:
                name = gathered.names.of(value) if argument == "client_id" else formats.name(value)
                title = f"failed: {name}" if argument == "error" else name
                href = address(arguments, **{argument: value})
                yield title, f"{formats.count(number)}{more}", href


def _detail(line: Line) -> str:
    """Return what decided about a request that was denied, or how it failed."""
    rule = line.known.get("acra.censor.rule")
    if rule and line.match.verdict == "deny":
        return f"{line.known.get('acra.denied_by', '')} {rule}".strip()
    return line.match.error


def _lines(gathered: Gathered) -> Iterator[dict[str, Any]]:
    for line in gathered.lines:
        match = line.match
        rows = requests.number(line.known, "db.response.returned_rows")
        yield {
            "trace_id": match.trace_id,
            "short": formats.short_id(match.trace_id),
            "day": iso_time(match.start)[:10],
            "when": iso_time(match.start)[11:23],
            "badge": requests.BADGES[verdict_of(match)],
            "took": formats.ms(match.took / _MS),
            "where": charts.share(line.layers),
            "name": formats.cut(formats.name(match.name), _NAME),
            "statement": statement_at(line.shape) if line.shape else "",
            "error": formats.cut(formats.name(_detail(line)), _ERROR),
            "client": formats.cut(gathered.names.of(match.client_id), _NAME),
            "client_id": match.client_id,
            "rows": formats.NOTHING if rows is None else formats.count(rows),
        }


def _csv(gathered: Gathered) -> Iterator[str]:
    return matches.as_csv(gathered.found)


def _cef(gathered: Gathered) -> Iterator[str]:
    return matches.as_cef(gathered.service, gathered.found)


VIEW: Final = View(
    "traces",
    "Traces",
    "traces",
    asked,
    gather,
    as_json,
    shown,
    MappingProxyType({CSV: _csv, CEF: _cef}),
)
