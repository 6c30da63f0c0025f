"""The sessions of this moment as plain values, for the live page and for acra-top."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acra_twisted.model import Exchange, Session
from acra_twisted.sql.redact import of_statement
from acra_twisted.telemetry.exchangemetrics import session_state

#: As many are shown, those that have waited longest for a reply before all others.
SHOWN = 200


def describe(sessions: Iterable[Session], now: int) -> list[dict[str, Any]]:
    """``now`` is nanoseconds of the sessions' clock."""
    busy_first = sorted(sessions, key=lambda session: _since(session) or now)
    return [_described(session, now) for session in busy_first[:SHOWN]]


def _since(session: Session) -> int:
    exchange = _current(session)
    return exchange.opened if exchange is not None else 0


def _current(session: Session) -> Exchange | None:
    """The exchange whose reply the client waits for."""
    return next((entry[1] for entry in session.outstanding if entry[1] is not None), None)


def _described(session: Session, now: int) -> dict[str, Any]:
    exchange = _current(session)
    statement = exchange.statement if exchange is not None else None
    span = (exchange.span if exchange is not None else None) or session.span
    received, sent = session.traffic.from_client, session.traffic.to_client
    return {
        "session_id": session.id,
        "client_id": session.identity.client_id,
        "peer": session.identity.peer,
        "user": session.user.decode("utf-8", "replace"),
        "database": session.database.decode("utf-8", "replace"),
        "state": session_state(session),
        "seconds": round((now - session.opened) / 1e9, 3),
        "received": received,
        "sent": sent,
        "waiting": len(session.outstanding),
        "statement": of_statement(statement).text if statement else "",
        "running_ms": round((now - exchange.opened) / 1e6, 3) if exchange is not None else 0.0,
        "in_database": bool(exchange is not None and exchange.sent),
        "trace_id": span.trace_id if span is not None else "",
    }
