"""Finds tokens that no value leads to: a program that was killed has left them behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acra_twisted.encryption import tokenrecords, tokens
from acra_twisted.encryption.tokenrecords import Unsealer
from acra_twisted.errors import KeyStoreError
from acra_twisted.tokenentry import Entry
from acra_twisted.tools.tokenwork import Progress, each_page

#: How names of records of values begin.
_OF_VALUES = (b"h.", b"k.")


async def orphans(
    store: Any,
    keys: Sequence[Any],
    client_id: str,
    token_type: str,
    before: int,
    progress: Progress,
) -> set[bytes]:
    """Return the names of those records of a client's tokens of one type that no record of a value
    leads to, and that were made before a time in Unix seconds.

    ``keys`` are the client's storage keys.  Raises KeyStoreError if a record of a value does not
    open: it may lead to any token.
    """
    scope = tokens.scope_of(client_id)
    bucket = tokens.bucket_of(scope)
    unsealer = Unsealer([key.value for key in keys], client_id.encode())
    found: set[bytes] = set()
    wanted: set[bytes] = set()

    async def use(entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.bucket != bucket:
                continue
            record = tokenrecords.read(entry.record)
            plain = unsealer.unseal(record)
            if entry.key.startswith(_OF_VALUES):
                if plain is None:
                    raise KeyStoreError(
                        f"no storage key of {client_id} opens a record of a value: it may lead to "
                        "any token"
                    )
                wanted.add(tokens.token_key(token_type, plain, scope))
            elif plain is not None and record.created < before:
                if tokenrecords.unpack(plain)[1] == tokens.KINDS[token_type]:
                    found.add(entry.key)

    await each_page(store, progress, use)
    return found - wanted
