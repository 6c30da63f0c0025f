"""Keys for protected columns, made into objects that seal, search and show the values of a column.

The key store is asked for each statement and each run of rows, so that its own rules decide how
long a key is used.  The objects are kept for as long as the store gives the very same key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred, gatherResults

from acra_twisted.crypto.envelopes import ACRABLOCK
from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.finding import ColumnSearcher
from acra_twisted.encryption.plan import STORING, Use
from acra_twisted.encryption.postgresql import refusals
from acra_twisted.encryption.postgresql.writing import Sealer, Searcher
from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.sealing import ColumnSealer, Seal, block_seal, struct_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED, ColumnSetting
from acra_twisted.pipeline.driver import then
from acra_twisted.purposes import SEARCH_HMAC, STORAGE, STORAGE_SYMMETRIC

#: Owners whose keys are kept in a usable form.
_KEPT: Final = 1_000


class Makers(NamedTuple):
    """The makers of stored values, and those of the forms that are compared, of some columns."""

    sealers: Mapping[ColumnSetting, Sealer]
    searchers: Mapping[ColumnSetting, Searcher]


class ColumnKeys:
    """Uses the keys of ``keys``, an IKeys."""

    def __init__(self, keys: Any) -> None:
        self._keys = keys
        self._seals: dict[tuple[str, str], tuple[Any, Seal]] = {}

    def makers(
        self, uses: Iterable[Use], client: str, matched: Sequence[ColumnSetting] = ()
    ) -> Any:
        """Return the Makers for the columns of some uses, or a Deferred of them: see `sealers` and
        `searchers`.  They have none for columns with tokens, which no key makes alone.

        ``matched`` are columns whose stored values are compared with each other.  Raises
        ValueRefusedError, or fails with it, if they are not stored with one key."""
        stored: dict[ColumnSetting, None] = {}
        compared: dict[ColumnSetting, None] = {}
        for use in uses:
            if use.column.kind == TOKENIZED:
                continue
            (stored if use.role in STORING else compared)[use.column] = None
        asked = [self.sealers(stored, client) if stored else {}, self.searchers(compared, client)]
        for setting in matched:
            if setting.kind != SEARCHABLE:
                continue
            asked += (self._prefixes(setting, one) for one in {client, setting.owner or client})

        def make(found: Sequence[Any]) -> Makers:
            if any(prefixes.count > 1 for prefixes in found[2:]):
                raise ValueRefusedError(
                    errors.NOT_SUPPORTED,
                    refusals.COMPARISON,
                    f"column {matched[0].label} is protected by AcraServer and is compared with a "
                    "column, which takes a single search key; write the values again and retire "
                    "the older keys",
                    matched[0].label,
                )
            return Makers(found[0], found[1])

        return together(asked, make)

    def searchers(self, settings: Iterable[ColumnSetting], client: str) -> Any:
        """Return the makers of the forms in which a session of ``client`` finds values of each of
        these columns: a mapping, or a Deferred of one.  It has none for a column that is not
        searchable.  All have the client's own keys, for a column of another owner, too."""
        wanted = [one for one in dict.fromkeys(settings) if one.kind == SEARCHABLE]
        if not wanted:
            return {}
        asked = [self._keys.opener(STORAGE, STORAGE_SYMMETRIC, client)]
        asked += (self._prefixes(setting, client) for setting in wanted)

        def make(found: Sequence[Any]) -> Mapping[ColumnSetting, ColumnSearcher]:
            opener, *prefixes = found
            return {
                setting: ColumnSearcher(setting, own, opener)
                for setting, own in zip(wanted, prefixes, strict=True)
            }

        return together(asked, make)

    def sealers(self, settings: Iterable[ColumnSetting], client: str) -> Any:
        """Return the makers of the stored values of each of these columns, for a session of
        ``client``: a mapping, or a Deferred of one.  Raises ValueRefusedError, or fails with it,
        if a column's owner has no key."""
        wanted = list(dict.fromkeys(settings))
        opener = self._keys.opener(STORAGE, STORAGE_SYMMETRIC, client)
        asked = [opener]
        for setting in wanted:
            owner = setting.owner or client
            asked += (self._seal(setting, owner), self._prefixes(setting, owner))

        def make(found: Sequence[Any]) -> Mapping[ColumnSetting, ColumnSealer]:
            return {
                setting: ColumnSealer(setting, found[1 + 2 * at], found[2 + 2 * at], found[0])
                for at, setting in enumerate(wanted)
            }

        return together(asked, make)

    def readers(self, settings: Iterable[ColumnSetting], client: str) -> Any:
        """Return the readers of the values of each of these columns for ``client``: a mapping, or a
        Deferred of one."""
        wanted = list(dict.fromkeys(settings))

        def make(found: Sequence[Any]) -> Mapping[ColumnSetting, ColumnReader]:
            return {
                setting: ColumnReader(setting, prefixes, is_reader(setting, client))
                for setting, prefixes in zip(wanted, found, strict=True)
            }

        return together([self._prefixes(setting, client) for setting in wanted], make)

    def _seal(self, setting: ColumnSetting, owner: str) -> Any:
        if setting.envelope == ACRABLOCK:
            found = self._keys.keys(STORAGE_SYMMETRIC, owner)
            return then(found, lambda keys: self._made("block", setting, owner, keys, _secret_seal))
        public = self._keys.public_key(STORAGE, owner)
        return then(
            public, lambda key: self._made("struct", setting, owner, key and [key], struct_seal)
        )

    def _made(
        self,
        kind: str,
        setting: ColumnSetting,
        owner: str,
        keys: Sequence[Any] | None,
        make: Callable[[Any], Seal],
    ) -> Seal:
        if not keys:
            text = f"column {setting.label} is protected by AcraServer: there is no key for it"
            raise ValueRefusedError(errors.NOT_SUPPORTED, errors.NO_KEY, text, setting.label)
        newest = keys[0]
        known = self._seals.get((kind, owner))
        if known is not None and known[0] is newest:
            return known[1]
        if len(self._seals) >= _KEPT:
            self._seals.clear()
        seal = make(newest)
        self._seals[kind, owner] = (newest, seal)
        return seal

    def _prefixes(self, setting: ColumnSetting, owner: str) -> Any:
        if setting.kind != SEARCHABLE:
            return None
        found = self._keys.keys(SEARCH_HMAC, owner)
        return then(found, lambda keys: Prefixes(setting, [key.value for key in keys]))


def _secret_seal(secret: Any) -> Seal:
    return block_seal(secret.value)


def is_reader(setting: ColumnSetting, client: str) -> bool:
    """Tell whether a client may read a column in clear, if its keys open it."""
    return setting.readers is None or client in setting.readers


def together(asked: Sequence[Any], make: Callable[[Sequence[Any]], Any]) -> Any:
    """Return ``make`` of the answers to several questions, or a Deferred of it: at once if no
    answer is a Deferred."""
    waiting = [one for one in asked if isinstance(one, Deferred)]
    if not waiting:
        return make(asked)

    def answered(found: Sequence[Any]) -> Any:
        later = iter(found)
        return make([next(later) if isinstance(one, Deferred) else one for one in asked])

    def told(failure: Any) -> Any:
        return failure.value.subFailure

    return gatherResults(waiting, consumeErrors=True).addCallbacks(answered, told)
