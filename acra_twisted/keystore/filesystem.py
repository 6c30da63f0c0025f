"""Acra's key store, version 1: a folder of files sealed with the master key.

Source: acra-wire reference, section 16.  Rotated keys lie in ``FILE.old/TIME``, newest last by
name.
"""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from zope.interface import implementer

from acra_twisted import purposes
from acra_twisted.errors import CryptoError, KeyStoreError
from acra_twisted.interfaces import IKeyStore
from acra_twisted.keystore import files
from acra_twisted.keystore.secret import Secret, wipe
from acra_twisted.purposes import Purpose
from acra_twisted.themis import cell
from acra_twisted.themis.keys import PublicKey, decode_private, decode_public

#: Keys that are tried before the master key counts as another's.
_TRIED: Final = 16


@implementer(IKeyStore)
class FilesystemKeyStore:
    """``folder`` holds private and symmetric keys, ``public`` the public ones (by default as well).

    Raises KeyStoreError if a folder is not ours alone, or is a key store of version 2.
    """

    def __init__(self, folder: str, master: Secret, public: str = "") -> None:
        files.check_folder(folder)
        if os.path.exists(os.path.join(folder, "version")):
            raise KeyStoreError(
                f"keys_dir: {folder} is a key store of version 2, which is not supported; "
                f"export its keys to a folder of version 1 with Acra's own tools"
            )
        self.folder = folder
        self.public = public or folder
        self.master = master

    # -- IKeyStore ------------------------------------------------------------------------------

    def keys(self, purpose: Purpose, owner: str = "") -> tuple[Any, ...]:
        """See IKeyStore."""
        found = []
        for file in self.files(purpose, owner):
            try:
                sealed = files.read_secret(file, purpose.text)
            except FileNotFoundError:
                continue
            found.append(self._open(purpose, owner, file, sealed))
        return tuple(found)

    def _open(self, purpose: Purpose, owner: str, file: str, sealed: bytes) -> Any:
        try:
            plain = cell.open_wiped(self.master.value, sealed, purposes.context_of(purpose, owner))
        except CryptoError:
            raise KeyStoreError(
                f"{purpose.text}: {file} does not open: it was sealed with another master key, "
                f"is damaged, or is another key's file"
            ) from None
        if not purpose.is_pair:
            return Secret(plain)
        try:
            return decode_private(plain)
        except CryptoError as error:
            raise KeyStoreError(f"{purpose.text}: {file}: {error}") from None
        finally:
            wipe(plain)

    def public_key(self, purpose: Purpose, owner: str = "") -> PublicKey | None:
        """See IKeyStore."""
        path = os.path.join(self.public, purposes.public_file_of(purpose, owner))
        try:
            return decode_public(files.read_public(path, purpose.text))
        except FileNotFoundError:
            return None
        except CryptoError as error:
            raise KeyStoreError(f"{purpose.text}: {path}: {error}") from None

    def version(self, purpose: Purpose, owner: str = "") -> Hashable:
        """See IKeyStore."""
        path = os.path.join(self.folder, purposes.file_of(purpose, owner))
        paths = [path, path + ".old"]
        if purpose.is_pair:
            paths.append(os.path.join(self.public, purposes.public_file_of(purpose, owner)))
        return tuple(_stamp(path) for path in paths)

    def forget(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Overwrite the master key."""
        self.master.wipe()

    def derived(self, label: bytes) -> bytes:
        """Return 32 bytes for one use of the master key: by HKDF (RFC 5869), with ``label`` for
        info."""
        kdf = HKDF(SHA256(), 32, None, label)
        return kdf.derive(bytes(self.master.value))

    # -- beyond it ------------------------------------------------------------------------------

    def files(self, purpose: Purpose, owner: str = "") -> list[str]:
        """The files of `keys`, in that order."""
        path = os.path.join(self.folder, purposes.file_of(purpose, owner))
        return [file for file in (path, *rotated(path)) if os.path.lexists(file)]

    def check(self) -> None:
        """Look at the modes of all key files and open one: whose folder is not as it must be, or
        has another master key, shall notice it at the start.

        Raises KeyStoreError.
        """
        present = self.present()
        paths: list[str] = []
        for purpose, owner in present:
            path = os.path.join(self.folder, purposes.file_of(purpose, owner))
            paths += (path, *rotated(path))
        files.check_secrets(self.folder, paths)
        for purpose, owner in present:
            self.keys(purpose, owner)
            return

    def check_master(self) -> None:
        """Raise KeyStoreError if there are keys and the master key opens none of the first ones."""
        first: KeyStoreError | None = None
        for purpose, owner in self.present()[:_TRIED]:
            try:
                self.keys(purpose, owner)
            except KeyStoreError as error:
                first = first or error
                continue
            return
        if first is not None:
            raise KeyStoreError(
                f"none of the keys in {self.folder} that were tried can be read, so no other one "
                f"is made there: {first}"
            )

    def present(self) -> list[tuple[Purpose, str]]:
        """Every key there is, sorted by file name.  Public keys without a private one are not."""
        found = []
        for base, _, names in os.walk(self.folder):
            inside = os.path.relpath(base, self.folder)
            if inside.endswith(".old"):
                continue
            for name in names:
                path = name if inside == "." else f"{inside}/{name}"
                meant = None if path.endswith((".pub", ".new")) else purposes.purpose_of(path)
                if meant is not None:
                    found.append((path, meant))
        return [meant for _, meant in sorted(found)]


def rotated(path: str) -> list[str]:
    """Files of earlier keys, newest first."""
    folder = path + ".old"
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [os.path.join(folder, name) for name in sorted(names, reverse=True)]


def _stamp(path: str) -> Hashable:
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_mtime_ns, state.st_ino, state.st_size
