"""The sentences of the view of sessions, of who waits for what, and their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.longest import Standing
from acra_twisted.telemetry.console.people import who
from acra_twisted.telemetry.console.sentences import (
    DATABASE,
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
from acra_twisted.telemetry.console.sessionstates import ACTIVE, IN_DATABASE, IN_STAGE, WAITS

#: Milliseconds of one request that are worth a sentence, and of an idle transaction.
LONG, IDLE_LONG = 500.0, 10_000.0
#: Milliseconds for which sessions wait that are worth a sentence elsewhere: several of them, or one
#: beside an idle transaction; and one alone, which may have a long statement.
_URGENT, _URGENT_ALONE = 5_000.0, 60_000.0
#: Characters of a statement.
_TEXT: Final = 60


def said(
    states: Mapping[str, int],
    longest: Mapping[str, Mapping[str, Any]],
    away: Sentence | None = None,
) -> Answer:
    """Return the sentences about sessions by state, of which ``longest`` has the row that has been
    in each state longest.  ``away`` tells of servers that do not answer."""
    number = sum(states.values())
    if not number:
        return answer([away], sentence("empty", PLAIN, "No client is connected."))
    busy = sum(states.get(state, 0) for state in ACTIVE)
    otherwise = sentence("nothing", GOOD, f"Nobody waits long: {_open(number, busy)}.")
    return answer(
        [_waiting(states, longest, number), _in_stage(longest), _transaction(longest), away],
        otherwise,
    )


def urgent(standing: Standing) -> Sentence | None:
    """Tell of sessions that wait for the database so long that other views should say it: their
    requests are in no figure before they end."""
    row, idle = standing.longest.get(IN_DATABASE), standing.longest.get(WAITS)
    if row is None or row["state_ms"] < _URGENT:
        return None
    may_hold = idle is not None and idle["state_ms"] >= IDLE_LONG
    number = standing.states.get(IN_DATABASE, 0)
    if number == 1 and not may_hold and row["state_ms"] < _URGENT_ALONE:
        return None
    waits, which = ("waits", "for") if number == 1 else ("wait", "one of them for")
    pieces: list[str | Piece] = [
        link(formats.several(number, "session"), f"/console/sessions?which={IN_DATABASE}"),
        f" {waits} for the database now, {which} ",
        strong(formats.ms(row["state_ms"])),
    ]
    if idle is not None and may_hold:
        pieces += [f"; {client(idle)} has been idle in a transaction for ", _idle(idle)]
        pieces.append(", and may hold locks")
    return sentence("waiting", SLOW, *pieces, ".")


def _idle(row: Mapping[str, Any]) -> Piece:
    return link(formats.ms(row["state_ms"]), f"/console/session?id={row['session_id']}")


def client(row: Mapping[str, Any]) -> str:
    """Return the client of a session as the console shows it."""
    return who(row["client_id"], row["certificate"], row["peer"])


def _open(number: int, busy: int) -> str:
    """Tell how many sessions are open, and how many of them do something."""
    if number == 1:
        return f"1 session is open, and it is {'busy' if busy else 'not busy'}"
    part = {0: "none", number: "all"}.get(busy, formats.count(busy))
    return f"{formats.several(number, 'session')} are open, {part} of them busy"


def _waiting(
    states: Mapping[str, int], longest: Mapping[str, Mapping[str, Any]], number: int
) -> Sentence | None:
    row = longest.get(IN_DATABASE)
    if row is None or row["state_ms"] < LONG:
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
        f", {which} {formats.ms(row['state_ms'])}: ",
        _session(row),
        f" of {client(row)}.",
    )


def _in_stage(longest: Mapping[str, Mapping[str, Any]]) -> Sentence | None:
    row = longest.get(IN_STAGE)
    if row is None or row["state_ms"] < LONG:
        return None
    return sentence(
        "stage",
        SLOW,
        strong(f"A request has been in the proxy for {formats.ms(row['state_ms'])}"),
        " and was not sent to the database yet: ",
        _session(row),
        f" of {client(row)}.",
    )


def _transaction(longest: Mapping[str, Mapping[str, Any]]) -> Sentence | None:
    row = longest.get(WAITS)
    if row is None or row["state_ms"] < IDLE_LONG:
        return None
    pieces: list[str | Piece] = [
        strong(f"{client(row)} has been idle in a transaction for {formats.ms(row['state_ms'])}"),
        " (",
        _session(row),
    ]
    if row["last_statement"]:
        text = formats.name(formats.cut(row["last_statement"], _TEXT))
        pieces.append(f", last statement {text}")
    return sentence("transaction", SLOW, *pieces, "): it may hold locks that others wait for.")


def elsewhere(path: str, console: str) -> str:
    """Return an address of this console, or that of another server's."""
    return console + path.removeprefix("/console") if console else path


def _session(row: Mapping[str, Any]) -> Piece:
    """Return a link to a session, which names its server where that is another one."""
    at = f" at {formats.name(row['server'])}" if row["server"] else ""
    path = f"/console/session?id={row['session_id']}"
    return link(f"session {row['session_id']}{at}", elsewhere(path, row["href"]))
