"""Portals of the protocol that show protected columns are not read by FETCH."""

from acra_twisted.exchange import Exchange, Parameters
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.verdicts import PASS
from tests.support.encryptors import BoundCase, end

UNION = "SELECT name FROM people UNION ALL SELECT name FROM people"


class Portals(BoundCase):
    def setUp(self):
        super().setUp()
        self.session.ready = True
        self.session.transaction = IN_TRANSACTION

    def open(self, text, portal):
        exchange = Exchange(self.session, "execute", self.prepare(text), 1)
        bound = Parameters([], [], exchange.statement, [], True, portal)
        self.assertIs(self.settled(self.stage.on_parameters(bound, exchange)), PASS)
        return exchange

    def end(self, exchange, transaction):
        self.session.transaction = transaction
        end(exchange)

    def test_fetch_of_a_portal_with_a_protected_column_is_refused(self):
        fetches = self.prepare("FETCH ALL FROM later")
        for _ in range(2):
            # Known by then, as a statement that touches nothing protected.
            self.assertIs(self.judge("fetch all from C1")[0], PASS)
        self.open(UNION, b"C1")
        self.open(UNION, b"later")
        for text in (
            "fetch all from C1",
            'FETCH 5 FROM "C1"',
            "SELECT 1; fetch c1",
            'fetch u&"\\0043\\0031"',
        ):
            self.refused(self.judge(text)[0])
        self.refused(self.bind(fetches, []))
        for text in ("FETCH ALL FROM another", "SELECT 1", "SELECT 'c1' FROM other"):
            self.assertIs(self.judge(text)[0], PASS)

    def test_others_are_fetched(self):
        self.open("SELECT id FROM people", b"c1")
        self.open("SELECT 1", b"c1")
        self.open(UNION, b"")
        self.assertIs(self.judge("FETCH ALL FROM c1")[0], PASS)

    def test_portals_end_when_the_database_is_ready_without_a_transaction(self):
        self.end(self.open(UNION, b"c1"), IN_TRANSACTION)
        self.refused(self.judge("FETCH ALL FROM c1")[0])
        self.end(self.open(UNION, b"c2"), IDLE)
        self.assertIsNone(self.session.on_ready)
        for transaction in (IDLE, IN_TRANSACTION):
            self.session.transaction = transaction
            self.assertIs(self.judge("FETCH ALL FROM c1, c2")[0], PASS)

    def test_portals_live_until_the_database_is_ready(self):
        self.session.transaction = IDLE
        exchange = self.open(UNION, b"c1")
        # Flush has brought all replies that are owed.
        exchange.close("ok")
        self.assertTrue(self.session.idle)
        self.refused(self.judge("FETCH ALL FROM c1")[0])

    def test_portals_outlive_the_end_of_requests_before_them(self):
        self.session.transaction = IDLE
        for number in range(1_001):
            first = self.open(UNION, b"c%d" % number)
        second = self.open(UNION, b"later")
        self.end(first, IDLE)
        self.refused(self.judge("FETCH ALL FROM later")[0])
        self.end(second, IDLE)

    def test_the_database_cuts_names_and_sql_doubles_their_quotes(self):
        self.open(UNION, b"a" * 70)
        self.open(UNION, b'B"c')
        for name in ("a" * 63, '"b""c"', '"B""c"'):
            self.refused(self.judge("FETCH ALL FROM " + name)[0])
        self.assertIs(self.judge("FETCH ALL FROM " + "a" * 62)[0], PASS)

    def test_where_there_are_too_many_nothing_is_fetched(self):
        for number in range(1_002):
            self.open(UNION, b"c%d" % number)
        self.refused(self.judge("FETCH ALL FROM another")[0])
