"""TLS on native transports."""

import gc

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.link import TLSStart
from acra_twisted.transport.native.hub import READABLE, Watched
from acra_twisted.transport.native.sockets import SocketTransport
from acra_twisted.transport.native.tlssockets import TLSTransport
from tests.support.sockets import Reactor, native, pair
from tests.support.tlscases import TLSCases


class TLS(TLSCases, SynchronousTestCase):
    def ends(self, reactor, tcp=False):
        return pair(reactor, tcp)

    def begin(self, outer, context, is_client):
        start = TLSStart(context, is_client, outer.inner)
        start.makeConnection(SocketTransport(outer, start, outer.reactor.hub, TLSTransport))

    def connection(self, transport):
        return transport._connection

    def test_tl2_a_client_that_writes_too_late_hears_why_it_was_refused(self):
        """Servers of TLS 1.3 refuse a client's certificate when its handshake is complete."""
        mine = {**self.stranger, "tls_ca": self.far["tls_ca"]}
        self.client_context = Credentials(mine).client_creator("db.example")
        self.connect(turns=0)
        self.there.handshakeCompleted = self.client.pauseProducing
        self.reactor.turn()
        self.assertEqual((self.here.shaken, self.there.lost), (0, []))
        reasons = []
        self.there.connectionLost = reasons.append
        self.client.write(b"x")
        self.reactor.turn(2)
        (reason,) = reasons
        self.assertIn("alert unknown ca", str(reason.value))

    def test_what_is_closed_is_let_go_at_once(self):
        """OpenSSL has 50 KB for each: they are not kept until Python looks for circles."""

        def alive():
            return sum(type(one) is SSL.Connection for one in gc.get_objects())

        # Those that other tests have left must not go meanwhile.
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        before = alive()
        self.connect()
        self.server.write(b"x")
        self.reactor.turn()
        self.assertEqual(alive(), before + 2)
        self.client.loseConnection()
        self.reactor.turn()
        self.doCleanups()
        del self.server, self.client, self.here.transport, self.there.transport
        self.assertEqual(alive(), before)

    def test_what_cannot_be_begun_changes_nothing(self):
        reactor = Reactor()
        outer, other = pair(reactor)
        bare = native(outer)
        self.addCleanup(other.socket.close)
        self.assertRaises(AttributeError, TLSTransport, bare, outer.inner, None, True)
        # It is what it was.
        bare.loseConnection()
        reactor.turn()
        self.assertEqual((outer.inner.lost, reactor.readers), (["ConnectionDone"], []))

    def test_what_is_held_back_before_the_handshake_is_not_waited_for(self):
        self.connect(turns=0)
        client = self.client

        class Closing(Watched):
            def ready(self, events):
                client.write(b"too early")
                client.loseConnection()

        self.reactor.hub.watch(client.getHandle().fileno(), Closing(), READABLE)
        self.reactor.turn()
        self.assertEqual(self.there.lost, ["ConnectionDone"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])
