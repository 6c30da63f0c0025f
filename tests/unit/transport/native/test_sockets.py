"""Reading, writing, flow control and ends on real sockets, turn by turn."""

import socket

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sockets import Collecting, Outer, Producer, Reactor, native, pair

MUCH = 4 << 20


class Sockets(SynchronousTestCase):
    def setUp(self):
        self.connect()

    def connect(self):
        self.reactor = Reactor()
        self.outers = pair(self.reactor)
        self.near, self.far = (native(outer) for outer in self.outers)
        self.here, self.there = (outer.inner for outer in self.outers)
        for transport in (self.near, self.far):
            self.addCleanup(self.end, self.reactor, transport)

    def end(self, reactor, transport):
        transport.abortConnection()
        reactor.turn(2)

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
        transport = native(Outer(self.reactor, server, protocol))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        self.reactor.turn()
        self.assertEqual((protocol.lost, transport.connected), (["ConnectionLost"], False))

    def test_a_receiver_in_place_of_the_protocol(self):
        got = []
        self.near.write(b"the protocol's")
        self.reactor.turn()
        self.far.receiver = got.append
        self.near.write(b"x")
        self.reactor.turn()
        self.assertEqual((got, self.there.data), ([b"x"], b"the protocol's"))

    def answering(self, *steps):
        """Have the far end do these when it is asked; what the near end could read right then."""
        seen = []

        def answer(data):
            for step in steps:
                step()
            try:
                seen.append(self.near.outer.socket.recv(MUCH, socket.MSG_PEEK))
            except BlockingIOError:
                seen.append(None)

        self.there.on_data = answer
        self.near.write(b"?")
        self.reactor.turn()
        return seen

    def test_short_writes_are_held_back_while_the_hub_tells(self):
        sent, send = [], self.far._send
        self.far._send = lambda data: sent.append(bytes(data)) or send(data)
        seen = self.answering(*[lambda: self.far.write(b"x" * 1000)] * 3)
        self.assertEqual((seen, self.here.data), ([None], b"x" * 3000))
        self.assertEqual(sent, [b"x" * 3000])
        # And later on nothing is.
        self.far.write(b"y")
        self.assertEqual(sent[1:], [b"y"])

    def test_long_ones_are_not_and_take_what_is_held_along(self):
        write = self.far.write
        seen = self.answering(
            lambda: write(b"a" * 10_000), lambda: write(b"b" * 10_000), lambda: write(b"c")
        )
        self.assertEqual(seen, [b"a" * 10_000 + b"b" * 10_000])
        self.assertEqual(self.here.data, seen[0] + b"c")

    def test_what_is_held_is_sent_before_an_end(self):
        ends = {
            "loseConnection": lambda: self.far.loseConnection(),
            "abortConnection": lambda: self.far.abortConnection(),
            "connectionLost": lambda: self.far.connectionLost(Failure(CONNECTION_DONE)),
            "stopProducing": lambda: self.far.stopProducing(),
        }
        for name, end in ends.items():
            with self.subTest(name):
                self.connect()
                self.answering(lambda: self.far.write(b"last words"), end)
                self.assertEqual(self.here.data, b"last words")
                self.assertEqual(len(self.here.lost), 1)

    def test_what_is_held_and_finds_the_socket_full_at_the_end(self):
        self.near.pauseProducing()
        sent = 0
        try:
            while True:
                sent += self.far.outer.socket.send(b"x" * MUCH)
        except BlockingIOError:
            pass
        self.there.on_data = lambda data: (self.far.write(b"last"), self.far.loseConnection())
        self.near.write(b"?")
        self.reactor.turn()
        self.near.resumeProducing()
        self.reactor.turn(2000)
        self.assertEqual(self.here.data, b"x" * sent + b"last")
        self.assertEqual((self.here.lost, self.there.lost), (["ConnectionDone"],) * 2)

    def test_what_is_held_when_the_socket_changes_hands(self):
        flushed = []
        seen = self.answering(
            lambda: self.far.write(b"S"), lambda: flushed.append(self.far.flush())
        )
        self.assertEqual((seen, flushed), ([b"S"], [True]))
        self.near.pauseProducing()
        self.far.write(b"x" * MUCH)
        self.assertFalse(self.far.flush())

    def test_what_is_held_when_the_peer_has_closed_its_side(self):
        # Both are found together: the request, and that nothing more will come.
        self.there.on_data = lambda data: self.far.write(b"answer")
        self.near.write(b"?")
        self.near.outer.socket.shutdown(socket.SHUT_WR)
        self.reactor.turn()
        self.assertEqual((self.there.lost, self.here.data), (["ConnectionDone"], b"answer"))

    def test_what_is_held_and_more_than_the_socket_takes(self):
        self.near.pauseProducing()
        write = self.far.write
        self.far.write(b"x" * MUCH)
        self.assertFalse(self.far.flush())
        self.near.resumeProducing()
        self.answering(lambda: write(b"a"), lambda: write(b"b" * MUCH), lambda: write(b"c"))
        self.reactor.turn(4000)
        self.assertEqual(self.here.data, b"x" * MUCH + b"a" + b"b" * MUCH + b"c")

    def test_a_broken_socket_while_something_is_held(self):
        self.answering(
            lambda: self.far.write(b"x"), lambda: self.near.outer.socket.shutdown(socket.SHUT_RD)
        )
        self.assertEqual(self.there.lost, ["ConnectionLost"])

    @given(st.lists(st.integers(0, 40_000), max_size=12))
    def test_answers_are_in_order_however_long(self, sizes):
        self.connect()
        parts = [bytes([65 + index]) * size for index, size in enumerate(sizes)]
        self.answering(*[lambda part=part: self.far.write(part) for part in parts])
        self.assertEqual(self.here.data, b"".join(parts))
        self.near.loseConnection()
        self.reactor.turn(3)

    def test_an_event_that_was_for_somebody_else(self):
        self.near.ready(1)
        self.near.ready(4)
        self.assertEqual((self.here.data, self.here.lost), (b"", []))

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
