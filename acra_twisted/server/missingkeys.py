"""Client ids that the configuration names and whose keys are missing.

A client that is known when it comes alone, by its certificate or its key, is not looked for.  A key
store that answers later is not waited for: it is asked again when a session needs its keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred

from acra_twisted.authentication.mapfile import MapFile
from acra_twisted.config.tokens import has_keyed_names
from acra_twisted.daemon.link import ACRACONNECTOR, is_secure_session
from acra_twisted.encryption.settings import (
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
    EncryptionSettings,
)
from acra_twisted.errors import KeyStoreError
from acra_twisted.options import Settings
from acra_twisted.purposes import SEARCH_HMAC, STORAGE, STORAGE_SYMMETRIC, Purpose

#: Columns that one sentence names.
_NAMED: Final = 5


class Need(NamedTuple):
    """A key that a column cannot be written without: what makes it, and whether its public half is
    enough."""

    purpose: Purpose
    flag: str
    is_public: bool = False


_BLOCK: Final = Need(STORAGE_SYMMETRIC, "--generate_symmetric_storage_key")
_STRUCT: Final = Need(STORAGE, "--generate_acrawriter_keys", is_public=True)
_SEARCH: Final = Need(SEARCH_HMAC, "--generate_hmac_key")


def known_clients(settings: Settings) -> Mapping[str, str]:
    """Return the client ids that a listener gives its clients, each with the setting that names
    it.  Raises ConfigError for a map that cannot be read."""
    rules = settings["client_id_map_file"]
    if rules:
        named = MapFile(rules).rules.constant_ids
        return {client: f"{rules}, line {line}" for client, line in named.items()}
    client = settings["client_id"]
    by_itself = settings["tls_client_id_from_cert"] or is_secure_session(settings, ACRACONNECTOR)
    return {client: "client_id"} if client and not by_itself else {}


def of_owners(
    settings: Settings, columns: Sequence[ColumnSetting], keys: Any
) -> Iterator[tuple[ColumnSetting, Need]]:
    """Yield the keys without which nobody can write a column that names its client id."""
    for column in columns:
        if column.owner:
            for need in _missing(settings, column, column.owner, keys):
                yield column, need


def told_of_owner(column: ColumnSetting, need: Need) -> str:
    """Return the sentence about one of `of_owners`."""
    return (
        f"column {column.label}: there is no {need.purpose.text} of its client_id "
        f"{column.owner}; {_remedy(need, column.owner)}"
    )


def of_clients(settings: Settings, configured: EncryptionSettings, keys: Any) -> Iterator[str]:
    """Say which columns known clients cannot write, and which ones others cannot read that
    ``read`` names.  A client needs no keys for columns that name their owner, but for containers
    in other columns, where there is a stage that opens those.  Raises ConfigError,
    KeyStoreError."""
    own = [column for column in configured.columns if not column.owner]
    clients = known_clients(settings)
    told: set[str] = set()
    for client in clients:
        found: dict[Need, list[str]] = {}
        for column in own:
            for need in _missing(settings, column, client, keys):
                found.setdefault(need, []).append(column.label)
        for need, labels in found.items():
            told.add(client)
            yield (
                f"{_named(labels)}: there is no {need.purpose.text} of client_id {client}, which "
                f"cannot write {_them(labels)}; {_remedy(need, client)}"
            )
    yield from _of_readers(own, clients, keys)
    if "decryptor" in settings["stages"]:
        yield from _without_any({c: clients[c] for c in clients if c not in told}, keys)


def _of_readers(
    columns: Sequence[ColumnSetting], told: Collection[str], keys: Any
) -> Iterator[str]:
    readers: dict[str, list[str]] = {}
    for column in columns:
        for reader in column.readers or ():
            if reader not in told:
                readers.setdefault(reader, []).append(column.label)
    for reader, labels in sorted(readers.items()):
        if _has_none(keys, reader):
            yield (
                f"{_named(labels)}: read names {reader}, of which there are no keys: it reads "
                f"nothing of {_them(labels)} in clear; {_whole_remedy(reader)}"
            )


def of_containers(settings: Settings, keys: Any) -> Iterator[str]:
    """Say of which known clients no container can be opened.  Raises ConfigError,
    KeyStoreError."""
    yield from _without_any(known_clients(settings), keys)


def _without_any(clients: Mapping[str, str], keys: Any) -> Iterator[str]:
    for client, where in clients.items():
        if _has_none(keys, client):
            yield (
                f"{where}: there are no keys of the client id {client}, whose containers stay as "
                f"they are; {_whole_remedy(client)}"
            )


def _has_none(keys: Any, client: str) -> bool:
    return all(_is_missing(keys.keys(one, client)) for one in (STORAGE, STORAGE_SYMMETRIC))


def _missing(settings: Settings, column: ColumnSetting, owner: str, keys: Any) -> Iterator[Need]:
    for need in _needs(settings, column):
        if _is_missing((keys.public_key if need.is_public else keys.keys)(need.purpose, owner)):
            yield need


def _is_missing(found: Any) -> bool:
    if isinstance(found, Deferred):
        # Whoever needs the keys is told why they cannot be had.
        found.addErrback(lambda failure: failure.trap(KeyStoreError) and None)
        return False
    return found is None or found == ()


def _needs(settings: Settings, column: ColumnSetting) -> Iterator[Need]:
    yield _STRUCT if column.envelope == "acrastruct" else _BLOCK
    named = column.kind == TOKENIZED and column.consistent and has_keyed_names(settings)
    if column.kind == SEARCHABLE or named:
        yield _SEARCH


def _named(labels: Sequence[str]) -> str:
    rest = len(labels) - _NAMED
    names = ", ".join(labels[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
    return f"column{'s' if len(labels) > 1 else ''} {names}"


def _them(labels: Sequence[str]) -> str:
    return "them" if len(labels) > 1 else "it"


def _remedy(need: Need, owner: str) -> str:
    return f"make it by acra-keymaker --client_id={owner!r} {need.flag}"


def _whole_remedy(owner: str) -> str:
    return f"make them by acra-keymaker --client_id={owner!r}"


def at_start(settings: Settings, configured: EncryptionSettings | None, keys: Any) -> list[str]:
    """Return a sentence about each missing key of one listener.  ``configured`` are its protected
    columns, None without the stage for them.  Raises ConfigError."""
    found: list[str] = []
    try:
        if configured is None:
            found += of_containers(settings, keys)
        else:
            found += (told_of_owner(*one) for one in of_owners(settings, configured.columns, keys))
            found += of_clients(settings, configured, keys)
    except KeyStoreError as error:
        found.append(str(error))
    return found
