"""The transports that call a receiver themselves."""

from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.transport.channel import Channel
from acra_twisted.transport.direct import IDirectTransport, is_direct
from tests.support.sockets import Reactor, native, pair


class Direct(SynchronousTestCase):
    def setUp(self):
        self.reactor = Reactor()
        near, self.far = pair(self.reactor)
        self.transport = native(near)
        self.addCleanup(self.far.socket.close)
        self.addCleanup(self.end)

    def end(self):
        self.transport.abortConnection()
        self.reactor.turn(2)

    def test_one_of_ours_on_a_socket(self):
        self.assertTrue(is_direct(self.transport))
        verifyObject(IDirectTransport, self.transport)
        self.transport.sender(b"x")
        self.assertEqual(self.far.socket.recv(10), b"x")

    def test_others_are_not(self):
        self.assertFalse(is_direct(StringTransport()))
        self.assertFalse(is_direct(None))

    def test_a_wrapper_is_not_though_it_provides_what_is_below(self):
        wrapper = ProtocolWrapper(WrappingFactory(None), Channel())
        wrapper.makeConnection(self.transport)
        self.assertTrue(IDirectTransport.providedBy(wrapper))
        self.assertFalse(is_direct(wrapper))
