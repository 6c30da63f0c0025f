"""Reading, writing, flow control and ends on real sockets, turn by turn."""

import socket

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.sockets import SocketTransport, take_over
from tests.support.sockets import Collecting, Outer, Producer, Reactor, pair

MUCH = 4 << 20


class Sockets(SynchronousTestCase):
    def setUp(self):
        self.connect()

    def connect(self):
        self.reactor = Reactor()
        self.outers = pair(self.reactor)
        self.near, self.far = (SocketTransport(outer) for outer in self.outers)
        self.here, self.there = (outer.protocol for outer in self.outers)
        for transport in (self.near, self.far):
            self.addCleanup(self.end, transport)

    def end(self, transport):
        transport.abortConnection()
        self.reactor.turn(2)

    def test_what_is_written_arrives_at_once(self):
        self.near.write(b"one")
        self.near.writeSequence([b" ", b"two"])
        self.assertEqual(self.far.outer.socket.recv(10, socket.MSG_PEEK), b"one two")
        self.reactor.turn()
        self.assertEqual(self.there.data, b"one two")
        self.assertEqual((self.near.getPeer(), self.near.getHost()), ("peer", "host"))
        self.assertIs(self.near.getHandle(), self.near.outer.socket)

    def test_twisted_reads_no_more(self):
        self.assertFalse(self.near.outer.reading)

    def test_much_waits_and_its_producer_with_it(self):
        producer = Producer()
        self.near.registerProducer(producer, True)
        self.assertRaises(RuntimeError, self.near.registerProducer, producer, True)
        self.far.pauseProducing()
        self.near.write(b"x" * MUCH)
        self.near.write(b"y")
        self.reactor.turn()
        self.assertEqual((producer.calls, self.there.data), (["pause"], b""))
        self.far.resumeProducing()
        self.reactor.turn(2000)
        self.assertEqual(self.there.data, b"x" * MUCH + b"y")
        self.assertEqual(producer.calls, ["pause", "resume"])
        self.near.unregisterProducer()

    def test_a_pulled_producer(self):
        producer = Producer()
        self.near.registerProducer(producer, False)
        self.assertEqual(producer.calls, ["resume"])
        self.near.write(b"x" * MUCH)
        self.reactor.turn(2000)
        self.assertEqual(producer.calls[-1], "resume")

    def test_close_sends_what_waits(self):
        self.near.write(b"x" * MUCH)
        self.near.loseConnection()
        self.near.loseConnection()
        self.near.write(b"too late")
        self.assertEqual(self.here.lost, [])
        self.reactor.turn(2000)
        self.assertEqual((len(self.there.data), self.there.lost), (MUCH, ["ConnectionDone"]))
        self.assertEqual(self.here.lost, ["ConnectionDone"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_rl3_close_does_not_wait_for_ever(self):
        self.far.pauseProducing()
        self.near.write(b"x" * MUCH)
        self.near.loseConnection()
        self.reactor.turn()
        self.reactor.advance(29)
        self.assertEqual(self.here.lost, [])
        self.reactor.advance(1)
        self.reactor.turn()
        self.assertEqual(self.here.lost, ["ConnectionAborted"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_close_with_nothing_to_send(self):
        self.near.stopProducing()
        self.assertEqual(self.here.lost, [])
        self.reactor.turn()
        self.assertEqual((self.here.lost, self.there.lost), (["ConnectionDone"],) * 2)
        self.assertEqual(self.reactor.readers, [])

    def test_abort(self):
        self.near.write(b"x" * MUCH)
        self.near.abortConnection()
        self.assertEqual(self.here.lost, [])
        self.reactor.turn()
        self.near.abortConnection()
        self.assertEqual(self.here.lost, ["ConnectionAborted"])
        self.assertEqual(len(self.there.lost), 1)

    def test_nothing_is_read_while_paused_nor_after_close(self):
        self.near.pauseProducing()
        self.near.pauseProducing()
        self.far.write(b"x")
        self.reactor.turn()
        self.assertEqual(self.here.data, b"")
        self.near.loseConnection()
        self.near.resumeProducing()
        self.reactor.turn()
        self.assertEqual(self.here.data, b"")

    def test_a_broken_socket_is_told_in_a_turn_of_its_own(self):
        self.far.outer.socket.shutdown(socket.SHUT_RD)
        producer = Producer()
        self.near.registerProducer(producer, True)
        self.near.write(b"x")
        self.assertEqual(self.here.lost, [])
        self.reactor.turn()
        self.assertEqual((self.here.lost, producer.calls), (["ConnectionLost"], ["stop"]))
        late = Producer()
        self.near.registerProducer(late, True)
        self.assertEqual(late.calls, ["stop"])

    def test_broken_while_something_waits(self):
        self.near.pauseProducing()
        self.far.pauseProducing()
        self.near.write(b"x" * MUCH)
        self.far.abortConnection()
        self.reactor.turn()
        self.assertEqual(self.here.lost, ["ConnectionLost"])

    def test_what_a_peer_sent_before_it_went_is_not_lost(self):
        self.near.pauseProducing()
        self.far.write(b"last words")
        self.far.loseConnection()
        self.reactor.turn()
        self.assertEqual((self.here.data, self.here.lost), (b"", []))
        self.assertEqual(self.reactor.readers, [])
        self.near.resumeProducing()
        self.reactor.turn()
        self.assertEqual((self.here.data, self.here.lost), (b"last words", ["ConnectionDone"]))

    def test_a_reset(self):
        listener = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        listener.close()
        server.setblocking(False)
        protocol = Collecting()
        transport = SocketTransport(Outer(self.reactor, server, protocol))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        self.reactor.turn()
        self.assertEqual((protocol.lost, transport.connected), (["ConnectionLost"], False))

    def test_a_receiver_in_place_of_the_protocol(self):
        got = []
        self.far.deliver_to(got.append, None)
        self.near.write(b"not whose it is")
        self.reactor.turn()
        self.far.deliver_to(got.append, self.there)
        self.near.write(b"x")
        self.reactor.turn()
        self.assertEqual((got, self.there.data), ([b"x"], b"not whose it is"))
        self.near.abortConnection()
        self.reactor.turn()
        self.far.deliver_to(self.fail, self.there)

    def test_an_event_that_was_for_somebody_else(self):
        self.near.ready(1)
        self.near.ready(4)
        self.assertEqual((self.here.data, self.here.lost), (b"", []))

    def test_what_has_no_socket_stays_what_it_is(self):
        transport = StringTransport()
        self.assertIs(take_over(transport), transport)

    def test_protocols_can_be_changed(self):
        self.far.protocol, before = self.here, self.far.protocol
        self.near.write(b"x")
        self.reactor.turn()
        self.assertEqual((before.data, self.far.protocol.data), (b"", b"x"))

    @given(st.lists(st.binary(max_size=300_000), max_size=8), st.lists(st.booleans(), max_size=20))
    def test_nothing_is_lost_or_moved(self, parts, pauses):
        self.connect()
        for part in parts:
            self.near.write(part)
        for pause in pauses:
            (self.far.pauseProducing if pause else self.far.resumeProducing)()
            self.reactor.turn(1)
        self.far.resumeProducing()
        self.reactor.turn(100)
        self.assertEqual(self.there.data, b"".join(parts))
        self.near.loseConnection()
        self.reactor.turn(3)
