"""A token store in Redis, byte for byte as Acra keeps it: both may use it at the same time.

Source: the transparent-encryption reference, section 3.4.  A record is hexadecimal text under
``tokens/BUCKET/KEY``.  Changes are scripts, each of which Redis carries out as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from acra_twisted.encryption.tokenrecords import RECORD_MAX, damaged
from acra_twisted.interfaces import ITokenStore
from acra_twisted.tokenentry import Entry
from acra_twisted.tokens.redisconnection import RedisConnection

_PREFIX: Final = b"tokens/"
_BUCKET_SIZE: Final = 32
#: Keys of one command; several commands leave together.
_KEYS: Final = 1000

_ADD: Final = b"""
local count, at, found = tonumber(ARGV[1]), 0, {}
for group = 1, count do
  local size, words = tonumber(ARGV[1 + group]), {}
  for n = 1, size do
    words[2 * n - 1] = KEYS[at + n]
    words[2 * n] = ARGV[1 + count + at + n]
  end
  found[group] = redis.call('MSETNX', unpack(words))
  at = at + size
end
return found
"""
_REPLACE: Final = b"""
local found = {}
for n = 1, #KEYS do
  found[n] = 0
  if redis.call('GET', KEYS[n]) == ARGV[n] then
    redis.call('SET', KEYS[n], ARGV[#KEYS + n])
    found[n] = 1
  end
end
return found
"""
_REMOVE: Final = b"""
local found = {}
for n = 1, #KEYS do
  found[n] = 0
  if redis.call('GET', KEYS[n]) == ARGV[n] then
    redis.call('DEL', KEYS[n])
    found[n] = 1
  end
end
return found
"""


@implementer(ITokenStore)
class RedisStore:
    """See ITokenStore."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    def close(self) -> Deferred[None]:
        """See ITokenSource."""
        return self._connection.close()

    def page(self, after: bytes | None = None) -> Deferred[tuple[Sequence[Entry], bytes | None]]:
        """See ITokenSource."""
        return Deferred.fromCoroutine(self._page(after))

    async def _page(self, after: bytes | None) -> tuple[Sequence[Entry], bytes | None]:
        scan = (b"SCAN", after or b"0", b"MATCH", _PREFIX + b"*", b"COUNT", b"%d" % _KEYS)
        [answer] = await self._connection.ask([scan])
        try:
            cursor, names = answer
            places = [(name, *place) for name in names if (place := _place(name)) is not None]
        except (TypeError, ValueError):
            raise damaged() from None
        records: list[bytes | None] = []
        if places:
            [found] = await self._connection.ask([(b"MGET", *(place[0] for place in places))])
            records = [_record(text) for text in found]
        entries = [
            Entry(bucket, key, record)
            for (_, bucket, key), record in zip(places, records, strict=True)
            # It may have gone meanwhile.
            if record is not None
        ]
        return entries, None if cursor == b"0" else cursor

    def get(self, bucket: bytes, keys: Sequence[bytes]) -> Deferred[Sequence[bytes | None]]:
        """See ITokenStore."""
        names = [_name(bucket, key) for key in keys]
        commands = [(b"MGET", *some) for some in _cut(names)]
        return self._connection.ask(commands).addCallback(_records)

    def add(
        self, bucket: bytes, groups: Sequence[Sequence[tuple[bytes, bytes]]]
    ) -> Deferred[Sequence[bool]]:
        """See ITokenStore."""
        commands = []
        for some in _cut(groups):
            pairs = [pair for group in some for pair in group]
            commands.append(
                _script(
                    _ADD,
                    [_name(bucket, key) for key, _ in pairs],
                    [
                        b"%d" % len(some),
                        *(b"%d" % len(group) for group in some),
                        *(_text(record) for _, record in pairs),
                    ],
                )
            )
        return self._connection.ask(commands).addCallback(_done)

    def replace(self, changes: Sequence[tuple[Entry, bytes]]) -> Deferred[Sequence[bool]]:
        """See ITokenStore."""
        commands = [
            _script(
                _REPLACE,
                [_name(entry.bucket, entry.key) for entry, _ in some],
                [
                    *(_text(entry.record) for entry, _ in some),
                    *(_text(record) for _, record in some),
                ],
            )
            for some in _cut(changes)
        ]
        return self._connection.ask(commands).addCallback(_done)

    def remove(self, entries: Sequence[Entry]) -> Deferred[Sequence[bool]]:
        """See ITokenStore."""
        commands = [
            _script(
                _REMOVE,
                [_name(entry.bucket, entry.key) for entry in some],
                [_text(entry.record) for entry in some],
            )
            for some in _cut(entries)
        ]
        return self._connection.ask(commands).addCallback(_done)


def _cut(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[start : start + _KEYS] for start in range(0, len(items), _KEYS)]


def _script(text: bytes, names: Sequence[bytes], given: Sequence[bytes]) -> list[bytes]:
    return [b"EVAL", text, b"%d" % len(names), *names, *given]


def _name(bucket: bytes, key: bytes) -> bytes:
    return b"%b%b/%b" % (_PREFIX, bucket.hex().encode(), key.hex().encode())


def _place(name: bytes) -> tuple[bytes, bytes] | None:
    """Return bucket and key of a name; None if it is nobody's that keeps tokens."""
    try:
        first, _, second = name[len(_PREFIX) :].decode().partition("/")
        bucket, key = bytes.fromhex(first), bytes.fromhex(second)
    except ValueError:
        return None
    return (bucket, key) if len(bucket) == _BUCKET_SIZE and key else None


def _text(record: bytes) -> bytes:
    return record.hex().encode()


def _record(text: Any) -> bytes | None:
    """Return the record of its text.  Raises TokenStoreError."""
    if text is None:
        return None
    try:
        if len(text) > 2 * RECORD_MAX:
            raise ValueError
        return bytes.fromhex(text.decode())
    except (AttributeError, TypeError, ValueError):
        raise damaged() from None


def _records(answers: list[Any]) -> list[bytes | None]:
    return [_record(text) for answer in answers for text in answer]


def _done(answers: list[Any]) -> list[bool]:
    return [found == 1 for answer in answers for found in answer]
