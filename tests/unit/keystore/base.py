"""A key folder for tests."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.keystore import writer
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.keystore.secret import Secret

MASTER = bytes(range(32))
OWNER = "a client"


class FolderCase(SynchronousTestCase):
    def setUp(self):
        self.folder = os.path.abspath(self.mktemp())
        writer.make_folder(self.folder)
        self.store = FilesystemKeyStore(self.folder, Secret(MASTER))
        self.writer = writer.KeyWriter(self.store)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def file(self, *names):
        with open(self.path(*names), "rb") as file:
            return file.read()
