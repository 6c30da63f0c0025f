"""Records of a schema as JSON has them, read again by the types of their fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

#: Characters of a text at most.
LARGEST: Final = 64 << 20
_ODD: Final = (
    "this is no schema that this version of acra-explain has saved for this --dialect; save it "
    "anew by --save_schema"
)
_PLAIN: Final = (str, int, bool, NoneType)


class OddRecords(ValueError):
    """A text is no saved schema; ``str()`` says so to its reader."""

    def __init__(self, text: str = _ODD) -> None:
        super().__init__(text)


def text_of(form: str, fields: Mapping[str, Any]) -> str:
    """Return the text of a schema's fields in a format of a name."""
    return json.dumps({"format": form, **dict(_dumped_fields(fields))}, indent=1) + "\n"


def fields_of(text: str, form: str, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a text, by the type of each.  Raises OddRecords."""
    if len(text) > LARGEST:
        raise OddRecords("the saved schema is too long")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise OddRecords from None
    if not isinstance(found, dict) or set(found) != {"format", *kinds} or found["format"] != form:
        raise OddRecords
    return {name: _loaded(kind, found[name]) for name, kind in kinds.items()}


def _dumped_fields(fields: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    return [(name, _dumped(value)) for name, value in fields.items()]


def _dumped(value: Any) -> Any:
    """A value of a field as JSON has it: a mapping becomes a list of pairs."""
    if isinstance(value, Mapping):
        return [[key, _dumped(one)] for key, one in value.items()]
    if hasattr(value, "_asdict"):
        return dict(_dumped_fields(value._asdict()))
    if isinstance(value, _PLAIN):
        return value
    return [_dumped(one) for one in value]


def _loaded(kind: Any, value: Any) -> Any:
    """The value of a field by its type.  Raises OddRecords."""
    if kind in _PLAIN:
        if type(value) is not kind:
            raise OddRecords
        return value
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        # A plain type, or None.
        return None if value is None and NoneType in arguments else _loaded(arguments[0], value)
    if origin is Sequence:
        return tuple(_loaded(arguments[0], one) for one in _list(value))
    if origin is tuple:
        found = _list(value)
        if len(found) != len(arguments):
            raise OddRecords
        return tuple(map(_loaded, arguments, found))
    if origin is Mapping:
        pair = tuple[arguments]  # type: ignore[valid-type]  # made of values
        return MappingProxyType(dict(_loaded(pair, one) for one in _list(value)))
    hints = get_type_hints(kind)
    if not isinstance(value, dict) or set(value) != set(hints):
        raise OddRecords
    return kind(**{name: _loaded(hint, value[name]) for name, hint in hints.items()})


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise OddRecords
    return value
