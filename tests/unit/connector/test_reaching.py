"""One application's way to AcraServer, without the application."""

from types import SimpleNamespace

from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from acra_twisted.connector.link import LinkChannel
from acra_twisted.connector.reaching import Reaching
from acra_twisted.connector.record import ConnectionRecord
from acra_twisted.session import Identity
from acra_twisted.wire.link import tracecontext
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET
from tests.unit.connector.test_connection import Connected

GREETING = b"\x4a\0\0\0\x0a8.0.36\0"


class Ways(Connected):
    def setUp(self):
        super().setUp()
        self.told = []
        application = SimpleNamespace(
            reached=lambda link: self.told.append("reached"),
            unreachable=lambda reason: self.told.append(reason.public),
            abandoned=lambda: self.told.append("abandoned"),
            broken=lambda failure: self.told.append(failure),
        )
        context = self.connector.context
        record = self.record = ConnectionRecord(context, 1, Identity("", "", False))
        self.reaching = Reaching(context, application, record, "")
        self.reaching.begin()

    def link(self):
        made = LinkChannel(self.attempts.pop()[0])
        made.makeConnection(StringTransport())
        return made

    def test_the_trace_goes_first(self):
        self.assertTrue(self.reaching.in_progress)
        link = self.link()
        self.assertFalse(self.reaching.in_progress)
        self.assertEqual(self.told, ["reached"])
        context = tracecontext.encode(self.record.span.context, tracecontext.DECIDES)
        self.assertEqual(link.transport.value(), context)

    def test_it_cannot_be_reached(self):
        self.attempts.pop()[1].errback(ConnectionRefusedError())
        self.assertEqual((self.told, self.reaching.in_progress), (["connection refused"], False))

    def test_nobody_waits_for_it_any_more(self):
        self.reaching.leave()
        link = self.link()
        self.assertEqual(self.told, ["abandoned"])
        self.assertEqual((link.transport.value(), link.transport.disconnecting), (b"", True))

    def test_it_is_given_up(self):
        self.reaching.leave()
        self.reaching.cancel()
        self.assertEqual(self.told, ["abandoned"])

    def test_an_answer_to_what_the_application_began_with(self):
        self.assertIsNone(self.reaching.strange(GREETING, b""))
        self.reaching = Reaching(self.connector.context, self.reaching, self.record, "")
        # The connector has declined this itself, so that nothing has been said to the server.
        self.reaching.note_opening(SSL_REQUEST_PACKET)
        reason = self.reaching.strange(GREETING, b"")
        self.assertEqual(reason.public, "it speaks the MySQL protocol")

    def test_no_more_is_kept_of_what_it_says_than_is_needed(self):
        for _ in range(100):
            self.reaching.note_opening(b"x" * 100)
        self.assertLess(len(self.reaching._opening), 100)

    def test_it_is_lost(self):
        self.link()
        reason = self.reaching.lost(Failure(ConnectionDone()), True, False)
        self.assertEqual(reason.what, "it hung up before it answered")
