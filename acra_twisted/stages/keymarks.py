"""Marks of the keys by which the literals of a statement were encoded: a prepared statement keeps
its literals, while keys are rotated."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from acra_twisted.crypto.envelopes import ACRABLOCK
from acra_twisted.encryption.plan import STORING, Use
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED
from acra_twisted.purposes import SEARCH_HMAC, STORAGE, STORAGE_SYMMETRIC, Purpose
from acra_twisted.stages.columnkeys import together
from acra_twisted.themis.keys import encode_public


class _Wanted(NamedTuple):
    """Keys of a purpose and an owner: the newest, or all of them."""

    purpose: Purpose
    owner: str
    is_newest: bool


class KeyMarks:
    """Makes marks of the keys of ``keys``, an IKeys.  A mark tells nothing of a key, and means
    something to the object that made it alone."""

    def __init__(self, keys: Any) -> None:
        self._keys = keys
        self._salt = os.urandom(32)

    def mark(self, uses: Iterable[Use], client: str) -> Any:
        """Return the mark of all keys that decide how a session of ``client`` encodes literals for
        some uses, or a Deferred of it: bytes, the same as long as the keys are, b"" for no key."""
        wanted: dict[_Wanted, None] = {}
        for use in uses:
            for one in _wanted(use, client):
                wanted[one] = None
        if not wanted:
            return b""
        return together(
            [self._asked(one) for one in wanted], lambda found: self._made(wanted, found)
        )

    def _asked(self, wanted: _Wanted) -> Any:
        if wanted.purpose == STORAGE:
            return self._keys.public_key(STORAGE, wanted.owner)
        return self._keys.keys(wanted.purpose, wanted.owner)

    def _made(self, wanted: Iterable[_Wanted], found: Sequence[Any]) -> bytes:
        made = hmac.new(self._salt, digestmod="sha256")
        for one, keys in zip(wanted, found, strict=True):
            if one.purpose == STORAGE:
                values = [] if keys is None else [encode_public(keys)]
            else:
                values = [key.value for key in keys[: 1 if one.is_newest else None]]
            made.update(b"%d," % len(values))
            for value in values:
                made.update(b"%d," % len(value))
                made.update(value)
        return made.digest()


def _wanted(use: Use, client: str) -> list[_Wanted]:
    setting = use.column
    if setting.kind == TOKENIZED:
        return []
    if use.role not in STORING:
        return [_Wanted(SEARCH_HMAC, client, False)]
    owner = setting.owner or client
    sealing = STORAGE_SYMMETRIC if setting.envelope == ACRABLOCK else STORAGE
    found = [_Wanted(sealing, owner, True)]
    if setting.kind == SEARCHABLE:
        found.append(_Wanted(SEARCH_HMAC, owner, True))
    return found
