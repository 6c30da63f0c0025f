"""Texts of plans for statements whose encoded values are plain strings: such a text is written in
one step.

A template is for the texts of one skeleton.  It takes those whose strings are ASCII without
backslashes and whose numbers are digits alone, and no string that is encoded may be empty; all
others are written by `filling` and `writing`.
"""

from __future__ import annotations

import re
from binascii import hexlify
from collections.abc import Callable, Sequence
from typing import Any, Final

from acra_twisted.encryption import searching
from acra_twisted.encryption.plan import COMPARE, StatementPlan
from acra_twisted.encryption.postgresql import forms
from acra_twisted.encryption.postgresql.filling import Place
from acra_twisted.encryption.settings import SEARCHABLE
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.sql import skeleton

if COMPILED:
    from acra_twisted.fast._templates import Template  # type: ignore[import-not-found]  # in C

#: Makes bytes of a value, which are sent as hexadecimal digits; None: it has to be encoded in
#: another way.
Maker = Callable[[bytes], bytes | None]

#: Literals of a text, and values between the pieces of the one that is sent, at most.
_MOST: Final = 32
#: The longest key.
_LONGEST: Final = 1 << 10
#: In place of a maker's number: a literal stays as it is.
_AS_IT_IS: Final = -1
_plain: Final = re.compile(rb"[0-9]++|'[ -&(-\[\]-~]*+'").fullmatch


class TemplateByPython:
    """The texts with the skeleton ``key``: between ``pieces`` stand the literals with the numbers
    ``ordinals``, each as it is or made by the maker whose number ``makers`` has for it.  Where
    compiled, a class in C takes its place."""

    def __init__(
        self,
        key: bytes,
        pieces: tuple[bytes, ...],
        ordinals: tuple[int, ...],
        makers: tuple[int, ...],
    ) -> None:
        self._key = key
        self._pieces = pieces
        self._slots = list(zip(ordinals, makers, strict=True))

    def write(self, text: bytes, makers: tuple[Maker, ...]) -> bytes | None:
        """Return a text with its values encoded; None for one that is to be written otherwise.
        Raises what a maker raises."""
        cut = skeleton.split(text, b'"')
        if cut is None or cut[0] != self._key or not all(map(_plain, cut[1])):
            return None
        written = [self._pieces[0]]
        for (ordinal, number), piece in zip(self._slots, self._pieces[1:], strict=True):
            literal = cut[1][ordinal]
            if number != _AS_IT_IS:
                value = literal[1:-1] if literal[:1] == b"'" else b""
                made = makers[number](value) if value and number < len(makers) else None
                if made is None:
                    return None
                literal = hexlify(made)
            written += (literal, piece)
        return b"".join(written)


def template_of(key: bytes, plan: StatementPlan, places: Sequence[Place]) -> Any:
    """Return the template of a plan whose skeleton is ``key``, with a maker for each of its
    ``places``; None if its texts cannot be written so."""
    literals = key.count(skeleton.STRING_MARK) + key.count(skeleton.NUMBER_MARK)
    if len(key) > _LONGEST or max(literals, len(plan.slots)) > _MOST or plan.added:
        return None
    pieces, slots = list(plan.parts), list(plan.slots)
    makers = [_AS_IT_IS] * len(slots)
    for number, place in enumerate(places):
        around = _around(place)
        if around is None or slots.count(place.ordinal) != 1:
            return None
        at = slots.index(place.ordinal)
        makers[at] = number
        pieces[at] += around[0]
        pieces[at + 1] = around[1] + pieces[at + 1]
    made = Template if COMPILED else TemplateByPython
    return made(key, tuple(pieces), tuple(slots), tuple(makers))


def _around(place: Place) -> tuple[bytes, bytes] | None:
    """The text around the digits of a value; None for one that is sent in another form."""
    use = place.one.use
    if not place.is_plain or not place.is_bytes:
        return None
    if use.role != COMPARE:
        before, _, behind = forms.bytes_literal(b"\0").rpartition(b"00")
    elif use.column.kind == SEARCHABLE:
        # A maker makes the hash alone.
        first = searching.kind_of(use.column) + b"\0"
        before, _, behind = forms.array_literal(use.column, [first]).rpartition(b"00")
    else:
        return None
    return before, behind
