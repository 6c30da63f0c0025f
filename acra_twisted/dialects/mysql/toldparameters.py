"""A prepared statement's parameters as its client is told of them, where a stage has put a text
with others in the place of its own.

A server describes parameters one by one behind the statement's number, and most clients read no
more of that than how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.exchange import ToldType
from acra_twisted.fast.littleendian import uint24
from acra_twisted.wire.mysql import columndefinitions, types
from acra_twisted.wire.mysql.columndefinitions import ColumnDefinition
from acra_twisted.wire.mysql.frames import HEADER_SIZE, packets

#: Where the number of parameters stands in the reply to a preparation, and where it ends.
_AT: Final = 7
_END: Final = 9
#: A server that does not know a parameter's type describes it so.
_NAME: Final = b"?"


def with_parameters(prepared_ok: bytes, parameters: int) -> bytes:
    """The reply to a preparation with another number of parameters."""
    return prepared_ok[:_AT] + parameters.to_bytes(2, "little") + prepared_ok[_END:]


def described(
    definitions: bytes, told: Sequence[ToldType], extended: bool, number: int
) -> list[bytes]:
    """Return the packets that describe the client's parameters, from the one ``number`` on.

    ``definitions`` are the database's packets, of one part each, ``extended`` as in
    `wire.mysql.columndefinitions`.  Raises WireError for what is no definition.
    """
    came: list[bytes] = []
    position, size = 0, len(definitions)
    while position < size:
        end = position + HEADER_SIZE + uint24(definitions, position)
        came.append(definitions[position + HEADER_SIZE : end])
        position = end
    found: list[bytes] = []
    for at, one in enumerate(told):
        payload = came[one.source - 1] if 0 < one.source <= len(came) else _unknown(extended)
        if one.type:
            column = columndefinitions.decode(payload, extended)
            payload = columndefinitions.encode(column._replace(kind=one.type))
        found.append(packets(payload, (number + at) & 0xFF))
    return found


def _unknown(extended: bool) -> bytes:
    metadata = b"" if extended else None
    return columndefinitions.encode(
        ColumnDefinition(
            *(b"", b"", b"", _NAME, b"", metadata), types.BINARY, 0, types.VAR_STRING, 0, 0
        )
    )
