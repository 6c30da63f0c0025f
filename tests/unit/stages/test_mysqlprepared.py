"""Statements of MySQL that SQL's PREPARE makes."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.schema import VIEW, Code
from acra_twisted.encryption.mysql.targets import Target
from acra_twisted.encryption.refusals import OPAQUE_CODE
from acra_twisted.stages.mysqlbindings import ReadBy
from acra_twisted.stages.mysqlmeanings import MysqlSnapshot
from acra_twisted.stages.mysqlprepared import SqlPrepared, executes, name_in, prepares
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

    def test_what_the_server_has_run_takes_the_place_of_others_of_its_name(self):
        later = b"Prepare `S` from 'INSERT INTO other VALUES (?)';"
        for text in (ORDERS, later, ORDERS + b"; PREPARE t FROM 'SELECT 1'"):
            self.kept.keep(text, READ)
        self.kept.done(b"SELECT 1; DEALLOCATE PREPARE s", self.kept.number)
        self.kept.done(b"PREPARE t FROM 'SELECT 1'", self.kept.number)
        self.assertEqual(len(self.kept.again(self.snapshot)[1]), 2)
        self.kept.done(later, self.kept.number)
        # The text of two statements may have made it, too.
        self.assertEqual(len(self.kept.again(self.snapshot)[1]), 2)
        self.kept = SqlPrepared(0)
        self.kept.keep(ORDERS, READ)
        self.kept.keep(later, READ)
        self.kept.done(later, self.kept.number)
        self.assertEqual(self.kept.again(self.snapshot)[1], (Target("shop", "other"),))
        self.kept.done(b"DROP PREPARE s ;", self.kept.number)
        self.assertEqual(self.kept.again(self.snapshot), (None, ()))

    def test_what_was_sent_behind_it_stays(self):
        first = b"PREPARE s FROM 'SELECT 1'"
        sent = self.kept.number
        self.kept.keep(ORDERS, READ)
        self.kept.done(first, sent)
        self.assertEqual(len(self.kept.again(self.snapshot)[1]), 1)
        self.kept.keep(b"PREPARE s FROM 'INSERT INTO other VALUES (?)'", READ)
        sent = self.kept.number
        self.kept.keep(ORDERS, READ)
        self.kept.done(b"PREPARE s FROM 'INSERT INTO other VALUES (?)'", sent)
        self.assertIn(Target("shop", "orders"), self.kept.again(self.snapshot)[1])

    def test_names(self):
        for text, name in (
            (ORDERS, b"s"),
            (b"DEALLOCATE PREPARE `a b`", b"a b"),
            (b"PREPARE s FROM 'a' 'b'", b""),
            (b"PREPARE s FROM 'a\\'b'", b""),
            (b"PREPARE s FROM @a", b""),
            (ORDERS + b"; SELECT 1", b""),
            (b"EXECUTE s", b""),
        ):
            self.assertEqual(name_in(text), name, text)

    def test_as_many_as_anybody_has_at_a_time(self):
        """Each is read once by the same tables."""
        planned = []
        plan = self.snapshot.planner.plan
        self.snapshot.planner.plan = lambda *given: planned.append(given) or plan(*given)
        for number in range(1_000):
            self.kept.keep(b"PREPARE s%d FROM 'INSERT INTO orders VALUES (?)'" % number, READ)
            self.assertIsNone(self.kept.again(self.snapshot)[0])
        self.assertEqual(len(planned), 1_000)
        for number in range(10_000):
            text = b"PREPARE s FROM 'INSERT INTO t%d VALUES (?)'" % number
            self.kept.keep(text, READ)
            self.kept.done(text, self.kept.number)
        self.assertIsNone(self.kept.again(self.snapshot)[0])

    def test_there_is_an_end_to_them(self):
        for number in range(4_000):
            self.kept.keep(b"PREPARE s%d FROM 'INSERT INTO orders VALUES (?)'" % number, READ)
        self.assertIn("more statements", self.kept.again(self.snapshot)[0].text)
        self.kept = SqlPrepared(0)
        self.kept.keep(ORDERS + b" " * (1 << 20), READ)
        self.assertIn("more statements", self.kept.again(self.snapshot)[0].text)
