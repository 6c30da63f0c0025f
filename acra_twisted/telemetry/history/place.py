"""The file of a history: whose it is, and what becomes of one that is damaged.

A second file beside it, with ``.lock`` behind the name, is locked as long as the process lives: the
system ends the lock with it.  It is never removed, for a process that has opened it already would
hold another lock than one that comes later.  Once the file has been found to be a history, or was
made, the lock's is not empty any more: that tells that a damaged file was one.
"""

from __future__ import annotations

import fcntl
import glob
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.keystore.files import check_private
from acra_twisted.telemetry.history.schema import APPLICATION

OPTION: Final = "trace_store_file"
_MAGIC: Final = b"SQLite format 3\0"
#: Where a file of SQLite has its application's number.
_APPLICATION_AT: Final = 68
_HEAD: Final = 100
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Place:
    """A history's path, and the lock that this process holds from here to `release`.

    Raises ConfigError if another process has it, if it cannot be made, or if it is something else
    than a history.  A process may fork before it uses the file.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        lock = f"{self.path}.lock"
        try:
            self._lock = os.open(lock, _FLAGS, 0o600)
        except OSError as error:
            raise _cannot("make", lock, error) from None
        try:
            self._take(lock)
            self._make()
            self._mark(lock)
        except BaseException:
            self.release()
            raise

    def _take(self, lock: str) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"{OPTION}: another process has {self.path}; each daemon needs a file of its own"
            ) from None
        except OSError as error:
            raise _cannot("lock", lock, error) from None

    def _mark(self, lock: str) -> None:
        """Note that the file is a history."""
        try:
            # It needs no room on the disk.
            os.ftruncate(self._lock, 1)
        except OSError as error:
            raise _cannot("mark", lock, error) from None

    def _make(self) -> None:
        """Make the file if there is none, and look at it if there is."""
        try:
            known = os.fstat(self._lock).st_size > 0
            try:
                os.close(os.open(self.path, _FLAGS | os.O_EXCL, 0o600))
            except FileExistsError:
                pass
            state = self._state = os.lstat(self.path)
            if not stat.S_ISREG(state.st_mode):
                raise ConfigError(f"{OPTION}: {self.path} is no regular file")
            check_private(self.path, state, OPTION)
            if not known and not _is_ours(self.path):
                raise ConfigError(f"{OPTION}: {self.path} is something else than a history")
        except OSError as error:
            raise _cannot("open", self.path, error) from None
        except KeyStoreError as error:
            raise ConfigError(str(error)) from None

    def is_same(self) -> bool:
        """Return True if the path leads to the file that was opened last."""
        try:
            return os.path.samestat(self._state, os.lstat(self.path))
        except OSError:
            return False

    def adopt(self) -> None:
        """Take the file that is there now, or make one.  Raises OSError."""
        os.close(os.open(self.path, _FLAGS, 0o600))
        self._state = os.lstat(self.path)

    def set_aside(self, now: float) -> str:
        """Rename the file, and the log of its changes, by the time (seconds since the epoch); an
        empty one takes its place.  Return the new name.  The one that was set aside before is
        removed: there is one at most.  Raises OSError."""
        aside = f"{self.path}.damaged-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
        for old in glob.glob(f"{glob.escape(self.path)}.damaged-*"):
            os.unlink(old)
        for end, act in (
            ("-shm", lambda path: os.unlink(path)),
            ("-wal", lambda path: os.rename(path, f"{aside}-wal")),
            ("", lambda path: os.rename(path, aside)),
        ):
            _if_there(act, f"{self.path}{end}")
        self.adopt()
        return aside

    def release(self) -> None:
        """Let others have it."""
        os.close(self._lock)


def _if_there(act: Callable[[str], None], path: str) -> None:
    try:
        act(path)
    except FileNotFoundError:
        pass


def _is_ours(path: str) -> bool:
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    number = head[_APPLICATION_AT : _APPLICATION_AT + 4]
    ours = APPLICATION.to_bytes(4, "big")
    return not head or (head.startswith(_MAGIC) and number == ours)


def _cannot(what: str, path: str, error: OSError) -> ConfigError:
    return ConfigError(f"{OPTION}: cannot {what} {path}: {error.strerror}")
