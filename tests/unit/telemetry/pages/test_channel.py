"""Connections to the HTTP port: what is read, for how long, and how many there are (OB-5, RL-4,
RL-10)."""

import re

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web import http
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from acra_twisted.telemetry.pages import channel as httpchannel
from acra_twisted.telemetry.pages.channel import Visitors
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.site import PageSite
from acra_twisted.telemetry.pages.turns import STEPS, Turns
from acra_twisted.telemetry.pages.waiting import Wait
from acra_twisted.wire.http.head import HEAD_MAX
from tests.support.turnclock import TurnClock

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Peer(StringTransport):
    """A connection from somewhere; aborted is lost at once."""

    def __init__(self, host="127.0.0.1"):
        super().__init__(peerAddress=IPv4Address("TCP", host, 5))
        self.aborted = False

    def abortConnection(self):
        self.aborted = True
        self.protocol.connectionLost(Failure(ConnectionDone()))


class Pages(Resource):
    """Every page is ``pieces``."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.pieces = ["page"]
        self.asked = 0

    def render(self, request):
        self.asked += 1
        request.site.show(request, iter(self.pieces))
        return NOT_DONE_YET


class Case(SynchronousTestCase):
    def setUp(self):
        self.clock = TurnClock()
        self.pages = Pages()
        self.visitors = Visitors(4)
        turns = Turns(self.clock)
        self.site = PageSite(self.pages, self.clock, self.visitors, turns, lambda host: True)

    def connect(self, host="127.0.0.1"):
        channel = self.site.buildProtocol(None)
        peer = Peer(host)
        peer.protocol = channel
        channel.makeConnection(peer)
        return peer

    def send(self, peer, data):
        peer.protocol.dataReceived(data)
        self.turn()

    def turn(self, count=1):
        self.clock.turn(count)

    def statuses(self, peer):
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", peer.value())]


class Reading(Case):
    def test_requests_one_after_the_other(self):
        peer = self.connect()
        self.send(peer, GET)
        self.send(peer, GET[:9])
        self.send(peer, GET[9:] + GET)
        self.turn(3)
        self.assertEqual(self.statuses(peer), [200] * 3)
        self.assertFalse(peer.disconnecting)

    def test_no_body_is_read_nor_kept(self):
        self.patch(http, "_getContentFile", lambda length: self.assertEqual(length, 0))
        for method in ("GET", "POST", "HEAD", "PUT"):
            for field in ("Content-Length: 1", "Transfer-Encoding: chunked"):
                peer = self.connect()
                head = f"{method} / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{field}\r\n\r\n"
                self.send(peer, head.encode())
                self.assertEqual(self.statuses(peer), [413])
                self.assertTrue(peer.disconnecting)
                answer = peer.value()
                self.assertIn(b"Connection: close\r\n", answer)
                for _ in range(100):
                    self.send(peer, b"a&" * 1000)
                self.assertEqual((peer.value(), peer.protocol._reader.waiting), (answer, 0))
                peer.abortConnection()
        self.assertEqual(self.pages.asked, 0)

    def test_nothing_behind_a_refusal_is_answered(self):
        peer = self.connect()
        self.send(peer, b"POST / HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
        self.send(peer, GET)
        self.assertEqual(self.statuses(peer), [405])
        self.assertIn(b"Allow: GET, HEAD\r\n", peer.value())

    def test_nothing_behind_the_last_request_is_answered(self):
        for head in (
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        ):
            peer = self.connect()
            self.send(peer, head + GET)
            self.turn(3)
            self.assertTrue(peer.disconnecting)
            self.assertEqual(peer.value().count(b"HTTP/1."), 1)
            self.assertIn(b"Connection: close\r\n", peer.value())
            peer.abortConnection()

    def test_a_refused_head_request_has_no_body(self):
        peer = self.connect()
        self.send(peer, b"HEAD / HTTP/1.1\r\n\r\n")
        self.assertEqual(self.statuses(peer), [400])
        self.assertTrue(peer.value().endswith(b"\r\n\r\n"))

    def test_many_requests_at_once_are_answered_by_and_by(self):
        peer = self.connect()
        peer.protocol.dataReceived(GET * 100)
        self.assertEqual(self.pages.asked, 1)
        self.turn(500)
        self.assertEqual(self.statuses(peer), [200] * 100)

    def test_who_floods(self):
        peer = self.connect()
        self.pages.pieces = [""] * 10 * STEPS + ["page"]
        self.send(peer, GET)
        self.send(peer, b"a" * (HEAD_MAX + 1))
        self.turn(20)
        # The answer that was being made, and none for what came behind.
        self.assertEqual((self.statuses(peer), peer.disconnecting), ([200], True))
        peer = self.connect()
        self.site.turns.add(Endless())
        peer.protocol.dataReceived(b"a" * 9 * HEAD_MAX)
        self.assertTrue(peer.aborted)


class Endless:
    def step(self):
        return True

    def rest(self):
        pass


class Time(Case):
    def test_a_head_that_comes_slowly(self):
        for sent in (b"", b"G", GET[:-2] + b"X: "):
            peer = self.connect()
            peer.protocol.dataReceived(sent)
            for _ in range(9):
                self.clock.advance(1)
                peer.protocol.dataReceived(b"")
                self.assertFalse(peer.aborted)
            self.clock.advance(1)
            self.assertTrue(peer.aborted)

    def test_blank_lines_are_not_a_reason_to_wait(self):
        peer = self.connect()
        self.send(peer, GET)
        for _ in range(10):
            peer.protocol.dataReceived(b"\r\n")
            self.clock.advance(1)
        self.assertTrue(peer.aborted)

    def test_a_connection_without_requests(self):
        peer = self.connect()
        self.send(peer, GET)
        self.clock.advance(httpchannel.IDLE_SECONDS - 1)
        self.send(peer, GET)
        self.clock.advance(httpchannel.IDLE_SECONDS - 1)
        self.assertFalse(peer.disconnecting)
        self.clock.advance(1)
        self.assertTrue(peer.disconnecting)
        self.clock.advance(httpchannel.CLOSE_SECONDS)
        self.assertTrue(peer.aborted)

    def test_who_does_not_read(self):
        self.pages.pieces = ["x" * 1000] * 10 * STEPS
        peer = self.connect()
        self.send(peer, GET)
        peer.producer.pauseProducing()
        written = len(peer.value())
        for _ in range(29):
            self.clock.advance(1)
        self.assertEqual((len(peer.value()), peer.aborted), (written, False))
        self.clock.advance(1)
        self.assertTrue(peer.aborted)

    def test_who_does_not_read_a_refusal(self):
        peer = self.connect()
        self.send(peer, b"\r\n\r\nnonsense\r\n")
        self.assertTrue(peer.disconnecting)
        self.clock.advance(httpchannel.CLOSE_SECONDS)
        self.assertTrue(peer.aborted)

    def test_nothing_is_left_of_a_connection(self):
        self.pages.pieces = ["x"] * 10 * STEPS
        peer = self.connect()
        self.send(peer, GET)
        peer.protocol.connectionLost(Failure(ConnectionDone()))
        self.turn(2)
        self.assertEqual((self.clock.getDelayedCalls(), len(self.visitors)), ([], 0))


class Numbers(Case):
    def test_who_has_waited_longest_makes_room(self):
        peers = [self.connect() for _ in range(3)]
        self.send(peers[0], GET)
        self.assertFalse(any(peer.aborted for peer in peers))
        last = self.connect()
        self.assertEqual([p.aborted for p in (*peers, last)], [False, True, False, False])
        self.assertEqual(len(self.visitors), 3)

    def test_whoever_holds_most_makes_room(self):
        scraper = self.connect("10.0.0.1")
        others = [self.connect("10.6.6.6") for _ in range(20)]
        self.assertFalse(scraper.aborted)
        self.assertEqual([peer.aborted for peer in others], [True] * 18 + [False] * 2)

    def test_an_answer_is_not_cut_off(self):
        self.pages.pieces = [""] * 100 * STEPS + ["page"]
        busy = [self.connect() for _ in range(3)]
        for peer in busy:
            self.send(peer, GET)
            self.turn(3)
        for _ in range(10):
            self.connect()
        self.assertFalse(any(peer.aborted for peer in busy))
        self.turn(1000)
        self.assertEqual([self.statuses(peer) for peer in busy], [[200]] * 3)

    def test_there_are_never_more(self):
        self.patch(Peer, "abortConnection", lambda peer: None)
        for _ in range(4):
            self.connect()
        self.assertTrue(self.visitors.full)
        self.assertIsNone(self.site.buildProtocol(None))


class Answers(Case):
    def test_a_long_page_is_made_in_slices_and_chunks(self):
        made = []
        self.pages.pieces = (made.append(n) or f"{n}," for n in range(10 * STEPS))
        peer = self.connect()
        most = before = 0
        peer.protocol.dataReceived(GET)
        while len(made) < 10 * STEPS:
            most, before = max(most, len(made) - before), len(made)
            self.turn()
        self.turn(3)
        self.assertLessEqual(most, STEPS)
        self.assertIn(b"Transfer-Encoding: chunked", peer.value())
        self.assertTrue(peer.value().endswith(b"0\r\n\r\n"))

    def test_a_short_one_says_how_long_it_is(self):
        peer = self.connect()
        self.send(peer, GET)
        self.assertIn(b"Content-Length: 4\r\n", peer.value())
        self.assertTrue(peer.value().endswith(b"\r\n\r\npage"))

    def test_text_that_cannot_be_written(self):
        self.pages.pieces = ["a \udcff b"]
        peer = self.connect()
        self.send(peer, GET)
        self.assertTrue(peer.value().endswith(b"\r\n\r\na ? b"))

    def test_a_page_that_cannot_be_made(self):
        def broken():
            yield ""
            raise ValueError

        def breaks():
            yield from ["x"] * STEPS * 2
            raise ValueError

        for pieces, statuses, aborted in ((broken(), [500], False), (breaks(), [200], True)):
            self.pages.pieces = pieces
            peer = self.connect()
            self.send(peer, GET)
            self.turn(5)
            self.assertEqual((self.statuses(peer), peer.aborted), (statuses, aborted))
            self.assertNotIn(b"0\r\n\r\n", peer.value().partition(b"\r\n\r\n")[2])
            self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_the_rest_of_a_page_is_made_when_the_peer_has_read(self):
        self.pages.pieces = ["x"] * 10 * STEPS
        peer = self.connect()
        self.send(peer, GET)
        peer.producer.pauseProducing()
        written = len(peer.value())
        self.turn(50)
        self.assertEqual(len(peer.value()), written)
        peer.producer.resumeProducing()
        self.turn(50)
        self.assertTrue(peer.value().endswith(b"0\r\n\r\n"))


class Waits(Case):
    """A page that waits for something."""

    def setUp(self):
        super().setUp()
        self.given_up = []
        self.waited = Deferred(self.given_up.append)

        def pieces():
            wait = Wait(self.waited)
            yield wait
            yield f"it is {wait.result}"

        self.pages.pieces = pieces()
        self.peer = self.connect()
        self.send(self.peer, GET)

    def test_nothing_is_done_meanwhile_and_others_are_answered(self):
        self.turn(3)
        self.assertEqual(self.peer.value(), b"")
        # The limits of the connection, and nothing that looks again and again.
        self.assertLessEqual(len(self.clock.getDelayedCalls()), 2)
        self.pages.pieces = ["another"]
        other = self.connect()
        self.send(other, GET)
        self.assertTrue(other.value().endswith(b"another"))
        self.waited.callback(5)
        self.turn(2)
        self.assertTrue(self.peer.value().endswith(b"\r\n\r\nit is 5"))

    def test_what_has_come_already(self):
        self.waited = succeed(6)
        self.pages.pieces = iter([Wait(self.waited), "page"])
        other = self.connect()
        self.send(other, GET)
        self.turn(3)
        self.assertTrue(other.value().endswith(b"\r\n\r\npage"))

    def test_who_has_gone_waits_for_nothing(self):
        self.peer.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(len(self.given_up), 1)
        self.turn(3)

    def test_what_pages_have_begun_ends_with_them(self):
        ended = []

        def pieces():
            try:
                yield from ["x"] * 10 * STEPS
            finally:
                ended.append(True)

        self.pages.pieces = pieces()
        other = self.connect()
        self.send(other, GET)
        self.turn()
        other.producer.pauseProducing()
        self.pages.pieces = []
        self.assertEqual(ended, [])
        other.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(ended, [True])

    def test_who_reads_slowly(self):
        self.peer.producer.pauseProducing()
        self.peer.producer.resumeProducing()
        self.turn(2)
        self.peer.producer.pauseProducing()
        self.waited.callback(5)
        self.turn(2)
        self.assertEqual(self.peer.value(), b"")
        self.peer.producer.resumeProducing()
        self.turn(2)
        self.assertTrue(self.peer.value().endswith(b"it is 5"))

    def test_what_fails(self):
        self.waited.errback(KeyError("x"))
        self.turn(2)
        self.assertEqual(self.statuses(self.peer), [500])
        self.flushLoggedErrors(KeyError)

    def test_a_page_that_is_not_there_may_say_why(self):
        def missing():
            yield ""
            raise NotKept("because")

        self.pages.pieces = missing()
        other = self.connect()
        self.send(other, GET)
        self.turn()
        self.assertEqual(self.statuses(other), [404])
        self.assertTrue(other.value().endswith(b"because\n"))
