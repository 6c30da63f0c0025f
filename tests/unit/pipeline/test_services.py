"""The services that stages are offered."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.pipeline.services import Services


class Offered(SynchronousTestCase):
    def test_keys_or_a_line_that_says_who_needs_them(self):
        store = MemoryKeyStore()
        self.assertIs(Services(None, lambda: 0, store).need_keys("mine"), store)
        with self.assertRaisesRegex(ConfigError, "the stage 'mine' needs a key store"):
            Services(None, lambda: 0, settings={"keys_dir": "/nowhere"}).need_keys("mine")

    def test_a_stage_may_do_without_the_rest(self):
        offered = Services(None, lambda: 0)
        self.assertEqual((list(offered.blocks()), dict(offered.settings)), ([], {}))
