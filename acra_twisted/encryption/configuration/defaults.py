"""Values for cells that cannot be read, from the configuration's text to their canonical form."""

from __future__ import annotations

import base64
import binascii

from acra_twisted.encryption.canonical import canonical
from acra_twisted.encryption.errors import ValueRefusedError


def canonical_default(data_type: str, text: str) -> bytes:
    """Return the canonical form of a default: bytes are written in base64, other types as the
    database takes them.

    Raises ValueError.
    """
    if data_type != "bytes":
        try:
            return canonical(data_type, text.encode())
        except ValueRefusedError as error:
            raise ValueError(str(error)) from None
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("expected base64") from None
