"""Bytes above 127: the censor allows no text that MariaDB reads otherwise."""

import pymysql
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.rules import read_rules
from acra_twisted.dialects.mysql.replies import MAY_CHANGE
from acra_twisted.dialects.mysql.texts import changes
from acra_twisted.sql.languages import LANGUAGES
from tests.support import classmariadb

RULES = {"handlers": [{"handler": "deny", "tables": ["pw"]}]}
#: Each reads the secret where ``%`` is a blank to the server, or where it makes a comment.
BLANKS = (
    b"SELECT p%FROM%pw",
    b"SELECT `p`%FROM%`pw`",
    b"SELECT MAX(p)%FROM%pw",
    b"SELECT 1,p FROM%pw",
    b"SELECT @a%FROM%pw",
    b"SELECT 1.5,p%FROM%pw",
    b"SELECT 'a',p%FROM%pw",
    b"TABLE%pw",
)
COMMENTS = (
    b"SELECT 1 --%x, '\n, p FROM pw -- ' FROM t",
    b"SELECT 1 --%'\n, p FROM pw -- ' FROM t",
    b"SELECT 1 #%'\n, p FROM pw -- ' FROM t",
)
ALSO = (b"SELECT 1 -%-x, '\n, p FROM pw -- ' FROM t", b"SELECT 'a%' FROM t", b"SELECT `a%` FROM t")


class Bytes(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.database = classmariadb.started(cls)
        cls.database.run(
            "CREATE DATABASE d; USE d; CREATE TABLE pw (p text); CREATE TABLE t (a text);"
            "INSERT INTO pw VALUES ('secret'); INSERT INTO t VALUES ('x');"
        )

    def setUp(self):
        self.connection = pymysql.connect(
            host="127.0.0.1", port=self.database.port, user="u", password="pw", database="d"
        )
        self.addCleanup(self.connection.close)
        self.censor = Censor(LANGUAGES["mysql"], read_rules(RULES, need_version=False))

    def reads(self, text):
        """Return True if the server's plan of a text has the table."""
        with self.connection.cursor() as cursor:
            try:
                cursor.execute(b"EXPLAIN " + text)
                return any(row[2] == "pw" for row in cursor.fetchall())
            except pymysql.MySQLError:
                return False

    def charsets(self):
        with self.connection.cursor() as cursor:
            cursor.execute("SHOW CHARACTER SET WHERE Maxlen < 3 OR Charset LIKE 'utf8%'")
            return [row[0] for row in cursor.fetchall()]

    def test_none_is_allowed_that_reads_a_denied_table(self):
        found = set()
        for charset in self.charsets():
            try:
                self.connection.query(f"SET NAMES {charset}")
            except pymysql.MySQLError:
                # No client can have it.
                continue
            modes = [
                LANGUAGES["mysql"].mode_of({"character_set_client": name})
                for name in (charset, "?")
            ]
            for byte in range(0x80, 0x100):
                for form in (*BLANKS, *COMMENTS, *ALSO):
                    for sign in (bytes((byte,)), b"\xc2" + bytes((byte,))):
                        text = form.replace(b"%", sign)
                        if not self.reads(text):
                            continue
                        found.add((charset, form))
                        for mode in modes:
                            decision = self.censor.decide(text, mode)
                            self.assertFalse(decision.allowed, (charset, text))
        for charset in ("latin1", "hebrew", "cp1250"):
            self.assertIn((charset, BLANKS[0]), found)
        for charset in ("hebrew", "cp1250", "latin7", "cp852"):
            self.assertIn((charset, COMMENTS[0]), found)

    def test_none_changes_the_character_set_unnoticed(self):
        found = 0
        for charset in self.charsets():
            for byte in range(0x80, 0x100):
                for text in (b"SET%NAMES%gbk", b"SET @a=1 --%'\n, NAMES gbk -- '"):
                    try:
                        self.connection.query(f"SET NAMES {charset}")
                        self.connection.query(text.replace(b"%", bytes((byte,))))
                    except pymysql.MySQLError:
                        continue
                    with self.connection.cursor() as cursor:
                        cursor.execute("SELECT @@character_set_client")
                        if cursor.fetchone() != ("gbk",):
                            continue
                    found += 1
                    flags = changes(text.replace(b"%", bytes((byte,))), False)
                    self.assertTrue(flags & MAY_CHANGE, (charset, byte, text))
        self.assertGreater(found, 10)
