"""The rows that a client copies into a table with protected columns.

The work has three steps, so that values can be sealed or tokenised in between, in a worker or by
whoever keeps the tokens: data to rows, rows to plaintexts, and stored values to rows.  Each step is
a function of bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption import errors, refusals
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.loading import LoadedRows, Row, Secret
from acra_twisted.encryption.plan import Copied
from acra_twisted.encryption.postgresql.encodings import UTF8, to_utf8
from acra_twisted.encryption.postgresql.plaintexts import (
    BINARY_FORMAT,
    TEXT_FORMAT,
    Way,
    from_parameter,
    to_cell,
)
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.wire.framing import Fed
from acra_twisted.wire.postgres.copyformat import (
    BINARY,
    WRONG_COUNT,
    CopyDataError,
    CopyFormat,
    copy_format,
)
from acra_twisted.wire.postgres.copyrows import rows_of

#: The SQLSTATE of data that is not in its format.
_BAD_FORMAT: Final = b"22P04"


def format_of(copied: Copied, encoding: str = UTF8) -> CopyFormat:
    """The format of the rows of a COPY in a session with this ``client_encoding``.  Raises
    ValueRefusedError for options that cannot be followed."""
    try:
        return copy_format(copied.options, copied.names, encoding)
    except CopyDataError as error:
        raise ValueRefusedError(errors.NOT_SUPPORTED, refusals.COPY_OPTIONS, str(error)) from None


class CopiedRows(LoadedRows):
    """Takes the rows of one COPY FROM STDIN apart and puts them together again.

    ``encoding`` is the session's ``client_encoding``; ``limit`` the bytes of the longest row.
    ``settings`` are those of the protected columns.  Raises ValueRefusedError: see `format_of`.
    """

    def __init__(self, copied: Copied, limit: int, encoding: str = UTF8) -> None:
        super().__init__(copied.columns)
        form = format_of(copied, encoding)
        self._count = len(copied.columns)
        self._rows = rows_of(form, limit, self._count)
        self._chosen = [
            (place, setting, Way(setting.data_type))
            for place, setting in enumerate(copied.columns)
            if setting is not None
        ]
        self._form = BINARY_FORMAT if form.kind == BINARY else TEXT_FORMAT
        self._encoding = encoding

    def feed(self, data: bytes) -> Fed:
        """The rows that are complete with a piece of the data.  Raises ValueRefusedError."""
        try:
            return self._rows.feed(data)
        except CopyDataError as error:
            raise _malformed(error) from None

    def finish(self) -> Fed:
        """The rest, at the end of the data.  Raises ValueRefusedError."""
        try:
            return self._rows.finish()
        except CopyDataError as error:
            raise _malformed(error) from None

    def read(self, data: bytes) -> Row:
        """Take a row apart.  Raises ValueRefusedError for a value that its column does not take,
        and for a row with another number of values than the statement has columns: the database
        would refuse it, too, but write it to its log."""
        rows, secrets = self._rows, []
        try:
            values = rows.split(data)
            if len(values) != self._count:
                raise CopyDataError(WRONG_COUNT)
            for place, setting, way in self._chosen:
                if rows.is_default(values[place]):
                    continue
                plaintext = self._plaintext(values[place], place, setting, way)
                if plaintext is not None:
                    secrets.append(Secret(place, setting, plaintext))
        except CopyDataError as error:
            raise _malformed(error) from None
        return Row(data, values, secrets)

    def _plaintext(
        self, written: bytes, place: int, setting: ColumnSetting, way: Way
    ) -> bytes | None:
        encoding = self._encoding
        try:
            if self._form == TEXT_FORMAT:
                # Bytes in escapes are the server's own, whatever the client's encoding is.
                written, encoding = to_utf8(written, encoding), UTF8
            value = self._rows.decode(written, place)
            return None if value is None else from_parameter(value, 0, self._form, way, encoding)
        except ValueRefusedError as error:
            text = f"column {setting.label} is protected by AcraServer: {error}"
            raise ValueRefusedError(error.sqlstate, error.reason, text, setting.label) from None

    def write(self, row: Row, stored: Sequence[bytes]) -> bytes:
        """The row with what is stored of its secrets: tokens in their canonical form, anything else
        as bytes for a ``bytea``."""
        rows, values = self._rows, row.values
        for secret, one in zip(row.secrets, stored, strict=True):
            kind = "bytes"
            if secret.setting.kind == TOKENIZED:
                kind = secret.setting.data_type
            written = to_cell(kind, one, self._form, self._encoding)
            values[secret.place] = rows.encode(written, secret.place)
        return rows.join(row.data, values)


def _malformed(error: CopyDataError) -> ValueRefusedError:
    return ValueRefusedError(_BAD_FORMAT, errors.LOADED, str(error))
