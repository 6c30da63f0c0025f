"""The map of client ids in a file."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.authentication.clientidmap import LoginFacts
from acra_twisted.authentication.mapfile import MapFile
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IReloadable


class Files(SynchronousTestCase):
    def setUp(self):
        self.path = Path(self.mktemp())
        self.path.write_text("payments user=all")

    def decided(self, found):
        return found.decide(LoginFacts(user=b"ann")).client_id

    def test_it_is_read_and_read_anew(self):
        found = MapFile(str(self.path))
        verifyObject(IReloadable, found)
        self.assertEqual(self.decided(found), "payments")
        self.path.write_text("reports user=all")
        self.assertEqual(self.decided(found), "payments")
        found.reload()
        self.assertEqual(self.decided(found), "reports")

    def test_a_mistake_leaves_everything_as_it_was(self):
        found = MapFile(str(self.path))
        self.path.write_text("reports user=all\nreports\n")
        with self.assertRaisesRegex(ConfigError, f"^{self.path}, line 2: no condition"):
            found.reload()
        self.path.unlink()
        with self.assertRaisesRegex(ConfigError, "cannot read"):
            found.reload()
        self.assertEqual(self.decided(found), "payments")

    def test_one_that_cannot_be_used_is_a_mistake_at_the_start(self):
        self.path.write_text("payments usr=x")
        self.assertRaises(ConfigError, MapFile, str(self.path))
        self.assertRaises(ConfigError, MapFile, "/nowhere")
