"""Texts of MySQL that show what the statement before them has left, such as its warnings.

A question of ours in between would take its place.
"""

from __future__ import annotations

from typing import Final

_SHOWING: Final = (b"warning", b"error", b"row_count", b"found_rows", b"diagnostics")


def shows_before(text: bytes) -> bool:
    """Tell whether a text may show what the statement before it has left."""
    lowered = text.lower()
    return any(word in lowered for word in _SHOWING)
