"""Cancel requests: who may cancel what, and how often.

A request is passed to the database only if it shows the key of a session that lives here;
comparison takes the same time whatever the key.  There is never a reply.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from acra_twisted.ratelimit import TokenBucket

_PER_SECOND = 20.0
_ADDRESSES_MAX = 1024


class CancelKey(Protocol):
    """The key of a session, which a cancel request shows: a number and a secret."""

    @property
    def process_id(self) -> int:
        """The database's number of the session."""

    @property
    def key(self) -> bytes:
        """The secret."""


class CancelKeys:
    """Keys of the sessions of this process, and a rate limit by address.

    ``shared``: other processes serve the same address, and a request may come to the wrong one.
    One for a session that is not known here is left to the database to judge then.
    """

    def __init__(self, clock: Callable[[], int], shared: bool = False) -> None:
        self._clock = clock
        self._shared = shared
        self._keys: dict[int, bytes] = {}
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def add(self, key: CancelKey) -> None:
        """A session got its key from the database."""
        self._keys[key.process_id] = key.key

    def discard(self, key: CancelKey) -> None:
        """The session has ended; another may have got its process id since."""
        if self._keys.get(key.process_id) == key.key:
            del self._keys[key.process_id]

    def accepts(self, request: CancelKey, address: str) -> bool:
        """True if the request may go to the database."""
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = TokenBucket(_PER_SECOND, self._clock)
            if len(self._buckets) > _ADDRESSES_MAX:
                self._buckets.popitem(last=False)
        known = self._keys.get(request.process_id, b"")
        matches = hmac.compare_digest(known, request.key)
        return bucket.take() and (matches if known else self._shared)
