"""The rows of a table, page by page; tests/integration/test_migrating.py has a real database."""

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools import rowpages
from acra_twisted.tools.databaseclient import Answer
from acra_twisted.tools.rowwork import Counts, Habits, Stopped
from tests.unit.encryption.postgresql.test_moving import PEOPLE

QUESTION = b"SELECT some"
#: Rows of each page.
A_PAGE = 3


class Table:
    """A table with so many full pages."""

    def __init__(self, pages):
        self.pages = pages
        self.questions = []
        self.batch = 4

    async def ask(self, statement, values=()):
        if b"pg_relation_size" in statement:
            return Answer([[b"%d" % self.pages]], [25])
        assert statement == QUESTION
        self.questions.append(values)
        begin, end = (tuple(map(int, one.strip(b"()").split(b","))) for one in values)
        places = [(page, item) for page in range(self.pages) for item in range(1, A_PAGE + 1)]
        found = [place for place in places if begin < place < end]
        return Answer([[b"(%d,%d)" % place] for place in found[: self.batch]], [25])


class Pages(SynchronousTestCase):
    def setUp(self):
        self.shown = []
        self.taken = []
        self.over_at = -1
        self.counts = Counts()

    def go(self, table, page=0):
        def show(at, pages, counts):
            self.assertIs(counts, self.counts)
            self.shown.append((at, pages, len(self.taken)))

        def is_over():
            return len(self.taken) == self.over_at

        habits = Habits(table.batch, False, succeed, is_over, show)

        async def taking():
            rows = rowpages.batches(table, PEOPLE, QUESTION, habits, self.counts, page)
            async for some in rows:
                self.assertLessEqual(len(some), table.batch)
                self.taken += [place for [place] in some]

        return Deferred.fromCoroutine(taking())

    def test_every_row_comes_once_in_the_order_of_its_place(self):
        for pages in (0, 1, 63, 64, 65, 130):
            for batch in (1, 3, 4, 192, 193, 1000):
                self.taken = []
                table = Table(pages)
                table.batch = batch
                self.successResultOf(self.go(table))
                places = [b"(%d,%d)" % (p, i) for p in range(pages) for i in range(1, A_PAGE + 1)]
                self.assertEqual(self.taken, places)

    def test_it_begins_with_a_page(self):
        self.successResultOf(self.go(Table(70), 66))
        self.assertEqual(self.taken[0], b"(66,1)")
        self.assertEqual(len(self.taken), 4 * A_PAGE)

    def test_what_is_done_is_shown_when_its_rows_have_been_taken(self):
        self.successResultOf(self.go(Table(70)))
        self.assertEqual(self.shown, [(64, 70, 64 * A_PAGE), (70, 70, 70 * A_PAGE)])

    def test_it_stops_between_batches_and_says_where_to_go_on(self):
        self.over_at = 64 * A_PAGE + 4
        error = self.failureResultOf(self.go(Table(70)), Stopped).value
        self.assertEqual((error.page, len(self.taken)), (64, self.over_at))
        self.assertIn("--resume='public.people 64'", str(error))
