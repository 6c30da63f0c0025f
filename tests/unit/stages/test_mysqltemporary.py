"""Tables that a session of MySQL has made for itself alone."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.schema import ROUTINE, Code
from acra_twisted.encryption.mysql.targets import Target
from acra_twisted.stages.mysqltemporary import TemporaryTables, created, may_end, may_end_some

OWN = Target("shop", "own")


class Created(SynchronousTestCase):
    def test_texts_that_make_one(self):
        for text, expected in (
            (b"CREATE TEMPORARY TABLE own (id INT)", OWN),
            (b"create temporary table if not exists `own`(id int);", OWN),
            (b"CREATE OR REPLACE TEMPORARY TABLE own SELECT 1", OWN),
            (b"CREATE TEMPORARY TABLE other.own LIKE t", Target("other", "own")),
            (b"CREATE TABLE own (id INT)", None),
            (b"CREATE TEMPORARY TABLE own (id INT); DROP TABLE own", None),
            (b"CREATE TEMPORARY TABLE own.  b (id INT)", None),
            (b"CREATE TEMPORARY SEQUENCE own", None),
            # The session's set decides which name it is.
            (b"CREATE TEMPORARY TABLE `\xc3\xa8` (id INT)", None),
        ):
            self.assertEqual(created(text, "shop"), expected, text)
        self.assertIsNone(created(b"CREATE TEMPORARY TABLE own (id INT)", None))

    def test_code_that_may_end_some(self):
        for text, expected in (
            ("BEGIN DROP TEMPORARY TABLE x; END", True),
            (None, True),
            ("SELECT 1", False),
            ("BEGIN SET SESSION `pseudo_thread_id` = 3; END", True),
            ("SET @@server_id = 3", True),
            ("BEGIN server_id := 3; END", True),
            ("INSERT INTO b (server_id) VALUES (1)", False),
        ):
            self.assertEqual(may_end_some([Code(ROUTINE, "d", "f", text, "")]), expected)


class Remembered(SynchronousTestCase):
    def setUp(self):
        self.tables = TemporaryTables(0)
        self.tables.made(OWN, self.tables.ends)

    def unknown(self):
        return list(self.tables.others((Target("", "own"), OWN, Target("", "b")), "shop"))

    def test_they_are_none_of_the_others(self):
        self.assertFalse(may_end(b"INSERT INTO own VALUES (1)"))
        self.assertEqual(self.unknown(), [Target("", "b")])
        self.assertEqual(list(self.tables.others([Target("", "own")], "x")), [Target("", "own")])

    def test_columns_may_be_called_as_variables_are(self):
        for text in (
            b"INSERT INTO own (server_id) VALUES (1)",
            b"DELETE FROM own WHERE pseudo_thread_id = 1",
        ):
            self.assertFalse(may_end(text), text)

    def test_what_may_end_one_ends_all(self):
        for text in (
            b"DROP TABLE own",
            b"Alter table own RENAME other",
            b"CALL p()",
            b"EXECUTE s",
            b"BEGIN NOT ATOMIC f(); END",
            b"CREATE OR REPLACE TEMPORARY TABLE own AS SELECT f()",
            b"CREATE OR REPLACE TABLE own (id INT)",
            b"CREATE PROCEDURE p(a INT) INSERT INTO own VALUES (a)",
            b"SET pseudo_thread_id = 3",
            b"SET @@session.Server_ID = 3",
            b"INSERT INTO b (server_id) VALUES (1); sEt server_id = 3",
            b"/*!50000SET*/ server_id = 3",
            b"/*M! SET @a = 1,*/ /*! pseudo_thread_id = 3 */",
            b"pseudo_thread_id := 3",
            b"SET STATEMENT pseudo_thread_id = 3 FOR INSERT INTO own VALUES (1)",
            b"SELECT '" + b"x" * (1 << 20) + b"'",
        ):
            self.assertTrue(may_end(text), text)
        self.tables.ended(False)
        self.assertEqual(len(self.unknown()), 3)
        self.tables.made(OWN, self.tables.ends)
        self.assertEqual(len(self.unknown()), 1)

    def test_behind_a_prepared_end_none_is_remembered(self):
        self.tables.ended(True)
        self.tables.made(OWN, self.tables.ends)
        self.assertEqual(len(self.unknown()), 3)

    def test_one_that_was_ended_before_it_was_known_to_be_there(self):
        before = self.tables.ends
        self.tables.ended(False)
        self.tables.made(OWN, before)
        self.assertEqual(len(self.unknown()), 3)

    def test_there_is_an_end_to_them(self):
        for number in range(2_000):
            self.tables.made(Target("shop", f"t{number}"), 0)
        self.assertEqual(
            len(self.tables.others([Target("", "t1999"), Target("", "t9")], "shop")), 1
        )
