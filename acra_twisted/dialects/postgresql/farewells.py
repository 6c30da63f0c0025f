"""The errors by which PostgreSQL's sessions end or are refused: ours, and those of a server."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import backend

_SQLSTATES: Final = {
    EndReason.SHUTDOWN: b"57P01",
    EndReason.NOT_READY: b"57P05",
    EndReason.IDLE: b"57P05",
    EndReason.IDLE_IN_TRANSACTION: b"25P03",
    EndReason.NO_REPLY: b"57014",
    EndReason.DATABASE: b"08006",
    EndReason.HANDSHAKE: b"08P01",
    EndReason.TLS_REQUIRED: b"28000",
    EndReason.LOGIN: b"28000",
    EndReason.NO_RIGHT: b"57P01",
    EndReason.TOO_MANY: b"53300",
    EndReason.PROTOCOL: b"08P01",
    EndReason.SEQUENCE: b"08P01",
    EndReason.TOO_LARGE: b"54000",
    EndReason.REFUSED: b"42000",
    EndReason.STAGE: b"58000",
    EndReason.ROLLED_BACK: b"40000",
    EndReason.INTERNAL: b"XX000",
}


def encode_farewell(reason: EndReason, text: str, hint: str = "") -> bytes:
    """Return the ErrorResponse that ends a session."""
    return backend.encode_error(b"FATAL", _SQLSTATES[reason], text, hint)


#: Classes of SQLSTATE whose texts are about connections, and repeat nothing that was sent: cannot
#: connect, authorization, resources, intervention.
_CONNECTION: Final = (b"08", b"28", b"53", b"57")
_SHOWN_MAX: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def read_refusal(data: bytes) -> str:
    """Return what may be shown of the error that a server answers with; empty if ``data`` is none.

    Of one that is not about the connection nothing but its SQLSTATE is shown.
    """
    if data[:1] != b"E":
        return ""
    length = int.from_bytes(data[1:5], "big")
    try:
        fields = backend.decode_error(data[5 : 1 + length])
    except WireError:
        return ""
    sqlstate = fields.get("C", b"")
    code = _shown(sqlstate)
    if sqlstate[:2] in _CONNECTION:
        return f"{_shown(fields.get('M', b''))} ({code})"
    return f"SQLSTATE {code}"


def _shown(text: bytes) -> str:
    return _CONTROL.sub(" ", text.decode("utf-8", "replace"))[:_SHOWN_MAX]
