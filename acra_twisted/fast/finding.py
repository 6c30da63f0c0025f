"""`bytes.find` of every statement: where compiled, a function in C.

To call the method takes a thousand instructions before the first byte is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from acra_twisted.fast.compiled import COMPILED

if COMPILED:
    from acra_twisted.fast._scan import find as in_c  # type: ignore[import-not-found]  # in C


def by_python(data: bytes, needle: bytes) -> int:
    """Return where a needle is first, -1 if it is not there."""
    return data.find(needle)


#: The same, in C where compiled.
find: Final[Callable[[bytes, bytes], int]] = in_c if COMPILED else by_python
