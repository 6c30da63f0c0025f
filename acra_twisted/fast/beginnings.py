"""Keeps something for texts by all that stands before their first literal.

Another text may begin alike, so whoever finds something compares the rest.
"""

from __future__ import annotations

import re
from typing import Any, Final

from acra_twisted.fast.compiled import COMPILED

if COMPILED:
    from acra_twisted.fast._templates import Beginnings  # type: ignore[import-not-found]  # in C

_KEPT: Final = 256
_begins: Final = re.compile(rb"[^\x01\x04'0-9]{0,64}").match


class BeginningsByPython:
    """Keeps something for texts that begin alike up to their first literal.  Where compiled, a
    class in C takes its place, in which some texts drive others out."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Any] = {}

    def find(self, text: bytes) -> Any:
        """Return what was kept last for texts that begin as this one does; None if nothing was."""
        return self._kept.get(_beginning(text))

    def keep(self, key: bytes, what: Any) -> None:
        """Keep something for the texts of a skeleton."""
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[_beginning(key)] = what


def _beginning(text: bytes) -> bytes:
    found = _begins(text)
    return b"" if found is None else found[0]


def beginnings() -> Any:
    """Return an object that keeps something for the beginnings of texts."""
    return Beginnings() if COMPILED else BeginningsByPython()
