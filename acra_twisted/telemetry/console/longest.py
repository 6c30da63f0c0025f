"""The sessions that have been in each state longest, as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final, NamedTuple

from acra_twisted.session import Session
from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.othersessions import TEXT_MAX
from acra_twisted.telemetry.console.sessionstates import state_of
from acra_twisted.telemetry.pages.sessions import current, described

#: Sessions that are looked at between two turns.
STEP: Final = 32


class Standing(NamedTuple):
    """Sessions by state, and the row of the one that has been in each state longest."""

    states: Mapping[str, int]
    longest: Mapping[str, Mapping[str, Any]]


class Longest:
    """The longest times of each state, in nanoseconds, with their sessions."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, Session]] = {}

    def note(self, state: str, took: int, session: Session) -> None:
        """Take note of a session."""
        if state not in self._found or took > self._found[state][0]:
            self._found[state] = (took, session)

    def rows(self, now: int) -> dict[str, dict[str, Any]]:
        """Return the sessions as rows, by state."""
        return {state: row_of(session, now) for state, (_, session) in self._found.items()}


def age_of(session: Session, now: int) -> int:
    """Return the nanoseconds for which a session has been in its state."""
    exchange = current(session)
    since = exchange.opened if exchange is not None else session.answered or session.opened
    return max(now - since, 0)


def row_of(session: Session, now: int) -> dict[str, Any]:
    """Return a session as a row of `othersessions.Sessions`."""
    row = described(session, now)
    for name in ("statement", "last_statement"):
        row[name] = formats.cut(row[name], TEXT_MAX)
    return {**row, "state": state_of(session), "parts": [], "server": "", "href": ""}


def standing(sessions: Iterable[Session], now: int) -> Generator[str, None, Standing]:
    """Return what sessions do at a moment, in steps."""
    states: Counter[str] = Counter()
    longest = Longest()
    for number, session in enumerate(sessions, 1):
        state = state_of(session)
        states[state] += 1
        longest.note(state, age_of(session, now), session)
        if not number % STEP:
            yield ""
    return Standing(states, longest.rows(now))
