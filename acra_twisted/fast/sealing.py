"""AcraBlocks and HMACs by OpenSSL, called from C where compiled.

Python's hashes look for their algorithm by its name, and cryptography makes objects for each key
and each cipher, which takes three times as long as sealing does.  OpenSSL is the one that Python's
``hashlib`` has.  Where it cannot be reached, as where that is a part of the interpreter, everybody
goes Python's way.
"""

from __future__ import annotations

import os
from typing import Any, Final

from acra_twisted.fast.compiled import COMPILED


def _found() -> Any:
    """The module in C; None if nothing is compiled or it does not find OpenSSL."""
    if not COMPILED:
        return None
    from acra_twisted.fast import _sealing  # type: ignore[attr-defined]  # in C

    try:
        import _hashlib
    except ImportError:
        return None
    path: str | None = getattr(_hashlib, "__file__", None)
    return _sealing if path is not None and _sealing.bind(os.fsencode(path)) else None


_in_c: Final = _found()
#: Makes an object whose ``create`` returns the AcraBlock of data and random bytes, or None for data
#: for which Python's way is to be gone; see ``_sealing.c``.  None where there is no such thing.
blocks: Final[Any] = None if _in_c is None else _in_c.Blocks
#: Makes an object of a key of no more than 64 bytes and a beginning, whose ``digest`` returns the
#: HMAC-SHA-256 of the beginning and a message behind it, or None for messages for which Python's
#: way is to be gone.  None where there is no such thing.
keyed: Final[Any] = None if _in_c is None else _in_c.Keyed
#: Returns the HMAC-SHA-256 of a key and a message, or None for those for which Python's way is to
#: be gone.  None where there is no such thing.
hmac: Final[Any] = None if _in_c is None else _in_c.hmac
