"""The errors by which sessions of MySQL end or are refused: ours, and those of a server."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.wire.mysql import errors
from acra_twisted.wire.mysql.errors import Situation, encode_error
from acra_twisted.wire.mysql.frames import HEADER_SIZE, packets
from acra_twisted.wire.mysql.okpackets import decode_error

SITUATIONS: Final = {
    EndReason.SHUTDOWN: errors.SHUTDOWN,
    EndReason.NOT_READY: errors.TIMEOUT,
    EndReason.IDLE: errors.IDLE,
    EndReason.IDLE_IN_TRANSACTION: errors.IDLE,
    EndReason.NO_REPLY: errors.FAILED,
    EndReason.DATABASE: errors.FAILED,
    EndReason.HANDSHAKE: errors.BAD_HANDSHAKE,
    EndReason.TLS_REQUIRED: errors.TLS_REQUIRED,
    EndReason.LOGIN: errors.NO_RIGHT,
    EndReason.NO_RIGHT: errors.NO_RIGHT,
    EndReason.TOO_MANY: errors.TOO_MANY,
    EndReason.PROTOCOL: errors.MALFORMED,
    EndReason.SEQUENCE: errors.OUT_OF_ORDER,
    EndReason.TOO_LARGE: errors.TOO_LARGE,
    EndReason.REFUSED: errors.DENIED,
    EndReason.STAGE: errors.FAILED,
    EndReason.ROLLED_BACK: errors.ROLLED_BACK,
    EndReason.INTERNAL: errors.FAILED,
}

#: Errors whose texts are about connections, and repeat nothing that was sent: too many, host not
#: allowed or blocked, access denied, shutdown, TLS required.
_CONNECTION: Final = frozenset((1040, 1041, 1042, 1043, 1045, 1053, 1129, 1130, 1203, 3159))
_SHOWN_MAX: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def encode_farewell(
    reason: EndReason, text: str, trace_id: str = "", number: int = 0, greeted: bool = True
) -> bytes:
    """Return the packet with the error that ends a session, with its ``number``.

    ``trace_id`` is told behind the text, if there is one.  Where the client has not been
    ``greeted`` it takes no SQLSTATE.
    """
    shown = f"{text} (trace_id {trace_id})" if trace_id else text
    situation: Situation = SITUATIONS[reason]
    return packets(encode_error(situation, shown, greeted), number)


def read_refusal(data: bytes, trusted: bool = True) -> str:
    """Return what may be shown of the error that a server answers with; empty if ``data`` is none.

    Nothing but its number is shown of one that is not about the connection, or of one that is not
    ``trusted``: anyone may have written it.
    """
    payload = data[HEADER_SIZE:]
    if payload[:1] != b"\xff":
        return ""
    try:
        number, _, text = decode_error(payload)
    except WireError:
        return ""
    if trusted and number in _CONNECTION:
        shown = _CONTROL.sub(" ", text.decode("utf-8", "replace"))[:_SHOWN_MAX]
        return f"{shown} ({number})"
    return f"error {number}"
