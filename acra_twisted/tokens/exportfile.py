"""Records of tokens in a file that outlasts every store: one JSON object a line.

The records stay sealed as they were; the file is for its owner alone all the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import BinaryIO, Final

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from acra_twisted.encryption.tokenrecords import RECORD_MAX
from acra_twisted.errors import ConfigError, TokenStoreError
from acra_twisted.interfaces import ITokenSource
from acra_twisted.tokenentry import Entry

_FIRST: Final = b'{"acra-tokens": 1}\n'
_PAGE: Final = 1000
#: Bytes of a line: a record in hexadecimal, and its place.
_LINE_MAX: Final = 2 * RECORD_MAX + 1000
_BUCKET_SIZE: Final = 32
_KEY_MAX: Final = 256


class ExportWriter:
    """A new file, with mode 0600.  Raises ConfigError if it is there already, OSError with the name
    of the file."""

    def __init__(self, path: str) -> None:
        self._path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._file = os.fdopen(os.open(path, flags, 0o600), "wb")
        except FileExistsError:
            raise ConfigError(f"{path} is there already; it is not overwritten") from None
        self._file.write(_FIRST)

    def write(self, entries: Sequence[Entry]) -> None:
        """Append entries.  Raises OSError."""
        with self._naming():
            for entry in entries:
                line = {name: part.hex() for name, part in zip(Entry._fields, entry, strict=True)}
                self._file.write(json.dumps(line).encode() + b"\n")

    def close(self) -> None:
        """Have everything on the disk.  Raises OSError."""
        with self._naming(), self._file as file:
            file.flush()
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Remove the file, of which a part may be missing."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.unlink(self._path)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._path) from None


@implementer(ITokenSource)
class ExportSource:
    """See ITokenSource.  Raises ConfigError for a file that is none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._opened: list[BinaryIO] = []
        self._open().close()

    def _open(self) -> BinaryIO:
        try:
            file = open(self._path, "rb")  # noqa: SIM115 - read page by page
        except OSError as error:
            raise ConfigError(f"cannot read {self._path}: {error.strerror}") from None
        if file.readline(len(_FIRST)) != _FIRST:
            file.close()
            raise ConfigError(f"{self._path} is no export of tokens")
        return file

    def page(
        self, after: Iterator[Entry] | None = None
    ) -> Deferred[tuple[Sequence[Entry], Iterator[Entry] | None]]:
        """See ITokenSource."""
        if after is None:
            self._opened.append(self._open())
            after = _entries(self._opened[-1])
        try:
            found = list(islice(after, _PAGE))
        except ValueError:
            return fail(TokenStoreError(f"{self._path} is damaged"))
        return succeed((found, after if len(found) == _PAGE else None))

    def close(self) -> Deferred[None]:
        """See ITokenSource."""
        for file in self._opened:
            file.close()
        return succeed(None)


def _entries(file: BinaryIO) -> Iterator[Entry]:
    """Yield the entries of the lines that are left.  Raises ValueError."""
    while line := file.readline(_LINE_MAX + 1):
        if len(line) > _LINE_MAX or line[-1:] != b"\n":
            raise ValueError
        try:
            read = json.loads(line)
            entry = Entry(*(bytes.fromhex(read[name]) for name in Entry._fields))
        except (KeyError, TypeError, RecursionError):
            raise ValueError from None
        if len(entry.bucket) != _BUCKET_SIZE or not 0 < len(entry.key) <= _KEY_MAX:
            raise ValueError
        yield entry
