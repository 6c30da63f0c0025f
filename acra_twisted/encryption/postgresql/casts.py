"""Casts around a value of a protected column: which may be replaced, and by which type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption.plan import STORE, Use
from acra_twisted.encryption.postgresql.syntax import Fields, Text, node, strings
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting

_TEXTS: Final = frozenset(("text", "varchar", "bpchar", "citext"))
_INTEGERS: Final = frozenset(("int2", "int4", "int8"))
#: Casts that a value of each data type may have: they change nothing that is told otherwise.
_FAMILIES: Final = {
    "": frozenset(("bytea", *_TEXTS)),
    "bytes": frozenset(("bytea", *_TEXTS)),
    "str": frozenset(("bytea", *_TEXTS)),
    "int16": _INTEGERS,
    "int32": _INTEGERS,
    "int64": _INTEGERS,
    "bool": frozenset(("bool",)),
    "float8": frozenset(("float8",)),
    "uuid": frozenset(("uuid",)),
    "date": frozenset(("date",)),
}
_STORED: Final = {"int32": b"int4", "int64": b"int8", "bytes": b"bytea"}
#: Types of array elements whose values are no rows of several columns.
_SINGLE: Final = frozenset(
    (
        "name",
        "numeric",
        "float4",
        "timestamp",
        "timestamptz",
        "time",
        "timetz",
        "interval",
        "inet",
        "cidr",
        "macaddr",
        "json",
        "jsonb",
    )
).union(*_FAMILIES.values())
#: Types whose casts cut a value to the length that is given.
_CUT: Final = frozenset(("varchar", "bpchar"))
_LENGTH_LIMIT: Final = 10_485_760


class Cast(NamedTuple):
    """A cast: the type's name as the database has it, "" for one that no value may have; where its
    name stands in the text; the length to which it cuts, -1 for none; and where the literal with
    that length stands."""

    type: str
    start: int
    end: int
    length: int = -1
    modifier: int = -1


def read(text: Text, fields: Fields) -> Cast:
    """The cast to a TypeName."""
    names = strings(fields.get("names"))
    span = text.type_span(fields.get("location", 0))
    plain = (
        span is not None
        and names
        and (len(names) == 1 or names[:-1] == ["pg_catalog"])
        and not fields.get("arrayBounds")
        and not fields.get("setof")
    )
    if span is None or not plain or names == ["char"]:
        return Cast("", 0, 0)
    modifiers = fields.get("typmods", [])
    if not modifiers:
        return Cast(names[-1], *span)
    length, place = read_length(text, names[-1], modifiers)
    if length >= 0:
        # `char` without a length is given one that stands nowhere in the text.
        return Cast(names[-1], *span, length, place)
    return Cast("", 0, 0, -1, place)


def read_length(text: Text, kind: str, modifiers: Sequence[Any]) -> tuple[int, int]:
    """The length to which a type with these modifiers cuts, -1 if that is not known; and where the
    literal with the length stands, -1 for nowhere."""
    what, constant = node(modifiers[0])
    length = constant.get("ival", {}).get("ival", 0) if what == "A_Const" else 0
    place = text.literal(constant.get("location", -1))[0]
    known = kind in _CUT and len(modifiers) == 1 and 0 < length <= _LENGTH_LIMIT
    return (length if known else -1), place


def read_array(text: Text, fields: Fields) -> Cast | None:
    """The cast to a TypeName that is an array of values of one column each, without a length, by
    the type of these; None for any other."""
    names = strings(fields.get("names"))
    plain = names[:-1] in ([], ["pg_catalog"]) and names[-1:] and names[-1] in _SINGLE
    if not plain or len(fields.get("arrayBounds", ())) != 1 or "typmods" in fields:
        return None
    places = text.type_places(fields.get("location", 0), True)
    if places is None:
        return None
    return Cast(names[-1], text.tokens[places[0]][1], text.tokens[places[1]][2])


def may_have(setting: ColumnSetting, casts: tuple[Cast, ...]) -> bool:
    """Tell whether casts, one around the other, leave a value what its column makes of it."""
    allowed = _FAMILIES[setting.data_type]
    types = {cast.type for cast in casts}
    if not types <= allowed:
        return False
    # Between text and bytea a value is read by other rules, and a smaller number is checked.
    return len(types) < 2 or types <= _TEXTS


def may_show(setting: ColumnSetting, casts: tuple[Cast, ...]) -> bool:
    """Tell whether casts of a column leave the type that its values are told to have: bytes in hex
    are another text, and a text's bytes another value."""
    types = {cast.type for cast in casts}
    if setting.data_type == "bytes":
        return types <= {"bytea"}
    return setting.data_type != "str" or types <= _TEXTS


def cut(casts: tuple[Cast, ...]) -> int:
    """The number of characters that casts leave; -1 for all."""
    return min((cast.length for cast in casts if cast.length >= 0), default=-1)


def stored_type(setting: ColumnSetting) -> bytes:
    """The type of what is stored in a column."""
    if setting.kind == TOKENIZED:
        return _STORED.get(setting.token_type, b"text")
    return b"bytea"


def sent_type(use: Use) -> bytes:
    """The type of a value that is encoded for a use: that of the column, or an array of it."""
    return stored_type(use.column) + (b"" if use.role == STORE else b"[]")
