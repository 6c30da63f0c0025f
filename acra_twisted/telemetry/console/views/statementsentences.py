"""The sentences of the view of one statement, and their rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.breaks import Break
from acra_twisted.telemetry.console.gathering import added
from acra_twisted.telemetry.console.layers import (
    DATABASE,
    is_nearly_all,
    largest_change,
    per_call,
    spent_in,
    stage_of,
)
from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.console.sentences import (
    BAD,
    GOOD,
    PLAIN,
    SLOW,
    Answer,
    Sentence,
    answer,
    sentence,
    strong,
)
from acra_twisted.telemetry.console.sentences import DATABASE as ABOUT_DATABASE
from acra_twisted.telemetry.figures.rows import Row
from acra_twisted.telemetry.figures.summary import mean_ms


def tell(
    span: Range,
    row: Row,
    columns: Sequence[Row],
    before: Row | None,
    found: Break | None,
    others: Sequence[Sentence | None],
) -> Answer:
    """Return the sentences about a statement; ``others`` come behind those that are made here."""
    return answer(
        [
            _since(span, columns, found),
            _faults(row),
            _than_before(row, before, found),
            *others,
        ],
        sentence(
            "nothing",
            GOOD if not row.errors else PLAIN,
            f"Nothing stands out: {formats.ms(mean_ms(row))} a call on average.",
        ),
    )


def _since(span: Range, columns: Sequence[Row], found: Break | None) -> Sentence | None:
    if found is None:
        return None
    late = added(columns[found.place :])
    was, now = per_call(added(columns[: found.place])), per_call(late)
    when = strong(span.begins(found.place))
    means = f"mean {formats.ms(found.now)} instead of {formats.ms(found.before)}"
    if found.now < found.before:
        return sentence("faster", GOOD, "Faster since ", when, f": {means}.")
    layer, grown = largest_change(was, now)
    pieces: list[Any] = ["Slow since ", when, f": {means}"]
    kind = ABOUT_DATABASE if layer in DATABASE else SLOW
    if layer:
        difference = found.now - found.before
        part = (
            "nearly all of it"
            if is_nearly_all(grown, difference)
            else f"{formats.ms(grown)} of the {formats.ms(difference)} added"
        )
        pieces += [f", {part} ", strong(spent_in(layer, stage_of(late)))]
    return sentence("slower", kind, *pieces, ".")


def _faults(row: Row) -> Sentence | None:
    if row.denied:
        which = "All" if row.denied == row.calls else formats.count(row.denied)
        return sentence(
            "denied", BAD, f"{which} of {formats.several(row.calls, 'call')} were denied."
        )
    if row.poisoned:
        return sentence(
            "poison", BAD, f"{formats.several(row.poisoned, 'call')} read a poison record."
        )
    return None


def _than_before(row: Row, before: Row | None, found: Break | None) -> Sentence | None:
    if found is not None or before is None or not before.calls:
        return None
    was, now = mean_ms(before), mean_ms(row)
    if not formats.is_worse(was, now):
        return None
    layer, _ = largest_change(per_call(before), per_call(row))
    return sentence(
        "slower-than-before",
        ABOUT_DATABASE if layer in DATABASE else SLOW,
        f"Slower than in the time before: mean {formats.ms(now)} instead of {formats.ms(was)}, "
        f"most of it {spent_in(layer, stage_of(row))}.",
    )
