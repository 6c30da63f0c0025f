"""Key stores by name: folders as Acra makes them, and those that are installed as plug-ins."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from typing import Any

from zope.interface import implementer

from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IKeyStoreFactory
from acra_twisted.keystore import masterkey
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.nearest import meant
from acra_twisted.options import Option, Settings

#: The store that needs no plug-in.
FILESYSTEM = "filesystem"


@implementer(IKeyStoreFactory)
class FilesystemFactory:
    """Makes the store of ``keys_dir``, whose settings are the daemon's own."""

    name = FILESYSTEM
    options: tuple[Option, ...] = ()

    def make(
        self, own: Settings, settings: Settings, environment: MutableMapping[str, str]
    ) -> FilesystemKeyStore | None:
        """See IKeyStoreFactory."""
        folder = settings["keys_dir"]
        if not folder or not os.path.lexists(folder):
            environment.pop(masterkey.VARIABLE, None)
            return None
        master = masterkey.load(
            environment, settings["master_key_file"], settings["master_key_command"]
        )
        store = FilesystemKeyStore(os.path.abspath(folder), master, settings["keys_dir_public"])
        store.check()
        return store


def store_factory(name: str) -> Any:
    """The IKeyStoreFactory of a name.  Raises ConfigError if there is none, or two."""
    if name == FILESYSTEM:
        # twisted.plugin looks through directories: only for a name that is not ours.
        return FilesystemFactory()
    from twisted.plugin import getPlugins

    from acra_twisted.keystore import plugins

    installed = list(getPlugins(IKeyStoreFactory, plugins))
    found = [factory for factory in installed if factory.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f"keystore: {len(found)} installed key stores are named {name!r}")
    names = sorted({FILESYSTEM, *(factory.name for factory in installed)})
    raise ConfigError(
        f"keystore: no installed key store is named {name!r}{meant(name, names)} (installed: "
        f"{', '.join(names)}; one whose package fails to import is not listed)"
    )


def own_settings(factory: Any, settings: Mapping[str, Any]) -> Settings:
    """The settings that ``keystore_settings`` gives the store.  Raises ConfigError."""
    options = {option.name: option for option in factory.options}
    values = {option.name: option.default for option in options.values()}
    for given in settings["keystore_settings"]:
        name, equals, text = given.partition("=")
        option = options.get(name.strip())
        if option is None or not equals:
            known = ", ".join(options) or "none"
            raise ConfigError(
                f"keystore_settings: expected NAME=VALUE; the key store {factory.name!r} has these "
                f"names: {known}"
            )
        try:
            values[option.name] = option.kind.parse(text.strip())
        except ValueError as error:
            raise ConfigError(f"keystore_settings: {option.name}: {error}") from None
    return Settings(values)
