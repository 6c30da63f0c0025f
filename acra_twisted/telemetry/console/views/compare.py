"""Compare: what differs between two traces, or between one and the typical one?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from heapq import nlargest
from statistics import median
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import (
    charts,
    formats,
    requests,
    shapelinks,
    structure,
    waterfall,
)
from acra_twisted.telemetry.console.layers import DATABASE, LAYERS
from acra_twisted.telemetry.console.room import Room
from acra_twisted.telemetry.console.sentences import (
    BAD,
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
from acra_twisted.telemetry.console.sentences import DATABASE as ABOUT_DATABASE
from acra_twisted.telemetry.console.sides import Side, one_of, typical_of
from acra_twisted.telemetry.console.structure import Pair
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.waterfall import Window
from acra_twisted.telemetry.pages.arguments import given
from acra_twisted.telemetry.pages.rendering import NotKept, Piece
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.tracing.spans import iso_time

QUESTION: Final = "What differs between these two traces?"
ARGUMENTS: Final[Mapping[str, str]] = {
    "id": "the trace id, B",
    "with": "the id of the trace that it is compared with, A; else the typical one",
}
_TRACE_ID: Final = re.compile("[0-9a-f]{32}")
#: A part of the difference from which on a place is named, and so many of them at most.
_NAMED, _NAMED_MAX = 0.05, 3
_ATTRIBUTES_MAX: Final = 20
#: Attributes that stand elsewhere on the page.
_TIMES: Final = ("acra.time.", "db.query.text")


class Asked(NamedTuple):
    """The ids of both; empty for the typical one, and where none is chosen."""

    trace_id: str
    other_id: str


class Gathered(NamedTuple):
    """All that the view shows; a side is None where there is none."""

    wanted: Asked
    a: Side | None
    b: Side | None
    pairs: Sequence[Pair]
    said: Answer


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    ids = [found.get(name, "").lower() for name in ARGUMENTS]
    for name, value in zip(ARGUMENTS, ids, strict=True):
        if value and not _TRACE_ID.fullmatch(value):
            raise Unfit(f"{name} must be the 32 hex digits of a trace")
    return Asked(*ids)


def gather(sources: Sources, wanted: Asked) -> Generator[Piece, None, Gathered]:
    """Return what the view shows, in steps.  Raises NotKept."""
    if not wanted.trace_id:
        return Gathered(wanted, None, None, [], _pick())
    b = yield from one_of(sources, wanted.trace_id)
    if b is None:
        raise NotKept(sources.traces.why_missing())
    if wanted.other_id:
        a = yield from one_of(sources, wanted.other_id)
        if a is None:
            raise NotKept(sources.traces.why_missing())
    else:
        a = yield from typical_of(sources, wanted.trace_id, b)
    if a is None:
        alone = sentence("alone", PLAIN, "No other call of this statement is kept.")
        return Gathered(wanted, None, b, [], answer([], alone))
    pairs = yield from structure.aligned(a.places, b.places)
    yield ""
    return Gathered(wanted, a, b, pairs, _answer(a, b, pairs))


def _pick() -> Answer:
    where = link("list of traces", "/console/traces")
    return answer([], sentence("pick", PLAIN, "Pick two traces in the ", where, "."))


def _answer(a: Side, b: Side, pairs: Sequence[Pair]) -> Answer:
    was, now = structure.whole(a.places), structure.whole(b.places)
    return answer(
        [_verdicts(a, b), _difference(was, now, pairs), _structure(pairs)],
        sentence("same", GOOD, f"Both took as long: {formats.ms(was)} and {formats.ms(now)}."),
    )


def _verdicts(a: Side, b: Side) -> Sentence | None:
    bad = (requests.DENIED, requests.POISON, requests.FAILED)
    if b.verdict not in bad or a.verdict == b.verdict:
        return None
    said = {requests.POISON: "read a poison record", requests.FAILED: "failed"}
    text = said.get(b.verdict, "was denied")
    of_a = requests.BADGES[a.verdict][1] if a.verdict else ""
    return sentence("verdict", BAD, strong(f"B {text}"), f"; A: {of_a}." if of_a else ".")


def _difference(was: float, now: float, pairs: Sequence[Pair]) -> Sentence | None:
    if formats.is_same(was, now):
        return None
    sign = 1 if now > was else -1
    more = [sign * pair.more for pair in pairs]
    whole = sum([each for each in more if each > 0])
    ordered = [pairs[place] for place in _largest(more)]
    first = ordered[0]
    others = [
        f"{_name(pair)} {formats.signed(pair.more, 2)} ms"
        for pair in ordered[1:]
        if pair.more * sign >= _NAMED * whole
    ]
    kind = ABOUT_DATABASE if first.any.layer in DATABASE else SLOW
    return sentence(
        "difference",
        kind if sign > 0 else GOOD,
        strong(
            f"{_begun(_name(first))} {formats.signed(first.more, 2)} ms: "
            f"{formats.share(abs(first.more), whole)} of the difference"
        ),
        f"; {', '.join(others)}." if others else ".",
    )


def _largest(values: Sequence[float]) -> list[int]:
    """Return the places of the largest of values."""
    return nlargest(_NAMED_MAX + 1, range(len(values)), key=values.__getitem__)


def _name(pair: Pair) -> str:
    """Return the name of a span; that of a request is the same in AcraServer and the connector."""
    place = pair.any
    return LAYERS["link"].lower() if place.layer == "link" else formats.name(place.name)


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _structure(pairs: Sequence[Pair]) -> Sentence | None:
    missing = [pair for pair in pairs if pair.b is None]
    new = [pair for pair in pairs if pair.a is None]
    said = []
    for some, word in ((missing, "missing"), (new, "new")):
        if some:
            names = ", ".join(_name(pair) for pair in some[:_NAMED_MAX])
            said.append(f"{formats.several(len(some), 'span')} {word} in B: {names}")
    return sentence("structure", PLAIN, f"{'; '.join(said)}.") if said else None


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    a, b = gathered.a, gathered.b
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "id": gathered.wanted.trace_id,
        "with": gathered.wanted.other_id or "typical",
        "calls": len(a.known) if a is not None else 0,
        "typical_of": a.when if a is not None else "",
        "a_ms": structure.whole(a.places) if a is not None else None,
        "b_ms": structure.whole(b.places) if b is not None else None,
        "a_layers_ms": dict(a.layers) if a is not None else {},
        "b_layers_ms": dict(b.layers) if b is not None else {},
        "places": (
            {
                "name": pair.any.name,
                "layer": pair.any.layer,
                "depth": pair.any.depth,
                "a_ms": pair.a.took if pair.a else None,
                "b_ms": pair.b.took if pair.b else None,
                "more_ms": pair.more,
            }
            for pair in gathered.pairs
        ),
        "attributes": [
            {"name": name, "a": one, "b": other} for name, one, other, _ in _attributes(a, b)
        ],
    }


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    a, b, wanted = gathered.a, gathered.b, gathered.wanted
    a_ms = structure.whole(a.places) if a is not None else 0.0
    b_ms = structure.whole(b.places) if b is not None else 0.0
    longest = max(a_ms, b_ms) or 1.0
    yield ""
    attributes = list(_attributes(a, b))
    yield ""
    rows = yield from Room(waterfall.ROWS_ROOM).fitted(
        waterfall.pair_rows(gathered.pairs, longest), waterfall.PAIR_BYTES
    )
    return {
        "said": gathered.said,
        "links": _links(b, wanted),
        "id": wanted.trace_id,
        "short": formats.short_id(wanted.trace_id),
        "other": wanted.other_id,
        "other_short": formats.short_id(wanted.other_id),
        "is_chosen": b is not None,
        "has_both": a is not None and b is not None,
        "a_when": iso_time(a.start)[11:23] if a is not None else "",
        "b_when": iso_time(b.start)[11:23] if b is not None else "",
        "calls": f"{formats.several(len(a.known), 'kept call')} {a.when}".strip()
        if a is not None
        else "",
        "a_ms": formats.ms(a_ms),
        "b_ms": formats.ms(b_ms),
        "ticks": waterfall.ticks(Window(0, max(int(longest * 1e6), 1))),
        "rows": rows,
        "rows_left": formats.count(len(gathered.pairs) - len(rows))
        if len(rows) < len(gathered.pairs)
        else "",
        "attributes": attributes,
        "a_share": charts.share(a.layers, large=True) if a is not None else "",
        "b_share": charts.share(b.layers, large=True) if b is not None else "",
    }


def _links(b: Side | None, wanted: Asked) -> list[tuple[str, str]]:
    if b is None:
        return []
    found = [("Open the trace", f"/console/trace?id={wanted.trace_id}")]
    shape = requests.shape_id(b.main) if b.main is not None else ""
    return [*found, ("The statement", shapelinks.address(shape))] if shape else found


def _attributes(a: Side | None, b: Side | None) -> Iterator[tuple[str, str, str, bool]]:
    """Give the attributes that differ: names, values of both, and whether B's is among A's."""
    if a is None or b is None or not a.known or not b.known:
        return
    names = sorted({name for known in [*a.known, *b.known] for name in known})
    given_names = [name for name in names if not name.startswith(_TIMES)]
    left = _ATTRIBUTES_MAX
    for name in given_names:
        theirs = [known.get(name) for known in a.known]
        other = b.known[0].get(name)
        if all(value == other for value in theirs) or not left:
            continue
        left -= 1
        yield formats.name(name), _spread(theirs), _value(other), other in theirs


def _spread(values: Sequence[Any]) -> str:
    """Return a value, or the distribution of several."""
    if len(values) == 1:
        return _value(values[0])
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) == len(values) and not any(isinstance(value, bool) for value in values):
        middle, least, most = median(numbers), min(numbers), max(numbers)
        return f"median {middle:g}, {least:g} to {most:g}"
    counts = Counter(_value(value) for value in values).most_common(2)
    return ", ".join(f"{text} {formats.share(count, len(values))}" for text, count in counts)


def _value(value: Any) -> str:
    return formats.NOTHING if value is None else formats.name(str(value))


VIEW: Final = View("compare", "Compare", "compare", asked, gather, as_json, shown)
