"""Logins that a database refuses."""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.loginrefusals import note_refusal
from acra_twisted.exchange import Exchange
from acra_twisted.session import Session
from acra_twisted.wire.mysql.okpackets import decode_error

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


def note_error(exchange: Exchange, payload: bytes) -> int:
    """Take note of the error that ends a login; return its number.  Raises WireError."""
    number = decode_error(payload).number
    exchange.outcome, exchange.status_code = "error", str(number)
    return number


def reason_of_error(number: int) -> str:
    """Return the label of a refusal; empty for an error that refuses no user."""
    return _BY_NUMBER.get(number, "")


def tell_refusal(session: Session, exchange: Exchange, payload: bytes) -> None:
    """Take note of the error that ends a login, and of a refusal if it refuses the user.  Raises
    WireError."""
    number = note_error(exchange, payload)
    reason = reason_of_error(number)
    if reason:
        note_refusal(session, exchange, reason, f"{REASONS[reason]} ({number})")
