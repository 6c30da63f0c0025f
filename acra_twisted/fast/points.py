"""Compressed points of P-256, in the form that costs least to read.

A throw-away key in an AcraStruct is a compressed point, and its other coordinate a square root.
Where compiled, a small module in C (``_p256.c``) takes it in 9 microseconds, OpenSSL needs 20.  It
is OpenSSL that verifies the point in either case.
"""

from __future__ import annotations

from acra_twisted.fast.compiled import COMPILED

if COMPILED:
    from acra_twisted.fast._p256 import uncompressed  # type: ignore[import-not-found]  # in C
else:

    def uncompressed(point: bytes) -> bytes:
        """The same point, uncompressed (SEC 1, 2.3.3) where that is compiled, else as it came.

        What is no compressed point of the curve is returned as it came: it is for whoever makes
        a key of it to refuse it.
        """
        return point


# What is imported mypy exports only if told.
__all__ = ["uncompressed"]
