"""acra-poisonrecordmaker."""

import base64

from acra_twisted.crypto import envelopes
from acra_twisted.keystore.openers import make_opener
from acra_twisted.purposes import POISON, POISON_SYMMETRIC
from acra_twisted.tools import poisonrecordmaker
from tests.unit.tools.base import ToolCase


class Maker(ToolCase):
    main = staticmethod(poisonrecordmaker.main)

    def test_both_forms(self):
        self.make_keys("--generate_poisonrecord_keys")
        opener = make_opener(self.store, POISON, POISON_SYMMETRIC, "")
        for kind in ("acrastruct", "acrablock"):
            text = self.call(f"--keys_dir={self.folder}", f"--type={kind}", "--data_length=17")
            self.assertTrue(text.endswith("\n"))
            record = base64.b64decode(text, validate=False)
            (envelope,) = envelopes.find(record)
            self.assertEqual(envelope.kind, kind)
            self.assertEqual(len(opener.open(kind, record[12:], {})), 17)

    def test_mistakes(self):
        self.make_keys("--generate_log_key")
        for kind in ("acrastruct", "acrablock"):
            self.refused("acra-keymaker", f"--keys_dir={self.folder}", f"--type={kind}")
        for length in ("0", "-2", "9999999"):
            self.refused("--data_length", f"--data_length={length}")
        self.refused("see --help", "--type=other")

    def test_script(self):
        self.patch(poisonrecordmaker.commandline, "run", lambda program, main: program)
        self.assertEqual(poisonrecordmaker.script(), "acra-poisonrecordmaker")
