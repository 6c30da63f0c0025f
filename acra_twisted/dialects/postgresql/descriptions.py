"""Parsed RowDescriptions and command tags, kept by their bytes, because the same ones recur.

All sessions of a daemon share one bounded cache.  A hit is one dict lookup instead of reading each
column, and none if the last one was the same.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.cache import GenerationCache
from acra_twisted.dialects.postgresql.prepared import RENAMING
from acra_twisted.dialects.postgresql.values import VALUES
from acra_twisted.errors import WireError
from acra_twisted.results import Columns
from acra_twisted.wire.postgres import backend

_ENTRIES: Final = 1024
_BYTES: Final = 1 << 20
#: PostgreSQL's 1,664 columns with names of 63 bytes take 135 KB.
_DESCRIPTION_MAX: Final = 1 << 20
_TAG_MAX: Final = 1024


class Descriptions:
    """Raises WireError as the decoders do, for what is new."""

    __slots__ = ("_columns", "_tags", "_last_body", "_last_columns", "_last_tag", "_last_rows")

    def __init__(self) -> None:
        self._columns: GenerationCache[bytes, Columns] = GenerationCache(_ENTRIES, _BYTES)
        self._tags: GenerationCache[bytes, int] = GenerationCache(_ENTRIES, _BYTES)
        # Comparing is cheaper than hashing.  At first: no columns, a tag that counts nothing.
        self._last_body = b""
        self._last_columns: Columns | None = None
        self._last_tag, self._last_rows = b"\0", -1

    def known(self, body: bytes) -> Columns | None:
        """The columns of a RowDescription that was read before."""
        if body == self._last_body:
            return self._last_columns
        found = self._columns.get(body)
        if found is not None:
            self._last_body, self._last_columns = body, found
        return found

    def columns(self, body: bytes) -> Columns:
        """The columns of a RowDescription."""
        found = self.known(body)
        if found is None:
            if len(body) > _DESCRIPTION_MAX:
                raise WireError("database", f"RowDescription has {len(body)} bytes")
            found = backend.decode_row_description(body)
            found.values = VALUES
            self._columns.put(body, found)
        return found

    def rows(self, body: bytes) -> int | None:
        """Read what a CommandComplete's tag counts, -1 for nothing; None if names may mean other
        things after it, which takes more than counting."""
        if body == self._last_tag:
            return self._last_rows
        found = self._tags.get(body)
        if found is not None:
            self._last_tag, self._last_rows = body, found
            return found
        if len(body) > _TAG_MAX:
            raise WireError("database", f"CommandComplete has {len(body)} bytes")
        tag = backend.decode_command_tag(body)
        if tag.startswith(RENAMING):
            return None
        found = backend.affected_rows(tag)
        self._tags.put(body, found)
        return found
