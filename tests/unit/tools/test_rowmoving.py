"""Rows that are changed while others change them; tests/integration/test_migrating.py has a real
database."""

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.encryption.postgresql import moving
from acra_twisted.tools.databaseclient import Answer, PostgresqlError
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.tools.postgresqlrows import ALONE, PostgresqlRows
from acra_twisted.tools.rowmoving import RowMover
from acra_twisted.tools.rowwork import WITHIN, Habits, MigrationError, Stopped
from tests.unit.encryption.postgresql.test_moving import PEOPLE, setting

PARTS = moving.parts(PEOPLE, {1: setting()}, ENCRYPT)


class Shout:
    """Makes values upper case; ``!`` cannot be, and ``?`` is not what was written."""

    async def changed(self, texts, dry):
        return [None if text is None else self.one(text) for text in texts]

    def one(self, text):
        if b"!" in text:
            return ValueRefusedError(b"22000", "reason", "it shouts already")
        return None if text.isupper() else text.upper()

    async def wrong(self, written):
        for place, one in enumerate(written):
            if one.found != one.sent:
                return place
        return -1


class Table:
    """The rows of a table by their places, two a page.  ``before`` is called ahead of each
    statement with its text."""

    def __init__(self, *values):
        self.rows = {}
        self.page = 0
        self.version = 0
        for value in values:
            self.add(value)
        self.held = set()
        self.asked = []
        self.refuses = {}
        self.spoils = False
        self.undone = None
        self.before = lambda text: None

    def add(self, value):
        number = len(self.rows)
        self.version += 1
        self.rows[number // 2, number % 2 + 1] = (self.version, value)

    def values(self):
        return [value for _, value in self.rows.values()]

    async def ask(self, statement, values=(), types=None, formats=None):
        text = statement if isinstance(statement, str) else statement.decode()
        self.before(text)
        word = text.split()[0]
        self.asked.append(word)
        if text.startswith("SELECT (pg"):
            return Answer([[b"%d" % (max(self.rows, default=(-1, 0))[0] + 1)]], [25])
        if word == "SELECT":
            return Answer(self.read(*values, int(text.split()[-1])), [25] * 3)
        if word == "WITH":
            return Answer(self.write(values), [25] * 2)
        if word in ("BEGIN", "SAVEPOINT"):
            self.undone = dict(self.rows)
        elif word == "ROLLBACK":
            self.rows = self.undone
        return Answer([], [])

    def read(self, place, end, most):
        place, end = (tuple(map(int, one.strip(b"()").split(b","))) for one in (place, end))
        found = sorted(one for one in self.rows if place < one < end)[:most]
        return [[b"(%d,%d)" % one, b"%d" % self.rows[one][0], self.rows[one][1]] for one in found]

    def write(self, values):
        answer = []
        for number in range(len(values) // 3):
            place, version, value = values[3 * number : 3 * number + 3]
            if value in self.refuses:
                raise PostgresqlError(self.refuses[value])
            at = tuple(map(int, place.strip(b"()").split(b",")))
            if at in self.held or self.rows[at][0] != int(version):
                continue
            self.version += 1
            self.rows[at] = (self.version, b"spoilt" if self.spoils else value)
            answer.append([b"%d" % number, self.rows[at][1]])
        return answer


class Moving(SynchronousTestCase):
    def setUp(self):
        self.paused = []
        self.shown = []
        self.over = False

    def run_on(self, table, page=0, passes=5, batch=3, dry=False, words=ALONE):
        habits = Habits(
            batch,
            dry,
            lambda rows: succeed(self.paused.append(rows)),
            lambda: self.over,
            lambda page, pages, counts: self.shown.append((page, pages)),
        )
        mover = RowMover(PostgresqlRows(table, PEOPLE, PARTS), [Shout()], habits, words)
        return Deferred.fromCoroutine(mover.run(page, passes))

    def moved(self, table, **more):
        return self.successResultOf(self.run_on(table, **more))

    def test_every_row_is_changed_in_batches(self):
        table = Table(*[b"row %d" % number for number in range(300)])
        counts = self.moved(table)
        self.assertEqual((counts.changed, counts.refused, counts.left), (300, 0, 0))
        self.assertEqual(table.values(), [b"ROW %d" % number for number in range(300)])
        self.assertLessEqual(max(self.paused), 3)
        self.assertEqual(table.asked.count("COMMIT"), table.asked.count("BEGIN"))
        self.assertEqual(self.shown[-1], (150, 150))
        self.assertEqual(self.moved(table).changed, 0)

    def test_nothing_is_written_in_a_dry_run(self):
        table = Table(b"one", b"TWO", b"three")
        self.assertEqual(self.moved(table, dry=True).changed, 2)
        self.assertEqual(table.values(), [b"one", b"TWO", b"three"])
        self.assertNotIn("WITH", table.asked)

    def test_a_row_that_somebody_holds_is_written_by_a_later_pass(self):
        table = Table(b"one", b"two")
        table.held.add((0, 1))

        def released(text):
            if len(self.paused) == 3:
                table.held.clear()

        table.before = released
        self.assertEqual(self.moved(table).changed, 2)
        self.assertEqual(table.values(), [b"ONE", b"TWO"])

    def test_a_row_that_is_held_for_ever_ends_it(self):
        table = Table(b"one", b"two")
        table.held.add((0, 1))
        self.failureResultOf(self.run_on(table), MigrationError)
        self.assertEqual(table.values(), [b"one", b"TWO"])

    def test_a_row_that_somebody_changes_meanwhile_is_not_overwritten(self):
        table = Table(b"one", b"two")
        changes = [b"three"]

        def meanwhile(text):
            if text.startswith("WITH") and changes:
                table.version += 1
                table.rows[0, 1] = (table.version, changes.pop())

        table.before = meanwhile
        self.moved(table)
        self.assertEqual(table.values(), [b"THREE", b"TWO"])

    def test_a_row_that_moves_behind_a_pass_is_found(self):
        """It moves between the two questions of the first pass."""
        table = Table(*[b"ROW"] * 200, b"one")
        moves = [1]

        def meanwhile(text):
            if "ctid > " in text and table.asked.count("SELECT") == 20 and moves:
                moves.clear()
                table.rows[0, 1], table.rows[100, 1] = table.rows[100, 1], table.rows[0, 1]

        table.before = meanwhile
        self.assertEqual(self.moved(table).changed, 1)
        self.assertEqual(moves, [])
        self.assertEqual(set(table.values()), {b"ROW", b"ONE"})

    def test_the_last_pass_looks_at_one_moment(self):
        """The number of pages is that of this moment, too: rows may have moved behind them."""
        table = Table(*[b"ROW"] * 8)
        self.moved(table)
        passes = [["SELECT"] * 4, ["BEGIN", *["SELECT"] * 4, "COMMIT"]]
        self.assertEqual(table.asked, [word for one in passes for word in one])

    def test_many_rows_in_the_last_pass_are_written_in_between(self):
        table = Table(*[b"ROW"] * 10)

        def meanwhile(text):
            if "REPEATABLE" in text and table.asked.count("BEGIN") == 0:
                for place in table.rows:
                    table.version += 1
                    table.rows[place] = (table.version, b"one")

        table.before = meanwhile
        self.assertEqual(self.moved(table).changed, 10)
        self.assertEqual(set(table.values()), {b"ONE"})

    def test_a_value_that_cannot_be_changed_is_counted_once_and_named_by_its_place(self):
        table = Table(b"one", b"secret!", b"three")
        counts = self.moved(table)
        self.assertEqual((counts.changed, counts.refused), (2, 1))
        [told] = counts.told
        self.assertIn("column name, row with ctid (0,2): it shouts already", told)
        self.assertNotIn("secret", told)

    def test_a_value_that_the_database_refuses_does_not_hinder_others(self):
        table = Table(b"one", b"two", b"three")
        table.refuses[b"TWO"] = "23514"
        counts = self.moved(table)
        self.assertEqual(table.values(), [b"ONE", b"two", b"THREE"])
        self.assertEqual(counts.refused, 1)
        self.assertIn("the database says 23514", counts.told[0])

    def test_other_refusals_end_it_and_leave_nothing_half_done(self):
        table = Table(b"one", b"two")
        table.refuses[b"TWO"] = "42501"
        self.failureResultOf(self.run_on(table), DatabaseError)
        self.assertEqual(table.values(), [b"one", b"two"])

    def test_refusals_that_pass_are_tried_again(self):
        table = Table(b"one", b"two")
        table.refuses[b"TWO"] = "40001"

        def later(text):
            if len(self.paused) > 1:
                table.refuses.clear()

        table.before = later
        self.moved(table)
        self.assertEqual(table.values(), [b"ONE", b"TWO"])

    def test_what_is_not_read_back_as_written_is_taken_back(self):
        table = Table(b"one", b"two")
        table.spoils = True
        failure = self.failureResultOf(self.run_on(table), MigrationError)
        self.assertIn("a trigger may change it", str(failure.value))
        self.assertEqual(table.values(), [b"one", b"two"])

    def test_it_stops_between_batches_and_goes_on_from_there(self):
        table = Table(*[b"row"] * 400)

        def meanwhile(text):
            self.over = table.asked.count("WITH") == 50

        table.before = meanwhile
        failure = self.failureResultOf(self.run_on(table), Stopped)
        self.assertEqual(failure.value.page, 64)
        self.assertIn("--resume='public.people 64'", str(failure.value))
        self.over = False
        table.before = lambda text: None
        done = table.values().count(b"ROW")
        self.assertGreater(done, 128)
        self.assertEqual(self.moved(table, page=64).changed, 400 - done)

    def test_a_place_that_was_told_wrongly_leaves_no_row(self):
        table = Table(*[b"row"] * 400)
        self.assertEqual(self.moved(table, page=128).changed, 400)

    def test_inside_a_transaction_nothing_is_committed(self):
        table = Table(b"one", b"two")
        self.assertEqual(self.moved(table, words=WITHIN).changed, 2)
        self.assertEqual(table.values(), [b"ONE", b"TWO"])
        self.assertNotIn("COMMIT", table.asked)
        self.assertNotIn("BEGIN", table.asked)
