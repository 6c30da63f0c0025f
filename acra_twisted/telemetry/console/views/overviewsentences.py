"""The sentences of the overview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.telemetry.console import formats, gone
from acra_twisted.telemetry.console.behind import is_answered
from acra_twisted.telemetry.console.breaks import Break
from acra_twisted.telemetry.console.firststatement import EMPTY
from acra_twisted.telemetry.console.gone import Gone
from acra_twisted.telemetry.console.growth import Growth
from acra_twisted.telemetry.console.layers import (
    DATABASE,
    LAYERS,
    database,
    is_nearly_all,
    largest_change,
    ours,
    per_call,
    spent_in,
    stage_of,
)
from acra_twisted.telemetry.console.longest import Standing
from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.console.sentences import (
    BAD,
    GOOD,
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
from acra_twisted.telemetry.console.sentences import DATABASE as ABOUT_DATABASE
from acra_twisted.telemetry.console.shapelinks import address
from acra_twisted.telemetry.console.views.waitingsentences import urgent
from acra_twisted.telemetry.figures.rows import Row
from acra_twisted.telemetry.figures.statements import Found
from acra_twisted.telemetry.figures.summary import mean_ms

#: Errors have grown if they are so many times as many as before, and so many a minute.
MORE: Final = 3
_MANY: Final = 5


class Culprit(NamedTuple):
    """The statement with the largest part of what was added to all requests' time in a layer."""

    found: Found
    part: float


class Facts(NamedTuple):
    """Figures of each column of time, of the whole, and of the time before.  ``was`` and ``now``
    are parted by the break that was ``found``, or else by time."""

    span: Range
    columns: list[Row]
    row: Row
    before: Row
    found: Break | None
    was: Row
    now: Row
    culprit: Culprit | None


class At(NamedTuple):
    """Facts of the moment: sessions, why what stands behind the daemon cannot be reached (empty if
    it can be), requests that have become many, connectors that are gone, and the sentences about
    values that could not be opened and about requests that waited."""

    standing: Standing
    problem: str = ""
    grown: Growth | None = None
    missing: Sequence[Gone] = ()
    closed: Sentence | None = None
    waited: Sentence | None = None


_QUIET: Final = At(Standing({}, {}))


def tell(facts: Facts, at: At = _QUIET) -> Answer:
    """Return the sentences of the overview."""
    row, before = facts.row, facts.before
    lost = gone.said(at.missing, "/console/topology?range=1h")
    now = [_unreachable(facts, at.problem), urgent(at.standing)]
    if not row.calls:
        return answer([*now, lost], sentence(EMPTY, PLAIN, "No requests yet in this time."))
    than = ""
    if before.calls:
        same = formats.is_same(mean_ms(before), mean_ms(row))
        than = ", as before" if same else f", {formats.ms(mean_ms(before))} before"
    theirs = formats.share(database(per_call(row)), sum(per_call(row).values()))
    return answer(
        [
            *now,
            _poison(row, facts.span),
            at.closed,
            *_changed(facts, at.grown, at.waited),
            _errors(facts.columns),
            lost,
            _denials(row, facts.span),
        ],
        sentence(
            "nothing",
            GOOD,
            f"Nothing stands out: {formats.ms(mean_ms(row))} a request{than}, {theirs} of it in "
            "the database.",
        ),
    )


def _unreachable(facts: Facts, problem: str) -> Sentence | None:
    if not problem:
        return None
    answered = [place for place, column in enumerate(facts.columns) if is_answered(column)]
    told = "no request was answered in this time"
    if answered:
        told = f"the last answered request came after {facts.span.begins(answered[-1])}"
    return sentence(
        "unreachable",
        BAD,
        link(formats.name(f"The {problem}"), "/console/health#c-listeners"),
        f", and {told}.",
    )


def _changed(facts: Facts, grown: Growth | None, waited: Sentence | None) -> list[Sentence | None]:
    """Tell how times and numbers have changed: a mean that falls while requests become many more,
    or behind a long wait, is no good news, and comes behind."""
    changed, more = _break(facts), _more(facts.span, grown)
    if changed is not None and changed.rule == "faster":
        return [more, waited, changed]
    return [changed, more, waited]


def _more(span: Range, grown: Growth | None) -> Sentence | None:
    if grown is None:
        return None
    seconds = 60 * span.step
    now, was = (formats.rate(number / seconds) for number in (grown.now, grown.was))
    pieces: list[str | Piece] = [
        strong(f"{formats.times(grown.was, grown.now).split()[0]} times as many requests"),
        f" since {span.begins(grown.place)}, {now} instead of {was}",
    ]
    if grown.most is not None:
        shape, part = grown.most.shape, formats.share(min(grown.part, 1.0), 1.0)
        pieces += [f"; {part} of what was added is one statement, "]
        pieces.append(link(formats.name(shape.summary), address(shape.id)))
    return sentence("more", SLOW, *pieces, ".")


def _break(facts: Facts) -> Sentence | None:
    found, culprit = facts.found, facts.culprit
    if found is None:
        return None
    when = strong(facts.span.begins(found.place))
    means = (
        f" a request takes {formats.ms(found.now)} instead of {formats.ms(found.before)} on average"
    )
    if found.now < found.before:
        return sentence("faster", GOOD, "Since ", when, f"{means}.")
    layer, grown = largest_change(per_call(facts.was), per_call(facts.now))
    if not layer:
        return None
    is_database, stage = layer in DATABASE, stage_of(facts.now)
    name = f"stage {stage}" if layer == "other" and stage else LAYERS[layer].lower()
    difference = found.now - found.before
    pieces: list[str | Piece] = [
        "It is the " if is_database else "It is ours: the ",
        strong("database" if is_database else name),
        ". Since ",
        when,
        f"{means}; ",
        strong(f"{_part(grown, difference)} of the {formats.ms(difference)} added"),
        f" are spent {spent_in(layer, stage)}",
    ]
    if culprit is not None:
        shape = culprit.found.shape
        part = formats.share(min(culprit.part, 1.0), 1.0)
        pieces += [f", {part} of that in one statement, ", link(shape.summary, address(shape.id))]
    rest = ours(per_call(facts.now))
    pieces.append(f". Proxy, stages and link take {formats.ms(rest)} a request.")
    return sentence("break", ABOUT_DATABASE if is_database else SLOW, *pieces)


def _part(grown: float, difference: float) -> str:
    return "nearly all" if is_nearly_all(grown, difference) else formats.ms(grown)


def _errors(columns: Sequence[Row]) -> Sentence | None:
    """Errors of the last quarter of the time against those before."""
    cut = len(columns) - max(len(columns) // 4, 1)
    then, late = (
        [column.errors + column.lost for column in part] for part in (columns[:cut], columns[cut:])
    )
    if not then or not late:
        return None
    before, now = sum(then) / len(then), sum(late) / len(late)
    if now < _MANY or now < MORE * before:
        return None
    return sentence(
        "errors",
        BAD,
        strong(f"{formats.count(sum(late))} requests failed"),
        f" lately, {formats.count(now)} in each column of the chart instead of "
        f"{formats.count(before)}; ",
        link("the statements that fail", "/console/statements?sort=errors"),
        ".",
    )


def _denials(row: Row, span: Range) -> Sentence | None:
    if not row.denied:
        return None
    return sentence(
        "denials",
        BAD,
        link(f"{formats.several(row.denied, 'request')} denied", _events("denied", span)),
        ".",
    )


def _poison(row: Row, span: Range) -> Sentence | None:
    if not row.poisoned:
        return None
    return sentence(
        "poison",
        BAD,
        link(
            f"{formats.several(row.poisoned, 'request')} read a poison record",
            _events("poison", span),
        ),
        ": somebody reads what no application should.",
    )


def _events(kind: str, span: Range) -> str:
    """Return the address of the security events of a kind in a time."""
    return f"/console/security?kind={kind}&range={span.key}"
