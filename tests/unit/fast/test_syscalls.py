"""System calls in the form that is in use: of C where compiled, else Python's own."""

import gc
import os
import random
import select
import signal
import socket
import sys
import threading
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast import syscalls
from acra_twisted.fast.compiled import COMPILED

SIZE = 64 * 1024


def pair(kind=socket.AF_UNIX):
    """Two connected sockets that do not wait."""
    if kind == socket.AF_UNIX:
        ends = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            near = socket.create_connection(server.getsockname())
            ends = near, server.accept()[0]
    for end in ends:
        end.setblocking(False)
    return ends


class Sockets(SynchronousTestCase):
    def setUp(self):
        self.near, self.far = pair()
        self.addCleanup(self.near.close)
        self.addCleanup(self.far.close)
        self.calls = syscalls.socket_calls(self.near)

    def test_the_form_in_use(self):
        self.assertEqual(type(self.calls.recv).__name__, "builtin_function_or_method")
        self.assertEqual(type(self.calls).__module__ == "acra_twisted.fast._syscalls", COMPILED)

    def test_both_ways(self):
        self.assertEqual(self.calls.send(b"hello"), 5)
        self.assertEqual(self.far.recv(9), b"hello")
        self.far.send(b"you")
        self.assertEqual(self.calls.recv(SIZE), b"you")

    def test_what_is_sent_may_be_a_part_of_something(self):
        self.assertEqual(self.calls.send(memoryview(b"abcdef")[2:4]), 2)
        self.assertEqual(self.calls.send(bytearray(b"g")), 1)
        self.assertEqual(self.far.recv(9), b"cdg")
        self.assertRaises(TypeError, self.calls.send, "text")
        self.assertRaises(BufferError, self.calls.send, memoryview(b"abcdef")[::2])

    def test_nothing_has_come(self):
        self.assertRaises(BlockingIOError, self.calls.recv, SIZE)

    def test_the_end(self):
        self.far.close()
        self.assertEqual(self.calls.recv(SIZE), b"")
        # Neither a signal nor a word from the interpreter.
        self.assertRaises(BrokenPipeError, self.calls.send, b"x")

    def test_a_reset(self):
        near, far = pair(socket.AF_INET)
        with near:
            calls = syscalls.socket_calls(near)
            near.send(b"unread")
            far.close()
            self.assertRaises(ConnectionResetError, calls.recv, SIZE)

    def test_the_peer_does_not_read(self):
        data, taken = b"x" * SIZE, 0
        with self.assertRaises(BlockingIOError):
            while True:
                taken += self.calls.send(data)
        self.assertGreater(taken, 0)
        got = 0
        while got < taken:
            got += len(self.far.recv(SIZE))
        self.assertEqual(got, taken)

    def test_sizes(self):
        self.far.send(b"x" * 10)
        self.assertEqual(self.calls.recv(4), b"xxxx")
        self.assertEqual(self.calls.recv(1), b"x")
        self.assertEqual(self.calls.recv(5), b"xxxxx")
        self.assertRaises(ValueError, self.calls.recv, -1)
        self.assertRaises(TypeError, self.calls.recv, "5")
        self.assertRaises(OverflowError, self.calls.recv, 1 << 70)

    def test_nothing_reaches_who_got_the_number_next(self):
        number = self.near.fileno()
        self.calls.forget()
        self.near.close()
        others = pair()
        for end in others:
            self.addCleanup(end.close)
        self.assertIn(number, [end.fileno() for end in others])
        others[0].send(b"for the other")
        others[1].send(b"for the one")
        self.assertRaises(OSError, self.calls.send, b"stray")
        self.assertRaises(OSError, self.calls.recv, SIZE)
        self.assertEqual(others[0].recv(99), b"for the one")
        self.assertEqual(others[1].recv(99), b"for the other")

    @given(st.lists(st.tuples(st.booleans(), st.integers(1, 3 * 4096)), max_size=12), st.data())
    def test_what_was_read_stays_as_it_was(self, parts, data):
        """Several sockets, one buffer: whatever the sizes, results are not shared."""
        ends = pair(), pair()
        calls = [syscalls.socket_calls(near) for near, _ in ends]
        made = random.Random(len(parts))  # noqa: S311 - not for secrets
        expected, found = [], []
        try:
            for second, length in parts:
                sent = made.randbytes(length)
                ends[second][1].send(sent)
                size = data.draw(st.sampled_from((length, length + 1, 4096, SIZE)))
                read = b""
                while len(read) < length:
                    read += calls[second].recv(size)
                expected.append(sent)
                found.append(read)
            self.assertEqual(found, expected)
        finally:
            for near, far in ends:
                near.close()
                far.close()

    def test_no_memory_is_kept(self):
        def round_trips():
            for number in range(3000):
                data = b"x" * (number % 3 * 5000 + 1)
                self.calls.send(data)
                self.far.recv(SIZE)
                self.far.send(data)
                self.calls.recv(SIZE)
                try:
                    self.calls.recv(SIZE)
                except BlockingIOError:
                    pass

        round_trips()
        gc.collect()
        before = sys.getallocatedblocks()
        round_trips()
        gc.collect()
        self.assertLess(sys.getallocatedblocks() - before, 500)


class Polling(SynchronousTestCase):
    def setUp(self):
        self.ends = [pair() for _ in range(3)]
        self.epoll = select.epoll()
        self.addCleanup(self.epoll.close)
        for near, far in self.ends:
            self.addCleanup(near.close)
            self.addCleanup(far.close)
            self.epoll.register(near.fileno(), select.EPOLLIN)
        self.poll = syscalls.poller(self.epoll).poll

    def test_nothing_is_ready(self):
        self.assertEqual(self.poll(0.0, 256), [])
        self.assertEqual(self.poll(0.001, 256), [])

    def test_who_is_ready_for_what(self):
        self.ends[0][1].send(b"x")
        self.ends[1][1].close()
        ready = dict(self.poll(0.0, 1000))
        self.assertEqual(
            ready,
            {
                self.ends[0][0].fileno(): select.EPOLLIN,
                self.ends[1][0].fileno(): select.EPOLLIN | select.EPOLLHUP,
            },
        )

    def test_not_more_than_wanted(self):
        for _, far in self.ends:
            far.send(b"x")
        self.assertEqual(len(self.poll(0.0, 2)), 2)

    def test_another_thread_runs_meanwhile(self):
        far = self.ends[0][1]
        thread = threading.Timer(0.05, far.send, [b"x"])
        thread.start()
        self.addCleanup(thread.join)
        self.assertEqual(len(self.poll(30.0, 256)), 1)

    def test_a_signal(self):
        before = signal.signal(signal.SIGALRM, lambda *_: self.ends[0][1].send(b"x"))
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        ready = self.poll(30.0, 256) or self.poll(30.0, 256)
        self.assertEqual(ready, [(self.ends[0][0].fileno(), select.EPOLLIN)])

    def test_what_makes_no_sense(self):
        self.assertRaises(ValueError, self.poll, 0.0, 0)
        self.assertRaises(TypeError, self.poll, "now", 1)
        closed = select.epoll()
        poll = syscalls.poller(closed).poll
        number = closed.fileno()
        closed.close()
        self.assertRaises((OSError, ValueError), poll, 0.0, 1)
        self.assertRaises(OSError, os.fstat, number)


class Times(SynchronousTestCase):
    def test_as_the_monotonic_clock_goes(self):
        for offset in (0, 10**18, -(10**12)):
            now = syscalls.clock(offset)
            before, between, after = time.monotonic_ns(), now() - offset, time.monotonic_ns()
            self.assertTrue(before <= between <= after)
            self.assertLessEqual(now(), now())
