"""A history stays within its bounds, and gives up the right ones."""

import os
import random

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.history import pieces, room
from acra_twisted.telemetry.history.pieces import Figure
from acra_twisted.telemetry.history.reading import Question
from acra_twisted.telemetry.history.room import Bounds
from tests.support import stillhistory
from tests.support.histories import (
    NOW,
    connect,
    counted,
    event,
    piece,
    put,
    record,
    shelves,
)

SMALL = Bounds(2 << 20, 10**18)
EVERYTHING = Question(limit=1000)


def large(number, size=2000, **changes):
    """A piece of so many bytes, and some more, that cannot be made smaller."""
    noise = random.Random(number).randbytes(size).hex()
    trace_id = f"{number:032x}"
    return piece(number, trace_id=trace_id, spans=[record(number, trace_id, n=noise)], **changes)


class Room(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()
        self.connection = connect(self.path)
        self.addCleanup(self.connection.close)

    def size(self):
        ends = ("", "-wal")
        return sum(os.path.getsize(self.path + end) for end in ends)

    def test_a_hundred_times_its_size(self):
        # Nothing is to survive the machine.
        self.connection.execute("PRAGMA synchronous = OFF")
        bounds = Bounds(1 << 19, 10**18)
        written = largest = 0
        number = 0
        while written < 100 * bounds.bytes:
            batch = [large(number + more, 6000, shelf=number // 40 % 3) for more in range(40)]
            number += 40
            written += 40 * 6000
            put(self.connection, *batch, event(number), bounds=bounds)
            largest = max(largest, self.size())
        self.assertLessEqual(largest, bounds.bytes)
        self.assertEqual(shelves(self.connection), counted(self.connection))
        self.assertEqual(self.connection.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        newest = stillhistory.search(self.connection, EVERYTHING).rows
        self.assertGreater(len(newest), 20)

    def test_each_kind_alone_is_bounded(self):
        for make in (
            lambda number: event(number, fields={"x": random.Random(number).randbytes(900).hex()}),
            lambda number: Figure(60, number, "k", random.Random(number).randbytes(2000)),
            lambda number: piece(number, text=random.Random(number).randbytes(1000).hex()),
        ):
            for start in range(0, 4000, 100):
                put(self.connection, *map(make, range(start, start + 100)), bounds=SMALL)
                self.assertLessEqual(self.size(), SMALL.bytes)
            self.assertEqual(shelves(self.connection), counted(self.connection))

    def test_a_flood_of_sampled_ones_takes_nothing_from_the_refused(self):
        refused = [large(number, shelf=pieces.ALWAYS, verdict="deny") for number in range(100)]
        put(self.connection, *refused, bounds=SMALL)
        for start in range(1000, 5000, 50):
            put(self.connection, *map(large, range(start, start + 50)), bounds=SMALL)
        found = stillhistory.search(self.connection, Question(verdict="deny", limit=1000)).rows
        self.assertEqual(len(found), 100)

    def test_minutes_go_before_hours(self):
        noise = random.Random(1).randbytes(2000)
        hours = [Figure(3600, number, "k", noise) for number in range(50)]
        put(self.connection, *hours, bounds=SMALL, now=0)
        for start in range(1000, 4000, 50):
            minutes = [Figure(60, number, "k", noise) for number in range(start, start + 50)]
            put(self.connection, *minutes, bounds=SMALL, now=0)
        self.assertEqual(len(stillhistory.figures(self.connection, 3600, 0, 1 << 40).rows), 50)

    def test_a_shelf_uses_what_others_do_not(self):
        for start in range(0, 2000, 50):
            put(self.connection, *map(large, range(start, start + 50)), bounds=SMALL)
        bytes_held = shelves(self.connection)[pieces.SAMPLED][1]
        self.assertGreater(bytes_held, SMALL.bytes // 3)

    def test_the_first_that_came_goes_first_whatever_its_time_says(self):
        """Clocks are set back: what came last is kept all the same."""
        for turn, start in enumerate((NOW + 10**15, NOW, NOW - 10**15)):
            for more in range(0, 400, 50):
                numbers = range(1000 * turn + more, 1000 * turn + more + 50)
                batch = [large(number, start=start) for number in numbers]
                put(self.connection, *batch, bounds=SMALL, now=start)
        found = {row.start for row in stillhistory.search(self.connection, EVERYTHING).rows}
        self.assertNotIn(NOW + 10**15, found)
        self.assertIn(NOW - 10**15, found)

    def test_what_is_too_old_goes(self):
        old = NOW - 1000 * 10**9
        put(
            self.connection,
            *(piece(number, start=old, shelf=number % 3) for number in range(300)),
            *(event(number, first=old, last=old) for number in range(100)),
            *(Figure(60, old // 10**9, str(number), b"") for number in range(100)),
            now=old,
        )
        fresh = (piece(1000), event(1000), Figure(60, NOW // 10**9, "k", b""))
        done = put(self.connection, *fresh, bounds=Bounds(64 << 20, 500 * 10**9))
        self.assertEqual(done.given_up, 500)
        self.assertEqual(sum(count for count, _ in shelves(self.connection).values()), 3)

    def test_a_reader_that_stays_does_not_let_the_log_grow(self):
        reader = connect(self.path)
        self.addCleanup(reader.close)
        put(self.connection, large(1), bounds=SMALL)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM piece").fetchone()
        self.connection.execute("PRAGMA busy_timeout = 0")
        with self.assertRaises(room.Crowded):
            for start in range(0, 4000, 50):
                put(self.connection, *map(large, range(start, start + 50)), bounds=SMALL)
                self.assertLessEqual(self.size(), SMALL.bytes)
        reader.execute("COMMIT")
        self.assertEqual(put(self.connection, large(9999), bounds=SMALL).stored, 1)

    def test_nothing_is_there_to_be_given_up(self):
        self.assertEqual(
            room.make_room(self.connection, Bounds(0, 0), room.log_of(self.connection)), 0
        )
        self.assertEqual(room.give_up_older(self.connection, 1 << 62), 0)
