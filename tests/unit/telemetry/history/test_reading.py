"""Questions, and their limits."""

import itertools
import os
import sqlite3

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.history import pieces, reading, schema
from acra_twisted.telemetry.history.pieces import Damaged, Figure
from acra_twisted.telemetry.history.reading import EventQuestion, Limit, Question
from tests.support import stillhistory
from tests.support.histories import NOW, connect, event, piece, put, record

PIECES = st.builds(
    lambda number, took, start, **changes: piece(number, took=took, start=start, **changes),
    st.integers(0, 40),
    st.integers(0, 6),
    st.integers(NOW, NOW + 20),
    kind=st.integers(0, 2),
    verdict=st.sampled_from(["allow", "deny", "error", ""]),
    error=st.sampled_from(["", "42P01"]),
    client_id=st.sampled_from(["a", "b"]),
    user=st.sampled_from(["u", "v"]),
    database=st.sampled_from(["d", "e"]),
    connection=st.sampled_from(["1" * 32, "2" * 32]),
    text=st.sampled_from(["SELECT a", "UPDATE B"]),
    event=st.sampled_from([0, 7]),
)
QUESTIONS = st.builds(
    Question,
    shape=st.just(0),
    trace_id=st.sampled_from(["", f"{7:032x}", "0" * 31, "0" * 30 + "1", "f"]),
    connection=st.sampled_from(["", "1" * 32]),
    client_id=st.sampled_from(["", "a"]),
    user=st.sampled_from(["", "u"]),
    database=st.sampled_from(["", "e"]),
    statement=st.sampled_from(["", "a", "UPDATE b", "%", "select t"]),
    name=st.sampled_from(["", "T", "a"]),
    verdict=st.sampled_from(["", "deny"]),
    shelf=st.none() | st.integers(0, 1),
    event=st.sampled_from([0, 7]),
    error=st.sampled_from(["", "42P01"]),
    minimum=st.integers(0, 6),
    maximum=st.integers(0, 6) | st.just(1 << 62),
    since=st.integers(NOW - 1, NOW + 25) | st.just(0),
    until=st.integers(NOW - 1, NOW + 25) | st.just(1 << 62),
    kind=st.none() | st.integers(0, 2),
    slowest=st.booleans(),
    limit=st.integers(0, 5) | st.just(100),
    offset=st.integers(0, 3),
)


def model(batch, question):
    """The same in Python, of everything."""
    fit = []
    for place, one in enumerate(batch):
        took = one.end - one.start
        if not (question.minimum <= took <= question.maximum):
            continue
        if one.end < question.since or one.start > question.until:
            continue
        pairs = (
            (question.connection, one.connection),
            (question.client_id, one.client_id),
            (question.user, one.user),
            (question.database, one.database),
            (question.verdict, one.verdict),
            (question.error, one.error),
            (question.event, one.event),
        )
        if question.shelf not in (None, one.shelf):
            continue
        if any(asked and asked != has for asked, has in pairs):
            continue
        if not one.trace_id.startswith(question.trace_id):
            continue
        if question.statement.lower() not in f"{one.name}\n{one.text}".lower():
            continue
        if question.name.lower() not in one.name.lower():
            continue
        if question.kind is None:
            if one.kind != pieces.REQUEST and one.verdict != "error":
                continue
        elif one.kind != question.kind:
            continue
        key = (-took, -one.end) if question.slowest else (-one.end, -place)
        fit.append((key, one))
    fit.sort(key=lambda pair: pair[0])
    return [key for key, _ in fit][question.offset : question.offset + question.limit]


class Search(SynchronousTestCase):
    @given(st.lists(PIECES, max_size=20), st.lists(QUESTIONS, min_size=1, max_size=5))
    def test_as_the_model_says(self, batch, questions):
        connection = connect(":memory:")
        put(connection, *batch)
        for question in questions:
            found = stillhistory.search(connection, question)
            self.assertTrue(found.complete)
            expected = model(batch, question)
            if question.slowest:
                got = [(-row.took, -(row.start + row.took)) for row in found.rows]
            else:
                got = [(-(row.start + row.took), 1 - row.id) for row in found.rows]
            self.assertEqual(got, expected)
        connection.close()

    def test_pages_of_a_shape(self):
        connection = connect(":memory:")
        self.addCleanup(connection.close)
        put(connection, *(piece(number, start=NOW + number) for number in range(10)))
        put(connection, piece(50, text="other", start=NOW + 50))
        first = stillhistory.search(connection, Question(limit=1, offset=1)).rows[0]
        self.assertEqual(first.text, "SELECT * FROM t WHERE id = ?")
        same = stillhistory.search(connection, Question(shape=first.shape, limit=1 << 40)).rows
        self.assertEqual([row.start - NOW for row in same], list(range(9, -1, -1)))

    def test_a_trace_that_is_no_hex_is_not_there(self):
        connection = connect(":memory:")
        self.addCleanup(connection.close)
        put(connection, piece(1))
        self.assertEqual(stillhistory.search(connection, Question(trace_id="xyz")).rows, [])
        self.assertEqual(stillhistory.read_trace(connection, "xyz").spans, [])


class Limits(SynchronousTestCase):
    def setUp(self):
        self.connection = connect(":memory:")
        self.addCleanup(self.connection.close)
        put(self.connection, *(piece(number) for number in range(3000)))

    def test_steps_end_a_search(self):
        found = stillhistory.search(self.connection, Question(statement="no such"), Limit(3))
        self.assertEqual(found, ([], False))
        found = stillhistory.search(self.connection, Question(statement="no such"))
        self.assertEqual(found, ([], True))

    def test_time_ends_a_search_and_what_was_found_is_given(self):
        ticks = itertools.count()
        found = reading.search(
            self.connection, Question(limit=1000), Limit(1 << 30, 5), lambda: float(next(ticks))
        )
        self.assertFalse(found.complete)
        self.assertGreater(len(found.rows), 0)
        self.assertLess(len(found.rows), 1000)

    def test_the_next_question_is_not_interrupted(self):
        stillhistory.search(self.connection, Question(statement="no such"), Limit(1))
        self.assertEqual(len(stillhistory.search(self.connection, Question(limit=1000)).rows), 1000)

    def test_rows(self):
        found = stillhistory.search(self.connection, Question(limit=1 << 40))
        self.assertEqual(len(found.rows), reading.ROWS_MAX)

    def test_a_trace_of_many_spans(self):
        spans = [[record(100 * n + m, "9" * 32) for m in range(100)] for n in range(25)]
        put(self.connection, *(piece(0, trace_id="9" * 32, spans=some) for some in spans))
        found = stillhistory.read_trace(self.connection, "9" * 32)
        self.assertEqual((len(found.spans), found.complete), (reading.SPANS_MAX, False))

    def test_a_trace_of_many_pieces(self):
        many = [record(number, "9" * 32) for number in range(reading.SPANS_MAX + 1)]
        put(self.connection, *(piece(0, trace_id="9" * 32, spans=[one]) for one in many[1:]))
        found = stillhistory.read_trace(self.connection, "9" * 32)
        self.assertEqual((len(found.spans), found.complete), (reading.SPANS_MAX, True))
        put(self.connection, piece(0, trace_id="9" * 32, spans=many[:1]))
        found = stillhistory.read_trace(self.connection, "9" * 32)
        self.assertEqual((len(found.spans), found.complete), (reading.SPANS_MAX, False))

    def test_an_error_of_sqlite_is_an_error(self):
        self.connection.execute("DROP TABLE event")
        with self.assertRaises(sqlite3.OperationalError):
            stillhistory.events(self.connection, EventQuestion())


class Trace(SynchronousTestCase):
    def test_pieces_of_one_trace_are_put_together(self):
        connection = connect(":memory:")
        self.addCleanup(connection.close)
        early, late = record(1, "9" * 32, NOW), record(2, "9" * 32, NOW + 5)
        put(connection, piece(0, trace_id="9" * 32, spans=[late]))
        put(connection, piece(0, trace_id="9" * 32, spans=[early, late]), piece(3))
        found = stillhistory.read_trace(connection, "9" * 32)
        self.assertEqual((found.spans, found.complete), ([early, late], True))


class Events(SynchronousTestCase):
    def test_by_time_and_kind(self):
        connection = connect(":memory:")
        self.addCleanup(connection.close)
        put(
            connection,
            event(1),
            event(5, code=587, client_id="other"),
            event(9, first=NOW + 2, times=7),
        )

        def ask(**asked):
            rows = stillhistory.events(connection, EventQuestion(**asked)).rows
            return [row.last - NOW for row in rows]

        self.assertEqual(ask(), [9, 5, 1])
        self.assertEqual(ask(code=587), [5])
        self.assertEqual(ask(client_id="a client"), [9, 1])
        self.assertEqual(ask(since=NOW + 2, until=NOW + 3), [9])
        self.assertEqual(ask(trace_id=f"{5:032x}"), [5])
        self.assertEqual(ask(limit=1, offset=1), [5])


class Figures(SynchronousTestCase):
    def test_by_time_and_key(self):
        connection = connect(":memory:")
        self.addCleanup(connection.close)
        known = [
            Figure(width, start, key, b"x")
            for width in (60, 3600)
            for start in (3600, 7200)
            for key in ("a", "ab", "b%")
        ]
        put(connection, *known, now=0)

        def ask(*asked):
            return stillhistory.figures(connection, *asked).rows

        self.assertEqual(ask(60, 0, 9999), known[:6])
        self.assertEqual(ask(3600, 7200, 9999), known[9:])
        self.assertEqual(ask(60, 0, 3600, "a"), known[:2])
        self.assertEqual(ask(60, 0, 3600, "%"), [])


class Hostile(SynchronousTestCase):
    """The file may hold anything."""

    def setUp(self):
        self.connection = connect(":memory:")
        self.addCleanup(self.connection.close)
        put(self.connection, piece(1), event(1), Figure(60, 60, "k", b"x"), now=0)

    def test_other_kinds_of_values(self):
        for text, ask in (
            ("UPDATE piece SET client = x'00'", lambda c: stillhistory.search(c, Question())),
            ("UPDATE piece SET spans = 'x'", lambda c: stillhistory.read_trace(c, f"{1:032x}")),
            ("UPDATE event SET data = 5", lambda c: stillhistory.events(c, EventQuestion())),
            ("UPDATE event SET trace = 5", lambda c: stillhistory.events(c, EventQuestion())),
            ("UPDATE figure SET data = 'x'", lambda c: stillhistory.figures(c, 60, 0, 99)),
        ):
            self.connection.execute(text)
            self.assertRaises(Damaged, ask, self.connection)
            self.setUp()

    def test_small_pieces_that_become_large(self):
        """An answer has a bound, whatever its pieces are unpacked."""
        large = "x" * (pieces.UNPACKED_MAX - 1000)
        spans = [[{**record(number, "9" * 32), "message": large}] for number in range(60)]
        put(self.connection, *(piece(0, trace_id="9" * 32, spans=some) for some in spans))
        put(self.connection, *(event(number, fields={"message": large}) for number in range(60)))
        for found in (
            stillhistory.read_trace(self.connection, "9" * 32),
            stillhistory.events(self.connection, EventQuestion(limit=100)),
        ):
            self.assertFalse(found.complete)
            self.assertGreater(len(found[0]), 10)
            self.assertLess(len(found[0]) * len(large), pieces.ANSWER_MAX)

    def test_many_small_values(self):
        """Lists and the like take more than their text."""
        most = pieces.UNPACKED_MAX // 3 - 1000
        spans = [
            [{**record(number, "9" * 32), "attributes": {"a": [[]] * most}}] for number in range(3)
        ]
        put(self.connection, *(piece(0, trace_id="9" * 32, spans=some) for some in spans))
        found = stillhistory.read_trace(self.connection, "9" * 32)
        self.assertEqual((len(found.spans), found.complete), (1, False))

    def test_figures_are_bounded_too(self):
        for number in range(2, 102):
            row = (60, 60 * number, "k", 1, b"x" * 400_000)
            self.connection.execute("INSERT INTO figure VALUES (?, ?, ?, ?, ?)", row)
        found = stillhistory.figures(self.connection, 60, 0, 1 << 40)
        self.assertFalse(found.complete)
        self.assertLess(sum(len(one.data) for one in found.rows), pieces.ANSWER_MAX)

    def test_a_text_that_many_share_is_cut(self):
        put(self.connection, *(piece(number) for number in range(300)))
        self.connection.execute("UPDATE shape SET name = ?, text = ?", ("n" * 10**6, "t" * 10**6))
        found = stillhistory.search(self.connection, Question(limit=1000, slowest=True))
        sizes = {(len(row.name), len(row.text)) for row in found.rows}
        self.assertEqual(sizes, {(pieces.TEXT_MAX, pieces.STATEMENT_MAX)})
        self.assertEqual((len(found.rows), found.complete), (301, True))

    def opened(self, *changes):
        path = self.mktemp()
        connection = connect(path)
        put(connection, piece(1))
        for text in changes:
            connection.execute(text)
        connection.close()
        opened = reading.open_for_reading(path)
        self.addCleanup(opened.close)
        return opened

    def test_tables_that_are_made_up(self):
        made = "printf('%.*c', 300000000, 'x')"
        for changes in (
            (
                "DROP TABLE shape",
                f"CREATE VIEW shape AS SELECT 1 AS id, {made} AS text, '' AS name",
            ),
            (f"ALTER TABLE piece ADD COLUMN more TEXT AS ({made})",),
            ("DROP TABLE figure", "CREATE TABLE figure (width, start, key, run, data)"),
            ("DROP INDEX piece_took",),
        ):
            self.assertRaises(Damaged, self.opened, *changes)

    def test_what_others_have_added_does_no_harm(self):
        opened = self.opened("CREATE TABLE mine (x)", "ANALYZE", "VACUUM")
        self.assertEqual(len(stillhistory.search(opened, Question()).rows), 1)

    def test_one_value_that_is_too_large(self):
        opened = self.opened("UPDATE piece SET spans = zeroblob(3000000)")
        self.assertRaises(sqlite3.DataError, reading.read_trace, opened, f"{1:032x}")

    @given(st.data())
    def test_a_damaged_file_gives_typed_errors(self, data):
        path = self.mktemp()
        connection = connect(path)
        put(connection, *(piece(number) for number in range(30)), event(1))
        connection.close()
        size = os.path.getsize(path)
        with open(path, "r+b") as file:
            for _ in range(data.draw(st.integers(1, 5))):
                file.seek(data.draw(st.integers(0, size - 1)))
                file.write(data.draw(st.binary(min_size=1, max_size=200)))
            file.truncate(data.draw(st.just(size) | st.integers(0, size)))
        try:
            opened = reading.open_for_reading(path)
        except (sqlite3.Error, schema.Foreign, Damaged):
            return
        try:
            stillhistory.search(opened, Question(limit=1000))
            stillhistory.read_trace(opened, f"{1:032x}")
            stillhistory.events(opened, EventQuestion())
            stillhistory.figures(opened, 60, 0, 1 << 40)
        except (sqlite3.Error, Damaged):
            pass
        finally:
            opened.close()
