"""A token store in memory, which is lost at exit: for tests, and for trying things out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from acra_twisted.interfaces import ITokenStore
from acra_twisted.tokenentry import Entry

#: Records of one page.
_PAGE: Final = 1000


@implementer(ITokenStore)
class MemoryStore:
    """See ITokenStore."""

    def __init__(self) -> None:
        self._records: dict[tuple[bytes, bytes], bytes] = {}

    def page(
        self, after: tuple[bytes, bytes] | None = None
    ) -> Deferred[tuple[Sequence[Entry], tuple[bytes, bytes] | None]]:
        """See ITokenSource."""
        places = sorted(self._records)
        start = 0 if after is None else bisect_right(places, after)
        found = [Entry(*place, self._records[place]) for place in places[start : start + _PAGE]]
        return succeed((found, found[-1][:2] if len(found) == _PAGE else None))

    def close(self) -> Deferred[None]:
        """See ITokenSource."""
        self._records.clear()
        return succeed(None)

    def get(self, bucket: bytes, keys: Sequence[bytes]) -> Deferred[Sequence[bytes | None]]:
        """See ITokenStore."""
        return succeed([self._records.get((bucket, key)) for key in keys])

    def add(
        self, bucket: bytes, groups: Sequence[Sequence[tuple[bytes, bytes]]]
    ) -> Deferred[Sequence[bool]]:
        """See ITokenStore."""
        return succeed([self._add(bucket, group) for group in groups])

    def _add(self, bucket: bytes, group: Sequence[tuple[bytes, bytes]]) -> bool:
        if any((bucket, key) in self._records for key, _ in group):
            return False
        self._records.update(((bucket, key), record) for key, record in group)
        return True

    def replace(self, changes: Sequence[tuple[Entry, bytes]]) -> Deferred[Sequence[bool]]:
        """See ITokenStore."""
        return succeed([self._change(entry, record) for entry, record in changes])

    def remove(self, entries: Sequence[Entry]) -> Deferred[Sequence[bool]]:
        """See ITokenStore."""
        return succeed([self._change(entry, None) for entry in entries])

    def _change(self, entry: Entry, record: bytes | None) -> bool:
        place = entry[:2]
        if self._records.get(place) != entry.record:
            return False
        if record is None:
            del self._records[place]
        else:
            self._records[place] = record
        return True
