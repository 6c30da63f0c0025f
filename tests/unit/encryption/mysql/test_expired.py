"""Statements of sessions whose user has an expired password."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.expired import may_pass

PIECES = (*"'\";(),=@` ", "set", "password", "password('x')", "'x'", "insert")
PASSING = (
    "SET PASSWORD = PASSWORD('new')",
    "set password='*0123';",
    "SET PASSWORD FOR 'u'@'%' = PASSWORD(\"new\")",
    "SET PASSWORD FOR CURRENT_USER() = PASSWORD('new')",
    "SET PASSWORD FOR u@localhost = 'x'",
    "ALTER USER USER() IDENTIFIED BY 'new'",
    "ALTER USER IF EXISTS `u`@`%` IDENTIFIED BY 'new'",
    "ALTER USER u IDENTIFIED VIA ed25519 USING PASSWORD('new')",
    "ALTER USER CURRENT_USER() IDENTIFIED WITH caching_sha2_password BY 'new'",
    "SET NAMES utf8mb4",
    "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'",
    "SET CHARACTER SET latin1",
    "SET AUTOCOMMIT = 0",
    "SET @@session.autocommit=1",
)
OTHERS = (
    "SET PASSWORD = PASSWORD('new'); INSERT INTO people (name) VALUES ('a')",
    "SET PASSWORD = 'x', @a = keep('a')",
    "SET PASSWORD = keep('a')",
    "SET STATEMENT x = 1 FOR INSERT INTO people (name) VALUES ('a')",
    "SET ROLE r",
    "SET sql_mode = ''",
    "SET @a = (SELECT name FROM people)",
    "ALTER USER u IDENTIFIED BY 'x', v IDENTIFIED BY 'y'",
    "ALTER USER u IDENTIFIED BY 'x' DEFAULT ROLE r",
    "SET PASSWORD = 'a\\' OR 'b'",
    "SELECT 1",
    "",
)


class Expired(SynchronousTestCase):
    def test_what_may_pass(self):
        for text in PASSING:
            self.assertTrue(may_pass(text.encode()), text)
        for text in OTHERS:
            self.assertFalse(may_pass(text.encode()), text)

    @given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
    def test_nothing_else_stands_in_what_passes(self, rest):
        """Without its strings it is the only statement, and has no other word."""
        text = f"SET PASSWORD = {rest}"
        if may_pass(text.encode()):
            bare = re.sub("'[^']*'|\"[^\"]*\"", "?", text).lower().replace(" ", "").strip(";")
            self.assertIn(bare, ("setpassword=?", "setpassword=password(?)"))
