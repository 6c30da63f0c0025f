"""Work on whole token stores, for acra-tokens: counting, disabling, removing and copying records.

A record is changed only as it was judged: if a server has written it meanwhile, it is judged anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption import tokenrecords
from acra_twisted.encryption.tokenrecords import Record
from acra_twisted.errors import TokenStoreError
from acra_twisted.tokenentry import Entry

#: How often a record is judged that is written all the time.
_TRIES: Final = 20


class Limits(NamedTuple):
    """Times in Unix seconds, None for no limit; each is within its limit."""

    created_after: int | None = None
    created_before: int | None = None
    accessed_after: int | None = None
    accessed_before: int | None = None

    def admit(self, record: Record) -> bool:
        """Tell whether a record is one that is meant."""
        return _within(record.created, self.created_after, self.created_before) and _within(
            record.accessed, self.accessed_after, self.accessed_before
        )


def _within(time: int, after: int | None, before: int | None) -> bool:
    return (after is None or after <= time) and (before is None or time <= before)


class Totals(NamedTuple):
    """Numbers of records, and bytes that they have sealed."""

    records: int = 0
    size: int = 0
    disabled_records: int = 0
    disabled_size: int = 0

    def plus(self, record: Record) -> Totals:
        """Return the totals with one more record."""
        size = len(record.data)
        disabled = record.disabled
        return Totals(
            self.records + 1,
            self.size + size,
            self.disabled_records + disabled,
            self.disabled_size + size * disabled,
        )


class Copied(NamedTuple):
    """Numbers of records: ``added`` are new, ``same`` were there already, ``different`` as well,
    with other contents; ``named`` of all have Acra's names of consistent tokens, ``keyed`` ones
    that are made with a key."""

    added: int = 0
    same: int = 0
    different: int = 0
    named: int = 0
    keyed: int = 0


#: Told how many records have been looked at.
Progress = Callable[[int], None]
Meant = Callable[[Entry, Record], bool]


async def each_page(
    source: Any, progress: Progress, use: Callable[[Sequence[Entry]], Awaitable[None]]
) -> None:
    """Have every entry of a source used, page by page."""
    seen, after = 0, None
    while True:
        entries, after = await source.page(after)
        await use(entries)
        seen += len(entries)
        progress(seen)
        if after is None:
            return


async def count(source: Any, meant: Meant, progress: Progress) -> Totals:
    """Return the totals of the records that are meant."""
    found = Totals()

    async def use(entries: Sequence[Entry]) -> None:
        nonlocal found
        for entry in entries:
            record = tokenrecords.read(entry.record)
            if meant(entry, record):
                found = found.plus(record)

    await each_page(source, progress, use)
    return found


async def set_disabled(store: Any, meant: Meant, disabled: bool, progress: Progress) -> int:
    """Disable the records that are meant, or enable them; how many were not so before."""

    def differs(entry: Entry, record: Record) -> bool:
        return record.disabled != disabled and meant(entry, record)

    async def write(chosen: Sequence[Entry]) -> Sequence[bool]:
        changes = [
            (entry, tokenrecords.write(tokenrecords.read(entry.record)._replace(disabled=disabled)))
            for entry in chosen
        ]
        answers: Sequence[bool] = await store.replace(changes)
        return answers

    return await change(store, _of_records(differs), write, progress)


async def remove(store: Any, meant: Meant, progress: Progress) -> int:
    """Remove the records that are meant; how many there were."""

    async def write(chosen: Sequence[Entry]) -> Sequence[bool]:
        answers: Sequence[bool] = await store.remove(chosen)
        return answers

    return await change(store, _of_records(meant), write, progress)


def _of_records(meant: Meant) -> Callable[[Entry], bool]:
    return lambda entry: meant(entry, tokenrecords.read(entry.record))


async def change(
    store: Any,
    judge: Callable[[Entry], bool],
    write: Callable[[Sequence[Entry]], Awaitable[Sequence[bool]]],
    progress: Progress,
) -> int:
    """Have those entries written that ``judge`` chooses; how many were.  ``write`` tells for each
    whether it was still as it was judged: those that were not are judged anew.  Raises
    TokenStoreError if one never holds still."""
    changed = 0

    async def use(entries: Sequence[Entry]) -> None:
        nonlocal changed
        waiting = entries
        for _ in range(_TRIES):
            chosen = [entry for entry in waiting if judge(entry)]
            if not chosen:
                return
            answers = await write(chosen)
            changed += sum(answers)
            failed = [e for e, done in zip(chosen, answers, strict=True) if not done]
            waiting = await _again(store, failed)
        raise TokenStoreError("records change faster than they can be judged; try again")

    await each_page(store, progress, use)
    return changed


async def _again(store: Any, entries: Sequence[Entry]) -> list[Entry]:
    """Return entries as they are now, without those that are gone."""
    found: list[Entry] = []
    for bucket in dict.fromkeys(entry.bucket for entry in entries):
        keys = [entry.key for entry in entries if entry.bucket == bucket]
        records = await store.get(bucket, keys)
        found += [
            Entry(bucket, key, record)
            for key, record in zip(keys, records, strict=True)
            if record is not None
        ]
    return found


async def copy(source: Any, store: Any, progress: Progress) -> Copied:
    """Add every record of a source to a store.  Nothing there is overwritten."""
    found = Copied()

    async def use(entries: Sequence[Entry]) -> None:
        nonlocal found
        for bucket in dict.fromkeys(entry.bucket for entry in entries):
            some = [entry for entry in entries if entry.bucket == bucket]
            for entry in some:
                tokenrecords.read(entry.record)
            added = await store.add(bucket, [[entry[1:]] for entry in some])
            old = [entry for entry, done in zip(some, added, strict=True) if not done]
            there = await store.get(bucket, [entry.key for entry in old]) if old else ()
            same = sum(entry.record == record for entry, record in zip(old, there, strict=True))
            named = sum(entry.key.startswith(b"h.") for entry in some)
            keyed = sum(entry.key.startswith(b"k.") for entry in some)
            more = (sum(added), same, len(old) - same, named, keyed)
            found = Copied(*map(sum, zip(found, more, strict=True)))

    await each_page(source, progress, use)
    return found


async def export(source: Any, writer: Any, progress: Progress) -> int:
    """Give every entry to a writer; how many there were."""
    written = 0

    async def use(entries: Sequence[Entry]) -> None:
        nonlocal written
        writer.write(entries)
        written += len(entries)

    await each_page(source, progress, use)
    return written
