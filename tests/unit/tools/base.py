"""Tools in a folder of their own."""

import base64
import io
import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import AcraError
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.keystore.masterkey import VARIABLE
from acra_twisted.keystore.secret import Secret
from acra_twisted.tools import keymaker

MASTER = bytes(range(32))


class ToolCase(SynchronousTestCase):
    main = staticmethod(keymaker.main)

    def setUp(self):
        self.folder = os.path.abspath(self.mktemp())

    def call(self, *arguments, main=None):
        """Return the tool's output."""
        environment = {VARIABLE: base64.b64encode(MASTER).decode()}
        output = io.TextIOWrapper(io.BytesIO(), write_through=True)
        (main or self.main)(list(arguments), environment, output)
        return output.buffer.getvalue().decode("latin-1")

    def refused(self, expected, *arguments, main=None):
        error = self.assertRaises(AcraError, self.call, *arguments, main=main)
        self.assertIn(expected, str(error))

    def make_keys(self, *flags):
        target = f"--keys_output_dir={self.folder}"
        return self.call(target, "--keystore=v1", *flags, main=keymaker.main)

    @property
    def store(self):
        return FilesystemKeyStore(self.folder, Secret(MASTER))
