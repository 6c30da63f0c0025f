"""For applications: make containers that AcraServer opens, as AcraWriter does.

    >>> from acra_twisted.writer import create_acrastruct, load_public_key
    >>> key = load_public_key("client_storage.pub")
    >>> stored = create_acrastruct(b"secret", key)

The result goes into a ``bytea`` (``BLOB``) column, as a parameter.  Only who has the private key of
the pair, AcraServer, can open it: the application cannot read what it wrote.  An AcraBlock is
shorter to make and to open, and its key opens as well as makes.
"""

from __future__ import annotations

import os

from acra_twisted.crypto import acrablock, acrastruct
from acra_twisted.errors import CryptoError
from acra_twisted.themis import keys
from acra_twisted.themis.keys import PublicKey

__all__ = ["create_acrablock", "create_acrastruct", "load_public_key"]


def load_public_key(path: str | os.PathLike[str]) -> PublicKey:
    """A storage public key: the file ``<client id>_storage.pub`` that acra-keymaker wrote.

    Raises OSError, CryptoError.
    """
    with open(path, "rb") as file:
        return keys.decode_public(file.read(1024))


def create_acrastruct(data: bytes, public_key: PublicKey | bytes, context: bytes = b"") -> bytes:
    """An AcraStruct, 189 bytes longer than ``data``.

    ``public_key`` is a loaded key, or the 45 bytes of its file.  ``context`` is for data of a zone
    (its id) and must be the same for reading.  Raises CryptoError for empty data or a wrong key.
    """
    if isinstance(public_key, bytes):
        public_key = keys.decode_public(public_key)
    return acrastruct.create(data, public_key, context, os.urandom)


def create_acrablock(data: bytes, key: bytes, context: bytes = b"") -> bytes:
    """An AcraBlock, 138 bytes longer than ``data``.

    ``key`` is the client's symmetric storage key, 32 bytes.  Raises CryptoError for empty data or
    a key of another size.
    """
    if len(key) != acrablock.KEY_SIZE:
        raise CryptoError(f"a symmetric key has {acrablock.KEY_SIZE} bytes")
    return acrablock.create(data, key, context, os.urandom)
