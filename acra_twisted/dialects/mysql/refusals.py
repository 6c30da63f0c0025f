"""Logins that a database refuses."""

from __future__ import annotations

from typing import Final

from acra_twisted import events
from acra_twisted.exchange import Exchange
from acra_twisted.session import Session
from acra_twisted.wire.mysql.handshake import decode_refusal

#: Why a database refuses a login: a label, and what that says in words.
REASONS: Final = {
    "password": "wrong password, no such user, or not from this host",
    "database": "no such database, or the user may not use it",
    "other": "see the database's log",
}
_BY_NUMBER: Final = {
    1044: "database",
    1045: "password",
    1049: "database",
    1227: "other",
    1251: "other",
    1698: "password",
    3118: "other",
    3159: "other",
    3955: "other",
    4151: "other",
}
#: Labels of refusals, and of ours: of a login that cannot pass.
REFUSALS: Final = (*REASONS, "proxy")


def note_refusal(session: Session, exchange: Exchange, payload: bytes) -> None:
    """Take note of the error that ends a login.  One that refuses its user is a security event, and
    no request that was allowed.  Raises WireError."""
    number, _, _ = decode_refusal(payload)
    exchange.outcome, exchange.status_code = "error", str(number)
    reason = _BY_NUMBER.get(number, "")
    if not reason:
        return
    exchange.denied_by = "database"
    exchange.add_attribute("acra.verdict", "deny")
    session.refused = True
    session.observer.security_event(
        events.LOGIN_REFUSED,
        "The database refused the login",
        session,
        exchange,
        rule=reason,
        error=f"{REASONS[reason]} ({number})",
    )
