"""Making, rotating and destroying keys in a folder: for the tools, never for a daemon.

A file is put in place as a whole.  Before one is replaced it is linked into ``FILE.old`` under
the time, so that at every moment the current key is there, and after a crash no key is lost.
"""

from __future__ import annotations

import datetime
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from acra_twisted import purposes
from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore import files
from acra_twisted.keystore.filesystem import FilesystemKeyStore, rotated
from acra_twisted.keystore.secret import Secret, wipe
from acra_twisted.purposes import Purpose
from acra_twisted.themis import cell, keys

SYMMETRIC_SIZE = 32


def make_folder(path: str) -> None:
    """The folder with mode 0700, if there is none.  Raises KeyStoreError."""
    try:
        os.makedirs(path, 0o700, exist_ok=True)
    except OSError as error:
        raise KeyStoreError(f"cannot make the folder {path}: {error.strerror}") from None


class KeyWriter:
    """Writes into the folders of ``store``."""

    def __init__(self, store: FilesystemKeyStore) -> None:
        self.store = store
        self._fits = False

    def generate(self, purpose: Purpose, owner: str = "") -> bool:
        """A new key of a purpose; what there was is rotated.  True if there was one.

        Raises KeyStoreError.
        """
        with self._locked():
            return self._generate(purpose, owner)

    def generate_missing(self, purpose: Purpose, owner: str = "") -> bool:
        """A new key of a purpose if there is none; False if there was one, which stays.

        Of a pair either half is one: where the public key of a peer is, its private one is with
        the peer.  Raises KeyStoreError.
        """
        with self._locked():
            if self.has(purpose, owner):
                return False
            self._generate(purpose, owner)
        return True

    def has(self, purpose: Purpose, owner: str = "") -> bool:
        """Return True if there is a key of a purpose, or half of one."""
        paths = [os.path.join(self.store.folder, purposes.file_of(purpose, owner))]
        if purpose.is_pair:
            paths.append(self._public_path(purpose, owner))
        return any(os.path.lexists(path) for path in paths)

    def put(self, purpose: Purpose, owner: str, plain: bytearray, public: bytes = b"") -> bool:
        """Store a key, overwriting ``plain``.  True if another was rotated."""
        with self._locked():
            return self._put(purpose, owner, plain, public)

    def _generate(self, purpose: Purpose, owner: str) -> bool:
        if not purpose.is_pair:
            return self._put(purpose, owner, bytearray(os.urandom(SYMMETRIC_SIZE)), b"")
        key = keys.generate()
        public = keys.encode_public(key.public_key())
        return self._put(purpose, owner, keys.encode_private(key), public)

    def _put(self, purpose: Purpose, owner: str, plain: bytearray, public: bytes) -> bool:
        path = os.path.join(self.store.folder, purposes.file_of(purpose, owner))
        context = purposes.context_of(purpose, owner)
        try:
            self._check_master(purpose, owner)
            sealed = cell.seal(self.store.master.value, bytes(plain), context, os.urandom)
        finally:
            wipe(plain)
        existed = self._replace(path, sealed, 0o600)
        # The private half first: data for the new public key must be readable.
        if public:
            target = self._public_path(purpose, owner)
            try:
                self._replace(target, public, 0o644)
            except KeyStoreError:
                if not (existed or os.path.lexists(target)):
                    # The private half alone would count as a pair that is there.
                    os.unlink(path)
                raise
        return existed

    def _check_master(self, purpose: Purpose, owner: str) -> None:
        """Raise KeyStoreError if the key that would be rotated does not open by the master key, or
        no other one does: nobody could open all keys of the folder any more."""
        self.store.keys(purpose, owner)
        if not self._fits:
            self.store.check_master()
            self._fits = True

    def put_public(self, purpose: Purpose, owner: str, public: bytes) -> None:
        """Store a public key alone: that of a peer.  Raises KeyStoreError, CryptoError."""
        keys.decode_public(public)
        with self._locked():
            self._replace(self._public_path(purpose, owner), public, 0o644)

    def destroy(self, purpose: Purpose, owner: str = "") -> None:
        """Delete a key and all its predecessors.  Raises KeyStoreError if there is none."""
        path = os.path.join(self.store.folder, purposes.file_of(purpose, owner))
        paths = [path, *rotated(path)]
        if purpose.is_pair:
            public = self._public_path(purpose, owner)
            paths += [public, *rotated(public)]
        with self._locked():
            found = [path for path in paths if os.path.lexists(path)]
            if not found:
                raise KeyStoreError(f"there is no {purpose.text} of this id")
            for path in found:
                os.unlink(path)
            for folder in {os.path.dirname(path) for path in found}:
                files.sync_folder(folder)

    def _public_path(self, purpose: Purpose, owner: str) -> str:
        return os.path.join(self.store.public, purposes.public_file_of(purpose, owner))

    def _replace(self, path: str, content: bytes, mode: int) -> bool:
        try:
            make_folder(os.path.dirname(path))
            existed = os.path.exists(path)
            if existed:
                make_folder(path + ".old")
                os.link(path, os.path.join(path + ".old", _now()))
                files.sync_folder(path + ".old")
            files.write(path, content, mode)
        except OSError as error:
            raise KeyStoreError(f"cannot write {path}: {error.strerror}") from None
        return existed

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One tool at a time; readers need no lock."""
        descriptor = os.open(self.store.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def new_master_key() -> Secret:
    """32 random bytes."""
    return Secret(os.urandom(SYMMETRIC_SIZE))


def _now() -> str:
    """The time as Go writes it: a fraction without trailing zeros."""
    now = datetime.datetime.now(datetime.UTC)
    text = now.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0")
    return text.removesuffix(".")
