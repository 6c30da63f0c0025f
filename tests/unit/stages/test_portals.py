"""Portals of the protocol that show protected columns are not read by FETCH."""

from acra_twisted.exchange import Exchange, Parameters
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.verdicts import PASS
from tests.support.encryptors import BoundCase

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

    def test_fetch_of_a_portal_with_a_protected_column_is_refused(self):
        fetches = self.prepare("FETCH ALL FROM later")
        self.open(UNION, b"C1")
        self.open(UNION, b"later")
        for text in ('FETCH 5 FROM "C1"', "SELECT 1; fetch c1", 'fetch u&"\\0043\\0031"'):
            self.refused(self.judge(text)[0])
        self.refused(self.bind(fetches, []))
        for text in ("FETCH ALL FROM another", "SELECT 1", "SELECT 'c1' FROM other"):
            self.assertIs(self.judge(text)[0], PASS)

    def test_others_are_fetched(self):
        self.open("SELECT id FROM people", b"c1")
        self.open("SELECT 1", b"c1")
        self.open(UNION, b"")
        self.assertIs(self.judge("FETCH ALL FROM c1")[0], PASS)

    def test_portals_end_with_their_transaction(self):
        self.open(UNION, b"c1")
        self.session.transaction = IDLE
        self.assertIs(self.judge("FETCH ALL FROM c1")[0], PASS)
        self.session.transaction = IN_TRANSACTION
        self.assertIs(self.judge("FETCH ALL FROM c1")[0], PASS)

    def test_where_there_are_too_many_nothing_is_fetched(self):
        for number in range(1_002):
            self.open(UNION, b"c%d" % number)
        self.refused(self.judge("FETCH ALL FROM another")[0])
