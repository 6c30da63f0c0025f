"""Backend messages that the proxy reads or writes: bodies to values and back.

Decoders take the body without type and length and raise WireError on anything irregular.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.errors import WireError
from acra_twisted.results import Columns
from acra_twisted.wire.postgres.frames import end_of_string, message

_SHORT: Final = struct.Struct(">H")
_FIELD: Final = struct.Struct(">IhIhih")

AUTH_OK: Final = 0
AUTH_CLEARTEXT: Final = 3
AUTH_MD5: Final = 5
AUTH_GSS: Final = 7
AUTH_SSPI: Final = 9
AUTH_SASL: Final = 10
AUTH_SASL_CONTINUE: Final = 11
AUTH_SASL_FINAL: Final = 12
#: PostgreSQL has 18 fields in an error.
_FIELDS_MAX: Final = 64
#: Of a count of rows.
_DIGITS_MAX: Final = 15
CLOSE_COMPLETE: Final = message(b"3", b"")
SCRAM_PLUS: Final = b"SCRAM-SHA-256-PLUS"


class BackendKey(NamedTuple):
    """The key that a cancel request must show: 4 bytes in protocol 3.0, up to 256 in 3.2."""

    process_id: int
    key: bytes


def encode_error(
    severity: bytes, sqlstate: bytes, text: str, hint: str = "", routine: str = ""
) -> bytes:
    """An ErrorResponse with severity (both forms), SQLSTATE, message, perhaps a hint, and perhaps
    the function of the database that it is from."""
    return message(b"E", _fields(severity, sqlstate, text, hint, routine))


def encode_notice(text: str) -> bytes:
    """A NoticeResponse of the lowest class that clients show."""
    return message(b"N", _fields(b"NOTICE", b"00000", text, ""))


def with_hint(body: bytes, hint: str) -> bytes:
    """An ErrorResponse like the one with this body, and a hint more.  Raises WireError."""
    fields = decode_error(body)
    before = fields.get("H", b"")
    fields["H"] = (before + b"; " if before else b"") + hint.encode("utf-8")
    shown = (b"%b%b\0" % (key.encode("latin-1"), value) for key, value in fields.items())
    return message(b"E", b"".join(shown) + b"\0")


def _fields(severity: bytes, sqlstate: bytes, text: str, hint: str, routine: str = "") -> bytes:
    shown = text.encode("utf-8", "replace").replace(b"\0", b"?")
    more = b"H%b\0" % hint.encode("utf-8") if hint else b""
    if routine:
        more += b"R%b\0" % routine.encode("ascii")
    return b"S%b\0V%b\0C%b\0M%b\0%b\0" % (severity, severity, sqlstate, shown, more)


def encode_ready(status: bytes) -> bytes:
    """A ReadyForQuery: ``I`` idle, ``T`` in a transaction, ``E`` in a failed one."""
    return message(b"Z", status)


def decode_ready(body: bytes) -> bytes:
    """The transaction status."""
    if body not in (b"I", b"T", b"E"):
        raise WireError("database", "ReadyForQuery has no transaction status")
    return body


def decode_error(body: bytes) -> dict[str, bytes]:
    """Fields of an ErrorResponse or NoticeResponse by their letter.

    Unknown fields are kept and missing ones are missing (FR-8), and so are those behind the first
    64; only a message without terminator is refused.
    """
    if not body.endswith(b"\0"):
        raise WireError("database", "ErrorResponse has no terminator")
    fields = body[:-1].split(b"\0", _FIELDS_MAX)[:_FIELDS_MAX]
    return {chr(part[0]): part[1:] for part in fields if part}


def decode_command_tag(body: bytes) -> bytes:
    """The tag of a CommandComplete, such as ``INSERT 0 1``."""
    if not body.endswith(b"\0"):
        raise WireError("database", "CommandComplete has no terminator")
    return body[:-1]


def affected_rows(tag: bytes) -> int:
    """The count at the end of a command tag; -1 where the command has none, or no possible one."""
    last = tag.rpartition(b" ")[2]
    return int(last) if last.isdigit() and len(last) <= _DIGITS_MAX else -1


def encode_parameter_status(name: bytes, value: bytes) -> bytes:
    """Encode ParameterStatus."""
    return message(b"S", name + b"\0" + value + b"\0")


def decode_parameter_status(body: bytes) -> tuple[bytes, bytes]:
    """Name and value of a ParameterStatus."""
    parts = body.split(b"\0", 3)
    if len(parts) != 3 or parts[2]:
        raise WireError("database", "ParameterStatus is not a name and a value")
    return parts[0], parts[1]


def decode_backend_key(body: bytes) -> BackendKey:
    """Read a BackendKeyData."""
    if not 8 <= len(body) <= 260:
        raise WireError("database", "BackendKeyData has an impossible length")
    return BackendKey(int.from_bytes(body[:4], "big"), body[4:])


def authentication_kind(body: bytes) -> int:
    """Return the kind of an Authentication message."""
    if len(body) < 4:
        raise WireError("database", "Authentication message is too short")
    return int.from_bytes(body[:4], "big")


def sasl_mechanisms(body: bytes) -> list[bytes]:
    """The mechanisms an AuthenticationSASL offers, in its order."""
    names = body[4:].split(b"\0")
    if len(names) < 2 or names[-2:] != [b"", b""]:
        raise WireError("database", "AuthenticationSASL has no terminator")
    return names[:-2]


def encode_sasl(mechanisms: list[bytes]) -> bytes:
    """An AuthenticationSASL."""
    names = b"".join(name + b"\0" for name in mechanisms)
    return encode_authentication(AUTH_SASL, names + b"\0")


def encode_authentication(kind: int, data: bytes = b"") -> bytes:
    """An Authentication message of a kind."""
    return message(b"R", kind.to_bytes(4, "big") + data)


def decode_parameter_description(body: bytes) -> list[int]:
    """The OIDs of a statement's parameter types."""
    if len(body) < 2 or len(body) != 2 + 4 * _SHORT.unpack_from(body)[0]:
        raise WireError("database", "ParameterDescription has another number of types")
    return list(struct.unpack_from(f">{(len(body) - 2) // 4}I", body, 2))


def encode_parameter_description(types: Sequence[int]) -> bytes:
    """A ParameterDescription message.  Raises struct.error rather than wrap a number."""
    return message(b"t", struct.pack(f">H{len(types)}I", len(types), *types))


def decode_row_description(body: bytes) -> Columns:
    """Read a RowDescription."""
    if len(body) < 2:
        raise WireError("database", "RowDescription is too short")
    (count,) = _SHORT.unpack_from(body)
    names: list[bytes] = []
    tables: list[int] = []
    attributes: list[int] = []
    types: list[int] = []
    sizes: list[int] = []
    modifiers: list[int] = []
    formats: list[int] = []
    at = 2
    for _ in range(count):
        end = end_of_string(body, at)
        if end < 0 or end + 1 + _FIELD.size > len(body):
            raise WireError("database", "RowDescription ends inside a column")
        table, attribute, kind, size, modifier, code = _FIELD.unpack_from(body, end + 1)
        names.append(body[at:end])
        tables.append(table)
        attributes.append(attribute)
        types.append(kind)
        sizes.append(size)
        modifiers.append(modifier)
        formats.append(code)
        at = end + 1 + _FIELD.size
    if at != len(body):
        raise WireError("database", "RowDescription has bytes after its last column")
    return Columns(names, tables, types, formats, "", attributes, sizes, modifiers)


def encode_row_description(columns: Columns) -> bytes:
    """A RowDescription message.  Raises struct.error rather than wrap a number."""
    parts = [_SHORT.pack(len(columns))]
    for index, name in enumerate(columns.names):
        field = _FIELD.pack(
            columns.tables[index],
            columns.attributes[index],
            columns.types[index],
            columns.sizes[index],
            columns.modifiers[index],
            columns.formats[index],
        )
        parts += (name, b"\0", field)
    return message(b"T", b"".join(parts))
