"""Files of BoltDB, as far as reading a bucket of buckets goes.

Source: the transparent-encryption reference, section 3.4.  A file is pages, a tree of them for each
bucket.  Nothing in a file is trusted: places lie within it, and no page is looked at twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

_META: Final = struct.Struct("<IIIIQQQQQQ")
_PAGE: Final = struct.Struct("<QHHI")
_LEAF: Final = struct.Struct("<IIII")
_BRANCH: Final = struct.Struct("<IIQ")
_BUCKET: Final = struct.Struct("<QQ")
_MAGIC: Final = 0xED0CDAED
_VERSION: Final = 2
_IS_BRANCH, _IS_LEAF = 1, 2
_IS_BUCKET: Final = 1
_PAGE_SIZES: Final = frozenset(1 << n for n in range(9, 17))
_FNV_START: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
#: Pages above each other: a tree of BoltDB's that has more does not fit on a disk.
_DEPTH: Final = 32


class _Node(NamedTuple):
    """A page, or one that lies within a value: its bytes begin at ``at`` and end before ``end``."""

    at: int
    end: int


class BoltFile:
    """``data`` is the whole file.  Raises ValueError if it is none of BoltDB's; so does whatever
    reads in it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        metas = [meta for size in _PAGE_SIZES for at in (0, size) for meta in self._meta(at, size)]
        if not metas:
            raise ValueError("this is no file of BoltDB, or it is damaged")
        _, self._size, self._root = max(metas)
        self._seen: set[int] = set()

    def _meta(self, at: int, size: int) -> Iterator[tuple[int, int, int]]:
        """Yield transaction, size of pages and root of a valid meta page."""
        start = at + _PAGE.size
        if start + _META.size > len(self._data):
            return
        found = _META.unpack_from(self._data, start)
        magic, version, page_size, _, root, _, _, _, transaction, checksum = found
        content = self._data[start : start + _META.size - 8]
        if (magic, version, page_size) == (_MAGIC, _VERSION, size) and _fnv(content) == checksum:
            yield transaction, page_size, root

    def records(self, name: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield bucket, key and value of each pair in the buckets of the bucket ``name``; nothing
        if there is none of that name."""
        self._seen = set()
        for key, value, at in self._pairs(self._page(self._root), 0):
            if key == name and at:
                for bucket, inner, place in self._pairs(self._bucket(value, at), 0):
                    if place:
                        for found, record, nested in self._pairs(self._bucket(inner, place), 0):
                            if not nested:
                                yield bucket, found, record

    def _page(self, number: int) -> _Node:
        at = number * self._size
        if number < 2 or at + _PAGE.size > len(self._data) or number in self._seen:
            raise ValueError("the file of BoltDB is damaged: a page is not there, or there twice")
        self._seen.add(number)
        overflow = _PAGE.unpack_from(self._data, at)[3]
        return _Node(at, min(at + (1 + overflow) * self._size, len(self._data)))

    def _bucket(self, value: bytes, at: int) -> _Node:
        """Return the first page of a bucket whose description stands at ``at``."""
        if len(value) < _BUCKET.size:
            raise ValueError("the file of BoltDB is damaged: a bucket is cut off")
        root, _ = _BUCKET.unpack_from(value)
        if root:
            return self._page(root)
        if len(value) < _BUCKET.size + _PAGE.size:
            raise ValueError("the file of BoltDB is damaged: a bucket is cut off")
        return _Node(at + _BUCKET.size, at + len(value))

    def _pairs(self, node: _Node, depth: int) -> Iterator[tuple[bytes, bytes, int]]:
        """Yield key, value and the value's place; 0 for the place if it is no bucket."""
        if depth > _DEPTH:
            raise ValueError("the file of BoltDB is damaged: its pages have no end")
        _, kind, count, _ = _PAGE.unpack_from(self._data, node.at)
        first = node.at + _PAGE.size
        if kind == _IS_LEAF:
            # Pairs share no bytes: a page yields no more than it has.
            left = node.end - node.at
            for at in range(first, first + count * _LEAF.size, _LEAF.size):
                flags, place, key_size, value_size = self._element(_LEAF, at, node)
                start = at + place
                middle, end = start + key_size, start + key_size + value_size
                left -= key_size + value_size
                if end > node.end or left < 0:
                    raise ValueError("the file of BoltDB is damaged: a pair is cut off")
                place = middle if flags & _IS_BUCKET else 0
                yield self._data[start:middle], self._data[middle:end], place
        elif kind == _IS_BRANCH:
            for at in range(first, first + count * _BRANCH.size, _BRANCH.size):
                child = self._element(_BRANCH, at, node)[2]
                yield from self._pairs(self._page(child), depth + 1)
        else:
            raise ValueError("the file of BoltDB is damaged: a page is of another kind")

    def _element(self, form: struct.Struct, at: int, node: _Node) -> tuple[int, ...]:
        if at + form.size > node.end:
            raise ValueError("the file of BoltDB is damaged: a page is cut off")
        return form.unpack_from(self._data, at)


def _fnv(data: bytes) -> int:
    """Return the FNV-1a checksum of 64 bits."""
    found = _FNV_START
    for byte in data:
        found = (found ^ byte) * _FNV_PRIME & 0xFFFF_FFFF_FFFF_FFFF
    return found
