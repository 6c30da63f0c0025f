"""A search for a few needles in bytes, by the C library.

Every result with a column that can hold a container is searched.  For needles of 16 bytes and more
the C library's ``memmem`` skips nearly the needle's length at each step, Python's own search does
so only where characters of the needle are rare: 5 us in 64 KiB of hexadecimal against 9 to 18.
Where compiled, a module in C calls it; else ``ctypes`` does, for data that is long enough.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from acra_twisted.fast.compiled import COMPILED

if COMPILED:
    from acra_twisted.fast._scan import contains_any as in_c  # type: ignore[import-not-found]  # in C

#: Below this many bytes calling out costs more than it saves.
_SMALL = 4096


def _load() -> ctypes._NamedFuncPointer | None:
    try:
        # PyDLL keeps the interpreter's lock: the reactor is not to queue for it behind a worker.
        found = ctypes.PyDLL(None).memmem
    except (OSError, AttributeError):
        return None
    found.restype = ctypes.c_void_p
    found.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    return found


_memmem = _load()


def by_python(data: bytes, needles: tuple[bytes, ...], start: int, end: int) -> bool:
    """Return True if one of the needles is in ``data[start:end]``, which must be bounds of the
    data."""
    size = end - start
    if _memmem is None or size < _SMALL:
        for needle in needles:  # noqa: SIM110 - a generator costs more than the searches
            if data.find(needle, start, end) >= 0:
                return True
        return False
    address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value
    assert address is not None  # noqa: S101 - bytes are somewhere
    return any(_memmem(address + start, size, needle, len(needle)) for needle in needles)


#: The same, in C where compiled.
contains_any: Callable[[bytes, tuple[bytes, ...], int, int], bool] = in_c if COMPILED else by_python
