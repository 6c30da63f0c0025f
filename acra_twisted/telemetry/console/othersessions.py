"""The sessions of a server as it tells others of them, and those of several servers together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from acra_twisted.telemetry.console.otherservers import (
    INSTANCE,
    NAME_MAX,
    Question,
    Unreadable,
    instance_of,
    list_of,
    mapping_of,
    text_of,
)
from acra_twisted.telemetry.console.sessionstates import STATES, weight
from acra_twisted.telemetry.console.strips import LENGTH, LOOKS, REQUESTS_MAX, Part

#: Sessions that a server tells of at most.
ROWS_MAX: Final = 30
#: Characters of a statement.
TEXT_MAX: Final = 1024
_NUMBER_MAX: Final = 1 << 63
_PATH: Final = "/console/sessions"
#: Seconds for which an answer holds: pages of sessions are made anew as often.
_HOLDS: Final = 2.0
_MS: Final = 1e6
_TEXTS: Final = ("client_id", "peer", "certificate", "user", "database", "shape", "trace_id")
_STATEMENTS: Final = ("statement", "last_statement")
_NUMBERS: Final = ("session_id", "received", "sent", "waiting")
_TIMES: Final = ("state_ms", "transaction_ms", "seconds", "running_ms")


class Sessions(NamedTuple):
    """The sessions of a server of an instance: how many there are by state, how many have a
    transaction, and how many fit what is asked for, of which ``rows`` are those that come first.
    ``longest`` has by state the one that has been in it longest.

    A row has what `pages.sessions` describes, its state as `sessionstates` tells it, and the kept
    requests of its last minute as ``parts``, which are set against ``now``.  Of another server
    it has ``server``, its address, and ``href``, its console's; of this one both are empty.
    """

    instance: str
    states: Mapping[str, int]
    transactions: int
    fitting: int
    rows: Sequence[Mapping[str, Any]]
    longest: Mapping[str, Mapping[str, Any]]
    now: int


def together(told: Sequence[Sessions]) -> Sessions:
    """Return the sessions of several servers as those of one; the first one's clock counts."""
    states: Counter[str] = Counter()
    longest: dict[str, Mapping[str, Any]] = {}
    rows: list[Mapping[str, Any]] = []
    for one in told:
        states.update(one.states)
        rows += [_shifted(row, told[0].now - one.now) for row in one.rows]
        for state, row in one.longest.items():
            longest[state] = max(longest.get(state, row), row, key=lambda each: each["state_ms"])
    rows.sort(key=lambda row: weight(row["state"], row["state_ms"]), reverse=True)
    return told[0]._replace(
        states=states,
        transactions=sum(one.transactions for one in told),
        fitting=sum(one.fitting for one in told),
        rows=rows[:ROWS_MAX],
        longest=longest,
    )


def _shifted(row: Mapping[str, Any], by: int) -> Mapping[str, Any]:
    if not by:
        return row
    parts = [part._replace(start=part.start + by, end=part.end + by) for part in row["parts"]]
    return {**row, "parts": parts}


def as_json(told: Sessions) -> dict[str, Any]:
    """Return sessions as plain values."""
    return {
        INSTANCE: told.instance,
        "now": told.now,
        "states": {state: told.states.get(state, 0) for state in STATES},
        "transactions": told.transactions,
        "fitting": told.fitting,
        "longest": {state: _row_as_json(row) for state, row in told.longest.items()},
        "sessions": [_row_as_json(row) for row in told.rows],
    }


def _row_as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in row.items() if name not in ("parts", "href")}
    made["last_minute"] = [
        {"start": part.start, "took_ms": (part.end - part.start) / _MS, "look": part.look}
        for part in row["parts"]
    ]
    return made


def question(which: str, client: str) -> Question[Sessions]:
    """Return the question for the sessions that fit the view's arguments."""
    arguments = {"which": which, "client": client, "servers": "this", "format": "json"}
    return Question((f"{_PATH}?{urlencode(arguments)}",), read, _HOLDS)


def read(body: bytes) -> Sessions:
    """Read what another server tells.  Raises Unreadable."""
    told = mapping_of(body)
    states, longest = told.get("states"), told.get("longest")
    if not isinstance(states, dict) or not isinstance(longest, dict):
        raise Unreadable("its sessions cannot be read")
    now = _count(told.get("now"))
    return Sessions(
        instance_of(told),
        {state: _count(states.get(state, 0)) for state in STATES},
        _count(told.get("transactions")),
        _count(told.get("fitting")),
        [_row(row, now) for row in list_of(told.get("sessions"), ROWS_MAX)],
        {state: _row(longest[state], now) for state in STATES if state in longest},
        now,
    )


def _row(told: object, now: int) -> dict[str, Any]:
    if not isinstance(told, dict) or told.get("state") not in tuple(STATES):
        raise Unreadable("one of its sessions cannot be read")
    return {
        **{name: text_of(told.get(name), NAME_MAX) for name in _TEXTS},
        **{name: text_of(told.get(name), TEXT_MAX) for name in _STATEMENTS},
        **{name: _count(told.get(name)) for name in _NUMBERS},
        **{name: _time(told.get(name)) for name in _TIMES},
        "state": told["state"],
        "in_database": bool(told.get("in_database")),
        "parts": [_part(one, now) for one in list_of(told.get("last_minute"), REQUESTS_MAX)],
    }


def _part(told: object, now: int) -> Part:
    if not isinstance(told, dict) or told.get("look") not in LOOKS:
        raise Unreadable("one of its requests cannot be read")
    start = min(max(_count(told.get("start")), now - LENGTH), now)
    took = min(int(_time(told.get("took_ms")) * _MS), LENGTH)
    return Part(start, start + took, told["look"])


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < _NUMBER_MAX:
        raise Unreadable("one of its numbers cannot be read")
    return value


def _time(value: object) -> float:
    # Not a number is neither.
    if not isinstance(value, int | float) or not 0 <= value < _NUMBER_MAX:
        raise Unreadable("one of its times cannot be read")
    return float(value)
