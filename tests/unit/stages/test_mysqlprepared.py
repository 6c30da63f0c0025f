"""Statements of MySQL that SQL's PREPARE makes."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.schema import VIEW, Code
from acra_twisted.encryption.mysql.targets import Target
from acra_twisted.encryption.refusals import OPAQUE_CODE
from acra_twisted.stages.mysqlbindings import ReadBy
from acra_twisted.stages.mysqlmeanings import MysqlSnapshot
from acra_twisted.stages.mysqlprepared import SqlPrepared, executes, prepares
from tests.support.mysqlplanning import MODE, SCHEMA, planner

READ = ReadBy(MODE, "shop")
ORDERS = b"PREPARE s FROM 'INSERT INTO orders VALUES (?)'"


def snapshot(*views):
    code = [
        *SCHEMA.code,
        *(Code(VIEW, "shop", name, "select `name` from `shop`.`people`") for name in views),
    ]
    return MysqlSnapshot(planner(SCHEMA._replace(code=code)).protection, lambda: None)


class Prepared(SynchronousTestCase):
    def setUp(self):
        self.kept = SqlPrepared(0)
        self.snapshot = snapshot()

    def test_words(self):
        self.assertTrue(prepares(ORDERS))
        self.assertFalse(prepares(b"SELECT 1"))
        for text, runs in ((b"Execute s", True), (b"SELECT 1; EXECUTE s", True)):
            self.assertEqual(executes(text), runs)
        self.assertFalse(executes(b"SELECT executed"))

    def test_what_they_give_values_to_stands_in_the_database_of_then(self):
        self.kept.keep(ORDERS, READ)
        self.kept.keep(b"PREPARE t FROM 'UPDATE a.b SET c = 1'", READ)
        found = self.kept.again(self.snapshot)
        self.assertEqual(found, (None, (Target("shop", "orders"), Target("a", "b"))))
        self.assertIs(self.kept.again(self.snapshot), found)

    def test_a_table_that_is_a_protected_view_by_now(self):
        self.kept.keep(ORDERS, READ)
        self.assertIsNone(self.kept.again(self.snapshot)[0])
        refusal, _ = self.kept.again(snapshot("orders"))
        self.assertEqual(refusal.reason, OPAQUE_CODE)

    def test_none_takes_the_place_of_another(self):
        """A text may prepare more than one, and the server may have refused the later one."""
        self.kept.keep(ORDERS, READ)
        self.kept.keep(b"PREPARE s FROM 'INSERT INTO other VALUES (?)' USING @a", READ)
        self.kept.keep(b"PREPARE s FROM 'INSERT INTO other VALUES (?)'", READ)
        found = self.kept.again(self.snapshot)[1]
        self.assertEqual(found, (Target("shop", "orders"), Target("shop", "other")))
        for _ in range(300):
            self.kept.keep(ORDERS, READ)
        self.assertIsNone(self.kept.again(self.snapshot)[0])

    def test_there_is_an_end_to_them(self):
        for number in range(257):
            self.kept.keep(b"PREPARE s%d FROM 'INSERT INTO orders VALUES (?)'" % number, READ)
            if number == 200:
                self.assertIsNone(self.kept.again(self.snapshot)[0])
        self.assertIn("more statements", self.kept.again(self.snapshot)[0].text)
        self.kept = SqlPrepared(0)
        self.kept.keep(ORDERS + b" " * (1 << 20), READ)
        self.assertIn("more statements", self.kept.again(self.snapshot)[0].text)
