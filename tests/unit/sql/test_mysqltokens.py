"""Statements read by their tokens, and settings that change lexing."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import mysqllexer, mysqltokens


def part(text):
    raw = text.encode()
    return raw, mysqltokens.statements(raw, mysqllexer.tokens(raw))[0]


class Read(SynchronousTestCase):
    def test_tables(self):
        for text, expected in (
            ("SHOW FULL COLUMNS FROM t", "t"),
            ("SHOW COLUMNS FROM t FROM s", "s.t"),
            ("SHOW CREATE TABLE `T`", "t"),
            ("SHOW TABLES", ""),
            ("DESCRIBE s.t", "s.t"),
            ("DESC t", "t"),
            ("HANDLER t OPEN", "t"),
            ("LOCK TABLES a READ, b AS x WRITE", "a b"),
            ("UNLOCK TABLES", ""),
            ("RENAME TABLE a TO b, c TO d", "a b c d"),
            ("RENAME TABLE a NOWAIT TO b, c WAIT 1 TO d", "a b c d"),
            ("RENAME TABLES IF EXISTS a WAIT 1 TO s.b, `if` TO `nowait`", "a s.b if nowait"),
            ("ALTER TABLE `s`.t DISABLE KEYS", "s.t"),
            ("ALTER TABLE t ENABLE KEYS", "t"),
            ("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE 'utf8mb4_bin'", "t"),
            ("ALTER TABLE s.t CONVERT TO CHARSET latin1", "s.t"),
            ("ALTER TABLE t DROP PARTITION p, `q`", "t"),
            ("OPTIMIZE LOCAL TABLE a, b", "a b"),
            ("LOAD DATA INFILE 'x' INTO TABLE t", "t"),
        ):
            parsed = mysqltokens.read(*part(text))
            found = {".".join(p for p in t if p) for t in parsed.tables}
            self.assertEqual(found, set(expected.split()), text)

    def test_changes_that_may_name_more(self):
        for text in (
            *("ALTER TABLE t ADD a INT, DISABLE KEYS", "ALTER IGNORE TABLE t ENABLE KEYS"),
            "ALTER TABLE t CONVERT TO CHARSET latin1, RENAME TO secrets",
            "ALTER TABLE t CONVERT TABLE secrets TO PARTITION p",
            "ALTER TABLE t DROP PARTITION p, EXCHANGE PARTITION q WITH TABLE secrets",
        ):
            self.assertIsNone(mysqltokens.read(*part(text)), text)

    def test_what_a_parser_has_to_read(self):
        for text in ("SELECT 1", "EXPLAIN SELECT 1", "BEGIN", "BEGIN WORK", "ANALYZE SELECT 1"):
            self.assertIsNone(mysqltokens.read(*part(text)), text)

    def test_what_cannot_be_read_is_opaque(self):
        for text in (
            "RENAME TABLE 'a' TO b",
            "RENAME TABLE a",
            "RENAME TABLE a LATER TO b, c TO d",
            "RENAME TABLE a TO b LATER, c TO d",
            "EXECUTE x",
            "LOAD DATA INFILE 'x' INTO TABLE t",
        ):
            self.assertTrue(mysqltokens.read(*part(text)).opaque, text)


class Settings(SynchronousTestCase):
    def test_refused(self):
        for text in (
            "SET NAMES gbk",
            "SET NAMES 'sjis'",
            "SET CHARACTER SET big5",
            "SET CHARSET cp932",
            "SET NAMES DEFAULT",
            "SET SESSION character_set_client = gb18030",
            "SET @@session.sql_mode = concat('a')",
            "SET a = 1, sql_mode = @x + 1",
            "SET character_set_client = @x COLLATE utf8mb4_bin",
            "SET sql_mode = @x := 'ANSI'",
            "SET sql_mode = concat(@@sql_mode, f())",
            "SET sql_mode = concat(@@sql_mode, 'a', f())",
            "SET sql_mode = concat(@@sql_mode, 'a') + 1",
            "SET sql_mode = s.concat(@@sql_mode, 'a')",
            "SET sql_mode = concat(@@sql_mode",
        ):
            self.assertTrue(mysqltokens.lexing_settings(*part(text)).refused, text)

    def test_followed(self):
        for text in (
            "SET NAMES utf8mb4",
            "SET sql_mode = 'ANSI_QUOTES'",
            "SET CHARSET latin1",
            "SET character_set_client = @saved",
            "SET a = 1, sql_mode = @x",
            "SET @@session.sql_mode = @@global.sql_mode",
            "SET a = 1, SQL_MODE=concat(@@sql_mode, _utf8 ',NO_KEY_OPTIONS'), b = f(1, 2)",
            "SET sql_mode = CONCAT(@@SQL_MODE, 'ANSI')",
        ):
            found = mysqltokens.lexing_settings(*part(text))
            self.assertEqual((found.any, found.refused), (True, ""), text)

    def test_of_no_concern(self):
        for text in ("SET @sql_mode = @x", "SET autocommit = 1", "SELECT @@sql_mode"):
            found = mysqltokens.lexing_settings(*part(text))
            self.assertEqual((found.any, found.refused), (False, ""), text)
