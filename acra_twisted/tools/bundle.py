"""Keys in a file that can be carried to another key store, and the secret that opens it.

The form is ours: a Secure Cell over JSON.  (Acra's own bundles hold key rings of its key store
version 2.)  The file is useless without the secret; carry them on different ways.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Sequence

from acra_twisted import purposes
from acra_twisted.errors import CryptoError, KeyStoreError
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.keystore.writer import KeyWriter
from acra_twisted.purposes import Purpose
from acra_twisted.themis import cell, keys

_FORMAT = "acra-twisted key bundle 1"
_CONTEXT = _FORMAT.encode()


def _text(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode()


def pack(
    store: FilesystemKeyStore, chosen: Iterable[tuple[Purpose, str]], secrets: bool
) -> tuple[bytes, bytes]:
    """The bundle and its secret, both file contents.  ``secrets``: private keys as well.

    Raises KeyStoreError.
    """
    entries = []
    for purpose, owner in chosen:
        public = store.public_key(purpose, owner) if purpose.is_pair else None
        entry = {
            "id": purpose.key_id.format(owner),
            "public": _text(keys.encode_public(public)) if public is not None else "",
            "keys": [_text(plain(purpose, key)) for key in store.keys(purpose, owner)]
            if secrets
            else [],
        }
        if entry["public"] or entry["keys"]:
            entries.append(entry)
    if not entries:
        raise KeyStoreError(
            "there is nothing to export: private and symmetric keys need --private_keys"
        )
    secret = os.urandom(32)
    content = json.dumps({"format": _FORMAT, "keys": entries}).encode()
    bundle = cell.seal(secret, content, _CONTEXT, os.urandom)
    return bundle, json.dumps({"encryption": _text(secret)}).encode()


def plain(purpose: Purpose, key: object) -> bytearray:
    """A key as it is inside its file."""
    if isinstance(key, keys.PrivateKey):
        return keys.encode_private(key)
    return bytearray(key.value)  # type: ignore[attr-defined]


def unpack(writer: KeyWriter, bundle: bytes, secret: bytes) -> list[str]:
    """Store the keys of a bundle; the ids of what it has.  Raises KeyStoreError."""
    try:
        opened = cell.open_sealed(
            base64.b64decode(json.loads(secret)["encryption"], validate=True), bundle, _CONTEXT
        )
        content = json.loads(opened)
        if content["format"] != _FORMAT:
            raise ValueError
        entries = [_entry(entry) for entry in content["keys"]]
    except (CryptoError, ValueError, KeyError, TypeError):
        raise KeyStoreError("the bundle does not open with this secret, or is none") from None
    for purpose, owner, public, found in entries:
        # The oldest first: each rotates the one before it.
        for key in reversed(_new(writer, purpose, owner, found)):
            writer.put(purpose, owner, bytearray(key), public)
        if not found:
            writer.put_public(purpose, owner, public)
    return [purpose.key_id.format(owner) for purpose, owner, _, _ in entries]


def _new(
    writer: KeyWriter, purpose: Purpose, owner: str, found: Sequence[bytes]
) -> Sequence[bytes]:
    """The keys that are not there yet; where the newest is the one in use, nothing is rotated."""
    held = [bytes(plain(purpose, key)) for key in writer.store.keys(purpose, owner)]
    if held and held[:1] == [*found[:1]]:
        return ()
    return [*found[:1], *(key for key in found[1:] if key not in held)]


def _entry(entry: dict[str, object]) -> tuple[Purpose, str, bytes, Sequence[bytes]]:
    purpose, owner = purposes.parse_key_id(str(entry["id"]))
    public = base64.b64decode(str(entry["public"]), validate=True)
    listed = entry["keys"]
    if not isinstance(listed, list):
        raise ValueError
    found = [base64.b64decode(str(text), validate=True) for text in listed]
    if public:
        keys.decode_public(public)
    for key in found:
        if purpose.is_pair:
            keys.decode_private(key)
        elif len(key) < 16:
            raise ValueError
    return purpose, owner, public, found
