"""Trace context in the first comment of a text, as clients of Vitess write it.

``/*VT_SPAN_CONTEXT=eyJ1YmVy...*/``: base64 of a JSON object, in which ``uber-trace-id`` is a
context of Jaeger's: trace, span, parent and flags in hexadecimal, with colons between them.
Nothing of it can be read in two ways: it stands before anything else, and base64 ends no comment.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64
from typing import Final, NamedTuple
from urllib.parse import unquote

from acra_twisted.wire.link.tracecontext import TraceContext

#: A text with such a comment begins with this.
OPEN: Final = b"/*VT_SPAN_CONTEXT="
#: Longer ones are left alone.
_LIMIT: Final = 2048
_COMMENT: Final = re.compile(rb"/\*VT_SPAN_CONTEXT=([A-Za-z0-9+/=]{1,%d}+)\*/" % _LIMIT)
_KEY: Final = "uber-trace-id"
_JAEGER: Final = re.compile(
    r"([0-9a-fA-F]{1,32}):([0-9a-fA-F]{1,16}):[0-9a-fA-F]{0,16}:([0-9a-fA-F]{1,2})"
)
#: The bits of the flags: sampled, and debug, which implies it.
_SAMPLED: Final = 3


class First(NamedTuple):
    """The first comment of a text: the ``context`` in it, None if there is none; ``malformed``: one
    is there that cannot be used; ``end`` is where the comment ends."""

    context: TraceContext | None
    malformed: bool
    end: int


_NOTHING: Final = First(None, False, 0)
_MALFORMED: Final = First(None, True, 0)


def first(text: bytes) -> First:
    """Read the first comment of a text."""
    if not text.startswith(OPEN):
        return _NOTHING
    comment = _COMMENT.match(text)
    if comment is None:
        return _MALFORMED
    try:
        found = json.loads(a2b_base64(comment[1], strict_mode=True))
    except (ValueError, RecursionError):
        return _MALFORMED
    if not isinstance(found, dict):
        return _MALFORMED
    value = found.get(_KEY)
    if value is None:
        # Another tracer's: its keys say nothing here.
        return _NOTHING
    context = _of_jaeger(value) if isinstance(value, str) else None
    return _MALFORMED if context is None else First(context, False, comment.end())


def _of_jaeger(value: str) -> TraceContext | None:
    match = _JAEGER.fullmatch(unquote(value))
    if match is None:
        return None
    trace_id, span_id = match[1].lower().rjust(32, "0"), match[2].lower().rjust(16, "0")
    if not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceContext(trace_id, span_id, bool(int(match[3], 16) & _SAMPLED))
