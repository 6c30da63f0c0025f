"""Syslog messages (RFC 5424), their framing on a stream (RFC 6587), and journald's own form."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Facility local0, for which nothing else is meant.
_FACILITY = 16
#: Bytes of one message; receivers must take 2,048 and usually take 8,192 (RFC 5424, 6.1).
MESSAGE_MAX = 8192
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
_JOURNAL_NAME = re.compile(r"[^A-Z0-9_]")


def encode(
    severity: int, timestamp: str, host: str, program: str, process_id: int, code: int, text: str
) -> bytes:
    """One message.  ``severity`` is syslog's (0 worst, 7 debug), ``timestamp`` RFC 3339.

    The event's code is the MSGID.  ``text`` is one line; what is beyond the limit is cut.
    """
    header = (
        f"<{_FACILITY * 8 + severity}>1 {timestamp} {_token(host, 255)} {_token(program, 48)} "
        f"{process_id} {code} - "
    )
    return (header + text).encode("utf-8", "backslashreplace")[:MESSAGE_MAX]


def frame(message: bytes) -> bytes:
    """A message on a stream: its length in octets goes before it, so that it ends where it ends."""
    return b"%d %b" % (len(message), message)


def encode_journal(fields: Mapping[str, str]) -> bytes:
    """A datagram for journald.  Names become its kind of names; a value may hold anything."""
    parts = []
    for name, value in fields.items():
        key = _JOURNAL_NAME.sub("_", name.upper()).lstrip("_0123456789")[:64].encode("ascii")
        data = value.encode("utf-8", "backslashreplace")[:MESSAGE_MAX]
        if b"\n" in data:
            parts.append(b"%b\n%b%b\n" % (key, len(data).to_bytes(8, "little"), data))
        else:
            parts.append(b"%b=%b\n" % (key, data))
    return b"".join(parts)


def _token(text: str, limit: int) -> str:
    return _UNPRINTABLE.sub("_", text)[:limit] or "-"
