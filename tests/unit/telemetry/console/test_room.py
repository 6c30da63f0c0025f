"""Rows that fit into a page."""

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.room import Room
from tests.support.stepping import returned

_TEXTS = st.text(max_size=40)


def row(name, *more):
    return {"name": name, "more": more}


class Rooms(SynchronousTestCase):
    def fitted(self, room, rows, each=10, most=0):
        return returned(room.fitted(rows, each, most))

    def test_the_first_ones_fit(self):
        rows = [row(f"{number:010d}") for number in range(9)]
        self.assertEqual(self.fitted(Room(100), rows), rows[:5])
        self.assertEqual(self.fitted(Room(180), rows), rows)

    def test_tables_take_it_one_after_the_other(self):
        room, rows = Room(100), [row("x" * 10)] * 9
        self.assertEqual(len(self.fitted(room, rows, most=50)), 2)
        self.assertEqual(len(self.fitted(room, rows)), 3)
        self.assertEqual(self.fitted(room, rows), [])

    def test_texts_count_as_they_are_in_the_page(self):
        for value, count in (
            ("a" * 10, 5),
            ("&&", 5),
            (Markup("<b>12345</b>"), 4),
            (("aaaaa", ["aaaa", 7]), 4),
            (7, 7),
        ):
            self.assertEqual(len(self.fitted(Room(100), [row(value)] * 20)), count, value)

    def test_none_is_made_for_nothing(self):
        made = []

        def rows():
            for number in range(100):
                made.append(number)
                yield row("x" * 10)

        self.fitted(Room(100), rows())
        self.assertEqual(len(made), 6)

    @given(st.lists(_TEXTS, max_size=30), st.integers(0, 400))
    def test_never_more_than_there_is(self, texts, room):
        found = self.fitted(Room(room), [row(text) for text in texts], 5)
        page = "".join(f"<p>{Markup.escape(one['name'])}" for one in found)
        self.assertLessEqual(len(page), room)
