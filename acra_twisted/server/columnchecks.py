"""Checks of the configuration of protected columns before a start: keys of owners, and readers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from acra_twisted.config.listeners import each
from acra_twisted.daemon.dialect import dialect_of
from acra_twisted.encryption.settings import TOKENIZED, EncryptionSettings
from acra_twisted.errors import ConfigError, raise_together
from acra_twisted.keystore.opening import open_keys
from acra_twisted.options import Settings
from acra_twisted.server import missingkeys
from acra_twisted.stages.encryptorfactory import check_columns

PROTECTS: Final = "encryptor"
#: Stages that use the keys of a session's client id.
_USE_KEYS: Final = frozenset((PROTECTS, "decryptor"))


def configured_columns(settings: Settings) -> EncryptionSettings | None:
    """Return the configuration of protected columns; None where there is no stage for them.
    Raises ConfigError."""
    if PROTECTS not in settings["stages"]:
        return None
    language = dialect_of(settings).language
    own = settings.stages[PROTECTS]
    return check_columns(settings, own, settings.blocks, time.time(), language)


def check_protected(settings: Settings) -> Sequence[str]:
    """Return remarks about protected columns.  Raises ConfigError, for an owner without keys, too:
    nothing can be written to that column."""
    configured = configured_columns(settings)
    if configured is None:
        return ()
    remarks = [*configured.remarks, *_unread(configured)]
    keys = open_keys(settings, dict(os.environ), lambda: 0.0)
    if keys is not None:
        try:
            _check_owners(settings, configured, keys)
            remarks += missingkeys.of_clients(settings, configured, keys)
        finally:
            keys.close()
    return remarks


def missing_keys(settings: Settings, keys: Any) -> list[str]:
    """Return a sentence about each key that is missing at a start.  ``keys`` are None where there
    is no key store.  Raises ConfigError."""
    if keys is None or not _USE_KEYS.intersection(settings["stages"]):
        return []
    return missingkeys.at_start(settings, configured_columns(settings), keys)


def use_tokens(settings: Settings) -> bool:
    """Tell whether a column of some listener has tokens.  A wrong configuration is told of where it
    is checked."""
    for _, own in each(settings):
        with suppress(ConfigError):
            configured = configured_columns(own)
            if configured and any(one.kind == TOKENIZED for one in configured.columns):
                return True
    return False


def _unread(configured: EncryptionSettings) -> Iterator[str]:
    """Say where ``read`` has no effect: the keys of the owner alone open a column."""
    for column in configured.columns:
        owner, readers = column.owner, column.readers
        if not owner or readers is None:
            continue
        if owner not in readers:
            yield (
                f"column {column.label}: read leaves out its client_id {owner}, whose keys alone "
                "open it: nobody reads it in clear"
            )
        for reader in sorted(readers - {owner}):
            yield (
                f"column {column.label}: read has no effect for {reader}: the keys of its "
                f"client_id {owner} alone open it"
            )


def _check_owners(settings: Settings, configured: EncryptionSettings, keys: Any) -> None:
    raise_together(
        [
            ConfigError(missingkeys.told_of_owner(*one))
            for one in missingkeys.of_owners(settings, configured.columns, keys)
        ]
    )
