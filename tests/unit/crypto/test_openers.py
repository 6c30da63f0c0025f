"""Openers: rotated keys, kept secrets, reasons; counted, not timed."""

import os
import sys
import threading

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, acrastruct, openers
from acra_twisted.crypto.envelopes import ACRABLOCK, ACRASTRUCT
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.themis import keys

OLD, NEW, OTHER = (keys.generate() for _ in range(3))


def struct(key, text=b"text"):
    return acrastruct.create(text, key.public_key(), b"", os.urandom)


def block(key, text=b"text"):
    return acrablock.create(text, key, b"", os.urandom)


class Counted(dict):
    stored = 0

    def __setitem__(self, key, value):
        self.stored += 1
        super().__setitem__(key, value)


class Opening(SynchronousTestCase):
    def setUp(self):
        self.opener = Opener([NEW, OLD], [b"new key", b"old key"])
        self.agreed = 0
        real = keys.shared_secret

        def counted(private, public):
            self.agreed += 1
            return real(private, public)

        self.patch(keys, "shared_secret", counted)

    def refused(self, reason, kind, data, opener=None):
        error = self.assertRaises(Closed, (opener or self.opener).open, kind, data, {})
        self.assertEqual(error.reason, reason)

    def test_rotated_keys_and_the_one_that_opened_last(self):
        for data in (struct(NEW), struct(OLD), struct(OLD)):
            self.assertEqual(self.opener.open(ACRASTRUCT, data, {}), b"text")
        # 1 for the new key; 2 for the old one, which is tried first from then on.
        self.assertEqual(self.agreed, 4)
        for key in (b"old key", b"new key"):
            self.assertEqual(self.opener.open(ACRABLOCK, block(key), {}), b"text")

    def test_the_second_time_costs_no_curve(self):
        data = struct(NEW)
        self.assertFalse(self.opener.is_cheap(ACRASTRUCT, data))
        for _ in range(3):
            self.opener.open(ACRASTRUCT, data, {})
        self.assertEqual(self.agreed, 1)
        self.assertTrue(self.opener.is_cheap(ACRASTRUCT, data))
        foreign = struct(OTHER)
        for _ in range(3):
            self.refused(openers.WRONG_KEY, ACRASTRUCT, foreign)
        self.assertEqual(self.agreed, 3)

    def test_what_is_kept_is_bounded(self):
        opener = Opener([NEW], [], kept=2)
        for _ in range(5):
            opener.open(ACRASTRUCT, struct(NEW), {})
        self.assertEqual(len(opener._secrets), 2)

    def test_what_was_used_last_is_kept_longest(self):
        opener = Opener([NEW], [], kept=2)
        first, second, third = (struct(NEW) for _ in range(3))
        for data in (first, second, first, third):
            opener.open(ACRASTRUCT, data, {})
        kept = [opener.is_cheap(ACRASTRUCT, data) for data in (first, second, third)]
        self.assertEqual(kept, [True, False, True])

    def test_points_are_decompressed_once_for_all_who_ask(self):
        points = Counted()
        data = struct(NEW)
        self.refused_with_points(data, points)
        self.opener.open(ACRASTRUCT, data, points)
        self.assertEqual((len(points), points.stored), (1, 1))

    def refused_with_points(self, data, points):
        self.assertRaises(Closed, Opener([OTHER], []).open, ACRASTRUCT, data, points)

    def test_reasons(self):
        nothing = Opener([], [])
        self.refused(openers.NO_KEY, ACRASTRUCT, struct(NEW), nothing)
        self.refused(openers.NO_KEY, ACRABLOCK, block(b"new key"), nothing)
        self.refused(openers.WRONG_KEY, ACRABLOCK, block(b"another"))
        damaged = bytearray(struct(NEW))
        damaged[-1] ^= 1
        self.refused(openers.DAMAGED, ACRASTRUCT, bytes(damaged))
        damaged = bytearray(block(b"new key"))
        damaged[-1] ^= 1
        self.refused(openers.DAMAGED, ACRABLOCK, bytes(damaged))
        no_point = struct(NEW)[:20] + bytes(33) + struct(NEW)[53:]
        self.refused(openers.DAMAGED, ACRASTRUCT, no_point)

    def test_two_threads_at_a_time(self):
        """The reactor's and a worker's: everything opens, whatever the other is doing."""
        opener = Opener([NEW, OLD], [b"new key", b"old key"], kept=3)
        made = [(ACRASTRUCT, struct(key)) for key in (NEW, OLD) * 10]
        made += [(ACRABLOCK, block(key)) for key in (b"new key", b"old key") * 10]
        failures = []

        def read():
            for kind, data in made * 5:
                try:
                    assert opener.open(kind, data, {}) == b"text"
                except Exception as error:
                    failures.append(error)

        threads = [threading.Thread(target=read) for _ in range(4)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        self.addCleanup(sys.setswitchinterval, interval)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(failures, [])

    def test_forgotten(self):
        data = struct(NEW)
        self.opener.open(ACRASTRUCT, data, {})
        self.opener.forget()
        self.refused(openers.NO_KEY, ACRASTRUCT, data)
        self.refused(openers.NO_KEY, ACRABLOCK, block(b"new key"))
