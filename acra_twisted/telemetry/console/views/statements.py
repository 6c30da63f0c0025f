"""Statements: what costs most, and what has changed?"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from acra_twisted.telemetry.console import charts, formats
from acra_twisted.telemetry.console.firststatement import EMPTY, explained
from acra_twisted.telemetry.console.gathering import by_column, totals
from acra_twisted.telemetry.console.layers import (
    OURS,
    database,
    is_nearly_all,
    largest_change,
    ours,
    per_call,
    spent_in,
    stage_of,
)
from acra_twisted.telemetry.console.ranges import DEFAULT, RANGES, Range, range_of
from acra_twisted.telemetry.console.sentences import (
    BAD,
    DATABASE,
    PLAIN,
    SLOW,
    Answer,
    Piece,
    Sentence,
    answer,
    link,
    sentence,
    strong,
)
from acra_twisted.telemetry.console.shapelinks import address, traces_of
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.figures.rows import WHOLE, Row
from acra_twisted.telemetry.figures.shapes import OTHERS
from acra_twisted.telemetry.figures.statements import Found
from acra_twisted.telemetry.figures.summary import (
    ORDERS,
    described,
    mean_ms,
    ordered,
    ours_ms,
    percentiles,
    whole_ms,
)
from acra_twisted.telemetry.pages.arguments import chosen, given
from acra_twisted.telemetry.pages.exports import CSV, table
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.pages.statements import COLUMNS

QUESTION: Final = "Which statements cost most, and what has changed?"
#: Arguments with their meanings.
ARGUMENTS: Final[Mapping[str, str]] = {
    "range": f"time up to now: {', '.join(RANGES)}",
    "sort": f"largest first: {', '.join(ORDERS)}",
    "q": "statements with this text, in any case",
    "db": "statements of this database",
    "offset": "statements to skip",
}
_ADDRESS: Final = "/console/statements"
_SHOWN: Final = 25
#: Characters of a statement in its line, and of what shows while it is pointed at.
_LINE, _TITLE = 110, 240
_DIGITS: Final = 6
#: A share of all time that is worth a sentence.
_MUCH: Final = 0.30
#: Milliseconds of ours that are worth one.
_COSTLY: Final = 0.5
_NONE: Final = "No statements yet in this time."
#: Statements that are called less often have no change that means anything.
_FEW: Final = 10


class Line(NamedTuple):
    """A statement of the list: its figures now and in the time before, and a mean for each
    column of time."""

    found: Found
    before: Row | None
    means: list[float]


class Asked(NamedTuple):
    """The arguments of the view."""

    span: Range
    order: str
    text: str
    database: str
    offset: int = 0


class Gathered(NamedTuple):
    """All that the view shows; ``fitting`` are the figures of all that fit, in order, and ``whole``
    is their sum."""

    wanted: Asked
    lines: list[Line]
    whole: Row
    fitting: Sequence[Found]
    said: Answer


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    order = chosen("sort", found.get("sort") or ORDERS[0], ORDERS)
    span = range_of(found.get("range") or DEFAULT, now)
    offset = found.get("offset") or "0"
    if not (offset.isascii() and offset.isdigit() and len(offset) <= _DIGITS):
        raise Unfit("offset must be a number of statements")
    return Asked(span, order, found.get("q", ""), found.get("db", ""), int(offset))


def gather(sources: Sources, wanted: Asked) -> Generator[str, None, Gathered]:
    """Return what the view shows, in steps."""
    figures = sources.figures
    now = yield from totals(figures, wanted.span)
    before = yield from totals(figures, wanted.span.before())
    text = wanted.text.lower()
    fitting = [
        one
        for one in now.values()
        if (not wanted.database or one.shape.database == wanted.database)
        and (text in one.shape.text.lower() or text in one.shape.summary.lower())
    ]
    yield ""
    whole = Row()
    for one in fitting:
        whole.add(one.row)
        yield ""
    lines = []
    fitting = ordered(fitting, wanted.order)
    yield ""
    for one in fitting[wanted.offset : wanted.offset + _SHOWN]:
        was = before.get(one.shape.id)
        columns = yield from by_column(figures, one.shape.id, wanted.span)
        means = [mean_ms(column) for column in columns if column.calls]
        lines.append(Line(one, was.row if was is not None else None, means))
    yield ""
    said = _answer(lines, fitting, whole, wanted.order, bool(before), len(now))
    if not now:
        said = yield from explained(said, sources.fact)
    return Gathered(wanted, lines, whole, fitting, said)


def _answer(
    lines: list[Line], fitting: Sequence[Found], whole: Row, order: str, watched: bool, of: int
) -> Answer:
    known = [line for line in lines if line.found.shape.id != OTHERS.id]
    return answer(
        [
            _often(fitting, whole) if order == "calls" else None,
            _longest(fitting) if order == "mean" else None,
            _top(known, whole),
            _ours(known, whole),
            _new(known) if watched else None,
        ],
        sentence("nothing", PLAIN, "Nothing stands out: no statement takes a third of the time.")
        if known
        else sentence(
            EMPTY, PLAIN, f"None of {formats.several(of, 'statement')} fits." if of else _NONE
        ),
    )


def _often(fitting: Sequence[Found], whole: Row) -> Sentence | None:
    """The statements that run most and least often; ``fitting`` begins with the former."""
    known = [one for one in fitting if one.shape.id != OTHERS.id]
    if len(known) < 2 or known[0].row.calls == known[-1].row.calls:
        return None
    most, least = known[0], known[-1]
    seldom = sum(one.row.calls == least.row.calls for one in known)
    return sentence(
        "often",
        PLAIN,
        link(most.shape.summary, address(most.shape.id)),
        strong(f" runs most often: {formats.share(most.row.calls, whole.calls)} of all calls."),
        " Least often: ",
        link(least.shape.summary, address(least.shape.id))
        if seldom == 1
        else formats.several(seldom, "statement"),
        f", {formats.several(least.row.calls, 'call')}{' each' if seldom > 1 else ''}.",
    )


def _longest(fitting: Sequence[Found]) -> Sentence | None:
    """The statement whose calls take longest, and where; ``fitting`` begins with it."""
    shape, row = next((one for one in fitting if one.shape.id != OTHERS.id), (OTHERS, Row()))
    parts = per_call(row)
    if not parts:
        return None
    layer = max(parts, key=lambda one: parts[one])
    return sentence(
        "longest",
        DATABASE if database(parts) > ours(parts) else SLOW,
        link(shape.summary, address(shape.id)),
        strong(f" takes longest: {formats.ms(mean_ms(row))} a call"),
        f", of that {formats.ms(parts[layer])} {spent_in(layer, stage_of(row))}.",
    )


def _top(lines: list[Line], whole: Row) -> Sentence | None:
    """The statement with most of the time, and what became of it."""
    total = whole_ms(whole)
    if not lines or not total:
        return None
    line = max(lines, key=lambda one: whole_ms(one.found.row))
    shape, row = line.found
    if whole_ms(row) < _MUCH * total:
        return None
    pieces: list[str | Piece] = [
        strong(f"One statement takes {formats.share(whole_ms(row), total)} of all time."),
        " ",
        link(shape.summary, address(shape.id)),
        f" has {formats.share(row.calls, whole.calls)} of the calls",
    ]
    kind = DATABASE if database(per_call(row)) > ours(per_call(row)) else SLOW
    was = line.before
    if was is None or not was.calls or not formats.is_worse(mean_ms(was), mean_ms(row)):
        return sentence("top", kind, *pieces, ".")
    layer, grown = largest_change(per_call(was), per_call(row))
    pieces.append(
        f", and its mean went from {formats.ms(mean_ms(was))} to {formats.ms(mean_ms(row))}"
    )
    if layer and is_nearly_all(grown, mean_ms(row) - mean_ms(was)):
        pieces.append(f"; all of it {spent_in(layer, stage_of(row))}")
    return sentence("top-slower", kind, *pieces, ".")


def _ours(lines: list[Line], whole: Row) -> Sentence | None:
    """The statement that costs most of the proxy and its stages."""
    if not lines:
        return None
    line = max(lines, key=lambda one: ours_ms(one.found.row))
    shape, row = line.found
    parts = per_call(row)
    cost = ours(parts)
    if cost < _COSTLY or ours_ms(row) < _MUCH * ours_ms(whole):
        return None
    layer = max(OURS, key=lambda one: parts.get(one, 0.0))
    return sentence(
        "ours",
        SLOW,
        link(shape.summary, address(shape.id)),
        f" costs most of the proxy: {formats.ms(cost)} a call, of that "
        f"{formats.ms(parts[layer])} {spent_in(layer, stage_of(row))}.",
    )


def _new(lines: list[Line]) -> Sentence | None:
    """Statements that nobody sent in the time before."""
    new = [line for line in lines if line.before is None]
    if not new:
        return None
    denied = sum(line.found.row.denied == line.found.row.calls for line in new)
    text = f"{formats.several(len(new), 'statement')} {'is' if len(new) == 1 else 'are'} new"
    if not denied:
        return sentence("new", PLAIN, f"{text}.")
    which = "all" if denied == len(new) else formats.count(denied)
    return sentence("new-denied", BAD, f"{text}, {which} of them denied.")


def change(line: Line) -> tuple[str, bool]:
    """The change of a statement's mean in words, and whether it is worse."""
    if line.before is None or not line.before.calls:
        return "new", False
    before, now = mean_ms(line.before), mean_ms(line.found.row)
    if line.found.row.calls < _FEW:
        return formats.NOTHING, False
    return formats.change(before, now), formats.is_worse(before, now)


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "range": gathered.wanted.span.key,
        "shapes": len(gathered.fitting),
        "calls": gathered.whole.calls,
        "errors": gathered.whole.errors + gathered.whole.lost,
        "denied": gathered.whole.denied,
        "poisoned": gathered.whole.poisoned,
        "total_ms": whole_ms(gathered.whole),
        "statements": [_line_as_json(line, gathered.whole) for line in gathered.lines],
    }


def _line_as_json(line: Line, whole: Row) -> dict[str, Any]:
    shape, row = line.found
    total = whole_ms(whole)
    return {
        "id": shape.id,
        "database": shape.database,
        "summary": shape.summary,
        "statement": shape.text,
        "calls": row.calls,
        "share": whole_ms(row) / total if total else 0.0,
        "mean_ms": mean_ms(row),
        "mean_before_ms": mean_ms(line.before) if line.before is not None else None,
        **percentiles(row, WHOLE),
        "layers_ms": per_call(row),
        "rows": row.rows,
        "errors": row.errors,
        "denied": row.denied,
        "poisoned": row.poisoned,
    }


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    wanted = gathered.wanted
    kept = {"q": wanted.text, "db": wanted.database, "range": wanted.span.key}
    kept = {name: value for name, value in kept.items() if value}
    end = wanted.offset + len(gathered.lines)
    yield ""
    return {
        "span": wanted.span,
        "said": gathered.said,
        "arguments": kept,
        "order": wanted.order,
        "sorts": {order: f"{_ADDRESS}?{urlencode({**kept, 'sort': order})}" for order in ORDERS},
        "note": f"{len(gathered.lines)} of {formats.several(len(gathered.fitting), 'shape')}, "
        f"{formats.several(gathered.whole.calls, 'call')}{_faults(gathered.whole)}, "
        f"{formats.long(whole_ms(gathered.whole) / 1000)} of time in the last "
        f"{wanted.span.said}",
        "lines": (_line_shown(line, gathered) for line in gathered.lines),
        "query": urlencode({**kept, "sort": wanted.order}),
        "back": _page(gathered, kept, max(wanted.offset - _SHOWN, 0)) if wanted.offset else "",
        "further": _page(gathered, kept, end) if end < len(gathered.fitting) else "",
        "shown": f"{wanted.offset + 1} to {end}" if gathered.lines else "none",
    }


def _faults(whole: Row) -> str:
    """Tell how many calls failed, were denied, or read a poison record."""
    counts = ((whole.errors + whole.lost, "failed"), (whole.denied, "denied"))
    text = "".join(f", {formats.count(number)} {word}" for number, word in counts if number)
    return text + (f", {formats.count(whole.poisoned)} poison" if whole.poisoned else "")


def _page(gathered: Gathered, kept: Mapping[str, str], offset: int) -> str:
    asked_for = {**kept, "sort": gathered.wanted.order, "offset": str(offset)}
    return f"{_ADDRESS}?{urlencode(asked_for)}"


def _line_shown(line: Line, gathered: Gathered) -> dict[str, Any]:
    (shape, row), whole = line.found, gathered.whole
    said, is_worse = change(line)
    spread = percentiles(row, WHOLE)
    parts = per_call(row)
    return {
        "href": address(shape.id) if shape.id != OTHERS.id else "",
        "traces": traces_of(shape.id, gathered.wanted.span) if shape.text else "",
        "summary": formats.name(shape.summary),
        "text": formats.cut(shape.text, _LINE),
        "whole": formats.cut(shape.text, _TITLE),
        "calls": formats.count(row.calls),
        "share": formats.share(whole_ms(row), whole_ms(whole)),
        "gauge": charts.gauge(whole_ms(row), whole_ms(whole)),
        "mean": formats.ms(mean_ms(row), False),
        "p95": formats.ms(spread["p95_ms"], False),
        "p99": formats.ms(spread["p99_ms"], False),
        "change": said,
        "worse": is_worse,
        "spark": charts.spark(line.means, is_worse),
        "where": charts.share(parts),
        "ours": formats.ms(ours(parts), False),
        "rows": formats.count(row.rows / (row.calls or 1)),
        "denied": row.denied,
        "poisoned": row.poisoned,
        "errors": row.errors + row.lost,
    }


def _csv(gathered: Gathered) -> Iterator[str]:
    yield from table(COLUMNS, (described(*one) for one in gathered.fitting))


VIEW: Final = View(
    "statements",
    "Statements",
    "statements",
    asked,
    gather,
    as_json,
    shown,
    MappingProxyType({CSV: _csv}),
)
