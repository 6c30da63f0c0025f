"""The options of the console."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.console import WATCHING_SERVER
from acra_twisted.config.history import WATCHING


class Console(SynchronousTestCase):
    def test_it_is_watched_as_all_daemons_are_and_links_to_traces(self):
        self.assertEqual(WATCHING_SERVER[: len(WATCHING)], WATCHING)
        option, peers = WATCHING_SERVER[-1].options
        self.assertEqual((option.name, option.default), ("trace_link_template", ""))
        self.assertRaises(ValueError, option.kind.parse, "http://jaeger/trace/")
        self.assertEqual((peers.name, peers.default), ("console_peers", ()))
