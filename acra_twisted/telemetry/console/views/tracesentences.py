"""The sentences of the view of one trace, and their rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from acra_twisted.telemetry.console import formats, requests
from acra_twisted.telemetry.console.clocks import Apart
from acra_twisted.telemetry.console.layers import (
    DATABASE,
    LAYERS,
    OURS,
    database,
    largest_change,
    largest_stage,
    ours,
    spent_in,
)
from acra_twisted.telemetry.console.repeated import Repeated
from acra_twisted.telemetry.console.sentences import (
    BAD,
    PLAIN,
    SLOW,
    Answer,
    Sentence,
    answer,
    sentence,
    strong,
)
from acra_twisted.telemetry.console.sentences import DATABASE as ABOUT_DATABASE
from acra_twisted.telemetry.console.timeline import Timeline

#: Parts of all time from which on a side, or a layer, is what took it.
_MOST, _MUCH = 0.6, 0.3
#: A time is worth its word from this factor of the typical one on.
_TIMES: Final = 2.0
_MS: Final = 1e6
#: How keys of attributes begin that count containers by why they were not opened.
_FAILED_FOR: Final = "acra.containers_failed."


def said(
    records: Sequence[Mapping[str, Any]],
    timeline: Timeline,
    main: Mapping[str, Any] | None,
    usual: Mapping[str, float],
    runs: Repeated | None = None,
) -> Answer:
    """Return the sentences about a trace.  ``usual`` has the milliseconds by layer that are typical
    of its statement; it is empty where nothing is.  ``runs`` are of a statement that repeats."""
    return answer(
        [
            _running(records, timeline),
            _fault(main),
            _unopened(main),
            _clocks(timeline.moves.apart),
            _repeated(runs),
            _side(timeline, usual),
            _slower(timeline, usual),
        ],
        sentence("spread", PLAIN, "No layer took most of it: ", _largest(timeline), "."),
    )


def _largest(timeline: Timeline) -> str:
    layers = timeline.layers
    if not layers:
        return f"{formats.ms(timeline.took / _MS)}, of which nothing was a request"
    layer = max(layers, key=lambda one: layers[one])
    part = formats.share(layers[layer], sum(layers.values()))
    return f"the largest is {LAYERS[layer].lower()}, {formats.ms(layers[layer])}, {part}"


def _running(records: Sequence[Mapping[str, Any]], timeline: Timeline) -> Sentence | None:
    open_spans = sum(bool(record.get("running")) for record in records)
    if not open_spans:
        return None
    have = "span has" if open_spans == 1 else "spans have"
    return sentence(
        "running",
        SLOW,
        strong(f"Still running after {formats.ms(timeline.took / _MS)}"),
        f": {open_spans} {have} not ended.",
    )


def _fault(main: Mapping[str, Any] | None) -> Sentence | None:
    if main is None:
        return None
    known = main["attributes"]
    verdict = requests.verdict_of(main)
    if verdict == requests.POISON:
        number = requests.number(known, "acra.poison_records") or 0
        place = requests.poison_place(known)
        return sentence(
            "poison",
            BAD,
            strong(f"It read {formats.several(number, 'poison record')}"),
            f", {'' if number == 1 else 'the first one '}in {place}." if place else ".",
        )
    if verdict == requests.DENIED:
        by = formats.name(str(known.get("acra.denied_by") or "a stage"))
        rule = known.get("acra.censor.rule")
        why = f", rule {formats.name(str(rule))}" if rule else ""
        sent = "" if known.get("acra.time.database_ms") else "; the database never saw it"
        return sentence("denied", BAD, strong(f"Denied by {by}"), f"{why}{sent}.")
    if verdict == requests.FAILED:
        code = known.get("db.response.status_code") or known.get("error.type") or "an error"
        return sentence("failed", BAD, strong(f"Failed: {formats.name(str(code))}"), ".")
    return None


def _clocks(clocks: Apart | None) -> Sentence | None:
    if clocks is None:
        return None
    names = " and ".join(map(formats.name, (clocks.above, clocks.below)))
    return sentence(
        "clocks",
        SLOW,
        strong(f"The clocks of {names} are at least {formats.ms(clocks.by / _MS)} apart"),
        f": spans of {formats.name(clocks.below)} are moved into those that waited for them, so "
        "when they began is a guess.",
    )


def _unopened(main: Mapping[str, Any] | None) -> Sentence | None:
    """Tell of containers that were left as stored, and why."""
    known = main["attributes"] if main is not None else {}
    number = requests.number(known, "acra.containers_failed") or 0
    if not number:
        return None
    reasons = [
        key.removeprefix(_FAILED_FOR).replace("_", " ")
        for key in known
        if key.startswith(_FAILED_FOR)
    ]
    why = f": {formats.name(', '.join(sorted(reasons)))}" if reasons else ""
    were = "was" if number == 1 else "were"
    text = f"{formats.several(number, 'container')} {were} left as stored"
    return sentence("unopened", SLOW, strong(text), f"{why}.")


def _repeated(runs: Repeated | None) -> Sentence | None:
    if runs is None:
        return None
    return sentence(
        "repeated",
        SLOW,
        strong(f"{formats.name(runs.name)} ran {formats.count(runs.number)} times"),
        f", each behind the one before: {formats.ms(runs.spent / _MS)}, "
        f"{formats.share(runs.spent, runs.whole)} of the time of all requests. One statement that "
        "asks for all of it may be enough.",
    )


def _side(timeline: Timeline, usual: Mapping[str, float]) -> Sentence | None:
    layers = timeline.layers
    whole = sum(layers.values())
    if not whole:
        return None
    theirs, our = database(layers), ours(layers)
    layer = max(layers, key=lambda one: layers[one])
    if theirs >= _MOST * whole:
        rest = ". "
        if layer in DATABASE:
            often = _often(usual.get(layer, 0.0), layers[layer])
            rest = f", {formats.ms(layers[layer])} {_OF_DATABASE[layer]}{often}. "
        return sentence(
            "database",
            ABOUT_DATABASE,
            strong(f"The database took {formats.share(theirs, whole)} of it"),
            f"{rest}Connector, link, proxy and stages took {formats.ms(our)}"
            f"{_more(layers, usual, _stage(timeline))}.",
        )
    if layer not in DATABASE and layers[layer] >= _MUCH * whole:
        often = _often(usual.get(layer, 0.0), layers[layer])
        stage = _stage(timeline)
        name = f"Stage {stage}" if layer == "other" and stage else LAYERS[layer]
        return sentence(
            "ours",
            SLOW if our >= _MOST * whole and our >= 1 else PLAIN,
            strong(f"{name} took {formats.share(layers[layer], whole)} of it"),
            f", {formats.ms(layers[layer])}{often}; the database took {formats.ms(theirs)}.",
        )
    return None


def _stage(timeline: Timeline) -> str:
    """Return the name of the one that has nearly all of the time of other stages."""
    spent: dict[str, float] = {}
    for bar in timeline.bars:
        stage = bar.record["attributes"].get("acra.stage")
        if bar.layer == "other" and stage:
            name = formats.name(str(stage))
            spent[name] = spent.get(name, 0.0) + bar.itself
    return largest_stage(spent)


def _often(usual: float, now: float) -> str:
    """Tell how many times as long as is typical it was, where that is much."""
    if not usual or now < _TIMES * usual or not formats.is_worse(usual, now):
        return ""
    return f", {formats.times(usual, now).split()[0]} times what is typical of this statement"


def _more(layers: Mapping[str, float], usual: Mapping[str, float], stage: str) -> str:
    """Tell how much more than is typical was ours, and in which layer most of that was."""
    was, now = ours(usual), ours(layers)
    if not usual or not formats.is_worse(was, now):
        return ""
    layer, grown = largest_change(
        {name: usual.get(name, 0.0) for name in OURS},
        {name: layers.get(name, 0.0) for name in OURS},
    )
    most = f", {formats.ms(grown)} of that {spent_in(layer, stage)}" if layer else ""
    return f", {formats.ms(now - was)} more than typical{most}"


def _slower(timeline: Timeline, usual: Mapping[str, float]) -> Sentence | None:
    """Tell of a trace in which no layer took most, and that took longer than is typical."""
    layers = timeline.layers
    was, now = sum(usual.values()), sum(layers.values())
    if not was or not formats.is_worse(was, now) or _side(timeline, usual) is not None:
        return None
    layer, grown = largest_change(usual, layers)
    return sentence(
        "slower-than-typical",
        ABOUT_DATABASE if layer in DATABASE else SLOW,
        strong(f"It took {formats.times(was, now).split()[0]} times what is typical"),
        f" of this statement, {formats.ms(now)} instead of {formats.ms(was)}; "
        f"{formats.ms(grown)} of that {spent_in(layer, _stage(timeline))}.",
    )


_OF_DATABASE: Final = {"dbfirst": "to its first byte", "dbrows": "for its rows"}
