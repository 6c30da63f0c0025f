"""Bodies of requests and answers."""

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss

from acra_twisted.transport.httpclient import (
    AnswerBody,
    AnswerTooLong,
    CountedEndpoint,
    RequestBody,
    cause,
)


class Bodies(SynchronousTestCase):
    def test_a_request_body_is_written_at_once(self):
        transport, body = StringTransport(), RequestBody(b"body")
        self.successResultOf(body.startProducing(transport))
        body.pauseProducing()
        body.resumeProducing()
        body.stopProducing()
        self.assertEqual((transport.value(), body.length), (b"body", 4))

    def read(self, *parts, end=None):
        answer = AnswerBody(8)
        answer.makeConnection(StringTransport())
        for part in parts:
            answer.dataReceived(part)
        if end is not None:
            answer.connectionLost(Failure(end))
        return answer

    def test_an_answers_body_is_whole_or_cut(self):
        for end, is_cut in (
            (ResponseDone(), False),
            (PotentialDataLoss(), False),
            (ResponseFailed([Failure(ConnectionLost())]), True),
        ):
            answer = self.read(b"1234", b"5678", end=end)
            self.assertEqual(self.successResultOf(answer.over), b"12345678")
            self.assertEqual(answer.cut is not None, is_cut)

    def test_no_more_is_kept_than_the_limit(self):
        answer = self.read(b"1234", b"56789", b"more", end=ResponseDone())
        self.failureResultOf(answer.over, AnswerTooLong)
        self.assertTrue(answer.transport.disconnecting)

    def test_an_answer_that_is_given_up_is_not_read_on(self):
        answer = self.read(b"1234")
        answer.over.addErrback(lambda failure: None)
        answer.over.cancel()
        self.assertTrue(answer.transport.disconnecting)

    def test_the_cause_is_inside(self):
        inner = ConnectionLost()
        outer = ResponseFailed([Failure(ResponseFailed([Failure(inner)]))])
        self.assertIs(cause(outer), inner)
        self.assertIs(cause(inner), inner)


class Counting(SynchronousTestCase):
    def test_a_connection_ends_that_gives_more_than_the_limit(self):
        reactor, received = MemoryReactorClock(), []

        class Receiver(Protocol):
            def dataReceived(self, data):
                received.append(data)

            def connectionLost(self, reason):
                received.append(None)

        inner = TCP4ClientEndpoint(reactor, "192.0.2.1", 80)
        endpoint = CountedEndpoint(inner, 10)
        connected = endpoint.connect(Factory.forProtocol(Receiver))
        counting = reactor.tcpClients[0][2].buildProtocol(None)
        transport = StringTransport()
        counting.makeConnection(transport)
        self.assertIsInstance(self.successResultOf(connected), Receiver)
        counting.dataReceived(b"12345")
        counting.dataReceived(b"67890")
        self.assertFalse(transport.disconnecting or endpoint.exceeded)
        counting.dataReceived(b"1")
        self.assertTrue(transport.disconnecting and endpoint.exceeded)
        self.assertEqual(received[:2], [b"12345", b"67890"])
        self.assertNotIn(b"1", received)
