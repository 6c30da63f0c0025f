"""A daemon's key store, from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from twisted.internet.defer import Deferred

from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.events import KEY_STORE
from acra_twisted.keystore import masterkey
from acra_twisted.keystore.cache import KeyCache
from acra_twisted.keystore.factory import FILESYSTEM, own_settings, store_factory
from acra_twisted.options import Settings


def open_keys(
    settings: Settings,
    environment: MutableMapping[str, str],
    seconds: Callable[[], float],
    wanted: bool = True,
) -> KeyCache | None:
    """The key store that the settings name, behind its cache; None if they name none, or if it is
    not wanted.

    ``environment`` loses the secrets that are for the store.  Raises ConfigError if the store
    cannot be used, such as a folder whose keys the master key does not open.
    """
    if not wanted:
        environment.pop(masterkey.VARIABLE, None)
        return None
    factory = store_factory(settings.get("keystore", FILESYSTEM))
    try:
        store = factory.make(own_settings(factory, settings), settings, environment)
    except KeyStoreError as error:
        raise ConfigError(str(error), code=KEY_STORE) from None
    return None if store is None else KeyCache(store, settings["keystore_cache_size"], seconds)


def need_keys(keys: Any, settings: Mapping[str, Any], who: str) -> Any:
    """``keys``, which ``who`` cannot do without.  Raises ConfigError if there are none."""
    if keys is None:
        folder = settings.get("keys_dir", "")
        raise ConfigError(
            f"keys_dir: {who} needs a key store and there is "
            f"{'no folder ' + folder if folder else 'none configured'}; make one with: "
            f"acra-keymaker --keystore=v1 --client_id=ID; or do without {who}",
            code=KEY_STORE,
        )
    return keys


def at_once(found: Any, settings: Mapping[str, Any], who: str) -> Any:
    """An answer of a key store for ``who``, who cannot wait.

    Raises ConfigError if the store answers later.
    """
    if isinstance(found, Deferred):
        found.addErrback(lambda failure: None)
        raise ConfigError(
            f"keystore: {who} needs its key before the daemon runs, and the key store "
            f"{settings.get('keystore', FILESYSTEM)!r} answers later; choose another key store, or "
            f"do without {who}",
            code=KEY_STORE,
        )
    return found
