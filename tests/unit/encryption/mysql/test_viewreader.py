"""Definitions of views."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import viewreader
from acra_twisted.encryption.mysql.cursor import Cursor, UnreadableError
from acra_twisted.encryption.mysql.reader import Reader
from acra_twisted.sql import mysqllexer
from tests.support.mysqlplanning import plan, shown


def cursor(text):
    data = text.encode()
    return Cursor(data, mysqllexer.tokens(data), {})


class Reading(SynchronousTestCase):
    def test_a_view_with_all_that_may_stand_before_it(self):
        for text in (
            "CREATE VIEW v AS SELECT a FROM b",
            "CREATE OR REPLACE ALGORITHM = MERGE DEFINER=`root`@`%` SQL SECURITY INVOKER VIEW "
            "IF NOT EXISTS d.v (x) AS SELECT a FROM b WITH LOCAL CHECK OPTION",
            "CREATE DEFINER = me VIEW v AS SELECT a FROM b",
            "CREATE DEFINER = 'me'@'%' VIEW v AS (SELECT a FROM b)",
            "CREATE DEFINER = CURRENT_USER() VIEW v AS SELECT a FROM b",
            "ALTER SQL SECURITY DEFINER VIEW v AS SELECT a FROM b",
        ):
            place = cursor(text)
            self.assertTrue(viewreader.begins(place), text)
            found = viewreader.query_of(place, Reader().query)
            self.assertEqual(len(found.branches), 1)
            self.assertEqual(place.kind, "end", text)

    def test_other_definitions(self):
        for text in (
            "CREATE TABLE view (a INT)",
            "CREATE INDEX view ON t (a)",
            "CREATE",
            "CREATE TABLE t AS SELECT 1",
        ):
            self.assertFalse(viewreader.begins(cursor(text)), text)

    def test_what_is_not_understood(self):
        for text in ("CREATE VIEW v", "CREATE VIEW v SELECT 1", "CREATE VIEW v AS TABLE t"):
            self.assertRaises(UnreadableError, viewreader.query_of, cursor(text), Reader().query)


class Judging(SynchronousTestCase):
    def test_views_that_show_columns_as_they_are(self):
        for text in (
            "CREATE VIEW v AS SELECT * FROM people",
            "CREATE OR REPLACE VIEW v (a, b) AS SELECT id, email FROM people WHERE id > 5",
            "CREATE DEFINER=`a`@`%` VIEW v AS SELECT mail FROM leads UNION ALL SELECT NULL",
            "ALTER VIEW v AS SELECT id FROM people",
        ):
            self.assertEqual(shown(text), "as it is", text)
            self.assertTrue(plan(text).plan.renews, text)

    def test_all_others_are_refused(self):
        for text in (
            "CREATE VIEW v AS SELECT id FROM people WHERE email = 'secret'",
            "CREATE VIEW v AS SELECT p.id FROM people p JOIN leads ON email = mail",
            "CREATE VIEW v AS SELECT UPPER(name) FROM people",
            "CREATE VIEW v AS SELECT DISTINCT email FROM people",
            "CREATE VIEW v AS SELECT id FROM people; SELECT 1 FROM people",
            "CREATE VIEW v AS SELECT id FROM people INTO OUTFILE 'secret'",
        ):
            self.assertIn("refused", shown(text), text)
            self.assertNotIn("secret", plan(text).plan.refusal.text)
