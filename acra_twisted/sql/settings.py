"""Settings of a PostgreSQL session that change what its next texts mean.

The database reports them, but only before ReadyForQuery: between a statement that may change one
and that report nobody but the database knows which value holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

#: Encodings whose second bytes can be quotes or backslashes.
UNSAFE_ENCODINGS: Final = frozenset(
    (b"BIG5", b"GBK", b"GB18030", b"SJIS", b"SHIFT_JIS_2004", b"UHC", b"JOHAB", b"MULE_INTERNAL")
)
#: Settings of a session that are kept as the database reports them.
FOLLOWED: Final = frozenset(
    (b"standard_conforming_strings", b"client_encoding", b"server_encoding", b"search_path")
)
#: Longer values than this are told apart, and nothing else.
_VALUE_LIMIT: Final = 256

# A text without a semicolon but at its end is one statement, and its first word says which.  None
# of these runs a function, sets anything else or ends a transaction.
_HARMLESS: Final = re.compile(
    rb"\s*+(?:begin|start\s+transaction|savepoint|release|show|close|deallocate"
    rb"|set\s+(?:(?:session|local)\s+)?transaction|set\s+session\s+characteristics)\b[^;]*+;?\s*",
    re.I,
).fullmatch


def may_change(text: bytes) -> bool:
    """Tell whether a statement may change how later texts are read: nearly all may, by a
    function."""
    return _HARMLESS(text) is None


def kept(value: bytes) -> bytes:
    """A value as it is kept: a long one by its digest."""
    return value if len(value) <= _VALUE_LIMIT else hashlib.sha256(value).digest()


def conforming(parameters: Mapping[bytes, bytes]) -> bool | None:
    """Tell whether backslashes are ordinary characters, by what the database has reported; None
    where a backslash may be half a character."""
    if parameters.get(b"client_encoding") in UNSAFE_ENCODINGS:
        return None
    return parameters.get(b"standard_conforming_strings") != b"off"
