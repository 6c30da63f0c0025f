"""Seals the records of a token store anew with the current storage keys of their owners.

The records themselves say what is left to do: a run can end anywhere and begin again.  A pass goes
through the whole store.  A server may write with the former key for a second after it was rotated,
so a run begins a second late; a record that was on its way then may still be written behind a pass,
so the last pass is one that finds nothing to do.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.crypto import acrablock
from acra_twisted.encryption import tokenrecords, tokens
from acra_twisted.encryption.tokenrecords import Record, Unsealer
from acra_twisted.errors import TokenStoreError
from acra_twisted.tokenentry import Entry
from acra_twisted.tools import tokenwork

#: Passes through a store at most.
PASSES: Final = 20


class Closed(NamedTuple):
    """A reason why records do not open: ``client_id`` is "" for an owner that nobody knows;
    ``key_id`` is that of a key which the owner has not, in hexadecimal, or "" for records that are
    damaged."""

    client_id: str
    key_id: str = ""


class Counts:
    """``records`` and ``closed`` are of the last pass, ``sealed`` of all: records that were sealed
    anew, or in a dry run would be.  ``passed_over`` are records of owners that are not meant."""

    def __init__(self) -> None:
        self.records = self.sealed = self.passed_over = 0
        self.closed: Counter[Closed] = Counter()


class Habits(NamedTuple):
    """``dry``: nothing is written.  ``pause`` waits after a number of records was sealed; ``show``
    is told the number of the pass and the counts."""

    dry: bool
    pause: Callable[[int], Awaitable[None]]
    show: Callable[[int, Counts], None]


class _Owner:
    """A client with its storage keys, newest first."""

    def __init__(self, client_id: str, secrets: Sequence[Any]) -> None:
        self.client_id = client_id
        # A secret's bytes are there as long as somebody holds it.
        self._secrets = secrets
        self._context = client_id.encode()
        keys = [secret.value for secret in secrets]
        self._newest, self._older = (Unsealer(some, self._context) for some in (keys[:1], keys[1:]))
        self._ids = {acrablock.key_id(key, self._context) for key in keys}

    def sealed_anew(self, record: Record) -> Record | None:
        """Return a record that the newest key opens, None for one that it opens already.  Raises
        _NotOpened."""
        if self._newest.unseal(record) is not None:
            return None
        plain = self._older.unseal(record)
        if plain is None:
            found = acrablock.id_of(record.data)
            missing = found is not None and found not in self._ids
            raise _NotOpened(Closed(self.client_id, found.hex() if found and missing else ""))
        key = self._secrets[0].value
        made = record._replace(data=acrablock.create(plain, key, self._context, os.urandom))
        if self._newest.unseal(made) != plain:
            raise TokenStoreError("a record that was sealed anew does not open; it was not stored")
        return made


class _NotOpened(Exception):
    def __init__(self, why: Closed) -> None:
        super().__init__()
        self.why = why


class Rewrap:
    """Seals records anew.  ``owners`` has the storage keys of each client id, newest first;
    ``is_whole`` tells that these are all the owners there should be: records of others count as
    closed."""

    def __init__(
        self,
        store: Any,
        owners: Mapping[str, Sequence[Any]],
        habits: Habits,
        *,
        is_whole: bool,
    ) -> None:
        self._store, self._habits, self._is_whole = store, habits, is_whole
        self._owners = {
            tokens.bucket_of(tokens.scope_of(client_id)): _Owner(client_id, secrets)
            for client_id, secrets in owners.items()
        }
        self._counts = Counts()
        self._made: dict[Entry, bytes] = {}

    async def run(self) -> Counts:
        """Seal every record anew that an older key opens.  Raises TokenStoreError."""
        counts = self._counts
        for number in range(1, PASSES + 1):
            before = counts.sealed
            counts.passed_over = 0
            counts.closed.clear()

            def seen(records: int, number: int = number) -> None:
                counts.records = records
                self._habits.show(number, counts)

            if self._habits.dry:
                await tokenwork.each_page(self._store, seen, self._count)
                return counts
            await tokenwork.change(self._store, self._judge, self._write, seen)
            if counts.sealed == before:
                return counts
        raise TokenStoreError(
            f"after {PASSES} passes records are still written with an older key: a server has not "
            "got the current one"
        )

    async def _count(self, entries: Sequence[Entry]) -> None:
        self._counts.sealed += sum(map(self._judge, entries))
        self._made.clear()

    def _judge(self, entry: Entry) -> bool:
        """Tell whether a record is to be written, and keep what it is to be."""
        owner = self._owners.get(entry.bucket)
        if owner is None:
            if self._is_whole:
                self._counts.closed[Closed("")] += 1
            else:
                self._counts.passed_over += 1
            return False
        try:
            record = tokenrecords.read(entry.record)
        except TokenStoreError:
            self._counts.closed[Closed(owner.client_id)] += 1
            return False
        try:
            made = owner.sealed_anew(record)
        except _NotOpened as error:
            self._counts.closed[error.why] += 1
            return False
        if made is None:
            return False
        self._made[entry] = tokenrecords.write(made)
        return True

    async def _write(self, entries: Sequence[Entry]) -> Sequence[bool]:
        """Write what was kept; False for an entry that somebody has changed meanwhile."""
        changes = [(entry, self._made[entry]) for entry in entries]
        self._made.clear()
        answers: Sequence[bool] = await self._store.replace(changes)
        self._counts.sealed += sum(answers)
        await self._habits.pause(sum(answers))
        return answers


def told(counts: Counts) -> list[str]:
    """Return lines about the records that do not open."""
    lines, closed = [], counts.closed.total()
    for (owner, key_id), number in sorted(counts.closed.items()):
        if not owner:
            which = "of clients without a storage key in the key store"
        elif key_id:
            which = f"of {owner}, sealed with a key that is not in the key store (id {key_id})"
        else:
            which = f"of {owner}, damaged"
        lines.append(f"records {which}: {number}")
    return [*lines, f"records that stay as they are, because no key opens them: {closed}"]
