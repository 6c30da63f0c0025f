"""A key store of keys that were put into it: for tests, and for embedding."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from zope.interface import implementer

from acra_twisted.interfaces import IKeys
from acra_twisted.keystore.openers import make_opener
from acra_twisted.keystore.secret import Secret
from acra_twisted.purposes import Purpose, check_owner
from acra_twisted.themis.keys import PublicKey


@implementer(IKeys)
class MemoryKeyStore:
    """``put`` adds the newest key of a purpose."""

    def __init__(self) -> None:
        self._keys: dict[tuple[Purpose, str], tuple[Any, ...]] = {}
        self._public: dict[tuple[Purpose, str], PublicKey] = {}

    def put(self, purpose: Purpose, key: Any, owner: str = "") -> None:
        """A private key for a pair, else bytes."""
        check_owner(purpose, owner)
        value = key if purpose.is_pair else Secret(key)
        self._keys[purpose, owner] = (value, *self._keys.get((purpose, owner), ()))
        if purpose.is_pair:
            self.put_public(purpose, key.public_key(), owner)

    def put_public(self, purpose: Purpose, key: PublicKey, owner: str = "") -> None:
        """The public key of a pair whose private key is elsewhere."""
        self._public[purpose, owner] = key

    def keys(self, purpose: Purpose, owner: str = "") -> tuple[Any, ...]:
        """See IKeyStore."""
        check_owner(purpose, owner)
        return self._keys.get((purpose, owner), ())

    def public_key(self, purpose: Purpose, owner: str = "") -> PublicKey | None:
        """See IKeyStore."""
        check_owner(purpose, owner)
        return self._public.get((purpose, owner))

    def opener(self, pair: Purpose, symmetric: Purpose, owner: str = "") -> Any:
        """See IKeys."""
        return make_opener(self, pair, symmetric, owner)

    def version(self, purpose: Purpose, owner: str = "") -> Hashable:
        """See IKeyStore."""
        return len(self._keys.get((purpose, owner), ())), self._public.get((purpose, owner))

    def derived(self, label: bytes) -> None:
        """See IKeys: there is no master key."""

    def follow(self, dropped: Callable[[], None]) -> bool:
        """See IKeys: openers are made for each use."""
        return False

    def forget(self) -> None:
        """Do nothing: keys in memory do not change."""

    def close(self) -> None:
        """Overwrite and drop everything."""
        for found in self._keys.values():
            for key in found:
                if isinstance(key, Secret):
                    key.wipe()
        self._keys.clear()
