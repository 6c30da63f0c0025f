"""The link over Secure Session: both ends, recordings of real Acra, and hostile peers (CL-1..8)."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import (
    CryptoError,
    ForeignProtocol,
    FrameTooLarge,
    HandshakeError,
    KeyStoreError,
)
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.purposes import CONNECTOR, SERVER
from acra_twisted.themis import keys
from acra_twisted.transport import securesession, spoken
from acra_twisted.transport.channel import Channel
from acra_twisted.transport.endings import PeerSilent
from acra_twisted.transport.securesession import SecureSessionSecurity
from acra_twisted.wire.link import lengthprefix, tracecontext
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET
from tests.support.laterstore import LaterStore
from tests.support.vectors import load

NOW = 1_800_000_000
CLIENT_ID = "clientid"
CLIENT, SERVER_KEY = keys.generate(), keys.generate()


class Inner(Channel):
    """The protocol inside the link."""

    def __init__(self):
        self.peer = None
        self.data = b""
        self.reason = None
        self.times_opened = 0
        self.receiver = self.collect

    def opened(self):
        self.times_opened += 1

    def peer_authenticated(self, certificate, client_id=""):
        self.peer = client_id

    def collect(self, data):
        assert self.peer is not None, "data before authentication"
        self.data += data

    def lost(self, reason):
        self.reason = reason


def store(own, purpose, peer, other, client_id=CLIENT_ID):
    found = MemoryKeyStore()
    found.put(purpose, own, client_id)
    found.put_public(other, peer.public_key(), client_id)
    return found


class Watched:
    """A key that notes each signature that is verified by it."""

    def __init__(self, key, looked):
        self._key = key
        self._looked = looked

    def __getattr__(self, name):
        return getattr(self._key, name)

    def public_key(self):
        return Watched(self._key.public_key(), self._looked)

    def verify(self, signature, signed, algorithm):
        self._looked.append(len(signed))
        self._key.verify(signature, signed, algorithm)


class Transport(StringTransportWithDisconnection):
    def __init__(self, protocol):
        super().__init__()
        self.protocol = protocol

    def abortConnection(self):
        self.loseConnection()

    def taken(self):
        data = self.value()
        self.clear()
        return data


def side(security):
    factory = Factory()
    factory.buildProtocol = lambda address: Inner()
    factory.noisy = False
    protocol = security.protect(factory).buildProtocol(None)
    protocol.inner = protocol.wrappedProtocol
    protocol.makeConnection(Transport(protocol))
    return protocol


def server(own=SERVER_KEY, peer=CLIENT, server_id="acra_server", now=NOW, **options):
    found = options.get("keys") or store(own, SERVER, peer, CONNECTOR)
    return side(SecureSessionSecurity(found, server_id, lambda: now))


def client(own=CLIENT, peer=SERVER_KEY, server_id="acra_server", now=NOW, client_id=CLIENT_ID):
    found = store(own, CONNECTOR, peer, SERVER, client_id)
    return side(SecureSessionSecurity(found, server_id, lambda: now, client_id))


def carry(*sides, size=1 << 20):
    """Carry bytes between two sides until there are none."""
    busy = True
    while busy:
        busy = False
        for here, there in (sides, sides[::-1]):
            data = here.transport.taken()
            for start in range(0, len(data), size):
                busy = True
                if there.transport.connected:
                    there.dataReceived(data[start : start + size])


def established():
    ends = client(), server()
    carry(*ends)
    return ends


class Leaving(SynchronousTestCase):
    def test_before_the_first_byte_and_after_it(self):
        for make, data, silent in (
            (server, b"", True),
            (server, b"\x08", False),
            (client, b"", False),
        ):
            end = make()
            if data:
                end.dataReceived(data)
            end.connectionLost(Failure(ConnectionDone()))
            self.assertEqual(end.inner.reason.check(PeerSilent) is not None, silent)

    def test_one_that_was_sent_away_has_not_left(self):
        end = server()
        end.connectionLost(Failure(ConnectionAborted()))
        self.assertTrue(end.inner.reason.check(ConnectionAborted))


class Link(SynchronousTestCase):
    @given(st.integers(1, 40), st.lists(st.tuples(st.booleans(), st.binary(max_size=80))))
    def test_both_ways_however_it_is_cut(self, size, pieces):
        ends = client(), server()
        carry(*ends, size=size)
        self.assertEqual([end.inner.peer for end in ends], [CLIENT_ID] * 2)
        sent = [b"", b""]
        for upwards, piece in pieces:
            ends[not upwards].inner.write(piece)
            sent[upwards] += piece
            carry(*ends, size=size)
        self.assertEqual([end.inner.data for end in ends], sent)

    def test_the_inside_is_connected_once(self):
        self.assertEqual([end.inner.times_opened for end in established()], [1, 1])

    def test_much_data_is_cut_into_messages(self):
        near, far = established()
        data = os.urandom(200_000)
        near.writeSequence([data[:5], data[5:]])
        self.assertEqual(len(near.transport.value()), len(data) + 4 * securesession.OVERHEAD)
        carry(near, far, size=50_000)
        self.assertEqual(far.inner.data, data)

    def test_a_large_message_is_joined_once(self):
        near, far = established()
        near._session, big = near._session, bytes(3_000_000)
        frame = lengthprefix.encode(near._session.wrap(big))
        for start in range(0, len(frame), 10_000):
            far.dataReceived(frame[start : start + 10_000])
        self.assertEqual(far.inner.data, big)

    def test_closing(self):
        near, far = established()
        near.inner.close()
        self.assertFalse(near.transport.connected)
        self.assertTrue(near.inner.reason.check(ConnectionDone))
        self.assertFalse(near._session.established)
        near.write(b"too late")
        self.assertEqual(near.transport.value(), b"")


class Recordings(SynchronousTestCase):
    def replay(self, item, own, peer, is_client):
        private, public = (
            keys.decode_private(bytes.fromhex(item[s]["private"])) for s in (own, peer)
        )
        ephemeral = keys.decode_private(bytes.fromhex(item[own]["ephemeral_private"]))
        self.patch(keys, "generate", lambda: ephemeral)
        names = {"server_id": item["server"]["id_text"], "now": item["recorded_at"]}
        if is_client:
            return client(private, public, client_id=item["client"]["id_text"], **names)
        found = store(private, SERVER, public, CONNECTOR, item["client"]["id_text"])
        return server(keys=found, **names)

    def test_a_real_connector(self):
        replayed = 0
        for item in load()["acra_tcp"]:
            if not item["server"].get("ephemeral_private"):
                continue
            for size in (1, 1000, 1 << 20):
                end = self.replay(item, "server", "client", False)
                stream = bytes.fromhex("".join(item["client_frames"]))
                for start in range(0, len(stream), size):
                    end.dataReceived(stream[start : start + size])
                self.assertEqual(end.inner.peer, item["client"]["id_text"])
                self.assertEqual(end.inner.data.hex(), "".join(item["client_payloads"]))
            replayed += 1
        self.assertEqual(replayed, 2)

    def test_a_real_server(self):
        replayed = 0
        for item in load()["acra_tcp"]:
            if not item["client"].get("ephemeral_private"):
                continue
            end = self.replay(item, "client", "server", True)
            end.dataReceived(bytes.fromhex("".join(item["server_frames"])))
            self.assertEqual(end.inner.peer, item["client"]["id_text"])
            self.assertGreater(len(end.inner.data), 0)
            if "server_payloads" in item:
                expected = "".join(item["server_payloads"])
                self.assertEqual(end.inner.data.hex(), expected)
            replayed += 1
        self.assertEqual(replayed, 1)


class Hostile(SynchronousTestCase):
    def ended(self, end, *kinds):
        self.assertFalse(end.transport.connected)
        self.assertTrue(end.inner.reason.check(*kinds), end.inner.reason)

    def test_cl1_other_keys_and_ids(self):
        other = keys.generate()
        for near, far in (
            (client(own=other), server()),
            (client(), server(own=other)),
            (client(), server(server_id="another_server")),
        ):
            carry(near, far)
            self.assertIsNone(near.inner.peer)
            self.assertIsNone(far.inner.peer)
            self.assertFalse(near.transport.connected and far.transport.connected)

    def test_cl1_one_connectors_key_under_anothers_id(self):
        """The id in clear chooses the keys; the id that is proven must be the same."""
        found = store(SERVER_KEY, SERVER, CLIENT, CONNECTOR)
        found.put(SERVER, SERVER_KEY, "anotherid")
        found.put_public(CONNECTOR, CLIENT.public_key(), "anotherid")
        near, far = client(), server(keys=found)
        data = near.transport.taken()
        far.dataReceived(data.replace(b"\x08\0\0\0clientid", b"\x09\0\0\0anotherid", 1))
        self.ended(far, HandshakeError)

    def test_cl1_no_secure_session_at_all(self):
        for data, protocol in (
            (b"\x16\x03\x01\x02\x00\x01\x00", spoken.TLS),
            (SSL_REQUEST_PACKET, spoken.POSTGRESQL),
            (b"GET / HTTP/1.1", spoken.HTTP),
            (tracecontext.encode(TraceContext("1" * 32, "2" * 16, True)), spoken.PLAIN),
        ):
            end = server()
            end.dataReceived(data)
            self.ended(end, ForeignProtocol)
            self.assertEqual(end.inner.reason.value.protocol, protocol)
        end = server()
        end.dataReceived(b"\xff" * 9)
        self.ended(end, FrameTooLarge)

    def test_cl7_client_ids(self):
        for text in (
            b"",
            b"abcd",
            b"../../../etc",
            b"client\0id",
            b"client\nid",
            b"x" * 257,
            b"\xff" * 9,
        ):
            end = server()
            end.dataReceived(lengthprefix.encode(text))
            self.ended(end, HandshakeError)

    def test_cl7_nobody_learns_which_client_ids_there_are(self):
        """Known and unknown ids, and those whose keys cannot be read, are answered alike until the
        first message's signature is looked at, and alike by that."""

        class Broken:
            def keys(self, purpose, owner):
                raise KeyStoreError("a key file is readable by others")

            public_key = keys

        half = MemoryKeyStore()
        half.put(SERVER, SERVER_KEY, "half a client")
        looked = []
        known = store(SERVER_KEY, SERVER, Watched(CLIENT, looked), CONNECTOR)
        seen = []
        for client_id, found, why in (
            (CLIENT_ID, known, CryptoError),
            ("unknown client", known, HandshakeError),
            ("half a client", half, HandshakeError),
            ("unreadable", Broken(), KeyStoreError),
        ):
            # What an attacker can send: a first message under that id, signed by a key of its own.
            near = client(own=keys.generate(), client_id=client_id)
            first = near.transport.taken()
            hello = lengthprefix.encode(client_id.encode())
            security = SecureSessionSecurity(found, "acra_server", lambda: NOW)
            security.nobody = Watched(security.nobody, looked)
            end = side(security)
            for start in range(0, len(hello), 5):
                end.dataReceived(hello[start : start + 5])
            before = end.transport.connected, end.transport.value(), len(looked)
            end.dataReceived(first[len(hello) : -1])
            before += end.transport.connected, end.transport.value(), len(looked)
            end.dataReceived(first[-1:])
            after = end.transport.connected, end.transport.value(), len(looked)
            seen.append((before, after))
            # The log says what the peer was not told.
            self.ended(end, why)
            looked.clear()
        self.assertEqual(seen, [((True, b"", 0, True, b"", 0), (False, b"", 1))] * 4)

    def test_cl7_nobody_is_taken_for_a_client_that_is_not_there(self):
        found = MemoryKeyStore()
        security = SecureSessionSecurity(found, "acra_server", lambda: NOW)
        end = side(security)
        # Even the key that stands in for those that are not there opens nothing.
        near = client(own=security.nobody, peer=security.nobody)
        carry(near, end)
        self.ended(end, HandshakeError)
        self.assertIsNone(end.inner.peer)

    def test_cl2_replayed_dropped_and_changed_frames(self):
        for spoil in (
            lambda frames: [frames[0], frames[0]],
            lambda frames: [frames[1]],
            lambda frames: [frames[0][:-1] + bytes([frames[0][-1] ^ 1])],
        ):
            near, far = established()
            made = []
            for text in (b"first", b"second"):
                near.write(text)
                made.append(near.transport.taken())
            for frame in spoil(made):
                far.dataReceived(frame)
            self.ended(far, CryptoError)
            self.assertIn(far.inner.data, (b"", b"first"))
            far.dataReceived(made[1])
            self.assertIn(far.inner.data, (b"", b"first"))

    def test_cl2_a_whole_recorded_session(self):
        near, far = client(), server()
        recorded = near.transport.value()
        carry(near, far)
        again = server()
        again.dataReceived(recorded)
        self.assertIsNone(again.inner.peer)

    def test_cl3_lengths(self):
        near, far = established()
        far.dataReceived(b"\xff\xff\xff\x7f")
        self.ended(far, FrameTooLarge)
        near.dataReceived(b"\0\0\0\0")
        self.ended(near, CryptoError)
        for length in (1025, 1 << 31, (1 << 32) - 1):
            end = server()
            end.dataReceived(length.to_bytes(4, "little"))
            self.ended(end, FrameTooLarge)

    @given(st.binary(max_size=400))
    def test_garbage(self, data):
        for end in (server(), client()):
            end.dataReceived(data)
            self.assertIsNone(end.inner.peer)
            if end.transport.connected:
                end.transport.loseConnection()

    def test_a_bug_of_ours_ends_the_connection_too(self):
        end = server()
        end._handshake = lambda data: 1 / 0
        end.dataReceived(lengthprefix.encode(b"clientid"))
        self.ended(end, ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class Later(SynchronousTestCase):
    """A key store that answers later."""

    def remote(self):
        inside = store(SERVER_KEY, SERVER, CLIENT, CONNECTOR)
        self.waiting = []

        class Remote:
            def keys(_, *args):
                answer = Deferred()
                self.waiting.append((answer, inside.keys(*args)))
                return answer

            public_key = inside.public_key

        return Remote()

    def test_frames_wait_for_keys(self):
        near, far = client(), server(keys=self.remote())
        carry(near, far)
        self.assertIsNone(far.inner.peer)
        ((answer, found),) = self.waiting
        answer.callback(found)
        carry(near, far)
        self.assertEqual(far.inner.peer, CLIENT_ID)

    def test_a_connector_waits_for_its_own_keys(self):
        remote = LaterStore(store(CLIENT, CONNECTOR, SERVER_KEY, SERVER))
        security = SecureSessionSecurity(remote, "acra_server", lambda: NOW, CLIENT_ID)
        near, far = side(security), server()
        carry(near, far)
        self.assertEqual(near.transport.value(), b"")
        remote.answer()
        carry(near, far)
        self.assertEqual(far.inner.peer, CLIENT_ID)

    def test_a_connectors_keys_are_looked_at_when_they_come(self):
        for own, other, missing in (
            (CONNECTOR, SERVER, ""),
            (SERVER, SERVER, "own private key"),
            (CONNECTOR, CONNECTOR, "public key"),
        ):
            remote = LaterStore(store(CLIENT, own, SERVER_KEY, other))
            security = SecureSessionSecurity(remote, "acra_server", lambda: NOW, CLIENT_ID)
            checked = security.check()
            self.assertNoResult(checked)
            remote.answer()
            if missing:
                failure = self.failureResultOf(checked, KeyStoreError)
                self.assertIn(f"the {missing} for the link", str(failure.value))
            else:
                self.assertIsNone(self.successResultOf(checked))

    def test_not_endlessly(self):
        end = server(keys=self.remote())
        end.dataReceived(lengthprefix.encode(b"clientid"))
        end.dataReceived(bytes(3000))
        self.assertFalse(end.transport.connected)

    def test_a_connector_that_lost_its_keys(self):
        """Destroyed while it runs: the connection ends, with the reason."""
        found = store(CLIENT, CONNECTOR, SERVER_KEY, SERVER)
        security = SecureSessionSecurity(found, "acra_server", lambda: NOW, CLIENT_ID)
        found.close()
        end = side(security)
        self.assertFalse(end.transport.connected)
        self.assertTrue(end.inner.reason.check(HandshakeError))

    def test_a_store_that_fails(self):
        near, far = client(), server(keys=self.remote())
        carry(near, far)
        self.waiting[0][0].errback(Failure(KeyStoreError("the store is down")))
        self.assertTrue(far.inner.reason.check(KeyStoreError))
