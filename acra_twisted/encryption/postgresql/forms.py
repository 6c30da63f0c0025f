"""Values as they are sent: what a column stores, and the array of forms in place of a value that is
compared, in one of which it is stored.

A form is a search prefix, as bytes, or a token: characters, the decimal text of a number, or bytes.
"""

from __future__ import annotations

import struct
from binascii import hexlify
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from acra_twisted.encryption.postgresql import arrays, types
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.fast.compiled import COMPILED

if COMPILED:
    from acra_twisted.fast._words import hex_literal  # type: ignore[import-not-found]  # in C

_hex_literal: Final[Any] = hex_literal if COMPILED else None
_TOKENS: Final[Mapping[str, int]] = {
    "int32": types.INT4,
    "int64": types.INT8,
    "bytes": types.BYTEA,
    "str": types.TEXT,
    "email": types.TEXT,
}
_PACKED: Final = {types.INT4: struct.Struct(">i"), types.INT8: struct.Struct(">q")}


def spread(
    values: Sequence[bytes | None], forms: Callable[[bytes], Sequence[bytes]], width: int
) -> list[bytes | None]:
    """Return the forms of values, None for those of NULL.

    ``forms`` gives those of a value.  Each value has ``width`` of them, for arrays of a statement
    are put into one: if it has fewer, the last is repeated.
    """
    found: list[bytes | None] = []
    for value in values:
        own: Sequence[bytes | None] = [None] if value is None else forms(value)
        found += own[:width]
        if len(own) < width:
            found += [own[-1]] * (width - len(own))
    return found


def element_type(setting: ColumnSetting) -> int:
    """Return the OID of the type of a column's forms."""
    return _TOKENS[setting.token_type] if setting.kind == TOKENIZED else types.BYTEA


def stored_literal(setting: ColumnSetting, stored: bytes) -> bytes:
    """Return what a column stores, ciphertext or a token, as a literal of SQL without its type.

    It says the same whatever ``standard_conforming_strings`` is.
    """
    if element_type(setting) == types.BYTEA:
        return bytes_literal(stored)
    return b" E'%b'" % _escaped(stored)


def bytes_literal(data: bytes) -> bytes:
    """Return bytes as a literal of SQL, by their hexadecimal digits.  Where compiled, a module in C
    does it, in a quarter of the time."""
    if COMPILED:
        literal: bytes = _hex_literal(data)
        return literal
    return bytes_literal_by_python(data)


def bytes_literal_by_python(data: bytes) -> bytes:
    """See `bytes_literal`."""
    # A word may stand right before it, which the E would belong to.
    return b"".join((b" E'\\\\x", hexlify(data), b"'"))


def stored_binary(setting: ColumnSetting, stored: bytes) -> bytes:
    """Return what a column stores as a parameter in binary format."""
    packed = _PACKED.get(element_type(setting))
    return stored if packed is None else packed.pack(int(stored))


def array_literal(setting: ColumnSetting, forms: Sequence[bytes | None]) -> bytes:
    """Return an array of forms as a literal of SQL, without its type.

    It says the same whatever ``standard_conforming_strings`` is.
    """
    if element_type(setting) == types.BYTEA:
        # Each backslash is escaped for the array, and both again for the literal.
        if len(forms) == 1:
            alone = forms[0]
            if alone:
                return b"".join((b" E'{\"\\\\\\\\x", hexlify(alone), b"\"}'"))
        elements = [
            b"NULL" if one is None else b'"\\\\\\\\x%b"' % hexlify(one) if one else b'""'
            for one in forms
        ]
        return b" E'{%b}'" % b",".join(elements)
    # A word may stand right before it, which the E would belong to.
    return b" E'%b'" % _escaped(arrays.to_array_text(forms))


def array_binary(setting: ColumnSetting, forms: Sequence[bytes | None]) -> bytes:
    """Return an array of forms as a parameter in binary format."""
    element = element_type(setting)
    packed = _PACKED.get(element)
    if packed is not None:
        # The empty value of a number is no number, and equal to none.
        forms = [packed.pack(int(one)) if one else None for one in forms]
    return arrays.to_array(forms, element)


def _escaped(text: bytes) -> bytes:
    """The text of a string, between ``E'`` and ``'``."""
    return text.replace(b"'", b"''").replace(b"\\", b"\\\\")
