"""How the link gets its protection."""

from OpenSSL import SSL
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.link import RawSecurity, TLSSecurity, TLSStart
from tests.support.sockets import Collecting


class Inner(Factory):
    def buildProtocol(self, addr):
        return addr


class Links(SynchronousTestCase):
    def test_tls_is_begun_for_each_connection(self):
        factory = TLSSecurity(None, False).protect(Inner())
        self.assertIsNone(factory.buildProtocol(None))
        self.assertIsInstance(factory.buildProtocol("protocol"), TLSStart)

    def test_lost_before_it_began(self):
        protocol = Collecting()
        TLSStart(None, False, protocol).connectionLost(Failure(SSL.Error()))
        self.assertEqual(protocol.lost, ["Error"])

    def test_without_protection_nothing_lies_between(self):
        factory = Inner()
        self.assertIs(RawSecurity().protect(factory), factory)
