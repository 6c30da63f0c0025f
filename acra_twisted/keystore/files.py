"""Secret files: read only if nobody else can, written so that a crash leaves old or new.

Every refusal names the file and the command that mends it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from acra_twisted.errors import KeyStoreError
from acra_twisted.lines import write_whole

#: No key file is longer; a limit before anything is read.
_LIMIT = 64 * 1024
_LINK = "is a symbolic link; put the file itself there"
#: Files that a message names.
_SHOWN = 3
_CONTAINER_HINT = (
    " (in a container: set owner and mode of the mounted folder, fsGroup and defaultMode 0400 "
    "in Kubernetes)"
)


def check_private(path: str, state: os.stat_result, what: str) -> None:
    """Raises KeyStoreError if a secret file is not only ours."""
    mode = stat.S_IMODE(state.st_mode)
    if mode & 0o177:
        raise KeyStoreError(
            f"{what} {path} has mode {mode:04o}, others could read it; run: chmod 600 "
            f"{quote(path)}"
            f"{_CONTAINER_HINT}"
        )
    if state.st_uid not in (0, os.geteuid()):
        raise KeyStoreError(
            f"{what} {path} belongs to another user; run: chown {os.geteuid()} {quote(path)}"
        )


def check_folder(path: str) -> None:
    """Raises KeyStoreError if a folder of keys is not ours alone, all the way up."""
    try:
        state = os.lstat(path)
    except OSError as error:
        raise KeyStoreError(
            f"keys_dir: cannot open {path}: {error.strerror}; acra-keymaker makes one"
        ) from None
    if stat.S_ISLNK(state.st_mode):
        raise KeyStoreError(f"keys_dir: {path} is a symbolic link; name the folder itself")
    if not stat.S_ISDIR(state.st_mode):
        raise KeyStoreError(f"keys_dir: {path} is no folder")
    mode = stat.S_IMODE(state.st_mode)
    if mode & 0o077:
        raise KeyStoreError(
            f"keys_dir: keystore folder {path} has mode {mode:04o}, it must be 0700; "
            f"run: chmod 700 {quote(path)}{_CONTAINER_HINT}"
        )
    if state.st_uid not in (0, os.geteuid()):
        raise KeyStoreError(
            f"keys_dir: {path} belongs to another user; run: chown -R {os.geteuid()} {quote(path)}"
        )
    for parent in Path(path).absolute().parents:
        mode = os.stat(parent).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise KeyStoreError(
                f"keys_dir: everyone can write to {parent}, above {path}; run: chmod o-w "
                f"{quote(str(parent))}"
            )


def check_secrets(folder: str, paths: Sequence[str]) -> None:
    """Raises KeyStoreError if others can read one of the secret files of a folder: with one
    command for all of them, where there are several."""
    wrong: list[str] = []
    first: KeyStoreError | None = None
    for path in paths:
        try:
            state = os.lstat(path)
            if stat.S_ISLNK(state.st_mode):
                raise KeyStoreError(f"keys_dir: {path} {_LINK}")
            check_private(path, state, "keys_dir:")
        except KeyStoreError as error:
            wrong.append(path)
            first = first or error
        except OSError:
            continue  # whoever reads it says why it cannot be
    if first is None or len(wrong) == 1:
        if first is not None:
            raise first
        return
    shown = ", ".join(os.path.basename(path) for path in wrong[:_SHOWN])
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    raise KeyStoreError(
        f"keys_dir: {len(wrong)} key files in {folder} are not this user's alone ({shown}{more}); "
        f"run: find {quote(folder)} -type f ! -name '*.pub' -exec chown {os.geteuid()} {{}} + "
        f"-exec chmod 600 {{}} +{_CONTAINER_HINT}"
    )


def read_secret(path: str, what: str, limit: int = _LIMIT) -> bytes:
    """A file that only we can read.  Raises KeyStoreError; FileNotFoundError if there is none."""
    return _read(path, what, True, limit)


def read_public(path: str, what: str) -> bytes:
    """A file that others may read.  Raises KeyStoreError; FileNotFoundError if there is none."""
    return _read(path, what, False, _LIMIT)


def _read(path: str, what: str, secret: bool, limit: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        why = error.strerror
        if error.errno == errno.ELOOP:
            why = f"it {_LINK}"
        raise KeyStoreError(f"{what}: cannot read {path}: {why}") from None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise KeyStoreError(f"{what}: {path} is no regular file")
        if secret:
            check_private(path, state, what)
        if state.st_size > limit:
            raise KeyStoreError(f"{what}: {path} is too long; the limit is {limit} bytes")
        return os.read(descriptor, limit)
    finally:
        os.close(descriptor)


def write(path: str, content: bytes | bytearray, mode: int = 0o600) -> None:
    """Put a file in place as a whole: a temporary one, synced, renamed.  Raises OSError."""
    try:
        _replace(path, f"{path}.{os.getpid()}.new", content, mode)
    except OSError as error:
        # A full disk has no name, and the temporary file is nobody's.
        error.filename, error.filename2 = path, None
        raise


def _replace(path: str, temporary: str, content: bytes | bytearray, mode: int) -> None:
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        try:
            write_whole(descriptor, content)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_folder(os.path.dirname(path) or ".")


def sync_folder(folder: str) -> None:
    """Make renames in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
