"""Records of one column's tokens that one owner has: sealed, stored, found and opened.

The object is made for one question about many values or tokens, and holds the owner's keys as long.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption import errors, tokenrecords, tokens
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.tokenrecords import Record, Unsealer
from acra_twisted.errors import KeyStoreError, TokenStoreError
from acra_twisted.tokenentry import Entry

#: Seconds after which a record that is used is marked as used.
_ACCESS_RENEWED: Final = 24 * 3600


class Column(NamedTuple):
    """A column and the owner of a question: ``scope`` and ``bucket`` follow from the owner,
    ``version`` is the key store's for the owner's key."""

    label: str
    type: str
    owner: str
    scope: bytes
    bucket: bytes
    version: Any

    def token_key(self, token: bytes) -> bytes:
        """Return the name of a token's record."""
        return tokens.token_key(self.type, token, self.scope)

    def fits(self, encoded: bytes) -> bool:
        """Tell whether bytes out of a record are of the column's type."""
        try:
            tokens.decode(self.type, encoded)
        except ValueError:
            return False
        return True


class Environment(NamedTuple):
    """The parts that all questions share.

    ``store`` is an ITokenStore; ``now`` gives Unix seconds; ``work(count, function, *given)`` waits
    for a function, which may run in a worker; ``renew`` takes changes of records that nobody waits
    for.
    """

    store: Any
    now: Callable[[], int]
    random_bytes: tokens.Random
    work: Callable[..., Awaitable[Any]]
    renew: Callable[[Sequence[tuple[Entry, bytes]]], None]


class ColumnRecords:
    """``secrets`` are the owner's storage keys, newest first.  ``name_secrets`` are the keys that
    names of consistent tokens are made with; None for Acra's names, which are made without."""

    def __init__(
        self,
        environment: Environment,
        column: Column,
        secrets: Sequence[Any],
        name_secrets: Sequence[Any] | None,
    ) -> None:
        self._environment = environment
        self._column = column
        # A secret's bytes are there as long as somebody holds it.
        self._secrets, self._name_secrets = secrets, name_secrets
        self._context = column.owner.encode()
        self._unsealer = Unsealer([secret.value for secret in secrets], self._context)

    # -- new tokens -------------------------------------------------------------------------------

    async def make(self, values: Sequence[bytes], *, named: bool) -> list[bytes | None]:
        """Store a new token for each value; None where the token is taken, or, if the token is to
        be found by its value (``named``), where the value has one meanwhile."""
        work, store = self._environment.work, self._environment.store
        made = await work(len(values), self._seal, values, named)
        stored = await store.add(self._column.bucket, [group for _, group in made])
        return [token if done else None for (token, _), done in zip(made, stored, strict=True)]

    def _seal(
        self, values: Sequence[bytes], named: bool
    ) -> list[tuple[bytes, list[tuple[bytes, bytes]]]]:
        """Return a random token for each value, and its records."""
        column, random_bytes = self._column, self._environment.random_bytes
        made = []
        for value in values:
            token = tokens.generate(column.type, value, random_bytes, column.label)
            group = [(column.token_key(token), self._value_record(value))]
            if named:
                group.append((self._names(value)[0], self._sealed(token)))
            made.append((token, group))
        return made

    def _value_record(self, value: bytes) -> bytes:
        return self._sealed(tokenrecords.pack(value, tokens.KINDS[self._column.type]))

    def _sealed(self, plain: bytes) -> bytes:
        if not self._secrets:
            raise KeyStoreError(f"tokens of {self._column.label} need their owner's storage key")
        environment = self._environment
        key = self._secrets[0].value
        return tokenrecords.seal(
            plain, key, self._context, environment.random_bytes, environment.now()
        )

    def _names(self, value: bytes) -> list[bytes]:
        """Return the names under which a value's token may be: by the newest key first."""
        kind, scope = self._column.type, self._column.scope
        if self._name_secrets is None:
            return [tokens.value_key(kind, value, scope)]
        keys = [secret.value for secret in self._name_secrets]
        return [tokens.keyed_value_key(kind, value, scope, key) for key in keys]

    # -- tokens of values -------------------------------------------------------------------------

    async def tokens_of(
        self, values: Sequence[bytes], *, refuse_disabled: bool
    ) -> dict[bytes, bytes]:
        """Return the tokens of those values that have one.  A disabled one counts as none, or is
        refused by ValueRefusedError."""
        named = await self._environment.work(len(values), self._named, values)
        records = await self._records([name for names in named.values() for name in names])
        found: dict[bytes, Record] = {}
        for value, names in named.items():
            record = next((records[name] for name in names if name in records), None)
            if record is not None and record.disabled:
                if refuse_disabled:
                    raise self._disabled()
            elif record is not None:
                found[value] = record
        opened: dict[bytes, bytes] = {}
        answers = await self._environment.work(len(found), self._open, found)
        for value, token in answers.items():
            if token is None:
                raise KeyStoreError(f"no key opens a token of {self._column.label} that is there")
            if not self._column.fits(token):
                raise tokenrecords.damaged()
            opened[value] = token
        return opened

    def _named(self, values: Sequence[bytes]) -> dict[bytes, list[bytes]]:
        return {value: self._names(value) for value in values}

    async def confirmed(self, found: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Return those values whose tokens lead back to them.

        A token whose record is gone gets one again, for data that is written with it must be
        readable; if somebody else does so at the same time, its value is left out.  Raises
        ValueRefusedError for a disabled token, TokenStoreError for one that leads elsewhere.
        """
        keys = await self._environment.work(len(found), self._keys, found.values())
        values = dict(zip(keys, found, strict=True))
        records = await self._records(list(values))
        if any(record.disabled for record in records.values()):
            raise self._disabled()
        opened = await self._environment.work(len(records), self._open, records)
        kind = tokens.KINDS[self._column.type]
        for key, plain in opened.items():
            if plain is None or tokenrecords.unpack(plain) != (values[key], kind):
                raise TokenStoreError(f"a token of {self._column.label} does not lead to its value")
        confirmed = {values[key]: found[values[key]] for key in opened}
        gone = [key for key in values if key not in records]
        if gone:
            groups = [[(key, self._value_record(values[key]))] for key in gone]
            stored = await self._environment.store.add(self._column.bucket, groups)
            for key, done in zip(gone, stored, strict=True):
                if done:
                    confirmed[values[key]] = found[values[key]]
        return confirmed

    # -- values of tokens -------------------------------------------------------------------------

    async def values_of(
        self, items: Sequence[bytes]
    ) -> tuple[dict[bytes, bytes | None], list[bytes]]:
        """Return the values of those tokens that have a record, None where no key opens it; and
        the tokens that are disabled."""
        work = self._environment.work
        keys = dict(zip(await work(len(items), self._keys, items), items, strict=True))
        records = await self._records(list(keys))
        disabled = [keys[key] for key, record in records.items() if record.disabled]
        enabled = {keys[key]: record for key, record in records.items() if not record.disabled}
        return await work(len(enabled), self._values, enabled), disabled

    def _values(self, records: Mapping[bytes, Record]) -> dict[bytes, bytes | None]:
        values = self._open(records)
        for token, plain in values.items():
            if plain is not None:
                value, kind = tokenrecords.unpack(plain)
                if kind != tokens.KINDS[self._column.type] or not self._column.fits(value):
                    raise tokenrecords.damaged()
                values[token] = value
        return values

    def _keys(self, items: Iterable[bytes]) -> list[bytes]:
        return [self._column.token_key(token) for token in items]

    # -- the store --------------------------------------------------------------------------------

    async def _records(self, keys: Sequence[bytes]) -> dict[bytes, Record]:
        """Return the records that are there, by key, and mark those as used that were not for a
        day."""
        if not keys:
            return {}
        answers = await self._environment.store.get(self._column.bucket, keys)
        found: dict[bytes, Record]
        found, old = await self._environment.work(len(keys), self._read, keys, answers)
        if old:
            self._environment.renew(old)
        return found

    def _read(
        self, keys: Sequence[bytes], answers: Sequence[bytes | None]
    ) -> tuple[dict[bytes, Record], list[tuple[Entry, bytes]]]:
        """Return the records, and the changes of those that were not used for a day."""
        bucket, now = self._column.bucket, self._environment.now()
        found: dict[bytes, Record] = {}
        old: list[tuple[Entry, bytes]] = []
        for key, data in zip(keys, answers, strict=True):
            if data is not None:
                record = found[key] = tokenrecords.read(data)
                if not record.disabled and record.accessed + _ACCESS_RENEWED <= now:
                    renewed = tokenrecords.write(record._replace(accessed=now))
                    old.append((Entry(bucket, key, data), renewed))
        return found, old

    def _open(self, records: Mapping[bytes, Record]) -> dict[bytes, bytes | None]:
        return {key: self._unsealer.unseal(record) for key, record in records.items()}

    def _disabled(self) -> ValueRefusedError:
        return ValueRefusedError(
            b"22000",
            errors.DISABLED,
            f"the token of a value of {self._column.label} is disabled",
        )
