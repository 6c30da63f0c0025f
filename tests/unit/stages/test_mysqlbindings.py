"""Facts about statements that MySQL has prepared."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.filling import Sent
from acra_twisted.encryption.mysql.plan import Plan, Planned
from acra_twisted.encryption.plan import Refusal
from acra_twisted.exchange import ToldType
from acra_twisted.stages.mysqlbindings import is_same, reading_of, refusal_of, told_of
from tests.support.mysqlplanning import MODE, NAME
from tests.support.mysqlsessions import MysqlBench


class Facts(SynchronousTestCase):
    def setUp(self):
        self.bench = MysqlBench()

    def test_a_client_s_parameters(self):
        for sent, expected in (
            ([], []),
            ([Sent(1)], [1]),
            ([Sent(1, 0), Sent(1, 0), Sent(2)], [1, 3]),
            ([Sent(2), Sent(1)], [2, 1]),
            # One that is sent nowhere is described by nobody.
            ([Sent(2)], [0, 1]),
        ):
            self.assertEqual(told_of(sent), [ToldType(one) for one in expected])

    def test_plans_are_the_same_whatever_their_schema(self):
        one = Planned(Plan(parts=[b"x"], schema=1))
        self.assertTrue(is_same(one, Planned(Plan(parts=[b"x"], schema=2))))
        self.assertFalse(is_same(one, Planned(Plan(parts=[b"y"], schema=1))))

    def test_values_are_read_as_the_session_s_texts(self):
        self.assertEqual(reading_of(self.bench.session, MODE), ("utf-8", True))
        mode = MODE._replace(backslash=False)
        self.assertEqual(reading_of(self.bench.session, mode), ("utf-8", False))

    def test_refusals(self):
        refusal = Refusal("expression", "people.name", "no")
        self.assertIs(refusal_of(Plan(refusal), self.bench.exchange), refusal)
        self.assertIsNone(refusal_of(Plan(), self.bench.exchange))
        own = NAME._replace(readers=frozenset(("alice",)))
        asked = refusal_of(Plan(asked=[NAME, own]), self.bench.exchange)
        self.assertEqual((asked.reason, asked.column), ("not_a_reader", "people.name"))
