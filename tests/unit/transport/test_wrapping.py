"""A factory whose protocols lie in others."""

from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.wrapping import Wrapping


class Inner(Factory):
    def __init__(self):
        self.calls = []

    def doStart(self):
        self.calls.append("start")

    def doStop(self):
        self.calls.append("stop")

    def buildProtocol(self, addr):
        self.calls.append(addr)
        return addr


class Wrappings(SynchronousTestCase):
    def setUp(self):
        self.inner = Inner()
        self.factory = Wrapping(self.inner, lambda protocol: [protocol])

    def test_each_protocol_is_wrapped(self):
        self.assertEqual(self.factory.buildProtocol("one"), ["one"])
        self.assertEqual(self.inner.calls, ["one"])

    def test_nothing_is_wrapped_where_there_is_nothing(self):
        self.assertIsNone(self.factory.buildProtocol(None))

    def test_the_wrapped_factory_hears_of_its_use(self):
        self.factory.doStart()
        self.factory.doStop()
        self.assertEqual(self.inner.calls, ["start", "stop"])
