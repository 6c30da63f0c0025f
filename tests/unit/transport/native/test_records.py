"""Records of TLS in both forms: by cffi, and where compiled in C."""

import gc
import select
import socket
import sys
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast.compiled import COMPILED
from acra_twisted.sandbox.authority import Authority
from acra_twisted.transport.native import records as module
from acra_twisted.transport.native.records import RECORD, RECORDS, ByCffi, has_spoken, records

#: More than both sockets and OpenSSL hold.
MUCH = 4 << 20
#: Whether it goes back, and its size.
PARTS = given(st.lists(st.tuples(st.booleans(), st.integers(1, 3 * RECORD)), max_size=6))


class End:
    """One end of a connection: its socket, OpenSSL's connection and its records."""

    def __init__(self, context, connected, accepts, make):
        self.socket = connected
        self.connection = SSL.Connection(context, connected)
        self.records = make(self.connection)
        if accepts:
            self.connection.set_accept_state()
        else:
            self.connection.set_connect_state()

    def shake_hands(self):
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            return False
        return True

    def close(self):
        self.records.forget()
        self.socket.close()


class Cases:
    """Tests of a form, which says how records are made (`make`)."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        certificate, key = Authority(Path(folder.name)).issue("server", hosts=("db.example",))
        cls.accepting = SSL.Context(SSL.TLS_METHOD)
        cls.accepting.use_certificate_file(str(certificate))
        cls.accepting.use_privatekey_file(str(key))
        cls.dialling = SSL.Context(SSL.TLS_METHOD)

    def connect(self, tcp=False, dialling=None):
        """Both ends of a new connection; the client has read what comes behind the handshake."""
        near, far = self.sockets(tcp)
        for each in (near, far):
            each.setblocking(False)
        near, far = (
            End(self.accepting, near, True, self.make),
            End(dialling or self.dialling, far, False, self.make),
        )
        done = [False, False]
        while not all(done):
            done = [done[0] or far.shake_hands(), done[1] or near.shake_hands()]
        self.assertRaises(SSL.WantReadError, far.records.read)
        return near, far

    @staticmethod
    def sockets(tcp):
        if not tcp:
            # What one end sends is there for the other at once.
            return socket.socketpair()
        with socket.create_server(("127.0.0.1", 0)) as server:
            far = socket.create_connection(server.getsockname())
            return server.accept()[0], far

    def setUp(self):
        self.near, self.far = self.connect()
        self.addCleanup(self.near.close)
        self.addCleanup(self.far.close)

    def test_both_ways(self):
        self.assertEqual(self.near.records.send(b"hello"), 5)
        self.assertEqual(self.far.records.read(), b"hello")
        self.assertEqual(self.far.records.send(b"you"), 3)
        self.assertEqual(self.near.records.read(), b"you")

    def test_what_is_sent_may_be_a_part_of_something(self):
        self.assertEqual(self.near.records.send(memoryview(b"abcdef")[2:4]), 2)
        self.assertEqual(self.near.records.send(bytearray(b"g")), 1)
        self.assertEqual(self.far.records.read() + self.far.records.read(), b"cdg")
        self.assertRaises(TypeError, self.near.records.send, "text")
        self.assertEqual(self.near.records.send(b""), 0)
        self.assertRaises(SSL.WantReadError, self.far.records.read)

    def test_a_record_at_a_time_but_full_ones_together(self):
        self.near.records.send(b"one")
        self.near.records.send(b"two")
        self.assertEqual([self.far.records.read() for _ in range(2)], [b"one", b"two"])
        self.near.records.send(b"x" * (2 * RECORD + 5))
        self.assertEqual(len(self.far.records.read()), 2 * RECORD + 5)
        self.near.records.send(b"x" * (RECORDS + 1) * RECORD)
        found = [len(self.far.records.read()) for _ in range(2)]
        self.assertEqual(found, [RECORDS * RECORD, RECORD])
        self.assertRaises(SSL.WantReadError, self.far.records.read)

    def test_full_records_before_the_end_are_read_first(self):
        self.near.records.send(b"x" * RECORD)
        self.near.connection.shutdown()
        self.assertEqual(self.far.records.read(), b"x" * RECORD)
        self.assertRaises(SSL.ZeroReturnError, self.far.records.read)

    def test_nothing_has_come(self):
        for _ in range(2):
            self.assertRaises(SSL.WantReadError, self.far.records.read)

    def test_the_end(self):
        self.near.connection.shutdown()
        self.assertRaises(SSL.ZeroReturnError, self.far.records.read)

    def test_an_end_without_a_word(self):
        self.near.socket.close()
        self.assertRaises(SSL.SysCallError, self.far.records.read)

    def test_a_reset(self):
        """The system's number comes through."""
        near, far = self.connect(tcp=True)
        self.addCleanup(far.close)
        far.records.send(b"unread")
        select.select([near.socket], [], [], 30)
        near.close()
        select.select([far.socket], [], [], 30)
        with self.assertRaises(SSL.SysCallError) as caught:
            far.records.read()
        self.assertEqual(caught.exception.args[1], "ECONNRESET")
        with self.assertRaises(OSError) as sent:
            far.records.send(b"x")
        self.assertNotIsInstance(sent.exception, BlockingIOError)

    def test_what_is_no_record(self):
        self.near.socket.send(b"\x17\x03\x03\x00\x14" + bytes(20))
        with self.assertRaises(SSL.Error) as caught:
            self.far.records.read()
        self.assertNotIsInstance(caught.exception, SSL.WantReadError)
        # Nothing of it is left that others would take for theirs.
        one, other = self.connect()
        self.addCleanup(one.close)
        self.addCleanup(other.close)
        self.assertRaises(SSL.WantReadError, one.records.read)

    def test_what_is_no_record_behind_a_full_one(self):
        self.near.records.send(b"x" * RECORD)
        self.near.socket.send(b"\x17\x03\x03\x00\x14" + bytes(20))
        with self.assertRaises(SSL.Error) as caught:
            self.far.records.read()
        self.assertNotIsInstance(caught.exception, SSL.WantReadError)

    def test_the_peer_does_not_read(self):
        data, taken = bytes(range(256)) * (MUCH // 256), 0
        taken = self.near.records.send(data)
        self.assertTrue(0 < taken < MUCH)
        self.assertRaises(BlockingIOError, self.near.records.send, data[taken:])
        got = []
        rest = memoryview(data)[taken:]
        while sum(map(len, got)) < MUCH:
            try:
                got.append(self.far.records.read())
            except SSL.WantReadError:
                rest = rest[self.near.records.send(rest) :]
        self.assertTrue(b"".join(got) == data)

    def test_behind_the_end_nothing_is_called(self):
        self.near.records.forget()
        self.assertRaises(OSError, self.near.records.read)
        self.assertRaises(OSError, self.near.records.send, b"x")
        self.assertRaises(SSL.WantReadError, self.far.records.read)
        self.near.records.forget()

    def test_forgotten_while_they_are_read(self):
        """OpenSSL tells of the peer's end before its call returns."""
        leaving = []

        def told(connection, where, result):
            while leaving:
                leaving.pop().forget()

        watched = SSL.Context(SSL.TLS_METHOD)
        watched.set_info_callback(told)
        near, far = self.connect(dialling=watched)
        for end in (near, far):
            self.addCleanup(end.close)
        leaving.append(far.records)
        near.connection.shutdown()
        self.assertRaises(SSL.ZeroReturnError, far.records.read)
        self.assertEqual(leaving, [])
        self.assertRaises(OSError, far.records.read)

    def test_has_spoken(self):
        self.assertFalse(has_spoken(self.far.connection))
        self.near.records.send(b"x")
        self.assertTrue(has_spoken(self.far.connection))
        self.assertEqual(self.far.records.read(), b"x")
        self.near.connection.shutdown()
        self.assertRaises(SSL.ZeroReturnError, has_spoken, self.far.connection)

    def carry(self, parts):
        """Both directions, one buffer: whatever the sizes, results are not shared."""
        ends = (self.near, self.far), (self.far, self.near)
        expected, found = [], []
        for number, (back, size) in enumerate(parts):
            sender, reader = ends[back]
            data = bytes([number]) * size
            self.assertEqual(sender.records.send(data), size)
            read = []
            while sum(map(len, read)) < size:
                read.append(reader.records.read())
            expected.append(data)
            found.append(b"".join(read))
        self.assertEqual(found, expected)

    def test_no_memory_is_kept(self):
        def round_trips():
            for number in range(500):
                data = b"x" * (number % 3 * 5000 + 1)
                self.near.records.send(data)
                self.far.records.read()
                try:
                    self.far.records.read()
                except SSL.WantReadError:
                    pass
                made = self.make(self.near.connection)
                if number % 2:
                    made.forget()

        round_trips()
        gc.collect()
        before = sys.getallocatedblocks()
        round_trips()
        gc.collect()
        self.assertLess(sys.getallocatedblocks() - before, 200)


class Cffi(Cases, SynchronousTestCase):
    make = ByCffi

    @PARTS
    def test_what_was_read_stays_as_it_was(self, parts):
        self.carry(parts)


class InUse(Cases, SynchronousTestCase):
    make = staticmethod(records)

    @PARTS
    def test_what_was_read_stays_as_it_was(self, parts):
        self.carry(parts)

    def test_the_form_in_use(self):
        name = "acra_twisted.fast._records" if COMPILED else module.__name__
        self.assertEqual(type(self.near.records).__module__, name)

    def test_circles_are_found(self):
        """OpenSSL's connection may know the object that has its records."""

        def alive():
            gc.collect()
            return sum(type(one) is SSL.Connection for one in gc.get_objects())

        before = alive()
        for end in self.connect():
            end.connection.set_app_data(end)
            end.socket.close()
        self.assertEqual(alive(), before + 1)
        del end
        self.assertEqual(alive(), before)
