"""Sessions: who waits for what, now?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from heapq import heappush, heappushpop
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from acra_twisted.session import Session
from acra_twisted.telemetry.console import charts, formats, strips
from acra_twisted.telemetry.console.people import Names, who
from acra_twisted.telemetry.console.sentences import (
    DATABASE,
    GOOD,
    PLAIN,
    SLOW,
    Answer,
    Piece,
    Sentence,
    answer,
    sentence,
    strong,
)
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views.statements import address as address_of_shape
from acra_twisted.telemetry.metrics.exchanges import session_state
from acra_twisted.telemetry.pages.arguments import chosen, given
from acra_twisted.telemetry.pages.sessions import current, described

QUESTION: Final = "Who waits for what, now?"
ALL, BUSY, OPEN = "all", "busy", "transaction"
WHICH: Final = (ALL, BUSY, OPEN)
ARGUMENTS: Final[Mapping[str, str]] = {
    "which": f"sessions: {', '.join(WHICH)}",
    "client": "sessions of this client id",
}
IN_DATABASE, IN_STAGE, WAITS, FAILED = "database", "stage", "in_transaction", "failed_transaction"
STARTING, IDLE, UNREAD = "starting", "idle", "unread"


class State(NamedTuple):
    """A state's name, and the classes of its colour in a bar and of its badge."""

    title: str
    look: str
    badge: str


#: States in the order of the bar.
STATES: Final[Mapping[str, State]] = {
    IN_DATABASE: State("in the database", "dbfirst", "info"),
    IN_STAGE: State("in the proxy", "censor", "info"),
    WAITS: State("idle in transaction", "other", "slow"),
    FAILED: State("in a failed transaction", "deny", "deny"),
    STARTING: State("logging in", "link", "mute"),
    UNREAD: State("not read", "proxy", "mute"),
    IDLE: State("idle", "control", "mute"),
}
_BUSY: Final = (IN_DATABASE, IN_STAGE)
_TRANSACTION: Final = (WAITS, FAILED)
_ADDRESS: Final = "/console/sessions"
_SHOWN: Final = 30
_STEP: Final = 32
#: Milliseconds of one request that are worth a sentence, and of an idle transaction.
_LONG, _IDLE_LONG = 500.0, 10_000.0
_MS: Final = 1e6
#: Characters of a statement in its line, and of what shows while it is pointed at.
_TEXT, _TITLE = 100, 140


class Asked(NamedTuple):
    """The arguments of the view."""

    which: str
    client: str


class Gathered(NamedTuple):
    """All that the view shows: sessions by state, in transactions, and rows of some of those that
    were asked for, of which there are ``fitting``."""

    wanted: Asked
    states: Mapping[str, int]
    transactions: int
    fitting: int
    rows: list[dict[str, Any]]
    said: Answer
    strips: Mapping[int, Sequence[strips.Part]]
    now: int
    names: Names


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    return Asked(chosen("which", found.get("which") or ALL, WHICH), found.get("client", ""))


def state_of(session: Session) -> str:
    """Return one of `STATES`."""
    state = session_state(session)
    if state != "active":
        return state
    exchange = current(session)
    return IN_DATABASE if exchange is None or exchange.sent else IN_STAGE


class _Longest:
    """The longest times of what sentences tell of, in nanoseconds, with their sessions."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, int, Session]] = {}

    def note(self, key: str, number: int, took: int, session: Session) -> None:
        """Take note of a session."""
        if key not in self._found or took > self._found[key][0]:
            self._found[key] = (took, number, session)

    def of(self, key: str, now: int) -> tuple[float, dict[str, Any]] | None:
        """Return the milliseconds of the longest one, and its session as plain values."""
        found = self._found.get(key)
        return (found[0] / _MS, described(found[2], now)) if found is not None else None


def gather(sources: Sources, wanted: Asked) -> Generator[str, None, Gathered]:
    """Return what the view shows, in steps."""
    now = sources.clock()
    states: Counter[str] = Counter()
    longest = _Longest()
    transactions = fitting = 0
    # The session that is the first to make room for another one comes first.
    kept: list[tuple[tuple[int, int], int, Session]] = []
    for number, session in enumerate(sources.sessions()):
        state = state_of(session)
        exchange = current(session)
        since = exchange.opened if exchange is not None else session.answered or session.opened
        took = max(now - since, 0)
        states[state] += 1
        transactions += bool(session.transaction_since)
        longest.note(state, number, took, session)
        if _fits(state, session, wanted):
            fitting += 1
            entry = (_weight(state, took), -number, session)
            if len(kept) < _SHOWN:
                heappush(kept, entry)
            else:
                heappushpop(kept, entry)
        if number % _STEP == _STEP - 1:
            yield ""
    rows, connections = [], {}
    for _, _, session in sorted(kept, reverse=True):
        rows.append({**described(session, now), "state": state_of(session)})
        if session.span is not None:
            connections[str(session.span.span_id)] = session.id
        yield ""
    recent = yield from strips.recent(sources, connections, now)
    said = _answer(states, longest, now)
    names = Names(sources.fact("peers"))
    return Gathered(wanted, states, transactions, fitting, rows, said, recent, now, names)


def _fits(state: str, session: Session, wanted: Asked) -> bool:
    if wanted.client and session.identity.client_id != wanted.client:
        return False
    if wanted.which == BUSY:
        return state in _BUSY
    return wanted.which == ALL or bool(session.transaction_since)


def _weight(state: str, took: int) -> tuple[int, int]:
    """Return what is larger for sessions that come first: those that wait, or may let others wait,
    longest; idle ones that were used last."""
    if state in (*_BUSY, *_TRANSACTION):
        return 2, took
    return (1, took) if state == STARTING else (0, -took)


def _answer(states: Mapping[str, int], longest: _Longest, now: int) -> Answer:
    number = sum(states.values())
    if not number:
        return answer([], sentence("empty", PLAIN, "No client is connected."))
    busy = sum(states.get(state, 0) for state in _BUSY)
    otherwise = sentence("nothing", GOOD, f"Nobody waits long: {_open(number, busy)}.")
    return answer(
        [
            _waiting(states, longest, number, now),
            _in_stage(longest, now),
            _transaction(longest, now),
        ],
        otherwise,
    )


def _open(number: int, busy: int) -> str:
    """Tell how many sessions are open, and how many of them do something."""
    if number == 1:
        return f"1 session is open, and it is {'busy' if busy else 'not busy'}"
    part = {0: "none", number: "all"}.get(busy, formats.count(busy))
    return f"{formats.several(number, 'session')} are open, {part} of them busy"


def _waiting(
    states: Mapping[str, int], longest: _Longest, number: int, now: int
) -> Sentence | None:
    found = longest.of(IN_DATABASE, now)
    if found is None or found[0] < _LONG:
        return None
    waiting = states.get(IN_DATABASE, 0)
    verb = "waits" if waiting == 1 else "wait"
    which = "for" if waiting == 1 else "one of them for"
    return sentence(
        "waiting",
        DATABASE,
        strong(
            f"{formats.count(waiting)} of {formats.several(number, 'session')} {verb} for the "
            "database"
        ),
        f", {which} {formats.ms(found[0])}: {_whose(found[1])}.",
    )


def _in_stage(longest: _Longest, now: int) -> Sentence | None:
    found = longest.of(IN_STAGE, now)
    if found is None or found[0] < _LONG:
        return None
    return sentence(
        "stage",
        SLOW,
        strong(f"A request has been in the proxy for {formats.ms(found[0])}"),
        f" and was not sent to the database yet: {_whose(found[1])}.",
    )


def _transaction(longest: _Longest, now: int) -> Sentence | None:
    found = longest.of(WAITS, now)
    if found is None or found[0] < _IDLE_LONG:
        return None
    took, row = found
    pieces: list[str | Piece] = [
        strong(f"{_client(row)} has been idle in a transaction for {formats.ms(took)}"),
        f" (session {row['session_id']}",
    ]
    if row["last_statement"]:
        pieces.append(f", last statement {_cut(row['last_statement'])}")
    return sentence("transaction", SLOW, *pieces, "): it may hold locks that others wait for.")


def _client(row: Mapping[str, Any]) -> str:
    return who(row["client_id"], row["certificate"], row["peer"])


def _whose(row: Mapping[str, Any]) -> str:
    return f"session {row['session_id']} of {_client(row)}"


def _cut(text: str, most: int = 60) -> str:
    return formats.name(formats.cut(text, most))


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "states": {state: gathered.states.get(state, 0) for state in STATES},
        "transactions": gathered.transactions,
        "fitting": gathered.fitting,
        "sessions": [
            {
                **row,
                "last_minute": [
                    {"start": part.start, "took_ms": (part.end - part.start) / _MS}
                    for part in gathered.strips.get(row["session_id"], ())
                ],
            }
            for row in gathered.rows
        ],
    }


def shown(gathered: Gathered) -> dict[str, Any]:
    """Values for the template."""
    states, wanted = gathered.states, gathered.wanted
    number = sum(states.values())
    drawn = [(one, state) for one, state in STATES.items() if states.get(one)]
    counts = {
        ALL: number,
        BUSY: sum(states.get(state, 0) for state in _BUSY),
        OPEN: gathered.transactions,
    }
    names = {ALL: "all", BUSY: "busy", OPEN: "in transaction"}
    more = gathered.fitting - len(gathered.rows)
    client = {"client": wanted.client} if wanted.client else {}
    return {
        "said": gathered.said,
        "headline": formats.several(number, "session"),
        "note": f"those that wait first; {len(gathered.rows)} shown"
        + (f", {formats.count(more)} more" if more else ""),
        "client": formats.name(wanted.client),
        "which": [
            (
                names[which],
                formats.count(counts[which]),
                f"{_ADDRESS}?{urlencode({**client, 'which': which})}",
                which == wanted.which,
            )
            for which in WHICH
        ],
        "bar": charts.parts([(state.look, states[one], state.title) for one, state in drawn]),
        "legend": [(state.look, state.title, formats.count(states[one])) for one, state in drawn],
        "rows": (_row(row, gathered) for row in gathered.rows),
        "query": urlencode({**client, "which": wanted.which}),
    }


def _row(row: Mapping[str, Any], gathered: Gathered) -> dict[str, Any]:
    state: State = STATES[row["state"]]
    runs = bool(row["statement"])
    text = row["statement"] or row["last_statement"]
    is_long = row["state"] in _TRANSACTION and row["state_ms"] >= _IDLE_LONG
    return {
        "id": row["session_id"],
        "client": gathered.names.of(row["client_id"], row["certificate"])
        if row["client_id"]
        else _client(row),
        "strip": strips.draw(
            gathered.strips.get(row["session_id"], ()),
            gathered.now,
            state.look if row["state"] in (*_BUSY, *_TRANSACTION) else "",
            row["state_ms"],
        ),
        "whole": row["client_id"],
        "badge": state.badge,
        "state": state.title,
        "age": formats.ms(row["state_ms"]),
        "long": is_long or (row["state"] in _BUSY and row["state_ms"] >= _LONG),
        "transaction": formats.ms(row["transaction_ms"]) if row["transaction_ms"] else "",
        "text": _cut(text, _TEXT),
        "whole_text": formats.cut(text, _TITLE),
        "is_last": bool(text) and not runs,
        "href": address_of_shape(row["shape"]) if row["shape"] else "",
        "open": formats.long(row["seconds"]),
        "sent": formats.size(row["sent"]),
        "received": formats.size(row["received"]),
        "trace": row["trace_id"],
        "short": formats.short_id(row["trace_id"]),
    }


VIEW: Final = View("sessions", "Sessions", "sessions", asked, gather, as_json, shown, live=2)
