"""The change of one column's values, from the text that the database shows to what it is sent."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from acra_twisted.crypto import acrablock
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.migrating import DECRYPT, ENCRYPT, OwnersKeys, StoredValues
from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED, ColumnSetting
from acra_twisted.errors import AcraError, ConfigError, CryptoError
from acra_twisted.keystore.cache import KeyCache
from acra_twisted.purposes import SEARCH_HMAC, STORAGE, STORAGE_SYMMETRIC
from acra_twisted.stages.columnkeys import ColumnKeys
from acra_twisted.tokens.tokenizer import FOUND, Tokenizer

#: Values for which random bytes are fetched at a time.
_AT_A_TIME = 64
#: Makes the tokenizer of the store that the flags name.  Raises ConfigError.
NeedTokens = Callable[[], Tokenizer]
#: The bytes to write for a value, None if it stays, or the reason why it cannot be changed.
Changed = bytes | None | AcraError


class Written(NamedTuple):
    """A value that was read as ``text`` and written as ``sent``; ``found`` is the database's text
    of it now."""

    text: bytes
    sent: bytes
    found: bytes


class Pair(NamedTuple):
    """The database's texts of a value in the first and in the second column of a row."""

    first: bytes
    second: bytes


class Part(Protocol):
    """A column to change: ``source`` is read, ``target`` written, both as their database has
    them."""

    @property
    def setting(self) -> ColumnSetting:
        """Return what the configuration says of it."""

    @property
    def source(self) -> Any:
        """Return the column that is read."""

    @property
    def target(self) -> Any:
        """Return the column that is written."""

    @property
    def beside(self) -> bool:
        """Tell whether a second column is filled."""

    def _replace(self, *, source: Any) -> Any: ...


class Forms(Protocol):
    """The forms in which a database shows values.  Functions raise ValueRefusedError."""

    def stored(self, column: Any, text: bytes) -> bytes:
        """Return a value as a column's text shows it."""

    def plaintext(self, part: Any, text: bytes) -> bytes:
        """Return the canonical plaintext of a value that was never encrypted."""


class ColumnChange(Protocol):
    """Changes the values of one column.

    Values are read as texts of the database, None for one that is not to be changed.  Store and key
    store may be away: TokenStoreError, KeyStoreError.
    """

    async def changed(self, texts: Sequence[bytes | None], dry: bool) -> Sequence[Changed]:
        """Return what becomes of each value.  ``dry``: it is not written, and no token is made."""

    async def wrong(self, written: Sequence[Written]) -> int:
        """Return the place of the first value that is not what was written, or does not stand for
        what was read; -1 if there is none.  Raises ValueRefusedError."""


class SecondColumnChange(ColumnChange, Protocol):
    """Changes values by writing them to a second column."""

    async def differing(self, pairs: Sequence[Pair]) -> Sequence[int]:
        """Return the places of the pairs whose second value does not stand for the first one, or
        cannot be read."""


class Keys:
    """The keys of columns' owners, out of ``store``, an IKeyStore that answers at once."""

    def __init__(self, store: Any, client: str) -> None:
        self.store = KeyCache(store, 0, time.monotonic)
        self._columns = ColumnKeys(self.store)
        self._client = client

    def owner(self, setting: ColumnSetting) -> str:
        """Return the client id of a column's owner.  Raises ConfigError if it has none."""
        owner = setting.owner or self._client
        if not owner:
            raise ConfigError(f"column {setting.label} names no client_id: give --client_id")
        return owner

    def values(self, setting: ColumnSetting, any_prefix: bool) -> StoredValues:
        """Return the stored values of a column.  Raises ConfigError, KeyStoreError."""
        owner = self.owner(setting)
        try:
            sealer = self._columns.sealers([setting], owner)[setting]
        except ValueRefusedError as error:
            raise ConfigError(f"column {setting.label}, owner {owner}: {error}") from None
        private = self.store.keys(STORAGE, owner)
        symmetric = self.store.keys(STORAGE_SYMMETRIC, owner)
        prefixes = None
        if setting.kind == SEARCHABLE:
            searching = self.store.keys(SEARCH_HMAC, owner)
            if not searching:
                raise ConfigError(
                    f"column {setting.label}, owner {owner}: there is no {SEARCH_HMAC.text}"
                )
            prefixes = Prefixes(setting, [key.value for key in searching])
        own = OwnersKeys(
            self.store.opener(STORAGE, STORAGE_SYMMETRIC, owner),
            Opener(private[:1], [key.value for key in symmetric[:1]]),
            acrablock.Sealer(symmetric[0].value) if symmetric else None,
            self.store.public_key(STORAGE, owner),
            prefixes,
        )
        supply = RandomSupply(os.urandom, acrablock.RANDOM_SIZE, _AT_A_TIME)
        return StoredValues(setting, sealer, own, supply, any_prefix)


def column_change(
    part: Part, change: str, keys: Keys, any_prefix: bool, need_tokens: NeedTokens, forms: Forms
) -> ColumnChange:
    """The change of a column.  Raises ConfigError, KeyStoreError."""
    if part.beside or part.setting.kind == TOKENIZED:
        return second_column_change(part, change, keys, any_prefix, need_tokens, forms)
    return _InPlace(part, change, keys.values(part.setting, any_prefix), forms)


def second_column_change(
    part: Part, change: str, keys: Keys, any_prefix: bool, need_tokens: NeedTokens, forms: Forms
) -> SecondColumnChange:
    """The change of a column that has a second one.  Raises ConfigError, KeyStoreError."""
    if part.setting.kind == TOKENIZED:
        return _Tokens(part, change, need_tokens(), keys.owner(part.setting), forms)
    return _Beside(part, change, keys.values(part.setting, any_prefix), forms)


class _InPlace:
    """Values that stay in their column."""

    def __init__(self, part: Part, change: str, values: StoredValues, forms: Forms) -> None:
        self._part, self._change, self._values = part, change, values
        self._forms = forms

    async def changed(self, texts: Sequence[bytes | None], dry: bool) -> Sequence[Changed]:
        """See ColumnChange."""
        return [None if text is None else _tried(self._one, text) for text in texts]

    def _one(self, text: bytes) -> bytes | None:
        return self._values.changed(self._change, self._forms.stored(self._part.source, text))

    async def wrong(self, written: Sequence[Written]) -> int:
        """See ColumnChange."""
        return _first(written, self._is_wrong)

    def _is_wrong(self, one: Written) -> bool:
        before, after = (
            self._forms.stored(self._part.source, text) for text in (one.text, one.found)
        )
        return after != one.sent or not self._values.is_same(self._change, before, after)


class _Beside:
    """Values that are written to a second column."""

    def __init__(self, part: Part, change: str, values: StoredValues, forms: Forms) -> None:
        self._part, self._values, self._forms = part, values, forms
        self._encrypts = change == ENCRYPT
        self._written = part._replace(source=part.target)

    async def changed(self, texts: Sequence[bytes | None], dry: bool) -> Sequence[Changed]:
        """See ColumnChange."""
        return [None if text is None else _tried(self._one, text) for text in texts]

    def _one(self, text: bytes) -> bytes:
        if self._encrypts:
            return self._values.sealed(self._forms.plaintext(self._part, text)).data
        return self._values.open(self._forms.stored(self._part.source, text)).plaintext

    async def wrong(self, written: Sequence[Written]) -> int:
        """See ColumnChange."""
        return _first(written, self._is_wrong)

    def _is_wrong(self, one: Written) -> bool:
        if not self._encrypts:
            return self._forms.plaintext(self._written, one.found) != one.sent
        after = self._forms.stored(self._part.target, one.found)
        return after != one.sent or self._is_other(Pair(one.text, one.found))

    async def differing(self, pairs: Sequence[Pair]) -> Sequence[int]:
        """See SecondColumnChange."""
        return [place for place, pair in enumerate(pairs) if self._differs(pair)]

    def _differs(self, pair: Pair) -> bool:
        try:
            return self._is_other(pair)
        except (ValueRefusedError, CryptoError):
            return True

    def _is_other(self, pair: Pair) -> bool:
        if not self._encrypts:
            return self._forms.plaintext(self._written, pair.second) != self._one(pair.first)
        after = self._forms.stored(self._part.target, pair.second)
        plaintext = self._forms.plaintext(self._part, pair.first)
        # The text of an encrypted value has become that value.
        opened = self._values.open(after).plaintext
        return opened != plaintext and self._values.sealed(plaintext).data != after


class _Tokens:
    """Values in one column, and their tokens in another."""

    def __init__(
        self, part: Part, change: str, tokenizer: Tokenizer, owner: str, forms: Forms
    ) -> None:
        self._part, self._tokenizer, self._owner = part, tokenizer, owner
        self._forms = forms
        self._encrypts = change != DECRYPT
        self._written = part._replace(source=part.target)

    async def changed(self, texts: Sequence[bytes | None], dry: bool) -> Sequence[Changed]:
        """See ColumnChange."""
        read: list[Changed] = [None if text is None else _tried(self._read, text) for text in texts]
        places = [place for place, value in enumerate(read) if isinstance(value, bytes)]
        values = [value for value in read if isinstance(value, bytes)]
        if not values or (dry and self._encrypts):
            return read
        for place, made in zip(places, await self._made(values), strict=True):
            read[place] = made
        return read

    def _read(self, text: bytes) -> bytes:
        if self._encrypts:
            return self._forms.plaintext(self._part, text)
        return self._forms.stored(self._part.source, text)

    async def _made(self, values: Sequence[bytes]) -> Sequence[Changed]:
        if not self._encrypts:
            return await self._opened(values)
        try:
            return await self._tokenizer.tokenize(self._part.setting, values, self._owner)
        except ValueRefusedError as error:
            if len(values) == 1:
                return [error]
        return [one for value in values for one in await self._made([value])]

    async def _opened(self, tokens: Sequence[bytes]) -> Sequence[Changed]:
        found = await self._tokenizer.detokenize(self._part.setting, tokens, self._owner)
        return [
            one.value
            if one.state == FOUND
            else ValueRefusedError(errors.DATA_ERROR, errors.CLOSED, f"its token is {one.state}")
            for one in found
        ]

    async def wrong(self, written: Sequence[Written]) -> int:
        """See ColumnChange."""
        if not self._encrypts:
            return _first(
                written, lambda one: self._forms.plaintext(self._written, one.found) != one.sent
            )
        tokens = [self._forms.stored(self._part.target, one.found) for one in written]
        opened = await self._tokenizer.detokenize(self._part.setting, tokens, self._owner)
        for place, (one, token, value) in enumerate(zip(written, tokens, opened, strict=True)):
            if token != one.sent or value.value != self._read(one.text):
                return place
        return -1

    async def differing(self, pairs: Sequence[Pair]) -> Sequence[int]:
        """See SecondColumnChange."""
        texts: Sequence[bytes]
        if self._encrypts:
            written, texts = self._written, [pair.second for pair in pairs]
            clear = [_tried(self._read, pair.first) for pair in pairs]
        else:
            written, texts = self._part, [pair.first for pair in pairs]
            clear = [_tried(self._read_back, pair.second) for pair in pairs]
        tokens = [self._forms.stored(written.source, text) for text in texts]
        opened = await self._tokenizer.detokenize(self._part.setting, tokens, self._owner)
        return [
            place
            for place, (one, value) in enumerate(zip(opened, clear, strict=True))
            if one.state != FOUND or one.value != value
        ]

    def _read_back(self, text: bytes) -> bytes:
        return self._forms.plaintext(self._written, text)


def _first(written: Sequence[Written], is_wrong: Callable[[Written], bool]) -> int:
    return next((place for place, one in enumerate(written) if is_wrong(one)), -1)


def _tried(change: Callable[[bytes], bytes | None], text: bytes) -> Changed:
    try:
        return change(text)
    except (ValueRefusedError, CryptoError) as error:
        return error
