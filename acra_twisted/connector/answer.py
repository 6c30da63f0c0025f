"""The first answer of a server, judged by its first bytes."""

from __future__ import annotations

import re

from acra_twisted.errors import ForeignProtocol, WireError
from acra_twisted.transport import spoken
from acra_twisted.wire.postgres import backend

#: What nobody answers to PostgreSQL who understands it.
_FOREIGN = frozenset((spoken.TLS, spoken.HTTP, spoken.SSH, spoken.MYSQL, spoken.PROXY))
#: Classes of SQLSTATE whose texts are about connections, and repeat nothing that was sent: cannot
#: connect, authorization, resources, intervention.
_CONNECTION = (b"08", b"28", b"53", b"57")
_ALERT, _RECORD = b"\x15\x03", b"\x16"
_SHOWN_MAX = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def judge(data: bytes, said: bytes) -> tuple[ForeignProtocol | None, str]:
    """Return a failure if the peer answers an application's bytes ``said`` in another protocol,
    and the error that it answers with, if it is one."""
    if spoken.spoken(said) == spoken.POSTGRESQL:
        protocol = spoken.spoken(data)
        if protocol in _FOREIGN:
            return ForeignProtocol(protocol), ""
        return None, _refusal(data) if data[:1] == b"E" else ""
    # Anything may be carried; but nobody begins with an alert who was not spoken to in TLS.
    if data[:2] == _ALERT and said[:1] != _RECORD:
        return ForeignProtocol(spoken.TLS), ""
    return None, ""


def _refusal(data: bytes) -> str:
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
