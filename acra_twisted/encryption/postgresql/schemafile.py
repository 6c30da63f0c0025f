"""The schema of a database as a text, which others can work with who cannot reach the database.

It is JSON: each relation, attribute, index and constraint has the fields of its type in `schema`.
It has names and types, and no value or expression of the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, get_args, get_origin, get_type_hints

from acra_twisted.encryption.postgresql.schema import Relation, Schema, SchemaError, Writer

#: Characters of a text at most.
LARGEST: Final = 64 << 20
_FORMAT: Final = "acra schema 2"
_ODD: Final = (
    "this is no schema that this version of acra-explain has saved; save it anew by --save_schema"
)
_PLAIN: Final = (str, int, bool)


def dump(schema: Schema) -> str:
    """The text of a schema."""
    found = {
        "format": _FORMAT,
        "relations": [_dumped(relation) for relation in schema.relations.values()],
        "functions": sorted(schema.functions),
        "writers": _dumped(schema.writers),
    }
    return json.dumps(found, indent=1) + "\n"


def load(text: str) -> Schema:
    """The schema of a text.  Raises SchemaError."""
    if len(text) > LARGEST:
        raise SchemaError("the saved schema is too long")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise SchemaError(_ODD) from None
    names = {"format", "relations", "functions", "writers"}
    if not isinstance(found, dict) or set(found) != names or found["format"] != _FORMAT:
        raise SchemaError(_ODD)
    relations: Sequence[Relation] = _loaded(Sequence[Relation], found["relations"])
    by_oid = {relation.oid: relation for relation in relations}
    if len(by_oid) != len(relations):
        raise SchemaError(_ODD)
    functions = _loaded(Sequence[str], found["functions"])
    return Schema(1, by_oid, frozenset(functions), _loaded(Sequence[Writer], found["writers"]))


def _dumped(value: Any) -> Any:
    """A value of a field as JSON has it: a mapping becomes a list of pairs."""
    if isinstance(value, Mapping):
        return [[key, _dumped(one)] for key, one in value.items()]
    if hasattr(value, "_asdict"):
        return {name: _dumped(one) for name, one in value._asdict().items()}
    if isinstance(value, _PLAIN):
        return value
    return [_dumped(one) for one in value]


def _loaded(kind: Any, value: Any) -> Any:
    """The value of a field by its type.  Raises SchemaError."""
    if kind in _PLAIN:
        if type(value) is not kind:
            raise SchemaError(_ODD)
        return value
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Sequence:
        return tuple(_loaded(arguments[0], one) for one in _list(value))
    if origin is tuple:
        found = _list(value)
        if len(found) != len(arguments):
            raise SchemaError(_ODD)
        return tuple(map(_loaded, arguments, found))
    if origin is Mapping:
        pair = tuple[arguments]  # type: ignore[valid-type]  # made of values
        return MappingProxyType(dict(_loaded(pair, one) for one in _list(value)))
    hints = get_type_hints(kind)
    if not isinstance(value, dict) or set(value) != set(hints):
        raise SchemaError(_ODD)
    return kind(**{name: _loaded(hint, value[name]) for name, hint in hints.items()})


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise SchemaError(_ODD)
    return value
