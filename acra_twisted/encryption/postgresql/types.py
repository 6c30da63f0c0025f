"""PostgreSQL's types, as far as values of protected columns have them.

Types of a *family* hold the same values in the same text, so that one function reads them all.
"""

from __future__ import annotations

from typing import Final, NamedTuple

BOOL, BYTEA, CHAR, NAME, INT8, INT2, INT4, TEXT, OID = 16, 17, 18, 19, 20, 21, 23, 25, 26
JSON, FLOAT4, FLOAT8, UNKNOWN, BPCHAR, VARCHAR, DATE, NUMERIC, UUID = (
    *(114, 700, 701, 705, 1042, 1043, 1082, 1700, 2950),
)
#: Types whose text is no number, though it looks like one.
BITS: Final = frozenset((1560, 1562))
#: Types from here on are the database's own: domains, enumerations, those of extensions.
OWN_TYPES: Final = 16384

# Families.
#: Text of which nobody has said the type: the column says it.
UNTYPED: Final = "untyped"
TEXTS: Final = "text"
BYTES: Final = "bytes"
INTEGERS: Final = "integer"
NUMBERS: Final = "numeric"
REALS: Final = "real"
BOOLEANS: Final = "boolean"
UUIDS: Final = "uuid"
DATES: Final = "date"

_FAMILIES: Final = {
    0: UNTYPED,
    UNKNOWN: UNTYPED,
    TEXT: TEXTS,
    VARCHAR: TEXTS,
    BPCHAR: TEXTS,
    NAME: TEXTS,
    CHAR: TEXTS,
    JSON: TEXTS,
    BYTEA: BYTES,
    INT2: INTEGERS,
    INT4: INTEGERS,
    INT8: INTEGERS,
    OID: INTEGERS,
    NUMERIC: NUMBERS,
    FLOAT4: REALS,
    FLOAT8: REALS,
    BOOL: BOOLEANS,
    UUID: UUIDS,
    DATE: DATES,
}

#: The families whose values a column of a data type takes, as the database assigns them: text goes
#: through the type's own input, where the database would ask for a cast.
_TAKES: Final = {
    "": frozenset((UNTYPED, TEXTS, BYTES)),
    "bytes": frozenset((UNTYPED, TEXTS, BYTES)),
    "str": frozenset((UNTYPED, TEXTS, INTEGERS, NUMBERS, REALS, BOOLEANS, UUIDS)),
    "int16": frozenset((UNTYPED, TEXTS, INTEGERS, NUMBERS)),
    "int32": frozenset((UNTYPED, TEXTS, INTEGERS, NUMBERS)),
    "int64": frozenset((UNTYPED, TEXTS, INTEGERS, NUMBERS)),
    "bool": frozenset((UNTYPED, TEXTS, BOOLEANS)),
    "float8": frozenset((UNTYPED, TEXTS, INTEGERS, NUMBERS, REALS)),
    "uuid": frozenset((UNTYPED, TEXTS, UUIDS)),
    "date": frozenset((UNTYPED, TEXTS, DATES)),
}

_OIDS: Final = {
    **{"text": TEXT, "varchar": VARCHAR, "character varying": VARCHAR},
    **{"bpchar": BPCHAR, "char": BPCHAR, "character": BPCHAR, '"char"': CHAR, "name": NAME},
    **{"citext": TEXT, "bytea": BYTEA, "json": JSON, "unknown": UNKNOWN},
    **{"int2": INT2, "smallint": INT2, "int4": INT4, "int": INT4, "integer": INT4},
    **{"int8": INT8, "bigint": INT8, "oid": OID, "numeric": NUMERIC, "decimal": NUMERIC},
    **{"float4": FLOAT4, "real": FLOAT4, "float8": FLOAT8, "double precision": FLOAT8},
    **{"bool": BOOL, "boolean": BOOL, "uuid": UUID, "date": DATE},
}


class Described(NamedTuple):
    """A type as the description of a result or of parameters names it."""

    oid: int
    size: int
    modifier: int = -1


_DESCRIBED: Final = {
    "": Described(BYTEA, -1),
    "bytes": Described(BYTEA, -1),
    "str": Described(TEXT, -1),
    "int16": Described(INT2, 2),
    "int32": Described(INT4, 4),
    "int64": Described(INT8, 8),
    "bool": Described(BOOL, 1),
    "float8": Described(FLOAT8, 8),
    "uuid": Described(UUID, 16),
    "date": Described(DATE, 4),
}


def described(data_type: str) -> Described:
    """The type that an application sees of a column, for its results and its parameters."""
    return _DESCRIBED[data_type]


def oid_of(name: str) -> int:
    """The type of a name, as a cast has it; -1 if values of it are not understood."""
    return _OIDS.get(name.removeprefix("pg_catalog."), -1)


def family(oid: int) -> str:
    """The family of a type; "" if its values are not understood."""
    return _FAMILIES.get(oid, "")


def accepts(data_type: str, oid: int) -> bool:
    """Return True if a column of a data type takes values of a declared type, 0 for none.

    A type of the database's own may be a domain, an enumeration or ``citext``: its text is taken
    for characters.
    """
    if oid >= OWN_TYPES:
        return data_type == "str"
    return family(oid) in _TAKES[data_type] and not (data_type == "str" and oid == FLOAT4)
