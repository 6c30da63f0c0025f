"""Logins that databases refuse, whichever protocol they speak."""

from __future__ import annotations

from acra_twisted import events
from acra_twisted.exchange import Exchange
from acra_twisted.session import Session


def note_refusal(session: Session, exchange: Exchange, reason: str, error: str) -> None:
    """Take note of a login that a database has refused: it is a security event, and no request that
    was allowed.

    ``reason`` is one of the dialect's labels, ``error`` what that says in words.
    """
    exchange.denied_by = "database"
    exchange.add_attribute("acra.verdict", "deny")
    session.refused = True
    session.observer.security_event(
        events.LOGIN_REFUSED,
        "The database refused the login",
        session,
        exchange,
        rule=reason,
        error=error,
    )
