"""Values as PostgreSQL's clients write and read them: literals and parameters to their canonical
plaintext, a plaintext to a cell."""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.encryption import canonical, errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import binary, bytea, inputs, types
from acra_twisted.encryption.postgresql.encodings import UTF8, from_utf8, to_utf8
from acra_twisted.fast.finding import find
from acra_twisted.sql.lexer import ESCAPE, UNICODE
from acra_twisted.sql.literals import postgresql_value

TEXT_FORMAT: Final = 0
BINARY_FORMAT: Final = 1
#: Characters of the longest bigint.
_DIGITS: Final = 20


class Way(NamedTuple):
    """The way of a value to its column: ``data_type`` is the column's, ``cast`` the type that the
    statement casts it to before ("" for none), ``cut`` the number of characters that this leaves
    (-1: all)."""

    data_type: str
    cast: str = ""
    cut: int = -1


class Literal(NamedTuple):
    """A literal's token: its kind by `sql.lexer`, its text, if a minus sign stands before, and the
    function around it (see `encryption.plan`)."""

    kind: str
    raw: bytes
    negative: bool = False
    decoding: str = ""


def from_literal(
    literal: Literal, way: Way, encoding: str = UTF8, conforming: bool = True
) -> bytes:
    """The canonical plaintext of a literal.  Raises ValueRefusedError.

    ``encoding`` and ``conforming`` are the session's ``client_encoding`` and
    ``standard_conforming_strings``.
    """
    what, value = _value(literal, encoding, conforming)
    negative, decoding = literal.negative, literal.decoding
    if what == "string" and not negative:
        if decoding:
            return _assigned(way, types.BYTEA, bytea.decode_as(decoding, value))
        return _assigned(way, types.UNKNOWN, value)
    if what == "number" and not decoding:
        number = inputs.number(b"-" + value if negative else value)
        return _assigned(way, _type_of(number), number)
    raise _wrong_literal(what)


def characters_of(literal: Literal, encoding: str = UTF8, conforming: bool = True) -> bytes:
    """The characters of a string literal, as UTF-8.  Raises ValueRefusedError for any other."""
    what, value = _value(literal, encoding, conforming)
    if what != "string" or literal.negative or literal.decoding:
        raise _wrong_literal(what)
    return value


def _value(literal: Literal, encoding: str, conforming: bool) -> tuple[str, bytes]:
    """The sort of a literal's value, and its text."""
    kind = literal.kind
    what, value = postgresql_value(kind, to_utf8(literal.raw, encoding), conforming)
    if what == "string" and (kind in (ESCAPE, UNICODE) or not conforming):
        value = _checked(value)
    return what, value


def _wrong_literal(what: str) -> ValueRefusedError:
    return ValueRefusedError(
        errors.TYPE_MISMATCH, errors.WRONG_TYPE, f"a {what} literal does not belong there"
    )


def _type_of(number: bytes) -> int:
    """The type that a number without one has."""
    if find(number, b".") >= 0 or len(number) > _DIGITS:
        return types.NUMERIC
    return types.INT8 if -(1 << 63) <= int(number) < 1 << 63 else types.NUMERIC


def from_parameter(value: bytes, oid: int, form: int, way: Way, encoding: str = UTF8) -> bytes:
    """The canonical plaintext of a parameter's value.  Raises ValueRefusedError.

    ``oid`` is the type that the client has declared, 0 if it has none, ``form`` 0 for text and 1
    for binary.
    """
    declared = oid or _cast_of(way)
    if form == BINARY_FORMAT:
        if declared in (0, types.UNKNOWN):
            # It is what the description of the parameters has said.
            if way.data_type in canonical.BITS:
                return _assigned(way, types.INT8, binary.decode_integer(value))
            declared = types.described(way.data_type).oid
    elif declared >= types.OWN_TYPES and way.data_type == "str":
        # A domain, an enumeration, citext: its text is characters.
        declared = types.TEXT
    family = types.family(declared)
    if not family:
        raise _wrong_type(declared)
    if form == BINARY_FORMAT and family != types.TEXTS:
        read = binary.decode(declared, value)
    else:
        read = inputs.read_typed(declared, to_utf8(value, encoding))
    return _assigned(way, declared, read)


def _assigned(way: Way, oid: int, value: bytes) -> bytes:
    """A value of a type, in its canonical form, cast and then put into the column."""
    cast = _cast_of(way)
    if cast not in (0, types.UNKNOWN, oid):
        value, oid = _cast(value, oid, cast), cast
    family = types.family(oid)
    if way.cut >= 0 and family == types.TEXTS:
        value = _cut(value, way.cut)
        if oid == types.BPCHAR:
            value = value.rstrip(b" ")
    if not types.accepts(way.data_type, oid):
        raise _wrong_type(oid)
    return inputs.assign(way.data_type, family, value)


def _cast(value: bytes, oid: int, cast: int) -> bytes:
    family = types.family(oid)
    # The text of a single is not that of the double that holds it.
    if family == types.BYTES or (oid == types.FLOAT4 and types.family(cast) == types.TEXTS):
        raise _wrong_type(cast)
    if types.family(cast) == types.BYTES and family not in (types.TEXTS, types.UNTYPED):
        # Newer servers cast numbers to bytes that are not their text.
        raise _wrong_type(cast)
    if family == types.BOOLEANS:
        value = inputs.assign("str", family, value)
    return inputs.read_typed(cast, value)


def _cut(text: bytes, characters: int) -> bytes:
    if len(text) <= characters:
        return text
    return text.decode()[:characters].encode()


def _cast_of(way: Way) -> int:
    if not way.cast:
        return 0
    oid = types.oid_of(way.cast)
    if oid < 0:
        raise _wrong_type(0)
    return oid


def _wrong_type(oid: int) -> ValueRefusedError:
    of = f" {oid}" if oid else ""
    return ValueRefusedError(
        errors.TYPE_MISMATCH, errors.WRONG_TYPE, f"values of type{of} do not belong there"
    )


def _checked(value: bytes) -> bytes:
    """Characters out of escapes, of which two may be halves of one."""
    if 0 in value:
        raise ValueRefusedError(
            errors.BAD_CHARACTER, errors.ENCODING, "invalid byte sequence for encoding UTF8"
        )
    try:
        value.decode()
    except UnicodeDecodeError:
        try:
            halves = value.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")
            return halves.decode("utf-16-le").encode()
        except UnicodeDecodeError:
            return canonical.characters(value)
    return value


def to_cell(data_type: str, plaintext: bytes, form: int, encoding: str = UTF8) -> bytes:
    """The cell of a canonical plaintext, in text (0) or binary (1).  Raises ValueRefusedError if
    the client's encoding does not have its characters."""
    if data_type == "str":
        return from_utf8(plaintext, encoding)
    if form == BINARY_FORMAT:
        return binary.encode(data_type, plaintext)
    return bytea.encode(plaintext) if data_type in ("", "bytes") else plaintext
