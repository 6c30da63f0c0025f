"""Keys of a chain."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.keys import Keys


class Folders(SynchronousTestCase):
    def test_the_connector_gets_what_it_may_have(self):
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        keys = Keys(folder, "a client")
        names = {path.name for path in keys.connector_folder().iterdir()}
        self.assertEqual(names, {"a client", "a client_server.pub"})
        self.assertEqual(len(keys.symmetric_key), 32)
        self.assertEqual(keys.storage_public_key.key_size, 256)
        self.assertEqual(keys.ini()["keys_dir"], str(keys.path))
