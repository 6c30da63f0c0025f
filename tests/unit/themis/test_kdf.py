"""The key derivation of Soter, against real Themis' output."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.themis import kdf
from tests.support.vectors import load, unhex


class Vectors(SynchronousTestCase):
    def test_all(self):
        for item in load()["soter_kdf"]:
            key, output = unhex(item, "key", "output")
            contexts = [bytes.fromhex(context) for context in item["contexts"]]
            label = item["label_text"].encode()
            if key:
                found = kdf.derive(key, label, contexts, item["length"])
            else:
                found = kdf.derive_without_key(label, contexts, item["length"])
            self.assertEqual(found, output)
