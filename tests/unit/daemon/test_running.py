"""Sessions and spans that have begun and not ended."""

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.daemon.running import running, sessions


class Running(SynchronousTestCase):
    def test_connections_and_exchanges(self):
        exchange = SimpleNamespace(span="exchange")
        unsampled = SimpleNamespace(span=None)
        outstanding = [(0, 0, exchange, None), (0, 1, unsampled, None), (0, 2, None, None)]
        session = SimpleNamespace(outstanding=outstanding)
        carried = SimpleNamespace(outstanding=())
        connections = [
            SimpleNamespace(span="first", session=session),
            SimpleNamespace(span="second", session=None),
            SimpleNamespace(span=None, session=carried),
        ]
        self.assertEqual(list(sessions(connections)), [session, carried])
        self.assertEqual(list(running(connections)), ["first", "exchange", "second"])
