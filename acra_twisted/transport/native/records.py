"""Records of TLS on a socket that OpenSSL reads and writes itself.

pyOpenSSL's ``recv`` and ``send`` take three times as long as OpenSSL does: a new buffer for each
read, a look at every kind of error after each call that had none.  Here OpenSSL's own functions are
called: by cffi, or where compiled by a module in C, which leaves out what cffi does around a call
that never waits.
"""

from __future__ import annotations

import errno
from typing import Any, Final, NoReturn, Protocol

from OpenSSL import SSL
from OpenSSL._util import ffi, lib

from acra_twisted.fast.compiled import COMPILED

if COMPILED:
    from acra_twisted.fast._records import Records as InC  # type: ignore[import-not-found]  # in C

#: The plaintext of a record is no longer than this: one read, one record.
RECORD: Final = 16 * 1024
#: Full records read before somebody else has a turn.
RECORDS: Final = 4

_ssl_read: Final = lib.SSL_read
_ssl_write: Final = lib.SSL_write
#: Where records are read to.  One for all: only the reactor's thread reads, and copies at once.
_PLAIN: Final = ffi.new("char[]", RECORDS * RECORD)


class Records(Protocol):
    """Reads and writes the records of one connection, after its handshake."""

    def read(self) -> bytes:
        """Return the plaintext of one record, or of several if they are full: then there is
        probably another.  Raises SSL.Error, also if there is no record, OSError behind `forget`."""

    def send(self, data: Any, /) -> int:
        """The number of bytes that the socket takes.  Raises BlockingIOError if that is none,
        OSError if the connection is broken, or behind `forget`."""

    def forget(self) -> None:
        """Let the connection go."""


class Failures:
    """Tells what the failed calls of one connection mean."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def failed(self, result: int, error: int) -> NoReturn:
        """Raises the SSL.Error of a call that did nothing; ``error`` is the system's number."""
        # pyOpenSSL looks there.
        ffi.errno = error
        self._connection._raise_ssl_error(self._connection._ssl, result)
        raise SSL.Error("OpenSSL did nothing and says nothing of it")

    def read_failed(self, result: int, whole: int, error: int) -> None:
        """Raises the SSL.Error of a read, unless ``whole`` bytes were read before it."""
        try:
            self.failed(result, error)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            # It will be found again, when what was read is dealt with.
            if not whole:
                raise

    def send_failed(self, result: int, sent: int, error: int) -> None:
        """Raises as `Records.send` does; not if the socket is full and was ``sent`` something."""
        try:
            self.failed(result, error)
        except (SSL.WantWriteError, SSL.WantReadError):
            if not sent:
                raise BlockingIOError from None
        except SSL.Error as why:
            raise OSError(str(why)) from None


class ByCffi:
    """Records by OpenSSL's functions as cffi has them."""

    def __init__(self, connection: Any) -> None:
        self._ssl = connection._ssl
        self._failures = Failures(connection)

    def read(self) -> bytes:
        """See Records."""
        # OpenSSL may call Python, which may let the connection go.
        ssl, failures = self._handle(), self._failures
        whole, size = 0, RECORD
        while size == RECORD and whole < RECORDS * RECORD:
            size = _ssl_read(ssl, _PLAIN + whole, RECORD)
            if size <= 0:
                failures.read_failed(size, whole, ffi.errno)
                break
            whole += size
        data: bytes = ffi.unpack(_PLAIN, whole)
        return data

    def send(self, data: Any, /) -> int:
        """See Records."""
        size = len(data)
        # cffi takes bytes as they are, and nearly all of them are sent at once.
        sent = self._write(data, size, 0) if type(data) is bytes and size else 0
        if sent < size:
            with ffi.from_buffer(data) as plain:
                taken = size
                while taken and sent < size:
                    taken = self._write(plain + sent, size - sent, sent)
                    sent += taken
        return sent

    def _write(self, plain: Any, size: int, sent: int) -> int:
        """The bytes that are taken; none if the socket is full behind what was ``sent`` before."""
        ssl, failures = self._handle(), self._failures
        taken: int = _ssl_write(ssl, plain, size)
        if taken > 0:
            return taken
        failures.send_failed(taken, sent, ffi.errno)
        return 0

    def _handle(self) -> Any:
        if self._ssl is None:
            raise OSError(errno.EBADF, "the connection is closed")
        return self._ssl

    def forget(self) -> None:
        """See Records."""
        self._ssl = None
        self._failures = Failures(None)


def _addresses() -> tuple[int, int] | None:
    """Addresses of SSL_read and SSL_write; None if nothing is compiled or nobody tells them."""
    if not COMPILED:
        return None
    try:
        from cryptography.hazmat.bindings._rust import _openssl

        whole: Any = _openssl
        found = [ffi.addressof(whole.lib, name) for name in ("SSL_read", "SSL_write")]
    except (ImportError, AttributeError, TypeError):
        return None
    read, write = (int(ffi.cast("uintptr_t", each)) for each in found)
    return read, write


_ADDRESSES: Final = _addresses()


def records(connection: Any) -> Records:
    """Records of an OpenSSL connection that is bound to a socket which does not wait."""
    if _ADDRESSES is None:
        return ByCffi(connection)
    failures = Failures(connection)
    handle = int(ffi.cast("uintptr_t", connection._ssl))
    found: Records = InC(handle, *_ADDRESSES, failures.read_failed, failures.send_failed)
    return found


def has_spoken(connection: Any) -> bool:
    """Return True if there is something to read.  Raises SSL.Error if there never will be."""
    heard = int(lib.SSL_peek(connection._ssl, _PLAIN, 1))
    if heard <= 0:
        try:
            Failures(connection).failed(heard, ffi.errno)
        except SSL.WantReadError:
            return False
    return True
