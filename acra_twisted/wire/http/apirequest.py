"""AcraServer's HTTP API on the wire: which requests are taken, and the bytes of each answer.

Source: acra-pipeline reference, section 9.  A connection carries one request; the answer ends with
the connection.  As in Acra the method is not asked for, and a body is not read.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.wire.http.head import Head
from acra_twisted.wire.link.tracecontext import TraceContext, parse_traceparent

RESET_KEY_STORAGE: Final = "/resetKeyStorage"

OK: Final = b"HTTP/1.1 200 OK Found\r\n\r\n"
INCORRECT: Final = b"HTTP/1.1 404 Not Found\r\n\r\nincorrect request\r\n\r\n"
FAILED: Final = b"HTTP/1.1 500 Server error\r\n\r\n\r\n\r\n"

# Fields that a browser adds and a page cannot leave out.
_OF_PAGES: Final = ("origin", "sec-fetch-site", "sec-fetch-mode")
_METHODS: Final = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
)


def refusal(status: int, reason: str, text: str) -> bytes:
    """An answer in the form of the others."""
    return f"HTTP/1.1 {status} {reason}\r\n\r\n{text}\r\n\r\n".encode("ascii", "replace")


def status_of(answer: bytes) -> int:
    """The status in one of the answers."""
    return int(answer[9:12])


def is_from_a_page(head: Head) -> bool:
    """Tell whether a browser asks on behalf of some page: pages may not give commands."""
    return any(head.values(name) for name in _OF_PAGES)


def context_of(head: Head) -> TraceContext | None:
    """The context of the request's ``traceparent``, if it has one that is well-formed."""
    found = head.values("traceparent")
    return parse_traceparent(found[0]) if len(found) == 1 else None


def method_of(head: Head) -> str:
    """The method as OpenTelemetry names it: one of a few words."""
    return head.method if head.method in _METHODS else "_OTHER"
