"""Settings of a PostgreSQL session that change how its next texts are read.

The database reports them, but only before ReadyForQuery: between a statement that may change one
and that report nobody but the database knows which value holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

#: Encodings whose second bytes can be quotes or backslashes.
UNSAFE_ENCODINGS: Final = frozenset(
    (b"BIG5", b"GBK", b"GB18030", b"SJIS", b"SHIFT_JIS_2004", b"UHC", b"JOHAB", b"MULE_INTERNAL")
)
#: Longest value of a tracked setting that a database may report.
VALUE_LIMIT: Final = 64

# A text without a semicolon but at its end is one statement, and its first word says which.  None
# of these runs a function, sets anything else or ends a transaction.
_HARMLESS: Final = re.compile(
    rb"\s*+(?:begin|start\s+transaction|savepoint|release|show|close|deallocate"
    rb"|set\s+(?:(?:session|local)\s+)?transaction|set\s+session\s+characteristics)\b[^;]*+;?\s*",
    re.I,
).fullmatch


def may_change(text: bytes) -> bool:
    """Whether a statement may change how later texts are read: nearly all may, by a function."""
    return _HARMLESS(text) is None


def conforming(parameters: Mapping[bytes, bytes]) -> bool | None:
    """Whether backslashes are ordinary characters, by what the database has reported; None where
    a backslash may be half a character."""
    if parameters.get(b"client_encoding") in UNSAFE_ENCODINGS:
        return None
    return parameters.get(b"standard_conforming_strings") != b"off"
