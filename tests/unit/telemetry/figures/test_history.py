"""Minutes that are over: how they are kept, and the bounds."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.calls import Calls
from acra_twisted.telemetry.figures.counted import Counted
from acra_twisted.telemetry.figures.counting import SHAPES_MAX, Minute
from acra_twisted.telemetry.figures.history import HOURS, MINUTES, FigureHistory, Ring
from acra_twisted.telemetry.figures.rows import Row, decode
from acra_twisted.telemetry.figures.shapes import Shape
from tests.support.figures import rows, total


def a_shape(number):
    return Shape("toydb", "shop", "statement", "SELECT", f"SELECT {number}")


def a_minute(number, *some):
    """A minute with (shape, row) pairs."""
    minute = Minute(number)
    for shape, row in some:
        counted = Counted(shape, Calls(0))
        counted.row.add(row)
        minute.counted.append(counted)
    return minute


def with_calls(calls):
    row = Row()
    row.calls = calls
    return row


def keep(history, minute, also=None):
    for _ in history.keep(minute, also):
        pass


def sums(slots):
    """Calls in all, and by slot."""
    return [sum(decode(kept.encoded).calls for kept in slot.rows.values()) for slot in slots]


class Reading(SynchronousTestCase):
    def test_minutes_then_hours_and_each_minute_once(self):
        history = FigureHistory()
        first = 60 * 1000 + 17
        for number in range(first, first + 500):
            keep(history, a_minute(number, (a_shape(1), with_calls(1))))
        self.assertEqual(sum(sums(history.slots(0, 1 << 40))), 500)
        last = first + 499
        self.assertEqual(sums(history.slots(last - 59, last + 1)), [1] * 60)
        found = history.slots(0, 1 << 40)
        self.assertEqual({slot.minutes for slot in found}, {60, 1})
        self.assertEqual([slot.number for slot in found], sorted(slot.number for slot in found))
        self.assertEqual(history.first(), 60 * 1000)

    @given(
        st.lists(
            st.tuples(st.integers(0, 200), st.integers(0, 3), rows()), min_size=1, max_size=12
        ),
        st.integers(0, 500),
    )
    def test_sums_are_those_of_what_was_kept(self, minutes, since):
        history, number, kept = FigureHistory(), 10_000, []
        for step, shape, row in minutes:
            number += step
            keep(history, a_minute(number, (a_shape(shape), row)))
            kept.append((number, row))
        whole = total(*[row for _, row in kept])
        slots = history.slots(0, number + 1)
        encoded = [one.encoded for slot in slots for one in slot.rows.values()]
        self.assertEqual(total(*map(decode, encoded)), whole)
        # From any minute on that is kept as a minute.
        begin = max(number - min(since, 100), 0)
        late = [
            one.encoded for slot in history.slots(begin, number + 1) for one in slot.rows.values()
        ]
        self.assertEqual(
            total(*map(decode, late)), total(*[row for at, row in kept if at >= begin])
        )

    def test_others_are_given_the_same(self):
        told = []
        history = FigureHistory()
        row = with_calls(3)
        keep(history, a_minute(7, (a_shape(1), row)), lambda *given: told.append(given))
        ((number, shape, encoded),) = told
        self.assertEqual((number, shape.text, decode(encoded).calls), (7, "SELECT 1", 3))

    def test_a_view_does_not_change_while_it_is_read(self):
        history = FigureHistory()
        keep(history, a_minute(1, (a_shape(1), with_calls(1))))
        slots = history.slots(0, 100)
        keep(history, a_minute(2, (a_shape(1), with_calls(1))))
        self.assertEqual(sums(slots), [1])

    def test_nothing_is_copied_for_a_view(self):
        history = FigureHistory()
        for number in range(100):
            keep(history, a_minute(number, (a_shape(1), with_calls(1))))
        first, second = history.slots(0, 100), history.slots(0, 100)
        self.assertEqual(len(first), 100)
        for one, other in zip(first, second, strict=True):
            self.assertIs(one.rows, other.rows)

    @settings(max_examples=30)
    @given(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(0, 400), st.booleans()),
            min_size=1,
            max_size=30,
        )
    )
    def test_views_stay_while_rows_come_and_are_folded_and_dropped(self, steps):
        ring, number, views = Ring(1, 5, 3_000), 0, []

        def look():
            slots = ring.slots(0, 1 << 40)
            views.append((slots, [dict(slot.rows) for slot in slots]))

        for step, shape, looks in steps:
            number += step
            for job in (
                ring.add(number, a_shape(shape % 40), with_calls(1).encode()),
                ring.trim(number),
            ):
                for _ in job:
                    if looks:
                        look()
            look()
        for slots, seen in views:
            self.assertEqual([slot.rows for slot in slots], seen)

    def test_a_view_stays_while_room_is_made_in_a_full_hour(self):
        ring = Ring(60, 10, 32 << 20)
        one = with_calls(1).encode()
        for number in range(SHAPES_MAX + 1):
            for _ in ring.add(0, a_shape(number), one):
                pass
        views = []
        for _ in ring.add(0, a_shape(-1), one):
            slots = ring.slots(0, 1)
            views.append((slots, sums(slots)))
        views.append((ring.slots(0, 1), [SHAPES_MAX + 2]))
        self.assertGreater(len(views), SHAPES_MAX // 4)
        for slots, calls in views:
            self.assertEqual(sums(slots), calls)


class Bounds(SynchronousTestCase):
    def test_what_is_too_old_is_dropped(self):
        ring = Ring(1, MINUTES, 1 << 20)
        for number in range(MINUTES + 50):
            for _ in ring.add(number, a_shape(number), with_calls(1).encode()):
                pass
            for _ in ring.trim(number):
                pass
        self.assertEqual(len(ring.slots(0, 1 << 40)), MINUTES)
        size = ring.size
        for _ in ring.trim(10 * MINUTES):
            pass
        self.assertEqual((ring.size, ring.slots(0, 1 << 40)), (0, []))
        self.assertGreater(size, MINUTES * 100)

    @settings(max_examples=20)
    @given(st.lists(st.integers(1, 60), min_size=20, max_size=60))
    def test_bytes_are_bounded_and_sums_stay(self, counts):
        size = 20_000
        ring = Ring(60, HOURS, size)
        calls = 0
        for number, count in enumerate(counts):
            for shape in range(count):
                for _ in ring.add(number * 60, a_shape(shape), with_calls(shape).encode()):
                    pass
                calls += shape
            for _ in ring.trim(number * 60):
                pass
            self.assertLessEqual(ring.size, size)
        slots = ring.slots(0, 1 << 40)
        self.assertEqual(sum(sums(slots)), calls)
        self.assertEqual(len(slots), len(counts))

    def test_the_oldest_are_folded_first(self):
        ring = Ring(1, 100, 10_000)
        for number in range(30):
            for shape in range(10):
                for _ in ring.add(number, a_shape(shape), with_calls(1).encode()):
                    pass
            for _ in ring.trim(number):
                pass
        kinds = [set(slot.rows) == {"others"} for slot in ring.slots(0, 100)]
        self.assertTrue(kinds[0])
        self.assertFalse(kinds[-1])
        self.assertEqual(kinds, sorted(kinds, reverse=True))

    def test_shapes_of_an_hour_are_bounded(self):
        history = FigureHistory()
        many = SHAPES_MAX - 1
        for number in range(3):
            minute = [(a_shape(number * many + at), with_calls(number + 1)) for at in range(many)]
            keep(history, a_minute(600 + number, *minute))
        (hour,) = history.hours.slots(600, 660)
        self.assertLessEqual(len(hour.rows), SHAPES_MAX + 1)
        self.assertEqual(sums([hour]), [6 * many])
        # The newest had the most calls.
        self.assertIn(a_shape(2 * many).id, hour.rows)
