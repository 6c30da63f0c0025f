"""Sessions: who waits for what, now?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from heapq import heappush, heappushpop
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from acra_twisted.session import Session
from acra_twisted.telemetry.console import charts, formats, othersessions, serverlines, strips
from acra_twisted.telemetry.console.longest import STEP, Longest, age_of, row_of
from acra_twisted.telemetry.console.otherservers import Other, counting, instance_of
from acra_twisted.telemetry.console.othersessions import ROWS_MAX, Sessions
from acra_twisted.telemetry.console.people import Names
from acra_twisted.telemetry.console.sentences import Answer
from acra_twisted.telemetry.console.sessionstates import (
    ACTIVE,
    OPEN,
    STATES,
    State,
    state_of,
    weight,
)
from acra_twisted.telemetry.console.shapelinks import address as address_of_shape
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views.waitingsentences import (
    IDLE_LONG,
    LONG,
    client,
    elsewhere,
    said,
)
from acra_twisted.telemetry.pages.arguments import chosen, given
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.pages.waiting import Wait

QUESTION: Final = "Who waits for what, now?"
ALL, BUSY, IN_TRANSACTION = "all", "busy", "transaction"
WHICH: Final = (ALL, BUSY, IN_TRANSACTION)
_CHOICES: Final = (*WHICH, *STATES)
ARGUMENTS: Final[Mapping[str, str]] = {
    "which": f"sessions: {', '.join(WHICH)}, or in a state: {', '.join(STATES)}",
    "client": "sessions of this client id",
    "servers": f"servers: {', '.join(serverlines.SERVERS)}",
}
_ADDRESS: Final = "/console/sessions"
_MS: Final = 1e6
#: Characters of a statement in its line, and of what shows while it is pointed at.
_TEXT, _TITLE = 100, 140


class Asked(NamedTuple):
    """The arguments of the view."""

    which: str
    client: str
    servers: str = serverlines.ALL


class Gathered(NamedTuple):
    """All that the view shows; ``others`` are other servers with what they told, None where none
    are named."""

    wanted: Asked
    found: Sessions
    others: Sequence[Other[Sessions]] | None
    said: Answer
    names: Names


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    which = chosen("which", found.get("which") or ALL, _CHOICES)
    return Asked(which, found.get("client", ""), serverlines.chosen_servers(found))


def gather(sources: Sources, wanted: Asked) -> Generator[Piece, None, Gathered]:
    """Return what the view shows, in steps; it waits for other servers, if any are named."""
    asking = None
    if sources.others is not None and wanted.servers == serverlines.ALL:
        asking = Wait(sources.others(othersessions.question(wanted.which, wanted.client)))
    own = yield from _own(sources, wanted)
    told, others = [own], None
    if asking is not None:
        yield asking
        others = asking.result
        told += [_of(other, theirs) for other, theirs in counting(own.instance, others)]
    found = othersessions.together(told)
    yield ""
    text = said(found.states, found.longest, serverlines.missing(others or ()))
    return Gathered(wanted, found, others, text, Names(sources.fact("peers")))


def _of(other: Other[Sessions], told: Sessions) -> Sessions:
    """Return the sessions of another server, which have its addresses."""
    mark = {"server": other.at, "href": other.href}
    return told._replace(
        rows=[{**row, **mark} for row in told.rows],
        longest={state: {**row, **mark} for state, row in told.longest.items()},
    )


def _own(sources: Sources, wanted: Asked) -> Generator[Piece, None, Sessions]:
    """Return the sessions of this server, in steps."""
    now = sources.clock()
    states: Counter[str] = Counter()
    longest = Longest()
    transactions = fitting = 0
    # The session that is the first to make room for another one comes first.
    kept: list[tuple[tuple[int, float], int, Session]] = []
    for number, session in enumerate(sources.sessions()):
        state = state_of(session)
        took = age_of(session, now)
        if wanted.client and session.identity.client_id != wanted.client:
            continue
        states[state] += 1
        transactions += bool(session.transaction_since)
        longest.note(state, took, session)
        if _fits(state, session, wanted):
            fitting += 1
            entry = (weight(state, took), -number, session)
            if len(kept) < ROWS_MAX:
                heappush(kept, entry)
            else:
                heappushpop(kept, entry)
        if number % STEP == STEP - 1:
            yield ""
    rows, connections = [], {}
    for _, _, session in sorted(kept, reverse=True):
        rows.append(row_of(session, now))
        if session.span is not None:
            connections[str(session.span.span_id)] = session.id
        yield ""
    recent = yield from strips.recent(sources, connections, now)
    for row in rows:
        row["parts"] = recent.get(row["session_id"], [])
    instance = instance_of(sources.fact("origin"))
    return Sessions(instance, states, transactions, fitting, rows, longest.rows(now), now)


def _fits(state: str, session: Session, wanted: Asked) -> bool:
    if wanted.which == BUSY:
        return state in ACTIVE
    if wanted.which == IN_TRANSACTION:
        return bool(session.transaction_since)
    return wanted.which in (ALL, state)


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        **othersessions.as_json(gathered.found),
        "servers": [{"at": other.at, "problem": other.problem} for other in gathered.others or ()],
    }


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    found, wanted = gathered.found, gathered.wanted
    states = found.states
    number = sum(states.values())
    drawn = [(one, state) for one, state in STATES.items() if states.get(one)]
    counts = {
        ALL: number,
        BUSY: sum(states.get(state, 0) for state in ACTIVE),
        IN_TRANSACTION: found.transactions,
    }
    names = {ALL: "all", BUSY: "busy", IN_TRANSACTION: "in transaction"}
    more = found.fitting - len(found.rows)
    kept = {"client": wanted.client} if wanted.client else {}
    arguments = {**kept, "which": wanted.which, "servers": wanted.servers}
    missing = [formats.name(one.at) for one in gathered.others or () if one.told is None]
    yield ""
    return {
        "said": gathered.said,
        "headline": formats.several(number, "session"),
        "state": STATES[wanted.which].title if wanted.which in STATES else "",
        "others": f"{_ADDRESS}?{urlencode({**arguments, 'client': ''})}",
        "whole": f"{_ADDRESS}?{urlencode({**arguments, 'which': ALL})}",
        "note": f"those that wait first; {len(found.rows)} shown"
        + (f", {formats.count(more)} more" if more else "")
        + (f"; without those of {', '.join(missing)}" if missing else ""),
        "client": formats.name(wanted.client),
        "servers": serverlines.choice(gathered.others is not None, wanted.servers, arguments),
        "which": [
            (
                names[which],
                formats.count(counts[which]),
                f"{_ADDRESS}?{urlencode({**arguments, 'which': which})}",
                which == wanted.which,
            )
            for which in WHICH
        ],
        "bar": charts.parts([(state.look, states[one], state.title) for one, state in drawn]),
        "legend": [
            (
                state.look,
                state.title,
                formats.count(states[one]),
                f"{_ADDRESS}?{urlencode({**arguments, 'which': one})}",
            )
            for one, state in drawn
        ],
        "rows": (_row(row, gathered) for row in found.rows),
        "query": urlencode(arguments),
    }


def _row(row: Mapping[str, Any], gathered: Gathered) -> dict[str, Any]:
    state: State = STATES[row["state"]]
    runs = bool(row["statement"])
    text = row["statement"] or row["last_statement"]
    is_long = row["state"] in OPEN and row["state_ms"] >= IDLE_LONG
    there = row["href"]
    return {
        "id": row["session_id"],
        "server": formats.name(row["server"]),
        "session": elsewhere(f"/console/session?id={row['session_id']}", there),
        "client": gathered.names.of(row["client_id"], row["certificate"])
        if row["client_id"]
        else client(row),
        "strip": strips.draw(
            row["parts"],
            gathered.found.now,
            state.look if row["state"] in (*ACTIVE, *OPEN) else "",
            row["state_ms"],
        ),
        "whole": row["client_id"],
        "badge": state.badge,
        "state": state.title,
        "age": formats.ms(row["state_ms"]),
        "long": is_long or (row["state"] in ACTIVE and row["state_ms"] >= LONG),
        "transaction": formats.ms(row["transaction_ms"]) if row["transaction_ms"] else "",
        "text": formats.name(formats.cut(text, _TEXT)),
        "whole_text": formats.cut(text, _TITLE),
        "is_last": bool(text) and not runs,
        "href": elsewhere(address_of_shape(row["shape"]), there) if row["shape"] else "",
        "open": formats.long(row["seconds"]),
        "sent": formats.size(row["sent"]),
        "received": formats.size(row["received"]),
        "trace": elsewhere(f"/console/trace?{urlencode({'id': row['trace_id']})}", there)
        if row["trace_id"]
        else "",
        "trace_id": row["trace_id"],
        "short": formats.short_id(row["trace_id"]),
    }


VIEW: Final = View("sessions", "Sessions", "sessions", asked, gather, as_json, shown, live=2)
