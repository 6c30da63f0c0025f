"""The states of sessions as the console tells them apart, and which of them come first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from acra_twisted.session import Session
from acra_twisted.telemetry.metrics.sessions import session_state
from acra_twisted.telemetry.pages.sessions import current

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
#: States of sessions that do something, and of those that may let others wait.
ACTIVE: Final = (IN_DATABASE, IN_STAGE)
OPEN: Final = (WAITS, FAILED)


def state_of(session: Session) -> str:
    """Return one of `STATES`."""
    state = session_state(session)
    if state != "active":
        return state
    exchange = current(session)
    return IN_DATABASE if exchange is None or exchange.sent else IN_STAGE


def weight(state: str, took: float) -> tuple[int, float]:
    """Return what is larger for sessions that come first: those that wait, or may let others wait,
    longest; idle ones that were used last."""
    if state in (*ACTIVE, *OPEN):
        return 2, took
    return (1, took) if state == STARTING else (0, -took)
