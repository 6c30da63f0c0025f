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
# Settings that decide how long statements take and run, what they are called, and how times and
# numbers are written: never which columns a text means.  Those of dates decide which day
# '01/02/2026' is, for the database alone: in protected columns it is no date.
_INDIFFERENT: Final = re.compile(
    rb"\s*+(?:reset\s+|set\s+(?:(?:session|local)\s+)?)"
    rb"(?:application_name|client_min_messages|datestyle|intervalstyle|timezone|time\s+zone"
    rb"|extra_float_digits|enable_\w+|jit(?:_\w+)?|synchronous_commit"
    rb"|(?:statement|lock|transaction|idle_session|idle_in_transaction_session)_timeout"
    rb"|(?:work|maintenance_work)_mem|effective_(?:cache_size|io_concurrency)"
    rb"|(?:random|seq)_page_cost|max_parallel_(?:workers|maintenance_workers|workers_per_gather)"
    rb"|tcp_(?:keepalives_(?:idle|interval|count)|user_timeout))(?![\w.$\"])[^;]*+;?\s*",
    re.I,
).fullmatch


def is_indifferent(text: bytes) -> bool:
    """Tell whether a statement does nothing but set or reset something by which no text of the
    session means anything else."""
    return _INDIFFERENT(text) is not None


def may_change(text: bytes) -> bool:
    """Tell whether a statement may change how later texts are read: nearly all may, by a
    function."""
    return _HARMLESS(text) is None and _INDIFFERENT(text) is None


def kept(value: bytes) -> bytes:
    """A value as it is kept: a long one by its digest."""
    return value if len(value) <= _VALUE_LIMIT else hashlib.sha256(value).digest()


def conforming(parameters: Mapping[bytes, bytes]) -> bool | None:
    """Tell whether backslashes are ordinary characters, by what the database has reported; None
    where a backslash may be half a character."""
    if parameters.get(b"client_encoding") in UNSAFE_ENCODINGS:
        return None
    return parameters.get(b"standard_conforming_strings") != b"off"
