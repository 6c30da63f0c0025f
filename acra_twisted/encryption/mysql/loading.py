"""The rows of a file that a client loads into a table with protected columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption import errors, refusals
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.loading import LoadedRows, Row, Secret
from acra_twisted.encryption.mysql import encodings, loads, storage
from acra_twisted.encryption.mysql.inputs import from_parameter
from acra_twisted.encryption.mysql.plaintexts import about
from acra_twisted.encryption.mysql.plan import Loaded
from acra_twisted.encryption.plan import STORE, Use
from acra_twisted.encryption.settings import NUMBER_TOKENS, TOKENIZED, ColumnSetting
from acra_twisted.wire.framing import Fed
from acra_twisted.wire.mysql import filerows, types
from acra_twisted.wire.mysql.filepatterns import InfileError
from acra_twisted.wire.mysql.infile import InfileRows

#: The character set of bytes that are those of the column, whatever characters it has.
_BYTES: Final = "binary"


def codec_of(charset: str) -> str:
    """The codec of a file's character set.  Raises ValueRefusedError for one that is not known, or
    in which a sign of a format may be a part of a character."""
    codec = encodings.codec_of(charset)
    if not codec:
        raise ValueRefusedError(
            errors.NOT_SUPPORTED,
            refusals.COPY_OPTIONS,
            "AcraServer does not read files in the character set of this one into protected "
            "columns: name another one by CHARACTER SET",
        )
    return codec


class FileRows(LoadedRows):
    """See LoadedRows; ``codec`` is that of the file, ``limit`` the bytes of the longest row."""

    def __init__(self, loaded: Loaded, codec: str, limit: int) -> None:
        super().__init__(loaded.columns)
        self._codec = codec
        self._uses = [
            (place, Use(setting, STORE, "LOAD DATA"))
            for place, setting in enumerate(loaded.columns)
            if setting is not None
        ]
        self._rooms = loaded.rooms
        count = len(loaded.columns)
        codec = "latin-1" if loaded.charset == _BYTES else codec
        self._rows = InfileRows(loaded.form, count, limit, codec)

    def feed(self, data: bytes) -> Fed:
        """See LoadedRows."""
        try:
            return self._rows.feed(data)
        except InfileError as error:
            raise _malformed(error) from None

    def finish(self) -> Fed:
        """See LoadedRows."""
        try:
            return self._rows.finish()
        except InfileError as error:
            raise _malformed(error) from None

    def read(self, data: bytes) -> Row:
        """See LoadedRows."""
        values = filerows.split(data)
        secrets: list[Secret] = []
        for place, use in self._uses:
            value = filerows.decode(values[place])
            if value is None:
                continue
            try:
                plaintext = from_parameter(use, types.VAR_STRING, value, self._codec)
            except ValueRefusedError as error:
                raise about(use.column, error) from None
            secrets.append(Secret(place, use.column, plaintext))
        return Row(data, values, secrets)

    def write(self, row: Row, stored: Sequence[bytes]) -> bytes:
        """See LoadedRows: bytes are digits, since the database reads the file in a character
        set."""
        values = row.values
        for (place, setting, _), one in zip(row.secrets, stored, strict=True):
            try:
                storage.check_room(setting, one, self._rooms[place])
            except ValueRefusedError as error:
                raise about(setting, error) from None
            values[place] = _written(setting, one)
        return filerows.join(values)


def failing(columns: Sequence[ColumnSetting | None]) -> bytes:
    """A row that makes the database fail, whatever came before it."""
    return filerows.join([filerows.NULL if one is None else loads.FAILS for one in columns])


def _written(setting: ColumnSetting, stored: bytes) -> bytes:
    if setting.kind == TOKENIZED and setting.token_type in NUMBER_TOKENS:
        return b"%d" % int(stored)
    return stored.hex().encode()


def _malformed(error: InfileError) -> ValueRefusedError:
    return ValueRefusedError(
        errors.DATA_ERROR, errors.LOADED, f"the file cannot be loaded: {error}"
    )
