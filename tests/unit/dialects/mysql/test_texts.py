"""Texts as far as the protocol depends on them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.replies import KEEPS, MAY_CHANGE, RENAMES, SETS, UNTRACKS
from acra_twisted.dialects.mysql.texts import changes, may_ask_for_file, reads_alike


class Changes(SynchronousTestCase):
    def check(self, flags, *texts):
        for text in texts:
            self.assertEqual(changes(text, False), flags, text)

    def test_nothing(self):
        self.check(
            KEEPS,
            b"SELECT 1",
            b" (select 1) union (select 2);",
            b"/* one */ INSERT INTO t VALUES (1)",
            b"START TRANSACTION",
            b"SET autocommit = 1",
            b"SET @a = 'sql'",
            b"SET SESSION TRANSACTION READ ONLY",
        )

    def test_modes_and_character_sets(self):
        self.check(SETS, b"SET sql_mode = 'ANSI'", b"set @@session.sql_mode='', autocommit=1;")
        self.check(RENAMES, b"SET NAMES utf8mb4", b"SET character_set_client = latin1")
        self.check(RENAMES, b"SET CHARACTER SET latin1", b'SET "character_set_client" = latin1')
        self.check(SETS | RENAMES, b"SET NAMES utf8mb4, sql_mode = ''")

    def test_what_a_client_is_sent_does_not_matter(self):
        self.check(
            KEEPS,
            b"SET character_set_results = NULL",
            b"SET collation_connection = latin1_bin",
            b"SET @a = 'character_set_client'",
        )

    def test_tracking_is_kept_where_the_character_set_is_in_its_list(self):
        name = b"session_track_system_variables"
        self.check(
            UNTRACKS,
            b"SET %b = ''" % name,
            b"SET @@session.%b = 'autocommit'" % name,
            b"SET %b = DEFAULT" % name,
        )
        self.check(
            KEEPS,
            b"SET %b = 'autocommit,character_set_client'" % name,
            b"SET SESSION %b = '*'" % name,
        )
        self.check(
            MAY_CHANGE | UNTRACKS,
            b"SET %b = CONCAT('auto', 'commit')" % name,
            b"EXECUTE IMMEDIATE 'SET %b = NULL'" % name,
            b"SELECT 1; SET %b = ''" % name.upper(),
        )

    def test_anything(self):
        self.check(
            MAY_CHANGE,
            b"SET sql_mode = CONCAT('A', 'NSI')",
            b"SET sql_mode = (SELECT 'ANSI')",
            b"SET STATEMENT sql_mode = 'ANSI' FOR SELECT 1",
            b"SET NAMES latin1; SELECT 1",
            b"SET autocommit = 1; SET NAMES gbk",
            b"SELECT 1; SET NAMES gbk",
            b"CALL p()",
            b"EXECUTE s",
            b"EXECUTE IMMEDIATE 'SET NAMES gbk'",
            b"/*!50000 SET sql_mode = 'ANSI' */",
            b"SELECT 1 /*M! x */",
            b"-- x\nSET NAMES gbk",
            b"# x\nSET NAMES gbk",
            b"BEGIN NOT ATOMIC SET NAMES gbk; END",
            b"XA START 'x'",
            b"SET NAMES 'latin1",
            b"",
        )
        for text in (b"SET sql_mode = @a", b"SET NAMES gbk", b"SET character_set_client = @x"):
            self.assertTrue(changes(text, False) & MAY_CHANGE, text)

    def test_a_text_that_can_be_read_in_two_ways(self):
        text = b"SET NAMES 'a\\', sql_mode = 'b'"
        self.assertEqual(changes(text, None), MAY_CHANGE)

    @given(st.binary(max_size=60), st.sampled_from((True, False, None)))
    def test_any_bytes(self, text, conforming):
        changes(text, conforming)
        self.assertNotEqual(changes(text + b"; SET NAMES gbk", conforming), KEEPS)


class Files(SynchronousTestCase):
    def test_who_may_ask(self):
        self.assertTrue(may_ask_for_file(b"LOAD/**/DATA LOCAL InFile 'x'"))
        self.assertTrue(may_ask_for_file(b"SELECT 1; load xml local infile 'x'"))
        self.assertFalse(may_ask_for_file(b"SELECT 1"))


class Alike(SynchronousTestCase):
    def test_marks_that_settings_read(self):
        self.assertTrue(reads_alike(b"SELECT 'a'"))
        for text in (b"SELECT '\\'", b'SELECT "a"', b"SELECT '\xbf'"):
            self.assertFalse(reads_alike(text))
