"""A daemon's key store, from its settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.events import KEY_STORE
from acra_twisted.keystore import masterkey
from acra_twisted.keystore.cache import KeyCache
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.options import Settings


def open_keys(
    settings: Settings,
    environment: MutableMapping[str, str],
    seconds: Callable[[], float],
    wanted: bool = True,
) -> KeyCache | None:
    """The key store behind its cache; None if there is no folder of keys, or it is not wanted.

    ``environment`` loses the master key in any case.  Raises ConfigError if there is a folder
    that cannot be used, or whose keys the master key does not open.
    """
    folder = settings["keys_dir"]
    if not wanted or not folder or not os.path.lexists(folder):
        environment.pop(masterkey.VARIABLE, None)
        return None
    try:
        master = masterkey.load(
            environment, settings["master_key_file"], settings["master_key_command"]
        )
        store = FilesystemKeyStore(os.path.abspath(folder), master, settings["keys_dir_public"])
        store.check()
    except KeyStoreError as error:
        raise ConfigError(str(error), code=KEY_STORE) from None
    return KeyCache(store, settings["keystore_cache_size"], seconds)


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
