"""Values for cells that cannot be read, from the configuration's text to their canonical form."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,40}")
_BITS: Final = {"int16": 16, "int32": 32, "int64": 64}


def canonical_default(data_type: str, text: str) -> bytes:
    """Return the canonical form of a default: bytes are written in base64, numbers in decimal.

    Raises ValueError.
    """
    if data_type == "str":
        return text.encode()
    if data_type == "bytes":
        try:
            return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("expected base64") from None
    if data_type in _BITS:
        return _integer(text, _BITS[data_type])
    raise ValueError(f"a column of the type {data_type} has no default yet")


def _integer(text: str, bits: int) -> bytes:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("expected a whole number in decimal")
    number = int(text)
    if not -1 << bits - 1 <= number < 1 << bits - 1:
        raise ValueError(f"the number does not fit into {bits} bits")
    return b"%d" % number
