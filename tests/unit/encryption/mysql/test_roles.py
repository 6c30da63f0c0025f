"""Texts that may give their session another role."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.roles import may_be_set, may_grant


class Roles(SynchronousTestCase):
    def test_texts_that_may_set_one(self):
        for text in (
            *(b"SET ROLE r", b"set/**/role r", b"SET\xa0ROLE r", b"SET @a = 1, ROLE r"),
            *(b"SET @a = 1 , /* c */ ROLE r", b"SET @a = 1, -- c\nROLE r", b"SELECT 1; SET ROLE r"),
            *(b"SET STATEMENT max_statement_time = 1 FOR SET ROLE r", b"/*!50000 SET */ ROLE r"),
            *(b"SET @a = 1 /*M!100000 , ROLE r */", b"SET @a = '\\', ROLE r -- '"),
            *(b"SET @a = 'x', ROLE r, @b = '", b"BEGIN NOT ATOMIC SET ROLE r; END"),
            *(b"SET SESSION AUTHORIZATION u", b"SET @a = 1, session/**/authorization u@'%'"),
            *(b"/*!50000SET ROLE r*/", b"/*M!100100SET ROLE r*/", b"SET/*!50000ROLE r*/"),
            b"/*!*/ SELECT 'set role'" + b" " * (16 << 10),
            b"SET @a = '" + b"a," * (1 << 20) + b"', Role r",
            b"SELECT '" + b"a," * (1 << 20) + b"'; SET SESSION AUTHORIZATION u",
            b"SELECT '" + b"a," * (1 << 20) + b" they set a role'",
            b"UPDATE t SET a = 1, role" + b" " * (16 << 10) + b"= 2, b = (SELECT x, role)",
        ):
            self.assertTrue(may_be_set(text), text)

    def test_texts_that_do_not(self):
        for text in (
            *(b"UPDATE users SET role = 'a'", b"UPDATE users SET a = 1, role = 'a'", b"SELECT 1"),
            *(b"UPDATE users SET a = 1, /* c */ b = 2", b"SET role := 1", b"SELECT role FROM t"),
            *(b"SELECT a, role FROM t", b"SET @a = ', ROLE r'", b"SET NAMES utf8mb4"),
            b"INSERT INTO t SET a = '" + b"roles, xrole " * (1 << 18) + b"'",
            *(b"SET SESSION sql_mode = ''", b"SELECT a, session FROM t WHERE role"),
        ):
            self.assertFalse(may_be_set(text), text)

    @given(st.binary(max_size=40))
    def test_any_bytes_are_read(self, data):
        self.assertTrue(may_be_set(b"SET " + data + b", ROLE") in (True, False))

    def test_rights(self):
        for text in (
            *(b"GRANT r TO u", b"REVOKE r FROM u", b"SET DEFAULT ROLE r", b"SET default/**/ROLE r"),
            *(b"ALTER USER u DEFAULT\xa0ROLE r", b"/*!50000GRANT r TO u*/"),
            b"/*!*/ SELECT 'set role'" + b" " * (16 << 10),
        ):
            self.assertTrue(may_grant(text), text)
        for text in (b"CREATE TABLE t (a INT DEFAULT 1)", b"SELECT granted FROM t"):
            self.assertFalse(may_grant(text), text)
