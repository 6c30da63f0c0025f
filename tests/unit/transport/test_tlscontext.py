"""Contexts that are read anew, and what Twisted's own TLS says with them."""

from types import SimpleNamespace

from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from acra_twisted.errors import ConfigError
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.tlscontext import TLSContexts
from acra_twisted.transport.verifier import CertificateRefused
from tests.support.handshakes import connect
from tests.support.revocation import Revoker
from tests.support.tlsfiles import TLSFiles


class Ends(Protocol):
    """Remembers why it ended."""

    why = None

    def connectionLost(self, reason):
        self.why = reason.value


class Contexts(TLSFiles):
    def test_in_memory_it_is_said_alike_why(self):
        """TLS of Twisted's, on top of something else."""
        for name, days, said in (
            ("other.example", 30, "is for localhost, ::1 and not for other.example"),
            ("localhost", -1, "expired on"),
        ):
            self.authority.issue("server", hosts=("localhost", "::1"), days=days)
            credentials = Credentials(self.settings())
            ends = []
            for context, is_client in (
                (credentials.client_creator(name), True),
                (credentials.server_context(), False),
            ):
                factory = TLSMemoryBIOFactory(context.creator, is_client, None)
                transport, protocol = StringTransport(), Ends()
                tls = TLSMemoryBIOProtocol(factory, protocol, False)
                ends.append((transport, protocol, tls))
            for transport, _, tls in ends:
                tls.makeConnection(transport)
            for _ in range(5):
                for (here, _, _), (_, _, there) in (ends, ends[::-1]):
                    data = here.value()
                    here.clear()
                    if data:
                        there.dataReceived(data)
            for _, _, tls in ends:
                tls.connectionLost(Failure(ConnectionDone()))
            self.assertIsInstance(ends[0][1].why, CertificateRefused)
            self.assertIn(said, str(ends[0][1].why))
            self.assertIn("alert", str(ends[1][1].why))

    def test_tl7_read_anew_together_or_not_at_all(self):
        contexts = TLSContexts()
        settings = self.settings()
        server = contexts.add(lambda: Credentials(settings).server_context())
        client = contexts.add(lambda: Credentials(settings).client_creator("localhost"))
        before = server.context, client.context
        client.keep_session(server.connection(None, None, False))
        self.authority.issue("server", hosts=("localhost",))
        self.assertEqual(contexts.renew(), 2)
        renewed = server.context, client.context
        self.assertFalse(set(map(id, before)) & set(map(id, renewed)))
        # Sessions of before are not resumed: who holds them was verified by other files.
        self.assertIsNone(client._session)
        _, other = self.authority.issue("other")
        self.key.write_bytes(other.read_bytes())
        error = self.assertRaises(ConfigError, contexts.renew)
        self.assertIn("not the key of the certificate", str(error))
        self.assertEqual((server.context, client.context), renewed)
        self.assertRaises(ValueError, client.become, server)


def shake(server, client, owner=None):
    """Return True if a handshake in memory, of a client's ``owner``, has resumed a session."""
    here, there = server.connection(None, None, False), client.connection(None, owner, True)
    connect(there, here)
    here.send(b"x")
    there.bio_write(here.bio_read(1 << 16))
    there.recv(1)
    client.keep_session(there)
    # OpenSSL takes a session for broken whose connection goes without a word.
    for one in (here, there):
        one.shutdown()
    return bool(SSL._lib.SSL_session_reused(there._ssl))


class Sessions(TLSFiles):
    def test_tl8_a_server_that_forgets_sessions_resumes_none_of_before(self):
        for newest in (True, False):
            credentials = Credentials(self.settings())
            server, client = credentials.server_context(), credentials.client_creator("localhost")
            if not newest:
                server.context.set_max_proto_version(SSL.TLS1_2_VERSION)
            resumed = [shake(server, client) for _ in range(3)]
            self.assertEqual(resumed, [False, True, True])
            server.forget_sessions()
            resumed = [shake(server, client) for _ in range(3)]
            self.assertEqual(resumed, [False, True, True])

    def test_a_client_that_forgets_its_session_asks_for_none(self):
        credentials = Credentials(self.settings())
        server, client = credentials.server_context(), credentials.client_creator("localhost")
        shake(server, client)
        client.forget_sessions()
        self.assertEqual([shake(server, client) for _ in range(2)], [False, True])

    def test_a_judge_watches_the_context_however_often_it_is_made_anew(self):
        watched = []

        class Judge:
            def watch(self, context):
                watched.append(context)
                context.judge = self

        contexts, judge = TLSContexts(), Judge()
        made = contexts.add(lambda: Credentials(self.settings()).server_context(), judge=judge)
        contexts.renew()
        self.assertEqual((watched, made.judge), ([made], judge))


class Staples(TLSFiles):
    """The OCSP response about a server's certificate comes along in the handshake."""

    def setUp(self):
        super().setUp()
        self.revoker = Revoker()
        self.leaf = self.revoker.leaf("localhost")
        self.use(self.leaf, self.revoker.certificate)

    def contexts(self):
        credentials = Credentials(self.settings())
        return credentials.server_context(), credentials.client_creator("localhost")

    def received(self, server, client):
        """Return the response that a client has received with a handshake."""
        owner = SimpleNamespace(staple=None, failVerification=self.fail)
        here = server.connection(None, None, False)
        there = client.connection(None, owner, True)
        connect(there, here)
        return owner.staple

    def test_who_asks_has_it_and_nobody_else(self):
        server, client = self.contexts()
        response = self.revoker.answer(self.leaf)
        server.staple(lambda: response)
        self.assertIsNone(self.received(server, client))
        _, client = self.contexts()
        client.ask_for_staples()
        self.assertEqual(self.received(server, client), response)

    def test_a_server_that_has_none_sends_none(self):
        server, client = self.contexts()
        client.ask_for_staples()
        self.assertIn(self.received(server, client), (b"", None))
        server, _ = self.contexts()
        server.staple(lambda: b"")
        self.assertIn(self.received(server, client), (b"", None))

    def test_contexts_that_are_made_anew_go_on_with_it(self):
        server, client = self.contexts()
        responses = [self.revoker.answer(self.leaf)]
        server.staple(lambda: responses[-1])
        client.ask_for_staples()
        for context, anew in zip((server, client), self.contexts(), strict=True):
            context.become(anew)
        responses.append(self.revoker.answer(self.leaf, "unknown"))
        self.assertEqual(self.received(server, client), responses[-1])

    def test_a_session_without_the_one_that_is_asked_for_is_not_kept(self):
        """A server may have none yet, and what is resumed would bring none for hours."""
        server, client = self.contexts()
        client.ask_for_staples()
        responses = [b""]
        server.staple(lambda: responses[-1])
        self.assertEqual([self.resumed(server, client) for _ in range(2)], [False, False])
        responses.append(self.revoker.answer(self.leaf))
        self.assertEqual([self.resumed(server, client) for _ in range(3)], [False, True, True])

    def resumed(self, server, client):
        """Return True if the next handshake resumes a session."""
        return shake(server, client, SimpleNamespace(staple=b"", failVerification=self.fail))
