"""The sentences of the view of one session, and their rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from acra_twisted.telemetry.console import formats, requests
from acra_twisted.telemetry.console.incidents import (
    DENIED,
    ENDED,
    KINDS,
    PASSED,
    POISON,
    REFUSED,
    UNPARSED,
    kind_of,
)
from acra_twisted.telemetry.console.retraced import Retraced
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
from acra_twisted.telemetry.logs.recent import RecentEvent

#: What a client did, by the kind of its events.
_DID: Final[Mapping[str, str]] = {
    POISON: "read a poison record",
    DENIED: "was denied",
    UNPARSED: "sent what cannot be parsed",
    REFUSED: "was refused",
    ENDED: "had its connection ended",
    PASSED: "did what is allowed and noted",
}


def said(found: Retraced, events: Sequence[RecentEvent], client: str) -> Answer:
    """Return the sentences about what a client did in a session."""
    verdicts = Counter(requests.verdict_of(one.record) for one in found.requests)
    number = len(found.requests)
    if not number:
        otherwise = _of_events(events, client) or sentence(
            "empty", PLAIN, "Its connection is known, and none of its requests is kept."
        )
    else:
        are = "is" if number == 1 else "are"
        otherwise = sentence(
            "nothing",
            GOOD,
            f"{formats.several(number, 'request')} of {client} {are} kept, and nothing stands out.",
        )
    return answer(
        [
            _of(found, requests.POISON, BAD, client, verdicts, "read a poison record"),
            _of(found, requests.DENIED, BAD, client, verdicts, "tried what is denied"),
            _of(found, requests.FAILED, SLOW, client, verdicts, "sent what failed"),
            _of(found, requests.SLOW, SLOW, client, verdicts, "sent what was slow"),
        ],
        otherwise,
    )


def _of(
    found: Retraced, verdict: str, kind: str, client: str, verdicts: Counter[str], did: str
) -> Sentence | None:
    """Tell of the requests of a verdict."""
    times = verdicts[verdict]
    if not times:
        return None
    one = next(r.record for r in found.requests if requests.verdict_of(r.record) == verdict)
    often = "" if times == 1 else f" {formats.count(times)} times"
    first = "" if times == 1 else " first"
    return sentence(
        verdict,
        kind,
        strong(f"{client} {did}{often}"),
        f",{first} at {formats.clock_s(one['start'])}: ",
        link(formats.name(str(one["name"])), trace_of(one)),
        ".",
    )


def _of_events(events: Sequence[RecentEvent], client: str) -> Sentence | None:
    """Tell of the weightiest events of a session; it has no requests that are kept."""
    kind = next((kind for kind in KINDS if any(kind_of(one) == kind for one in events)), "")
    found = [one for one in events if kind_of(one) == kind]
    if not found:
        return None
    earliest = min(found, key=lambda one: one.first)
    times = sum(one.times for one in found)
    often = "" if times == 1 else f" {formats.count(times)} times"
    return sentence(
        "events",
        BAD if kind in (POISON, DENIED) else SLOW,
        strong(f"{client} {_DID[kind]}{often}"),
        f",{'' if times == 1 else ' first'} at {formats.clock_s(earliest.first)}: ",
        link(formats.name(earliest.record.error or earliest.record.message), "#c-events"),
        ". None of its requests is kept.",
    )


def trace_of(record: Mapping[str, Any]) -> str:
    """Return the address of a request in its trace."""
    return f"/console/trace?id={record['trace_id']}&span={record['span_id']}"
