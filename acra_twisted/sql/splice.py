"""Replace parts of a statement by position: what is not replaced stays as the client wrote it."""

from __future__ import annotations

from collections.abc import Mapping

_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$'\"`@")


def splice(text: bytes, edits: Mapping[tuple[int, int], bytes]) -> bytes:
    """The text with each ``[start, end)`` replaced.  Spans must be disjoint (ValueError).

    A replacement never joins its neighbours into another token: a blank is put between.
    """
    parts: list[bytes] = []
    position = 0
    for (start, end), new in sorted(edits.items()):
        if start < position or end < start or end > len(text):
            raise ValueError("edits overlap or lie outside the text")
        before, after = text[position:start], text[end : end + 1]
        parts.append(before)
        if start and new and _glues(text[start - 1], new[0]):
            parts.append(b" ")
        parts.append(new)
        if new and after and _glues(new[-1], after[0]):
            parts.append(b" ")
        position = end
    parts.append(text[position:])
    return b"".join(parts)


def _glues(left: int, right: int) -> bool:
    wordlike = (left in _WORD or left >= 0x80) and (right in _WORD or right >= 0x80)
    # A dollar quote or parameter, a sign before a sign: $1, --, /*.
    return wordlike or (left == right == 0x2D) or (left == 0x2F and right == 0x2A)
