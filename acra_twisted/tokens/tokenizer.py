"""Values to tokens and back, over a store and the keys of their owners.

Values and tokens come and go in canonical form.  Many of a column are asked for together, and cost
one question of the store however many they are.  A store that cannot be asked is an error of the
whole question: no token is ever taken for its value.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred

from acra_twisted.encryption import tokens
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.errors import KeyStoreError
from acra_twisted.purposes import SEARCH_HMAC, STORAGE_SYMMETRIC
from acra_twisted.tokenentry import Entry
from acra_twisted.tokens.records import Column, ColumnRecords, Environment
from acra_twisted.tokens.tokencache import TokenCache, Written

# What became of a token.
FOUND: Final = "found"
#: There is no record of it: it may be a value that was there before.
UNKNOWN: Final = "unknown"
DISABLED: Final = "disabled"
#: No key of the reader opens its record.
CLOSED: Final = "closed"

#: From so many records on sealing and opening is done by a worker.
_MANY: Final = 32
#: Bytes by which a searched value is longer that matches no token, where those of its own length
#: are taken.
_LONGER: Final = 16
_NUMBERS: Final = ("int32", "int64")


class Detokenized(NamedTuple):
    """``value`` is None unless ``state`` is FOUND."""

    state: str
    value: bytes | None = None


class Tokenizer:
    """``store`` is an ITokenStore, ``keys`` an IKeyStore, ``clock`` gives nanoseconds since the
    epoch, ``workers`` is a pipeline.workers.Workers or None.

    ``keyed``: the names of records of consistent tokens are made with the owner's search key, so
    that nobody finds values by trying who has the store alone; else they are as Acra makes them.

    Every question may fail with TokenStoreError or KeyStoreError, and with ValueRefusedError for a
    value that has no token.  ``counts`` has the numbers of tokens that were ``made``, ``unknown``,
    ``disabled`` and ``closed``, of ``hit`` and ``miss`` of the cache, and of times of access that
    were ``renewed`` and ``not_renewed``.
    """

    def __init__(
        self,
        store: Any,
        keys: Any,
        clock: Callable[[], int],
        *,
        keyed: bool = True,
        workers: Any = None,
        random_bytes: tokens.Random = os.urandom,
    ) -> None:
        self._store, self._keys, self._keyed, self._workers = store, keys, keyed, workers

        def now() -> int:
            return clock() // 1_000_000_000

        self._environment = Environment(store, now, random_bytes, self._work, self._renew)
        self._random = random_bytes
        self._cache = TokenCache(now)
        self._renewals: set[Deferred[Any]] = set()
        self._stopping: Deferred[Any] | None = None
        names = ("made", "unknown", "disabled", "closed", "hit", "miss", "renewed", "not_renewed")
        self.counts = dict.fromkeys(names, 0)

    def tokenize(
        self, setting: ColumnSetting, values: Sequence[bytes], client_id: str
    ) -> Deferred[list[bytes]]:
        """Return the token of each value that is written.  The owner is the column's, or the
        client.  An empty value stays empty."""
        return Deferred.fromCoroutine(self._tokenize(setting, values, client_id))

    def find(
        self, setting: ColumnSetting, values: Sequence[bytes], client_id: str
    ) -> Deferred[list[bytes]]:
        """Return what to compare a column of consistent tokens with for each value: its token, or
        one that nobody has where the value has none.  Nothing is stored."""
        return Deferred.fromCoroutine(self._find(setting, values, client_id))

    def look(
        self, setting: ColumnSetting, values: Sequence[bytes], client_id: str
    ) -> Deferred[list[bytes | None]]:
        """Return the token of each value by which `find` finds it, None where it has none.  An
        empty value stays empty."""
        return Deferred.fromCoroutine(self._look(setting, values, client_id))

    def detokenize(
        self, setting: ColumnSetting, found: Sequence[bytes], client_id: str
    ) -> Deferred[list[Detokenized]]:
        """Return what became of each token that is read.  An empty one stands for itself."""
        return Deferred.fromCoroutine(self._detokenize(setting, found, client_id))

    def forget(self) -> None:
        """Drop what is kept in memory: keys are read anew."""
        self._cache.clear()

    def stop(self) -> Deferred[Any]:
        """Wait for what is still written, and close the store: once, however many stages use it."""
        if self._stopping is None:
            self.forget()
            written = gatherResults(self._renewals, consumeErrors=True)
            self._stopping = written.addBoth(lambda _: self._store.close())
        return self._stopping

    # -- writing ----------------------------------------------------------------------------------

    async def _tokenize(
        self, setting: ColumnSetting, values: Sequence[bytes], client_id: str
    ) -> list[bytes]:
        column = self._column(setting, setting.owner or client_id)
        encoded = _encoded_values(column, values)
        if setting.consistent:
            known = await self._consistent(column, dict.fromkeys(filter(None, encoded)))
            made = [known[value] if value else b"" for value in encoded]
        else:
            made = await self._fresh(column, encoded)
        return [tokens.decode(column.type, token) if token else b"" for token in made]

    async def _fresh(self, column: Column, values: Sequence[bytes]) -> list[bytes]:
        """Return a new token for each value."""
        made = list(values)
        places = [place for place, value in enumerate(values) if value]
        if not places:
            return made
        records = await self._records(column, named=False)
        for _ in range(tokens.TRIES):
            found = await records.make([values[place] for place in places], named=False)
            missing = []
            for place, token in zip(places, found, strict=True):
                if token is None:
                    missing.append(place)
                else:
                    made[place] = token
            self.counts["made"] += len(places) - len(missing)
            if not missing:
                return made
            places = missing
        raise tokens.out_of_tokens(column.label)

    async def _consistent(self, column: Column, values: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the token of each value, which it keeps."""
        known, missing = self._kept(Written.VALUE, column, values)
        if not missing:
            return known
        asked, generation = missing, self._cache.generation
        records = await self._records(column, named=True)
        for _ in range(tokens.TRIES):
            found = await records.tokens_of(missing, refuse_disabled=True)
            known |= await records.confirmed(found)
            new = [value for value in missing if value not in found]
            if new:
                for value, token in zip(new, await records.make(new, named=True), strict=True):
                    if token is not None:
                        known[value] = token
                        self.counts["made"] += 1
            # Somebody else was faster, or a token was taken: look once more.
            missing = [value for value in missing if value not in known]
            if not missing:
                made = {value: known[value] for value in asked}
                self._keep(Written.VALUE, column, made, generation)
                return known
        raise tokens.out_of_tokens(column.label)

    # -- searching --------------------------------------------------------------------------------

    async def _find(
        self, setting: ColumnSetting, values: Sequence[bytes], client_id: str
    ) -> list[bytes]:
        column = self._column(setting, client_id)
        encoded = _encoded_values(column, values)
        known, missing = await self._looked(column, encoded)
        known |= await self._nobodys(column, missing)
        return [tokens.decode(column.type, known[value]) if value else b"" for value in encoded]

    async def _look(
        self, setting: ColumnSetting, values: Sequence[bytes], client_id: str
    ) -> list[bytes | None]:
        column = self._column(setting, client_id)
        encoded = _encoded_values(column, values)
        known, _ = await self._looked(column, encoded)
        return [known.get(value) if value else b"" for value in encoded]

    async def _looked(
        self, column: Column, encoded: Sequence[bytes]
    ) -> tuple[dict[bytes, bytes], list[bytes]]:
        """Return the tokens of values, and the values that have none."""
        known, missing = self._kept(Written.VALUE, column, dict.fromkeys(filter(None, encoded)))
        if missing:
            records = await self._records(column, named=True)
            known |= await records.tokens_of(missing, refuse_disabled=False)
        return known, [value for value in missing if value not in known]

    async def _nobodys(self, column: Column, values: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return for each value a token that is not in use."""
        free: dict[bytes, bytes] = {}
        for tried in range(tokens.TRIES):
            missing = [value for value in values if value not in free]
            if not missing:
                return free
            made = {value: self._unlikely(column, value, tried) for value in missing}
            keys = [column.token_key(token) for token in made.values()]
            taken = await self._store.get(column.bucket, keys)
            free |= {
                value: made[value]
                for value, record in zip(made, taken, strict=True)
                if record is None
            }
        raise tokens.out_of_tokens(column.label)

    def _unlikely(self, column: Column, value: bytes, tried: int) -> bytes:
        size = len(value)
        if column.type not in _NUMBERS:
            size = max(size, tokens.EMAIL_MIN) + (_LONGER if tried else 0)
        return tokens.generate(column.type, bytes(size), self._random, column.label)

    # -- reading ----------------------------------------------------------------------------------

    async def _detokenize(
        self, setting: ColumnSetting, found: Sequence[bytes], client_id: str
    ) -> list[Detokenized]:
        column = self._column(setting, client_id)
        encoded = [_encoded_token(column, token) for token in found]
        unique = dict.fromkeys(filter(None, encoded))
        known, missing = self._kept(Written.TOKEN, column, unique)
        values: dict[bytes, bytes | None] = dict(known)
        disabled: list[bytes] = []
        if missing:
            generation = self._cache.generation
            records = await self._records(column, named=False)
            read, disabled = await records.values_of(missing)
            values |= read
            opened = {token: value for token, value in read.items() if value is not None}
            self._keep(Written.TOKEN, column, opened, generation)
        states = dict.fromkeys(unique, Detokenized(UNKNOWN))
        states |= dict.fromkeys(disabled, Detokenized(DISABLED))
        for token, value in values.items():
            states[token] = (
                Detokenized(CLOSED)
                if value is None
                else Detokenized(FOUND, tokens.decode(column.type, value))
            )
        # What can be no token has no encoded form.
        states[b""] = Detokenized(UNKNOWN)
        answers = [
            states[form] if token else Detokenized(FOUND, b"")
            for token, form in zip(found, encoded, strict=True)
        ]
        for answer in answers:
            if answer.state != FOUND:
                self.counts[answer.state] += 1
        return answers

    # -- both ways --------------------------------------------------------------------------------

    def _column(self, setting: ColumnSetting, owner: str) -> Column:
        scope = tokens.scope_of(owner)
        version = self._keys.version(STORAGE_SYMMETRIC, owner)
        bucket = tokens.bucket_of(scope)
        return Column(setting.label, setting.token_type, owner, scope, bucket, version)

    async def _records(self, column: Column, *, named: bool) -> ColumnRecords:
        """Return the records of a column, with the keys for names if they are needed."""
        secrets = await maybeDeferred(self._keys.keys, STORAGE_SYMMETRIC, column.owner)
        name_secrets = None
        if named and self._keyed:
            name_secrets = await maybeDeferred(self._keys.keys, SEARCH_HMAC, column.owner)
            if not name_secrets:
                raise KeyStoreError(
                    f"consistent tokens of {column.label} need their owner's {SEARCH_HMAC.text}"
                )
        return ColumnRecords(self._environment, column, secrets, name_secrets)

    def _kept(
        self, written: Written, column: Column, items: Iterable[bytes]
    ) -> tuple[dict[bytes, bytes], list[bytes]]:
        """Return what the cache has of some items, and the items that it has not."""
        known: dict[bytes, bytes] = {}
        missing: list[bytes] = []
        for item in items:
            found = self._cache.get(written, column.type, column.bucket, item, column.version)
            if found is None:
                missing.append(item)
            else:
                known[item] = found
        self.counts["hit"] += len(known)
        self.counts["miss"] += len(missing)
        return known, missing

    def _keep(
        self, written: Written, column: Column, found: Mapping[bytes, bytes], generation: int
    ) -> None:
        place = (written, column.type, column.bucket)
        for item, answer in found.items():
            self._cache.put(*place, item, column.version, answer, generation)

    async def _work(self, count: int, function: Callable[..., Any], *given: Any) -> Any:
        if self._workers is None or count <= _MANY:
            return function(*given)
        return await self._workers.run(function, *given)

    def _renew(self, changes: Sequence[tuple[Entry, bytes]]) -> None:
        """Write times of access, which nobody waits for: a failure is counted."""
        renewal: Deferred[Any] = self._store.replace(changes)
        self._renewals.add(renewal)

        def done(answers: Any) -> None:
            self._renewals.discard(renewal)
            written = sum(answers) if isinstance(answers, list) else 0
            self.counts["renewed"] += written
            self.counts["not_renewed"] += len(changes) - written

        renewal.addBoth(done)


def _encoded_values(column: Column, values: Sequence[bytes]) -> list[bytes]:
    """Return the encoded form of values.  Raises ValueRefusedError."""
    return [tokens.encode(column.type, v, column.label) if v else b"" for v in values]


def _encoded_token(column: Column, token: bytes) -> bytes:
    """Return the encoded form of what is read; empty for what can be no token."""
    try:
        return tokens.encode(column.type, token, column.label) if token else b""
    except ValueRefusedError:
        return b""
