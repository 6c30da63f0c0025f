"""Texts that show what the statement before them has left."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.mysqlleft import shows_before


class Left(SynchronousTestCase):
    def test_by_their_words(self):
        for text, expected in (
            (b"SHOW WARNINGS", True),
            (b"show count(*) errors", True),
            (b"SELECT ROW_COUNT()", True),
            (b"SELECT found_rows()", True),
            (b"GET DIAGNOSTICS @a = NUMBER", True),
            (b"SELECT @@warning_count", True),
            (b"SELECT a FROM t", False),
            (b"SHOW TABLES", False),
        ):
            self.assertIs(shows_before(text), expected, text)
