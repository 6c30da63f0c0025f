"""The sessions of this moment as plain values, for the live page and for acra-top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappush, heappushpop
from typing import Any, Final

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.session import Session
from acra_twisted.sql.redact import Redacted, of_statement
from acra_twisted.telemetry.figures.shapes import shape_of
from acra_twisted.telemetry.metrics.sessions import session_state

#: As many are shown, those that have waited longest for a reply before all others.
SHOWN: Final = 200
#: Bytes of a statement that is redacted for a page: what is longer would take too long.
TEXT_LIMIT: Final = 2048
#: Sessions that are looked at between two turns.
_STEP: Final = 32


def describe(sessions: Iterable[Session], now: int) -> Iterator[dict[str, Any] | None]:
    """``now`` is nanoseconds of the sessions' clock.  None is no session: it says that some were
    looked at, after which others may have their turn."""
    # The session with the shortest wait first: it makes room for another.
    longest: list[tuple[int, int, Session]] = []
    for number, session in enumerate(sessions):
        entry = (-(_since(session) or now), -number, session)
        if len(longest) < SHOWN:
            heappush(longest, entry)
        else:
            heappushpop(longest, entry)
        if number % _STEP == _STEP - 1:
            yield None
    for _, _, session in sorted(longest, reverse=True):
        yield described(session, now)


def shown(statement: Statement, language: str) -> Redacted:
    """Return what a page shows of a statement that runs, in its session's language."""
    if statement.shown is None and len(statement.text) > TEXT_LIMIT:
        text = f"<statement of {len(statement.text)} bytes>"
        return Redacted(text, text)
    return of_statement(statement, language)


def _since(session: Session) -> int:
    exchange = current(session)
    return exchange.opened if exchange is not None else 0


def current(session: Session) -> Exchange | None:
    """The exchange whose reply the client waits for."""
    return next((entry[2] for entry in session.outstanding if entry[2] is not None), None)


def trace_of(session: Session, exchange: Exchange | None) -> str:
    """Return the id of an exchange's trace, recorded or not; of the connection's without one."""
    if exchange is not None:
        if exchange.span is not None:
            return str(exchange.span.trace_id)
        if exchange.context is not None:
            return str(exchange.context.trace_id)
    return str(session.span.trace_id) if session.span is not None else ""


def _shape_id(session: Session, statement: Redacted) -> str:
    """Return the id under which a statement's figures are."""
    database = session.database.decode("utf-8", "replace")
    return shape_of(session.system, database, "query", statement).id


def _since_ms(since: int, now: int) -> float:
    return round(max(now - since, 0) / 1e6, 3) if since else 0.0


def described(session: Session, now: int) -> dict[str, Any]:
    """Return a session as plain values."""
    exchange = current(session)
    last: Redacted | None = session.last
    statement: Redacted | None = None
    if exchange is not None and exchange.statement is not None:
        statement = shown(exchange.statement, session.language)
    known = statement or last
    since = exchange.opened if exchange is not None else session.answered or session.opened
    received, sent = session.traffic.from_client, session.traffic.to_client
    return {
        "session_id": session.id,
        "client_id": session.identity.client_id,
        "peer": session.identity.peer,
        "certificate": session.identity.certificate,
        "user": session.user.decode("utf-8", "replace"),
        "database": session.database.decode("utf-8", "replace"),
        "state": session_state(session),
        # Since its request began, or since the last reply.
        "state_ms": round(max(now - since, 0) / 1e6, 3),
        # Since the database said that it had begun; 0 if there is none.
        "transaction_ms": _since_ms(session.transaction_since, now),
        "seconds": round((now - session.opened) / 1e9, 3),
        "received": received,
        "sent": sent,
        "waiting": len(session.outstanding),
        "statement": statement.text if statement is not None else "",
        "shape": _shape_id(session, known) if known is not None else "",
        "last_statement": last.text if last is not None else "",
        "running_ms": round((now - exchange.opened) / 1e6, 3) if exchange is not None else 0.0,
        "in_database": bool(exchange is not None and exchange.sent),
        "trace_id": trace_of(session, exchange),
    }
