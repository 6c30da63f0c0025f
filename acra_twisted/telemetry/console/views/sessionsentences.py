"""The sentences of the view of one session, and their rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from acra_twisted.telemetry.console import formats, requests
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


def said(found: Retraced, events: Sequence[RecentEvent], client: str) -> Answer:
    """Return the sentences about what a client did in a session."""
    verdicts = Counter(requests.verdict_of(one.record) for one in found.requests)
    number = len(found.requests)
    if not number:
        text = "Its connection is known, and none of its requests is kept"
        otherwise = sentence(
            "empty", PLAIN, f"{text}: see its security events below." if events else f"{text}."
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


def trace_of(record: Mapping[str, Any]) -> str:
    """Return the address of a request in its trace."""
    return f"/console/trace?id={record['trace_id']}&span={record['span_id']}"
