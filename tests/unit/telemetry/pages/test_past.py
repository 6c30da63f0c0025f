"""Questions of pages to a history: bounded in time and number, and never an error of the page."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.sql.redact import Redacted
from acra_twisted.telemetry.figures.shapes import shape_of
from acra_twisted.telemetry.history import pieces
from acra_twisted.telemetry.history.pieces import Damaged
from acra_twisted.telemetry.history.service import HistoryAway
from acra_twisted.telemetry.pages import past
from acra_twisted.telemetry.pages.search import Filters
from tests.support.histories import NOW, event, piece
from tests.support.pasts import History
from tests.support.stepping import returned


def ids(told):
    return [int(stored.match.trace_id, 16) for stored in told.rows]


class Answers(SynchronousTestCase):
    def setUp(self):
        self.history = History(
            piece(1, start=NOW, took=9),
            piece(2, start=NOW + 10, took=8, shelf=pieces.SLOW, name="SELECT cart"),
            piece(3, start=NOW + 20, took=7, shelf=pieces.ALWAYS, event=events.POISON_RECORD),
            piece(4, start=NOW + 30, took=6, verdict="deny", name="SELECT carts", client_id="x"),
            event(1),
            event(2, client_id="x"),
        )
        self.past = self.history.past

    def search(self, **arguments):
        return returned(self.past.search(Filters.of(arguments)))

    def test_a_trace(self):
        (record,) = returned(self.past.trace(f"{2:032x}")).rows
        self.assertEqual(record["span_id"], f"{2:016x}")
        self.assertEqual(returned(self.past.trace("9" * 32)), past.Told([], ""))

    def test_what_fits(self):
        self.assertEqual(ids(self.search()), [4, 3, 2, 1])
        self.assertEqual(ids(self.search(sort="slowest", limit="2")), [1, 2])
        self.assertEqual(ids(self.search(verdict="deny")), [4])
        self.assertEqual(ids(self.search(verdict="slow")), [2])
        self.assertEqual(ids(self.search(verdict="poison")), [3])
        self.assertEqual(ids(self.search(client_id="x")), [4])
        self.assertEqual(ids(self.search(statement="cart")), [4, 2])
        self.assertEqual(ids(self.search(table="cart")), [2])
        self.assertEqual(ids(self.search(error="40p01")), [])
        one = piece(1)
        shape = shape_of("postgresql", one.database, "query", Redacted(one.text, ""))
        self.assertEqual(ids(self.search(shape=shape.id)), [4, 3, 2, 1])
        self.assertEqual(ids(self.search(shape="0" * 16)), [])
        marks = [stored.match.mark for stored in self.search().rows]
        self.assertEqual(marks, ["", "poison", "slow", ""])

    def test_what_was_found_is_looked_at_in_steps_and_each_statement_once(self):
        text = "SELECT * FROM t WHERE id = ?"
        batch = [piece(number, text=text) for number in range(1, 101)]
        batch += [piece(number, text=f"{text} LIMIT {number}") for number in range(101, 121)]
        shape = shape_of("postgresql", batch[0].database, "query", Redacted(text, ""))
        seen = []
        looked = past.is_of_shape
        self.patch(past, "is_of_shape", lambda *of: seen.append(of) or looked(*of))
        steps = History(*batch).past.search(Filters.of({"shape": shape.id, "limit": "200"}))
        looked_at, most, told = 0, 0, None
        while told is None:
            try:
                next(steps)
            except StopIteration as end:
                told = end.value
            most = max(most, len(seen) - looked_at)
            looked_at = len(seen)
        self.assertEqual((most, len(seen), len(told.rows)), (1, 21, 100))

    def test_spans_of_what_was_found(self):
        numbers = [stored.number for stored in self.search(verdict="slow").rows]
        ((number, (record,)),) = returned(self.past.spans(numbers)).rows
        self.assertEqual((number, record["span_id"]), (numbers[0], f"{2:016x}"))

    def test_requests_of_a_connection_and_events(self):
        self.assertEqual(len(returned(self.past.requests("c" * 32)).rows), 4)
        self.assertEqual(returned(self.past.requests("d" * 32)).rows, [])
        found = returned(self.past.events(NOW, NOW + 5)).rows
        self.assertEqual([one.first - NOW for one in found], [2, 1])
        self.assertEqual(len(returned(self.past.events(NOW, NOW + 5, "x")).rows), 1)

    def test_an_answer_that_is_not_whole(self):
        self.patch(past, "_LIMIT", past.Limit(0, 1.0))
        some = [piece(number) for number in range(10, 200)]
        self.history = History(*some)
        told = returned(self.history.past.search(Filters.of({"statement": "nowhere"})))
        self.assertEqual(told, past.Told([], past.PARTLY))
        self.assertEqual(self.history.past.trouble, past.PARTLY)

    def test_what_is_wrong_is_said_and_no_error(self):
        for error, said in (
            (HistoryAway("the history cannot be read: SQLITE_BUSY"), "SQLITE_BUSY"),
            (Damaged("no list of spans"), past.DAMAGED),
        ):
            self.history.trouble = error
            for asking in (
                self.past.trace("1" * 32),
                self.past.search(Filters()),
                self.past.spans([1]),
                self.past.events(0, 1),
            ):
                told = returned(asking)
                self.assertEqual(list(told.rows), [])
                self.assertIn(said, told.trouble)
                self.assertEqual(self.past.trouble, told.trouble)
        self.history.trouble = None
        returned(self.past.trace("1" * 32))
        self.assertEqual(self.past.trouble, "")

    def test_an_error_of_the_program_is_one(self):
        self.history.trouble = KeyError("x")
        self.assertRaises(KeyError, returned, self.past.trace("1" * 32))


class Times(SynchronousTestCase):
    def setUp(self):
        self.history = History(piece(1))
        self.history.slow = True
        self.past = self.history.past

    def ask(self):
        """A page that waits, and what it says in the end."""
        said = []
        steps = self.past.trace(f"{1:032x}")
        wait = next(steps)

        def go_on():
            try:
                next(steps)
            except StopIteration as end:
                said.append(end.value)

        wait.then(go_on)
        return wait, said

    def test_no_page_waits_long(self):
        _, said = self.ask()
        self.history.clock.advance(past.WAIT - 0.1)
        self.assertEqual(said, [])
        self.history.clock.advance(0.1)
        self.assertEqual(said, [past.Told((), past.SLOW_ANSWER)])
        # The answer comes too late, and the question was not begun.
        self.history.answer()
        self.assertEqual(len(said), 1)

    def test_one_that_comes_in_time(self):
        _, said = self.ask()
        self.history.clock.advance(1)
        self.history.answer()
        self.assertEqual(len(said[0].rows), 1)
        self.assertEqual(self.history.clock.getDelayedCalls(), [])

    def test_questions_that_nobody_waits_for_are_not_begun(self):
        seen = []
        self.patch(past.reading, "read_trace", lambda *given: seen.append(given))
        wait, said = self.ask()
        wait.cancel()
        self.assertEqual(self.history.clock.getDelayedCalls(), [])
        self.history.answer()
        self.assertEqual((seen, said), ([], []))

    def test_there_are_only_so_many_at_once(self):
        for _ in range(past.QUESTIONS_MAX):
            self.ask()
        self.assertEqual(returned(self.past.trace("1" * 32)), past.Told((), past.BUSY))
        # Also those that have given up: the thread is not free yet.
        self.history.clock.advance(past.WAIT)
        self.assertEqual(returned(self.past.trace("1" * 32)).trouble, past.BUSY)
        self.history.answer()
        _, said = self.ask()
        while self.history.waiting:
            self.history.answer()
        self.assertEqual(len(said[0].rows), 1)
