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
            (b"SELECT 1, @@`error_count`, @@session.warning_count", True),
            (b"SELECT 1;show/**/warnings", True),
            (b"/*!50000 GET CURRENT DIAGNOSTICS @a = NUMBER */", True),
            (b"INSERT INTO log SELECT (row_count ())", True),
            (b"SELECT a FROM t", False),
            (b"SHOW TABLES", False),
        ):
            self.assertIs(shows_before(text), expected, text)

    def test_what_a_statement_of_the_same_text_has_left(self):
        for write in ("INSERT INTO t VALUES (1)", "/* c */ update t set a = ';'", "DELETE FROM t"):
            for shown in ("SELECT ROW_COUNT()", "SHOW WARNINGS; SELECT 1", "SELECT 1; SHOW ERRORS"):
                self.assertIs(shows_before(f"{write}; {shown}".encode()), False, write)
                self.assertIs(shows_before(f"{shown}; {write}".encode()), True, write)
        self.assertIs(shows_before(b"INSERT INTO t SELECT ROW_COUNT(); SELECT 1"), True)
        self.assertIs(shows_before(b"SET @a = 1; SHOW WARNINGS"), True)
        self.assertIs(shows_before(b"; SHOW WARNINGS"), True)

    def test_values_and_names_show_nothing(self):
        for text in (
            b"INSERT INTO t (error) VALUES ('SHOW WARNINGS, an error, ROW_COUNT()')",
            b"INSERT INTO errors (diagnostics, `found_rows`) VALUES ('it\\'s an error', 1)",
            b"SELECT my_row_count(1), t.warnings FROM t -- SHOW ERRORS",
            b"SHOW TABLES LIKE 'errors'",
            b"SELECT row_count FROM t",
        ):
            self.assertIs(shows_before(text), False, text)

    def test_what_cannot_be_read_or_is_long_shows_nothing(self):
        for text in (b"SELECT ROW_COUNT(), 'error", b"SELECT ROW_COUNT()" + b" " * 70_000):
            self.assertIs(shows_before(text), False, text[:30])
