"""Makes openers of the keys of a store, now or when the store answers."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred

from acra_twisted.crypto.openers import Opener
from acra_twisted.purposes import Purpose


def make_opener(store: Any, pair: Purpose, symmetric: Purpose, owner: str) -> Any:
    """An Opener of both kinds of keys, or a Deferred of one if ``store`` answers later.

    ``store`` is an IKeyStore.  Symmetric keys are overwritten once the opener's ciphers are made.
    Raises KeyStoreError.
    """
    # Held until the ciphers are made: a Secret overwrites its buffer when nobody holds it.
    secrets = store.keys(symmetric, owner)
    if isinstance(secrets, Deferred):
        return secrets.addCallback(_add_pairs, store, pair, owner)
    private = store.keys(pair, owner)
    if isinstance(private, Deferred):
        return private.addCallback(_made, secrets)
    return _made(private, secrets)


def _add_pairs(secrets: Any, store: Any, pair: Purpose, owner: str) -> Deferred[Opener]:
    private: Deferred[Any] = maybeDeferred(store.keys, pair, owner)
    return private.addCallback(_made, secrets)


def _made(private: Any, secrets: Any) -> Opener:
    return Opener(private, [secret.value for secret in secrets])
