"""Acra's token store in a file of BoltDB: read alone, to be imported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from acra_twisted.errors import ConfigError, TokenStoreError
from acra_twisted.interfaces import ITokenSource
from acra_twisted.tokenentry import Entry
from acra_twisted.wire.formats.boltdb import BoltFile

_BUCKET: Final = b"tokens"
_PAGE: Final = 1000
#: Bytes of a file at most.
FILE_MAX: Final = 4 << 30


@implementer(ITokenSource)
class BoltSource:
    """See ITokenSource.  The file is read once, as a whole: AcraServer must not write to it
    meanwhile.  Raises ConfigError if it cannot be read."""

    def __init__(self, path: str) -> None:
        try:
            with open(path, "rb") as file:
                data = file.read(FILE_MAX + 1)
        except OSError as error:
            raise ConfigError(f"cannot read the token store {path}: {error.strerror}") from None
        if len(data) > FILE_MAX:
            raise ConfigError(f"the token store {path} has more than {FILE_MAX >> 30} GiB")
        try:
            self._file = BoltFile(data)
        except ValueError as error:
            raise ConfigError(f"the token store {path}: {error}") from None

    def page(
        self, after: Iterator[tuple[bytes, bytes, bytes]] | None = None
    ) -> Deferred[tuple[Sequence[Entry], Iterator[tuple[bytes, bytes, bytes]] | None]]:
        """See ITokenSource."""
        records = self._file.records(_BUCKET) if after is None else after
        try:
            found = [Entry(*record) for record in islice(records, _PAGE)]
        except ValueError as error:
            return fail(TokenStoreError(f"the token store: {error}"))
        return succeed((found, records if len(found) == _PAGE else None))

    def close(self) -> Deferred[None]:
        """See ITokenSource."""
        return succeed(None)
