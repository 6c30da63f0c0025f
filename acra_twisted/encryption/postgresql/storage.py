"""The types that can store what a protected column holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from acra_twisted.encryption.postgresql.types import BPCHAR, BYTEA, INT4, INT8, TEXT, VARCHAR
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting

#: Types that hold the text of bytes, twice as long.
TEXTS: Final = frozenset((TEXT, BPCHAR, VARCHAR))
#: Names as the grammar gives them.
_NAMES: Final[Mapping[int, Sequence[str]]] = {
    BYTEA: ("bytea",),
    INT4: ("int4",),
    INT8: ("int8",),
    TEXT: ("text",),
    VARCHAR: ("varchar",),
}
#: Types for tokens of each kind; the first is the one to recommend.
_TOKENS: Final[Mapping[str, Sequence[int]]] = {
    "int32": (INT4, INT8),
    "int64": (INT8,),
    "str": (TEXT, VARCHAR),
    "email": (TEXT, VARCHAR),
    "bytes": (BYTEA,),
}


def storage_types(setting: ColumnSetting) -> Sequence[int]:
    """The types of a database's column that can hold what a protected one stores; the first is the
    one to recommend."""
    return _TOKENS.get(setting.token_type, (BYTEA,)) if setting.kind == TOKENIZED else (BYTEA,)


def is_comparable(setting: ColumnSetting, kind: int) -> bool:
    """Tell whether equal values of a column are equal as a database's column of a type has them:
    characters of a token are the same in each type of characters."""
    fitting = storage_types(setting)
    return kind in fitting or (TEXT in fitting and kind in TEXTS)


def storage_type(setting: ColumnSetting) -> str:
    """The name of the type to recommend."""
    return _NAMES[storage_types(setting)[0]][0]


def is_storable(setting: ColumnSetting, name: str) -> bool:
    """Tell whether a column of a type can hold it, by the type's name in pg_catalog."""
    return any(name in _NAMES[kind] for kind in storage_types(setting))
