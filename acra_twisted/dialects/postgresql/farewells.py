"""What PostgreSQL's clients are told when a session ends: a FATAL error with an SQLSTATE."""

from __future__ import annotations

from typing import Final

from acra_twisted.endreason import EndReason
from acra_twisted.wire.postgres import backend

_SQLSTATES: Final = {
    EndReason.SHUTDOWN: b"57P01",
    EndReason.NOT_READY: b"57P05",
    EndReason.IDLE: b"57P05",
    EndReason.IDLE_IN_TRANSACTION: b"25P03",
    EndReason.NO_REPLY: b"57014",
    EndReason.DATABASE: b"08006",
    EndReason.LOGIN: b"28000",
    EndReason.TOO_MANY: b"53300",
    EndReason.PROTOCOL: b"08P01",
    EndReason.TOO_LARGE: b"54000",
    EndReason.REFUSED: b"42000",
    EndReason.STAGE: b"58000",
    EndReason.ROLLED_BACK: b"40000",
    EndReason.INTERNAL: b"XX000",
}


def encode_farewell(reason: EndReason, text: str, hint: str = "") -> bytes:
    """Return the ErrorResponse that ends a session."""
    return backend.encode_error(b"FATAL", _SQLSTATES[reason], text, hint)
