"""Where TLS has the socket itself, and where it lies in memory."""

from twisted.internet.ssl import CertificateOptions
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.memorytls import MemoryTLS
from acra_twisted.transport.native.tlssockets import TLSTransport
from acra_twisted.transport.starttls import secured
from acra_twisted.transport.tlscontext import TLSContext
from tests.support.sockets import Reactor, native, pair, twisted_pair

MUCH = bytes(4 << 20)


class Forms(SynchronousTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.context = TLSContext(CertificateOptions())

    def form(self, transport, received=b""):
        return type(secured(transport, Protocol(), self.context, False, received))

    def native(self):
        near, far = pair(self.reactor)
        self.addCleanup(far.socket.close)
        self.addCleanup(near.socket.close)
        return native(near)

    def test_a_native_socket_is_given_to_openssl(self):
        self.assertIs(self.form(self.native()), TLSTransport)

    def test_not_where_something_waits_to_be_sent(self):
        transport = self.native()
        transport.write(MUCH)
        self.assertIs(self.form(transport), MemoryTLS)

    def test_not_where_the_handshake_has_been_read(self):
        self.assertIs(self.form(self.native(), b"hello"), MemoryTLS)

    def test_not_where_tls_is_there_already(self):
        transport = secured(self.native(), Protocol(), self.context, False)
        self.assertIs(self.form(transport), MemoryTLS)

    def test_a_transport_of_twisted_has_tls_in_memory(self):
        near, far = twisted_pair(self.reactor)
        self.addCleanup(near.getHandle().close)
        self.addCleanup(far.getHandle().close)
        self.assertIs(self.form(near), MemoryTLS)


class Protocol:
    def dataReceived(self, data):
        """Nothing comes."""

    def connectionLost(self, reason):
        """It is over."""
