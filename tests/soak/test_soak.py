"""A short soak run: everything of the long one, for as long as CI can wait."""

import tempfile
import unittest
import warnings
from pathlib import Path

from tests.soak.run import Soak, draw


class Short(unittest.TestCase):
    def test_rl11_half_a_minute(self):
        said = []
        with tempfile.TemporaryDirectory(prefix="acra-soak-") as folder:
            soak = Soak(Path(folder), said.append)
            soak.run(24, 1)
            self.assertEqual(soak.faults, [], said)
            picture = Path(folder, "soak.png")
            with warnings.catch_warnings():
                # What the drawing library's own imports warn of is not ours.
                warnings.simplefilter("ignore")
                draw(soak, picture)
            self.assertTrue(picture.read_bytes().startswith(b"\x89PNG"))
        self.assertEqual(len(soak.events), 7)
        # One a second, on a machine that has nothing else to do.
        self.assertGreater(min(len(watch.samples) for watch in soak.watches), 5)
