"""Secure Session: vectors, both sides, and everything a peer or a thief may try."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import CryptoError, HandshakeError
from acra_twisted.themis import container, keys, session
from acra_twisted.themis.session import ClientSession, ServerSession
from tests.support.vectors import load, unhex

CLIENT, SERVER = keys.generate(), keys.generate()
NOW = 1_800_000_000


def only(expected, key):
    return lambda peer: key.public_key() if peer == expected else None


def make(kind, own_id, private, peer_id, peer, **options):
    settings = {"random_bytes": os.urandom, "now": lambda: NOW, **options}
    return kind(own_id, private, only(peer_id, peer), **settings)


def pair(**options):
    client = make(ClientSession, b"client", CLIENT, b"server", SERVER, **options)
    server = make(ServerSession, b"server", SERVER, b"client", CLIENT)
    return client, server


def established(**options):
    client, server = pair(**options)
    client.receive(server.receive(client.receive(server.receive(client.connect()))))
    return client, server


class Vectors(SynchronousTestCase):
    def test_derived_keys(self):
        for item in load()["secure_session"]:
            derived = item["derived"]
            known, other = ("client", "server")
            if not item[known]["ephemeral_private"]:
                known, other = other, known
            private = keys.decode_private(bytes.fromhex(item[known]["ephemeral_private"]))
            public = keys.decode_public(bytes.fromhex(item[other]["ephemeral_public"]))
            shared = keys.shared_secret(private, public)
            if "shared_secret" in derived:
                self.assertEqual(shared.hex(), derived["shared_secret"])
            (own, client_id), (peer, server_id) = (
                unhex(item[side], "ephemeral_public", "id") for side in ("client", "server")
            )
            found = session.derive_keys(shared, own, peer, client_id, server_id)
            self.assertEqual(found.sid.hex(), derived["session_id_raw"])
            self.assertEqual(found.sid[::-1].hex(), derived["session_id_wire"])
            self.assertEqual(found.master.hex(), derived["master_key"])
            if "client_key" in derived:
                self.assertEqual(found.client_key.hex(), derived["client_key"])
                self.assertEqual(found.server_key.hex(), derived["server_key"])
                self.assertEqual(found.client_sequence, derived["client_first_seq"])
                self.assertEqual(found.server_sequence, derived["server_first_seq"])
            found.wipe()
            self.assertEqual(found.master, bytes(32))

    def test_recorded_sessions_replay_on_both_sides(self):
        """With the recorded ephemeral key, each side accepts the other's recorded messages."""
        replayed = 0
        for item in load()["secure_session"]:
            messages = [bytes.fromhex(text) for text in item["messages"]]
            for kind, own, peer in (
                (ServerSession, "server", "client"),
                (ClientSession, "client", "server"),
            ):
                # Of real Themis in wasm the ephemeral private key is not known.
                if not item[own]["ephemeral_private"]:
                    continue
                side = make(
                    kind,
                    bytes.fromhex(item[own]["id"]),
                    keys.decode_private(bytes.fromhex(item[own]["private"])),
                    bytes.fromhex(item[peer]["id"]),
                    keys.decode_private(bytes.fromhex(item[peer]["private"])),
                    ephemeral=keys.decode_private(bytes.fromhex(item[own]["ephemeral_private"])),
                    now=lambda item=item: item["wrapped"][0]["timestamp"],
                )
                for text in messages[kind is ClientSession :: 2]:
                    side.receive(text)
                self.assertTrue(side.established)
                for wrapped in item["wrapped"]:
                    if wrapped["sender"] == peer:
                        opened = side.unwrap(bytes.fromhex(wrapped["frame"]))
                        self.assertEqual(opened.hex(), wrapped["message"])
                replayed += 1
        self.assertEqual(replayed, 8)


class Data(SynchronousTestCase):
    @given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=300)), max_size=10))
    def test_both_ways(self, pieces):
        sides = established()
        self.assertEqual(sides[1].peer_id, b"client")
        for upwards, piece in pieces:
            sender, receiver = sides if upwards else sides[::-1]
            wrapped = sender.wrap(piece)
            self.assertEqual(len(wrapped), len(piece) + session.OVERHEAD)
            self.assertEqual(receiver.unwrap(wrapped), piece)

    def test_cl2_replay_reorder_and_drop(self):
        client, server = established()
        first, second, third = (client.wrap(text) for text in (b"1", b"2", b"3"))
        server.unwrap(first)
        for bad in (first, third):
            self.assertRaises(CryptoError, server.unwrap, bad)
        self.assertEqual(server.unwrap(second), b"2")
        self.assertRaises(CryptoError, client.unwrap, third)

    def test_sequence_numbers_wrap_around(self):
        client, server = established()
        client._next_out = server._next_in = (1 << 32) - 1
        for text in (b"last", b"first"):
            self.assertEqual(server.unwrap(client.wrap(text)), text)

    @given(st.data())
    def test_every_authenticated_byte_counts(self, data):
        client, server = established()
        wrapped = bytearray(client.wrap(b"statement"))
        # The last 4 bytes of the 16 of the IV do not enter, nor would they change anything.
        place = data.draw(st.sampled_from([*range(16), *range(20, len(wrapped))]))
        wrapped[place] ^= data.draw(st.integers(1, 255))
        self.assertRaises(CryptoError, server.unwrap, bytes(wrapped))
        cut = data.draw(st.integers(0, len(wrapped) - 1))
        self.assertRaises(CryptoError, server.unwrap, client.wrap(b"statement")[:cut])
        self.assertRaises(CryptoError, server.unwrap, client.wrap(b"statement") + b"\0")

    def test_clocks_a_day_apart(self):
        late = established(now=lambda: NOW - session.CLOCK_TOLERANCE - 1)
        self.assertRaises(CryptoError, late[1].unwrap, late[0].wrap(b"text"))

    def test_empty_and_forgotten(self):
        client, server = established()
        self.assertRaises(CryptoError, client.wrap, b"")
        wrapped = server.wrap(b"text")
        client.forget()
        self.assertRaises(CryptoError, client.unwrap, wrapped)
        self.assertRaises(CryptoError, client.wrap, b"text")
        self.assertFalse(client.established)


class Handshake(SynchronousTestCase):
    def test_nothing_before_it_is_done(self):
        for side in pair():
            self.assertRaises(CryptoError, side.wrap, b"text")
            self.assertRaises(CryptoError, side.unwrap, bytes(60))
            side.forget()

    def test_nothing_after_it_is_done(self):
        for side in established():
            self.assertRaises(HandshakeError, side.receive, b"anything")

    def test_zero_bytes_behind_messages(self):
        client, server = pair()
        reply = client.receive(server.receive(client.connect() + b"\0\0") + b"\0")
        client.receive(server.receive(reply + b"\0\0\0") + b"\0")
        self.assertTrue(client.established and server.established)

    def test_other_ids_and_other_keys(self):
        intruder = keys.generate()
        client = make(ClientSession, b"client", intruder, b"server", SERVER)
        self.assertRaises(CryptoError, pair()[1].receive, client.connect())
        other = make(ClientSession, b"another", CLIENT, b"server", SERVER)
        self.assertRaises(HandshakeError, pair()[1].receive, other.connect())
        nobody = make(ClientSession, b"", CLIENT, b"server", SERVER)
        self.assertRaises((HandshakeError, CryptoError), pair()[1].receive, nobody.connect())
        impostor = make(ServerSession, b"server", intruder, b"client", CLIENT)
        client, _ = pair()
        self.assertRaises(CryptoError, client.receive, impostor.receive(client.connect()))

    def test_an_empty_id_is_nobodys(self):
        """The keys' owner is not even asked."""
        asked = []

        def find(peer):
            asked.append(peer)
            return CLIENT.public_key()

        settings = {"random_bytes": os.urandom, "now": lambda: NOW}
        server = ServerSession(b"server", SERVER, find, **settings)
        nobody = make(ClientSession, b"", CLIENT, b"server", SERVER)
        self.assertRaises((HandshakeError, CryptoError), server.receive, nobody.connect())
        self.assertEqual(asked, [])
        server = ServerSession(b"server", SERVER, find, **settings)
        server.receive(make(ClientSession, b"x", CLIENT, b"server", SERVER).connect())
        self.assertEqual(asked, [b"x"])

    def test_a_replayed_first_message_gets_no_further(self):
        client, server = pair()
        recorded = client.connect()
        third = client.receive(server.receive(recorded))
        _, again = pair()
        again.receive(recorded)
        self.assertRaises(CryptoError, again.receive, third)

    def test_the_last_mac_must_be_whole(self):
        client, server = pair()
        last = server.receive(client.receive(server.receive(client.connect())))
        mac = last[12:]
        for short in (b"", mac[:31], mac + b"\0"):
            bad = container.encode(b"TSPM", short)
            self.assertRaises(CryptoError, client.receive, bad)
        self.assertFalse(client.established)
        client.receive(last)
        self.assertTrue(client.established)

    @given(st.integers(0, 3), st.integers(0, 999), st.integers(1, 255))
    def test_changed_messages(self, which, place, change):
        client, server = pair()
        sides = [server, client, server, client]
        text = client.connect()
        for number, side in enumerate(sides):
            if number == which:
                broken = bytearray(text)
                broken[place % len(broken)] ^= change
                self.assertRaises((CryptoError, HandshakeError), side.receive, bytes(broken))
                self.assertFalse(side.established)
                return
            text = side.receive(text)

    @given(st.binary(max_size=200))
    def test_garbage(self, data):
        for side in pair():
            for text in (data, container.encode(b"TSPM", data)):
                self.assertRaises((CryptoError, HandshakeError), side.receive, text)
        inner = container.encode(b"TSID", b"client") + container.encode(b"UEC2", data)
        bad = container.encode(b"TSPM", inner)
        self.assertRaises((CryptoError, HandshakeError), pair()[1].receive, bad)
