"""Batches are there as a whole, or not at all."""

import sqlite3

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.history import pieces, reading
from acra_twisted.telemetry.history.pieces import Figure
from acra_twisted.telemetry.history.reading import Question
from acra_twisted.telemetry.history.room import Bounds
from acra_twisted.telemetry.history.writing import shape_digest
from tests.support.histories import NOW, connect, counted, event, piece, put, record, shelves


class Writing(SynchronousTestCase):
    def setUp(self):
        self.connection = connect(self.mktemp())
        self.addCleanup(self.connection.close)

    def test_each_kind(self):
        done = put(self.connection, piece(1), event(2), Figure(60, 1_790_000_000, "k", b"data"))
        self.assertEqual((done.stored, done.unfit, done.given_up), (3, 0, 0))
        self.assertGreater(done.size, 4096)
        (row,) = reading.search(self.connection, Question()).rows
        self.assertEqual((row.trace_id, row.name, row.took), (f"{1:032x}", "SELECT t", 1000))
        (found,) = reading.events(self.connection, reading.EventQuestion()).rows
        self.assertEqual(found, event(2))
        (figure,) = reading.figures(self.connection, 60, 0, 1 << 40).rows
        self.assertEqual(figure, Figure(60, 1_790_000_000, "k", b"data"))

    def test_a_figure_takes_the_place_of_the_same(self):
        for data, run in ((b"first", 1), (b"second", 1), (b"other", 2)):
            put(self.connection, Figure(60, 1_790_000_000, "k", data), run=run)
        found = reading.figures(self.connection, 60, 0, 1 << 40).rows
        self.assertEqual([figure.data for figure in found], [b"second", b"other"])
        self.assertEqual(shelves(self.connection), counted(self.connection))

    def test_what_cannot_be_kept_is_counted_and_the_others_are_kept(self):
        batch = (
            piece(1, spans=[record(1, "1" * 32, text="\x00" * pieces.UNPACKED_MAX)]),
            piece(2, spans=[{1, 2}]),
            piece(3, client_id="\ud800", event=1 << 70, trace_id="no hex"),
            event(4, fields={"a": object()}),
            piece(5),
        )
        done = put(self.connection, *batch)
        self.assertEqual((done.stored, done.unfit), (2, 3))
        self.assertEqual(shelves(self.connection), counted(self.connection))

    def test_a_statement_is_kept_once(self):
        put(self.connection, *(piece(number) for number in range(150)), piece(200, text="x"))
        uses = self.connection.execute("SELECT name, uses FROM shape ORDER BY uses").fetchall()
        self.assertEqual(uses, [("SELECT t", 1), ("SELECT t", 150)])
        self.assertNotEqual(shape_digest("a", "b"), shape_digest("ab", ""))

    def test_pieces_share_statements(self):
        """The interpreter changes hands behind each."""
        put(self.connection, piece(1))
        seen: list[str] = []
        self.connection.set_trace_callback(seen.append)
        put(self.connection, *(piece(number) for number in range(2, 42)))
        one_by_one = len(seen)
        self.assertLess(one_by_one, 40)
        put(self.connection, *(piece(number) for number in range(42, 46)))
        # Two pieces of 16 and two of 4 more, and nothing else.
        self.assertEqual(one_by_one - (len(seen) - one_by_one), 3)
        self.connection.set_trace_callback(None)
        self.assertEqual(len(reading.search(self.connection, Question()).rows), 45)
        self.assertEqual(shelves(self.connection), counted(self.connection))

    def test_what_was_written_before_an_error_stays_whole(self):
        put(self.connection, piece(1))
        self.connection.execute(
            "CREATE TRIGGER t BEFORE INSERT ON piece WHEN new.took = 7 "
            "BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
        batch = [piece(number) for number in range(2, 100)]
        with self.assertRaises(sqlite3.Error):
            put(self.connection, *batch, piece(100, took=7))
        self.assertFalse(self.connection.in_transaction)
        self.assertEqual(shelves(self.connection), counted(self.connection))
        self.assertEqual(shelves(self.connection)[0][0], 65)

    @given(
        st.lists(
            st.lists(
                st.builds(
                    piece,
                    st.integers(0, 5),
                    shelf=st.integers(0, 2),
                    start=st.integers(NOW - 50, NOW + 50),
                    took=st.integers(0, 100),
                    text=st.sampled_from(["a", "b", "\ud800"]),
                )
                | st.builds(event, st.integers(0, 5))
                | st.builds(
                    Figure,
                    st.just(60),
                    st.integers(NOW // 10**9, NOW // 10**9 + 2),
                    st.text(max_size=2),
                    st.binary(max_size=9),
                ),
                max_size=5,
            ),
            max_size=5,
        ),
        st.integers(0, 100),
    )
    def test_what_shelves_hold_is_known_to_the_byte(self, batches, age):
        """And statements are there as long as a piece has one of them."""
        connection = connect(":memory:")
        for batch in batches:
            put(connection, *batch, bounds=Bounds(64 << 20, age), now=NOW + 50)
            self.assertEqual(shelves(connection), counted(connection))
            uses = connection.execute("SELECT id, uses FROM shape ORDER BY id").fetchall()
            used = connection.execute(
                "SELECT shape, count(*) FROM piece GROUP BY shape ORDER BY shape"
            ).fetchall()
            self.assertEqual(uses, used)
        connection.close()
