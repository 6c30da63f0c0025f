"""TLS in memory on transports of Twisted's."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.link import TLSStart
from tests.support.sockets import twisted_pair
from tests.support.tlscases import TLSCases


class TLS(TLSCases, SynchronousTestCase):
    def ends(self, reactor, tcp=False):
        return twisted_pair(reactor, tcp)

    def begin(self, outer, context, is_client):
        outer.protocol = TLSStart(context, is_client, outer.inner)
        outer.startReading()
        outer.protocol.makeConnection(outer)

    def connection(self, transport):
        return transport._neighbour.connection

    def test_tl2_a_client_that_has_written_hears_why_it_was_refused(self):
        """Servers of TLS 1.3 refuse a client's certificate when its handshake is complete."""
        mine = {**self.stranger, "tls_ca": self.far["tls_ca"]}
        self.client_context = Credentials(mine).client_creator("db.example")
        self.connect(turns=0)
        self.there.handshakeCompleted = self.client.pauseProducing
        self.reactor.turn()
        self.assertEqual((self.here.shaken, self.there.lost), (0, []))
        self.client.write(b"x")
        self.reactor.turn(2)
        self.client.resumeProducing()
        reasons = []
        self.there.connectionLost = reasons.append
        self.reactor.turn(2)
        (reason,) = reasons
        self.assertIn("alert unknown ca", str(reason.value))
