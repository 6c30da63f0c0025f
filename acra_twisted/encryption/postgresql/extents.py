"""The places of simple operands in a text: columns and constants with their casts and brackets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from acra_twisted.encryption.postgresql.syntax import Fields, Text, node, strings


class Extent(NamedTuple):
    """The numbers of the first and the last token of an operand."""

    first: int
    last: int


def extent(text: Text, item: Any) -> Extent | None:
    """Return the place of an operand, with the brackets around it alone; None for an operand that
    is not simple, or one that the text has in a form that is not known."""
    kind, fields = node(item)
    read = _READERS.get(kind)
    found = read(text, fields) if read is not None else None
    while found is not None and _is_enclosed(text, found):
        found = Extent(found.first - 1, found.last + 1)
    return found


def reference(text: Text, fields: Fields) -> Extent | None:
    """Return the place of the name of a column, without brackets."""
    place = text.place(fields.get("location", 0))
    count = len(strings(fields.get("fields")))
    dots = [text.shown(place + 2 * number + 1) for number in range(count - 1)]
    if place < 0 or not count or any(dot != b"." for dot in dots):
        return None
    last = place + 2 * (count - 1)
    # An escape sign of its own makes another name of it.
    return None if text.shown(last + 1) == b"uescape" else Extent(place, last)


def _is_enclosed(text: Text, found: Extent) -> bool:
    return text.shown(found.first - 1) == b"(" and text.shown(found.last + 1) == b")"


def _constant(text: Text, fields: Fields) -> Extent | None:
    location = fields.get("location", 0)
    start, negative = text.literal(location)
    place = text.place(start if start >= 0 else location)
    if place < 0 or text.shown(place + 1) == b"uescape":
        return None
    return Extent(place - negative, place)


def _parameter(text: Text, fields: Fields) -> Extent | None:
    place = text.place(fields.get("location", 0))
    return None if place < 0 else Extent(place, place)


def _cast(text: Text, fields: Fields) -> Extent | None:
    inner = extent(text, fields.get("arg"))
    name = fields.get("typeName", {})
    places = text.type_places(name.get("location", 0), bool(name.get("arrayBounds")))
    if inner is None or places is None:
        return None
    if places[0] < inner.first:
        return Extent(places[0], inner.last)
    if text.shown(inner.last + 1) == b"::":
        return Extent(inner.first, places[1])
    if text.shown(inner.first - 2) == b"cast" and text.shown(inner.last + 1) == b"as":
        return Extent(inner.first - 2, text.closing(inner.first - 1))
    return None


_READERS: Final[Mapping[str, Callable[[Text, Fields], Extent | None]]] = {
    "ColumnRef": reference,
    "A_Const": _constant,
    "ParamRef": _parameter,
    "TypeCast": _cast,
}
