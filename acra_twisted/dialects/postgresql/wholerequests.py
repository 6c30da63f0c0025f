"""A quick look at requests that come alone and whole, as most do: a query, or an execution of a
statement that was prepared before.

It changes nothing.  `RequestFlow.begin` then does at once what its loop over messages would come
to.  A property test compares the two.  Measured in docs/performance.rst.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.wire.postgres import frames, frontend
from acra_twisted.wire.postgres.frames import length_at

#: Describe of the unnamed portal, and the beginning of its Execute.
_DESCRIBE: Final = b"D\0\0\0\x06P\0"
_EXECUTE: Final = b"E\0\0\0\x09\0"
#: The bytes of an Execute and a Sync.
_END: Final = 10 + len(frontend.SYNC)
#: A Close with a context is no longer.
_CARRIER_LIMIT: Final = 128


def is_query(data: bytes, limit: int) -> bool:
    """Return True if ``data`` is one Query message, and no longer than ``limit``."""
    size = len(data)
    return size > 5 and data[0] == frames.QUERY and length_at(data, 0) == size - 1 <= limit


def execution(data: bytes, limit: int) -> tuple[int, int, bool] | None:
    """Where the Bind begins and ends, and whether a Describe follows, if ``data`` is Bind, perhaps
    Describe, Execute and Sync of the unnamed portal, perhaps behind a Close.

    The Bind's body is not read beyond its portal; it is no longer than ``limit``.
    """
    size = len(data)
    if data[-len(frontend.SYNC) :] != frontend.SYNC:
        return None
    start = 0
    if data[0] == frames.CLOSE:
        start = length_at(data, 0) + 1
        if start > _CARRIER_LIMIT or start + 5 > size:
            return None
    if data[start] != frames.BIND:
        return None
    length = length_at(data, start)
    end = start + 1 + length
    if not 5 <= length <= limit or end + _END > size or data[start + 5]:
        return None
    execute = end
    described = data[end : end + len(_DESCRIBE)] == _DESCRIBE
    if described:
        execute += len(_DESCRIBE)
    if execute + _END != size or data[execute : execute + len(_EXECUTE)] != _EXECUTE:
        return None
    return start, end, described
