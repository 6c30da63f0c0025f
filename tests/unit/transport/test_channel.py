"""Transports of ours where there is a socket, peers that are judged, and the words for failures."""

from functools import partial

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted.interfaces import IPeerJudge
from acra_twisted.transport.certificates import OTHER
from acra_twisted.transport.channel import Channel
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.link import TLSStart
from acra_twisted.transport.native.tlssockets import TLSTransport
from acra_twisted.transport.verifier import CertificateRefused
from tests.support.sockets import Producer, Reactor, native, pair, twisted_pair
from tests.support.tlsfiles import TLSFiles


class Writes(SynchronousTestCase):
    def test_a_transport_without_a_socket_is_left_alone(self):
        channel, transport = Channel(), StringTransport()
        channel.makeConnection(transport)
        channel.write(b"x")
        self.assertEqual(transport.value(), b"x")

    def test_its_receiver_may_change_when_it_is_lost(self):
        """As the end of a session does: the first of the two that are told of it."""
        reactor = Reactor()
        near, far = pair(reactor)
        told = []

        class Ending(Channel):
            def lost(self, reason):
                self.receiver = told.append
                told.append("lost")

        near.inner = channel = Ending()
        channel.makeConnection(native(near))
        channel.receiver = told.append
        far.socket.send(b"x")
        reactor.turn()
        far.socket.close()
        reactor.turn()
        self.assertEqual(told, [b"x", "lost"])

    def test_tls_begins_when_what_was_held_back_has_gone(self):
        """As a server answers an SSLRequest: one byte, then TLS on the same socket."""
        reactor = Reactor()
        near, far = pair(reactor)
        seen = []

        class Answering(Channel):
            def __init__(self):
                self.receiver = self.answer

            def answer(self, data):
                self.write(b"S")
                self.start_tls(_Context(), False)
                seen.append(far.socket.recv(10))

        near.inner = channel = Answering()
        channel.makeConnection(native(near))
        far.socket.send(b"?")
        reactor.turn(1)
        self.assertEqual(seen, [b"S"])
        self.assertIs(type(channel.transport), TLSTransport)
        far.socket.close()
        reactor.turn()


class _Context:
    """TLS without a certificate: no handshake is finished here."""

    resumes = False

    def connection(self, connected, transport, is_client):
        made = SSL.Connection(SSL.Context(SSL.TLS_METHOD), connected)
        made.set_accept_state()
        return made


@implementer(IPeerJudge)
class Judge:
    """Says what it is told to say; remembers what it was asked."""

    def __init__(self, verdict=None):
        self.verdict, self.asked = verdict, []

    def judge(self, evidence, channel):
        self.asked.append((evidence, channel))
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict


class Telling(Channel):
    """Remembers what it is told, in order."""

    def __init__(self):
        self.told = []
        self.receiver = self.told.append

    def peer_authenticated(self, certificate, client_id=""):
        self.told.append("authenticated")

    def lost(self, reason):
        self.told.append(reason.type)
        self.why = reason.value


class Greeting(Telling):
    """Says something with the end of its handshake."""

    def peer_authenticated(self, certificate, client_id=""):
        self.write(b"x")


def _do(what, *_):
    what()


class Judged(TLSFiles):
    """A peer whose certificate was verified, and that somebody else has to judge."""

    def connect(self, judge, is_native, judged="server", client=None):
        self.reactor = Reactor()
        credentials = Credentials(self.settings())
        contexts = {
            "server": credentials.server_context(),
            "client": credentials.client_creator("localhost"),
        }
        contexts[judged].judge = judge
        channels = {"server": Telling(), "client": client or Telling()}
        outers = pair(self.reactor) if is_native else twisted_pair(self.reactor)
        for outer, (side, channel) in zip(outers, channels.items(), strict=True):
            start = TLSStart(contexts[side], side == "client", channel)
            outer.protocol, outer.inner = start, channel
            if not is_native:
                outer.startReading()
            start.makeConnection(native(outer) if is_native else outer)
        self.addCleanup(self.end, self.reactor, channels.values())
        self.reactor.turn()
        return channels["server"], channels["client"]

    def end(self, reactor, channels):
        for channel in channels:
            channel.abort()
        reactor.turn()

    def test_a_peer_that_is_accepted_at_once_is_told_of_at_once(self):
        for is_native in (True, False):
            judge = Judge()
            server, client = self.connect(judge, is_native)
            self.assertEqual(server.told, ["authenticated"])
            ((evidence, channel),) = judge.asked
            self.assertIs(channel, server)
            self.assertEqual(evidence.chain[0], server.certificate)
            client.write(b"x")
            self.reactor.turn()
            self.assertEqual(server.told, ["authenticated", b"x"])

    def test_nothing_that_it_says_is_used_before_the_verdict(self):
        for is_native in (True, False):
            verdict = Deferred()
            server, client = self.connect(Judge(verdict), is_native)
            self.assertEqual(client.told, ["authenticated"])
            for piece in (b"one ", b"two " * 50_000):
                client.write(piece)
                self.reactor.turn()
            # A receiver that is set meanwhile waits as well.
            later = []
            server.receiver = later.append
            client.write(b"three")
            self.reactor.turn()
            self.assertEqual(server.told, [])
            verdict.callback(None)
            self.reactor.turn(500)
            self.assertEqual(server.told, ["authenticated"])
            self.assertEqual(b"".join(later), b"one " + b"two " * 50_000 + b"three")

    def test_what_comes_meanwhile_is_left_to_the_network(self):
        """A peer that talks on while it is judged fills no memory here."""
        for is_native in (True, False):
            verdict, producer = Deferred(), Producer()
            _, client = self.connect(Judge(verdict), is_native)
            client.register(producer)
            client.write(b"x" * (1 << 22))
            self.reactor.turn(500)
            self.assertEqual(producer.calls, ["pause"])
            verdict.callback(None)
            self.reactor.turn(500)
            self.assertEqual(producer.calls, ["pause", "resume"])

    def test_who_is_refused_is_dropped_with_the_reason(self):
        why = CertificateRefused(OTHER, "is revoked")
        for is_native in (True, False):
            for late in (False, True):
                for judged in ("server", "client"):
                    verdict = Deferred()
                    judge = Judge(verdict if late else why)
                    channels = self.connect(judge, is_native, judged)
                    here, there = channels if judged == "server" else channels[::-1]
                    there.write(b"x")
                    self.reactor.turn()
                    if late:
                        self.assertEqual(here.told, [])
                        verdict.errback(why)
                        self.reactor.turn()
                    self.assertEqual(here.told, [CertificateRefused])
                    self.assertIs(here.why, why)
                    # A client may have gone before its server knows who it is.
                    self.assertIn(there.told[:-1], ([], ["authenticated"]))
                    self.assertIn(there.told[-1], (ConnectionDone, ConnectionLost))

    def test_a_judgement_that_fails_refuses(self):
        server, _ = self.connect(Judge(ZeroDivisionError()), True)
        self.assertEqual(server.told, [ZeroDivisionError])

    def test_a_verdict_on_somebody_who_has_gone_changes_nothing(self):
        for result in (None, CertificateRefused(OTHER, "is revoked")):
            verdict = Deferred()
            server, client = self.connect(Judge(verdict), False)
            server.abort()
            self.reactor.turn()
            told = list(server.told)
            self.assertEqual(len(told), 1)
            if result is None:
                verdict.callback(None)
            else:
                verdict.errback(result)
            self.reactor.turn()
            self.assertEqual(server.told, told)

    def test_a_verdict_is_not_awaited_when_the_peer_has_gone(self):
        for is_native in (True, False):
            cancelled = []
            server, client = self.connect(Judge(Deferred(cancelled.append)), is_native)
            client.close()
            server.abort()
            self.reactor.turn()
            self.assertEqual(len(cancelled), 1)
            (reason,) = server.told
            self.assertIsNot(reason, CancelledError)

    def test_what_is_to_be_done_at_the_end_is_done_at_once_after_it(self):
        server, _ = self.connect(Judge(), False)
        ended = []
        server.until_lost(partial(ended.append, 1))
        self.assertEqual(ended, [])
        self.assertFalse(server.is_gone)
        server.abort()
        self.reactor.turn()
        self.assertTrue(server.is_gone)
        server.until_lost(partial(ended.append, 2))
        self.assertEqual(ended, [1, 2])

    def test_reading_that_was_stopped_for_another_reason_is_not_resumed_by_a_verdict(self):
        for is_native in (True, False):
            verdict = Deferred()
            server, client = self.connect(Judge(verdict), is_native)
            client.write(b"one")
            self.reactor.turn()
            server.peer_authenticated = partial(_do, server.transport.pauseProducing)
            verdict.callback(None)
            client.write(b"two")
            self.reactor.turn()
            # What had been read before is there.
            self.assertNotIn(b"two", b"".join(server.told))
            server.transport.resumeProducing()
            self.reactor.turn()
            self.assertEqual(b"".join(server.told), b"onetwo")

    def test_nothing_is_given_to_somebody_who_has_ended_it(self):
        for is_native in (True, False):
            verdict = Deferred()
            server, _ = self.connect(Judge(verdict), is_native, client=Greeting())
            server.peer_authenticated = partial(_do, server.abort)
            verdict.callback(None)
            self.reactor.turn()
            self.assertNotIn(b"x", server.told)
            self.assertEqual(len(server.told), 1)

    def test_tls_in_the_middle_of_a_protocol_is_judged_as_well(self):
        for late in (False, True):
            reactor, verdict = Reactor(), Deferred()
            near, far = pair(reactor)
            credentials = Credentials(self.settings())
            context = credentials.server_context()
            context.judge = Judge(verdict if late else None)

            class Starting(Telling):
                def tls_started(self):
                    self.told.append("started")

            near.inner = here = Starting()
            here.makeConnection(native(near))
            there = Telling()
            TLSStart(credentials.client_creator("localhost"), True, there).makeConnection(
                native(far)
            )
            far.inner = there
            here.start_tls(context, False)
            reactor.turn()
            if late:
                self.assertEqual(here.told, ["authenticated"])
                verdict.callback(None)
            self.assertEqual(here.told, ["authenticated", "started"])
            here.abort()
            there.abort()
            reactor.turn()

    def test_an_accepted_peer_may_be_refused_later(self):
        for is_native in (True, False):
            server, client = self.connect(Judge(), is_native)
            ended = []
            for number in (1, 2):
                server.until_lost(partial(ended.append, number))
            why = CertificateRefused(OTHER, "is revoked")
            server.revoked(Failure(why))
            self.reactor.turn()
            self.assertEqual(server.told, ["authenticated", CertificateRefused])
            self.assertEqual(ended, [1, 2])
            self.assertEqual(len(client.told), 2)
