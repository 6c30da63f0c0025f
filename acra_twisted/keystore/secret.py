"""A symmetric key in memory that is overwritten when nobody needs it any more.

How far that goes: the buffer here is overwritten, and OpenSSL overwrites its own copies (key
objects, cipher contexts).  What Python copied on the way, to hash it or to pass it on, and what
the kernel moved to swap, is not reached.  See ``docs/keys.rst``.
"""

from __future__ import annotations


class Secret:
    """``value`` is all zeros after `wipe`, which the last reference's end calls as well."""

    __slots__ = ("value",)

    def __init__(self, value: bytes | bytearray) -> None:
        self.value = value if isinstance(value, bytearray) else bytearray(value)

    def wipe(self) -> None:
        """Overwrite the key."""
        wipe(self.value)

    def __del__(self) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "<Secret>"


def wipe(value: bytearray) -> None:
    """Overwrite a buffer with zeros."""
    value[:] = bytes(len(value))
