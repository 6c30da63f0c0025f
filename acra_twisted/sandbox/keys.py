"""Folders of keys for a chain: the server's, and the connector's with what it may have."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

from acra_twisted import purposes
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.keystore.writer import KeyWriter, make_folder, new_master_key
from acra_twisted.themis.keys import PublicKey


class Keys:
    """A key folder in ``folder`` with the keys of ``client_id`` and poison records."""

    def __init__(self, folder: Path, client_id: str) -> None:
        self.client_id = client_id
        self.path = folder / "acrakeys"
        self.master_key_file = folder / "master.key"
        master = new_master_key()
        self.master_key_file.touch(0o600)
        self.master_key_file.write_bytes(base64.b64encode(master.value))
        make_folder(str(self.path))
        self.store = FilesystemKeyStore(str(self.path), master)
        self.writer = KeyWriter(self.store)
        for purpose in (
            purposes.STORAGE,
            purposes.STORAGE_SYMMETRIC,
            purposes.CONNECTOR,
            purposes.SERVER,
        ):
            self.writer.generate(purpose, client_id)
        for purpose in (purposes.POISON, purposes.POISON_SYMMETRIC):
            self.writer.generate(purpose)

    @property
    def storage_public_key(self) -> PublicKey:
        """Return the public key with which applications encrypt."""
        found = self.store.public_key(purposes.STORAGE, self.client_id)
        assert found is not None  # noqa: S101 - generated above
        return found

    @property
    def symmetric_key(self) -> bytes:
        """Return the key that makes AcraBlocks."""
        (secret, *_) = self.store.keys(purposes.STORAGE_SYMMETRIC, self.client_id)
        return bytes(secret.value)

    def ini(self, path: Path | None = None) -> dict[str, str]:
        """The section [keystore]."""
        return {
            "keys_dir": str(path or self.path),
            "master_key_file": str(self.master_key_file),
        }

    def connector_folder(self) -> Path:
        """A folder with the connector's private key and the server's public one, no more."""
        folder = self.path.with_name("connector-keys")
        make_folder(str(folder))
        own = purposes.file_of(purposes.CONNECTOR, self.client_id)
        peer = purposes.public_file_of(purposes.SERVER, self.client_id)
        for name in (own, peer):
            shutil.copy2(self.path / name, folder / name)
        return folder
