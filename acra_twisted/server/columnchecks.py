"""Checks of the configuration of protected columns before a start: keys of owners, and readers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from acra_twisted.config.listeners import each
from acra_twisted.config.tokens import has_keyed_names
from acra_twisted.daemon.dialect import dialect_of
from acra_twisted.daemon.link import ACRACONNECTOR, is_secure_session
from acra_twisted.encryption.settings import (
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
    EncryptionSettings,
)
from acra_twisted.errors import ConfigError, raise_together
from acra_twisted.keystore.opening import open_keys
from acra_twisted.options import Settings
from acra_twisted.purposes import SEARCH_HMAC, STORAGE, STORAGE_SYMMETRIC, Purpose
from acra_twisted.stages.encryptorfactory import check_columns

PROTECTS: Final = "encryptor"


class _Need(NamedTuple):
    """A key that a column cannot be written without: what makes it, and whether its public half is
    enough."""

    purpose: Purpose
    flag: str
    is_public: bool = False


_BLOCK: Final = _Need(STORAGE_SYMMETRIC, "--generate_symmetric_storage_key")
_STRUCT: Final = _Need(STORAGE, "--generate_acrawriter_keys", is_public=True)
_SEARCH: Final = _Need(SEARCH_HMAC, "--generate_hmac_key")


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
            remarks += _clients_without_keys(settings, configured, keys)
        finally:
            keys.close()
    return remarks


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
            ConfigError(
                f"column {column.label}: there is no {need.purpose.text} of its client_id "
                f"{column.owner}; {_remedy(need, column.owner)}"
            )
            for column in configured.columns
            if column.owner
            for need in _missing(settings, column, column.owner, keys)
        ]
    )


def _clients_without_keys(
    settings: Settings, configured: EncryptionSettings, keys: Any
) -> Iterator[str]:
    """Say which columns the one client that is known before it comes cannot write."""
    client = settings["client_id"]
    known = not (
        settings["client_id_map_file"]
        or settings["tls_client_id_from_cert"]
        or is_secure_session(settings, ACRACONNECTOR)
    )
    for column in configured.columns if client and known else ():
        if not column.owner:
            for need in _missing(settings, column, client, keys):
                yield (
                    f"column {column.label}: there is no {need.purpose.text} of client_id "
                    f"{client}, which cannot write it; {_remedy(need, client)}"
                )


def _missing(settings: Settings, column: ColumnSetting, owner: str, keys: Any) -> Iterator[_Need]:
    """The keys of an owner that a column needs, and the store does not have.  A store that answers
    later is asked when a session needs its keys."""
    for need in _needs(settings, column):
        found = (keys.public_key if need.is_public else keys.keys)(need.purpose, owner)
        if found is None or found == ():
            yield need


def _needs(settings: Settings, column: ColumnSetting) -> Iterator[_Need]:
    yield _STRUCT if column.envelope == "acrastruct" else _BLOCK
    named = column.kind == TOKENIZED and column.consistent and has_keyed_names(settings)
    if column.kind == SEARCHABLE or named:
        yield _SEARCH


def _remedy(need: _Need, owner: str) -> str:
    return f"make it by acra-keymaker --client_id={owner!r} {need.flag}"
