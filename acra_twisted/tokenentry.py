"""A record of a token in its place: what token stores keep."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """``bucket`` is 32 bytes and stands for a scope; ``key`` is the record's name, one of
    `encryption.tokens`; ``record`` is as `encryption.tokenrecords` writes it."""

    bucket: bytes
    key: bytes
    record: bytes
