"""The errors of protected values."""

from __future__ import annotations

from typing import Final

from acra_twisted.errors import AcraError

# Reasons of a refusal: labels of a metric.
#: The value is not one of its type.
INVALID: Final = "value_invalid"
OUT_OF_RANGE: Final = "value_out_of_range"
NOT_BYTES: Final = "value_not_bytea"
#: Values of that type do not belong in the column.
WRONG_TYPE: Final = "parameter_type"
#: The characters are not of the client's encoding, or have no place in it.
ENCODING: Final = "encoding"
#: The value is what a reader without the key sees.
MASK: Final = "mask_written_back"
#: A client that may not read every column writes a container that its keys open.
READY: Final = "ready_container"
#: A container does not open, where it has to.
CLOSED: Final = "not_opened"
#: The rows of a load cannot be read.
LOADED: Final = "copy_data"
#: No token can be made of the value, no token is left for it, or its token must not be used.
UNFIT: Final = "token_value"
EXHAUSTED: Final = "token_space"
DISABLED: Final = "token_disabled"
#: The store of tokens, or the keys of their owner, cannot be asked.
TOKENS_AWAY: Final = "token_store"
#: There is no key for it.
NO_KEY: Final = "no_key"

# SQLSTATEs, from the standard where it has one.
INVALID_TEXT: Final = b"22P02"
NUMBER_RANGE: Final = b"22003"
BAD_PARAMETER: Final = b"22023"
BAD_CHARACTER: Final = b"22021"
NO_EQUIVALENT: Final = b"22P05"
DATE_SYNTAX: Final = b"22007"
DATE_RANGE: Final = b"22008"
TYPE_MISMATCH: Final = b"42804"
DATA_ERROR: Final = b"22000"
NOT_SUPPORTED: Final = b"0A000"
BINARY_FORM: Final = b"22P03"
TOO_LONG: Final = b"22001"
FORBIDDEN: Final = b"42501"
IO_ERROR: Final = b"58030"
LIMIT: Final = b"54000"

#: The numbers of MySQL's errors for the same.
NUMBERS: Final = {
    INVALID_TEXT: 1366,
    NUMBER_RANGE: 1264,
    BAD_PARAMETER: 1366,
    BAD_CHARACTER: 1366,
    NO_EQUIVALENT: 1977,
    DATE_SYNTAX: 1292,
    DATE_RANGE: 1292,
    TYPE_MISMATCH: 1366,
    DATA_ERROR: 1366,
    NOT_SUPPORTED: 1235,
    BINARY_FORM: 1366,
    TOO_LONG: 1406,
    FORBIDDEN: 1143,
    IO_ERROR: 1105,
}
#: The number for anything else, and that by which clients prepare a statement anew.
FAILED_NUMBER: Final = 1105
OUTDATED_NUMBER: Final = 1615


class ValueRefusedError(AcraError):
    """A value cannot be stored in a protected column, searched for in it, or read from it.

    ``sqlstate`` and ``str()`` are for the client: the code is that of the database where it would
    refuse the value, too; the text has no part of the value.  Functions that do not know the column
    leave its name to their caller.  ``reason`` is one of a small fixed set, the label of a metric.
    ``column`` is the configured label of the column, "" where it is not known.
    """

    def __init__(self, sqlstate: bytes, reason: str, text: str, column: str = "") -> None:
        super().__init__(text)
        self.column = column
        self.sqlstate = sqlstate
        self.reason = reason
