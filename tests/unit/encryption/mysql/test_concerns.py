"""Texts that may concern protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import concerns
from acra_twisted.encryption.mysql.concerns import Concerns
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.schema import VIEW, Code, Column, Schema, Table
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings, TableSetting
from acra_twisted.sql import mysqllexer
from tests.support.mysqlplanning import SCHEMA, SETTINGS, shown


class Words(SynchronousTestCase):
    def setUp(self):
        self.concerns = Concerns(Protection(SCHEMA, SETTINGS))

    def test_most_texts_name_none(self):
        for text in (
            b"SELECT * FROM orders",
            b"SELECT peoples",
            b"",
            b"\xff",
            b"SET NAMES utf8mb4",
        ):
            self.assertFalse(self.concerns.may_touch(text))

    def test_names_however_they_are_written(self):
        for text in (
            *(b"SELECT 1 FROM People", b"`PEOPLE`", b"shop.people", b"/*people*/", b"'people'"),
            *(b"/*!50000people*/", b"/*M!100100people*/", b"/*!50000SET ROLE r*/"),
            *(b"FROM\xa0people", b"\xffpeople", b"vip", b"CALL add_person()", b"PREPARE s FROM @v"),
        ):
            self.assertTrue(self.concerns.may_touch(text), text)

    def test_names_anywhere_in_long_texts(self):
        for filling in (b"word, ", b"x", "\u4e2d".encode()):
            for at in range(65_536 - 1_200, 65_536 + 60, 60):
                text = filling * (at // len(filling)) + b" people " + filling * 20_000
                self.assertTrue(self.concerns.may_touch(text), (filling, at))
        self.assertFalse(self.concerns.may_touch(b"peoples, " * 50_000))
        self.assertTrue(self.concerns.may_touch(b"x " * 100_000 + b"/*!50000people*/"))

    def test_names_beyond_ascii_and_with_blanks(self):
        settings = []
        for name in ("łąka", "my table", "a`b"):
            settings.append(TableSetting("", name, (), {"x": ColumnSetting("", name, "x")}))
        tables = [Table("d", one.name, [Column("x", "blob")]) for one in settings]
        concerns = Concerns(Protection(Schema(1, tables), EncryptionSettings(settings)))
        for text in ("ŁĄKA", "`my table`", "`a``b`"):
            self.assertTrue(concerns.may_touch(f"SELECT 1 FROM {text}".encode()))
        self.assertTrue(concerns.may_touch(b"SELECT 1 FROM \xb3ka"))
        self.assertFalse(concerns.may_touch(b"SELECT 1 FROM mytable"))
        for text, name in (("ŁĄKA", "łąka"), ("`MY table`", "my table"), ("`a``b`", "a`b")):
            self.assertEqual(concerns.named(f"TABLE {text}".encode()), (name, ""))

    def test_names_are_told_as_they_are_configured(self):
        settings = [TableSetting("", "Folk", (), {"x": ColumnSetting("", "Folk", "x")})]
        code = [Code(VIEW, "d", "seen", "select 1 from folk")]
        schema = Schema(1, [Table("d", "Folk", [Column("x", "blob")])], code=code)
        concerns = Concerns(Protection(schema, EncryptionSettings(settings)))
        for text, expected in (
            (b"SELECT 1 FROM folk JOIN seen", ("Folk", "seen")),
            (b"SELECT 1 FROM Seen", ("", "seen")),
            (b"SELECT 1 FROM folks", ("", "")),
        ):
            self.assertEqual(concerns.named(text), expected)


class Running(SynchronousTestCase):
    def test_strings_that_are_run_are_read(self):
        for text in (
            "PREPARE s FROM 'SELECT 1 FROM orders'",
            "PREPARE s FROM 'SELECT 1' ' FROM orders'",
            "EXECUTE IMMEDIATE 'SELECT 1'",
            "EXECUTE IMMEDIATE 'SELECT ?' USING @a",
            "DEALLOCATE PREPARE s",
            "EXECUTE s USING @a",
            "SELECT prepare FROM orders",
            "SELECT prepare x FROM orders",
            "XA PREPARE 'a'",
            "SET ROLE r",
            "SET NAMES utf8mb4; SET ROLE r",
            "SHOW BINLOG EVENTS",
            "UPDATE orders SET role = 1; SELECT 1 FROM orders",
            "SET STATEMENT max_statement_time = 1 FOR SELECT 1 FROM orders",
        ):
            self.assertEqual(shown(text), "as it is", text)

    def test_a_language_is_looked_for_in_code_alone(self):
        for text in (
            "CREATE TABLE t (language VARCHAR(9), javascript INT)",
            "SELECT javascript FROM t WHERE language = 'javascript'",
            "CREATE FUNCTION f() RETURNS INT LANGUAGE SQL RETURN 1",
            "CREATE TABLE posts (id INT, language ENUM('javascript', 'wasm'))",
            "CREATE TABLE posts (id INT, ext VARCHAR(9) DEFAULT 'javascript')",
            "CREATE TABLE function (language ENUM('javascript'))",
            "ALTER TABLE orders COMMENT 'javascript'",
            "ALTER TABLE t ADD language javascript",
            "ALTER TABLE t CHANGE language javascript VARCHAR(9)",
            "CREATE VIEW v AS SELECT function, language javascript FROM t",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO INSERT INTO t VALUES ('javascript')",
            "CREATE FUNCTION f() RETURNS INT LANGUAGE SQL COMMENT 'javascript' RETURN 1",
        ):
            self.assertEqual(shown(text), "as it is", text)

    def test_backslashes_are_no_names(self):
        for text in (
            r"CREATE TABLE t (a INT COMMENT 'a\npeoples')",
            r"ALTER TABLE orders COMMENT 'C:\\a\'b'",
            r"INSERT INTO orders VALUES ('alter peop\le')",
        ):
            self.assertEqual(shown(text), "as it is", text)

    def test_a_comment_of_a_protected_table_may_name_a_language(self):
        self.assertEqual(shown("ALTER TABLE people COMMENT 'javascript'"), "as it is")

    def test_all_others_are_refused(self):
        for text in (
            "PREPARE s FROM 'SELECT 1 FROM people'",
            "PREPARE s FROM 'SELECT 1 FROM peo' 'ple'",
            r"PREPARE s FROM 'SELECT 1 FROM peop\le'",
            "PREPARE s FROM @v",
            "EXECUTE IMMEDIATE @v",
            "EXECUTE IMMEDIATE CONCAT('a', 'b')",
            "EXECUTE IMMEDIATE 'SELECT 1' + 1",
            "BEGIN NOT ATOMIC EXECUTE IMMEDIATE @v; END",
            "CREATE PROCEDURE p() EXECUTE s USING @a",
            "BEGIN NOT ATOMIC EXECUTE s; END",
            "CALL sys.execute_prepared_stmt('SELECT 1 FROM orders')",
            "SET GLOBAL init_connect = 'DELETE FROM orders'",
            "CREATE TABLE far (a INT) ENGINE=FEDERATED CONNECTION='mysql://u@h/shop/people'",
            "ALTER TABLE far CONNECTION='mysql://u@h/shop/people'",
            r"ALTER TABLE far CONNECTION='mysql://u@h/shop/peop\le'",
            r"CREATE TABLE far (a INT) ENGINE=CONNECT SRCDEF='SELECT 1 FROM\npeople'",
            r"CREATE TABLE far (a INT) ENGINE=CONNECT SRCDEF='SELECT 1 FROM/\\people'",
            r"CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (DATABASE 'peop\le')",
            "SET STATEMENT max_statement_time = 1 FOR EXECUTE IMMEDIATE CONCAT('a', 'b')",
            "SET STATEMENT max_statement_time = 1 FOR PREPARE s FROM @v",
            "SET STATEMENT sort_buffer_size = 1 FOR CALL sys.execute_prepared_stmt(@v)",
            "PREPARE s FROM 'SET ROLE r'",
            "PREPARE s FROM 'SET @a = 1, ROLE r'",
            "SET ROLE r; SELECT 1 FROM orders",
            "SET @a = 1, ROLE r; SELECT 1 FROM orders",
            "CREATE PROCEDURE p() SET ROLE r",
            "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET @a = 1, ROLE r",
            "ALTER EVENT e DO SET ROLE r",
            "CREATE FUNCTION f() RETURNS INT BEGIN SET ROLE r; RETURN 1; END",
            "BINLOG 'aGVsbG8='",
            "PREPARE s FROM 'BINLOG @v'",
            "BEGIN NOT ATOMIC BINLOG @v; END",
            "CALL sys.create_synonym_db('shop', 'other')",
            "IF 1 THEN SET/**/ROLE r; DO 1; END IF",
            "FOR i IN 1..1 DO EXECUTE IMMEDIATE @v; END FOR",
            "CASE 1 WHEN 1 THEN EXECUTE IMMEDIATE @v; END CASE",
            "BEGIN NOT ATOMIC DO 1; start: LOOP EXECUTE IMMEDIATE @v; END LOOP; END",
            "PREPARE s FROM 'SELECT 1 FROM /*!50000people*/'",
            "<<a>> BEGIN EXECUTE IMMEDIATE @v; END",
            "IF 1 THEN SET GLOBAL init_connect = 'DELETE FROM orders'; END IF",
            "IF 1 THEN ALTER TABLE far CONNECTION='mysql://u@h/shop/people'; END IF",
            "IF user() <> '' THEN ALTER TABLE f CONNECTION='mysql://u@h/shop/people'; END IF",
            "CASE role WHEN 1 THEN CREATE SERVER s OPTIONS (HOST 'people'); END CASE",
            "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $$ let a = 1 $$",
            "CREATE PROCEDURE f() LANGUAGE /**/ javascript AS 'let a = 1'",
            "CREATE LIBRARY l LANGUAGE JAVASCRIPT AS $$ let a = 1 $$",
            "CREATE LIBRARY l LANGUAGE WASM AS 'AGFzbQ=='",
            "CREATE DEFINER=view@localhost FUNCTION f() RETURNS INT LANGUAGE `JavaScript` AS 'a'",
            "CREATE FUNCTION IF NOT EXISTS table1() RETURNS INT LANGUAGE 'javascript' AS 'a'",
            "CREATE FUNCTION `as`() RETURNS INT DETERMINISTIC LANGUAGE JAVASCRIPT AS $$ a $$",
            "ALTER LIBRARY l LANGUAGE JAVASCRIPT",
            "PREPARE s FROM 'CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $$ a $$'",
            "IF 1 THEN CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS 'a'; END IF",
            "SET STATEMENT a = 1 FOR CREATE PROCEDURE p() LANGUAGE JAVASCRIPT AS 'a'",
        ):
            self.assertEqual(shown(text), "refused: opaque_code", text)


class Literals(SynchronousTestCase):
    def test_statements_that_are_judged_by_what_their_literals_hold(self):
        for text, is_judged in (
            ("EXECUTE IMMEDIATE 'SELECT 1'", True),
            ("PREPARE p FROM 'SELECT 1'", True),
            ("CREATE TABLE t (a VARCHAR(3))", True),
            ("ALTER TABLE t COMMENT 'a'", True),
            ("BEGIN NOT ATOMIC ALTER TABLE t COMMENT 'a'", True),
            ("INSERT INTO t VALUES ('create', 1)", False),
            ("SELECT a FROM t WHERE a = 'execute'", False),
            ("SELECT a AS immediate, `execute` FROM t WHERE b = 'c'", False),
        ):
            raw = text.encode()
            part = mysqllexer.tokens(raw)
            self.assertEqual(concerns.judges_literals(raw, part), is_judged, text)


class Blocks(SynchronousTestCase):
    def test_a_name_of_no_letters_is_no_label(self):
        self.assertEqual(shown("REPLACE`` INTO people"), "refused: unparsable")

    def test_what_is_behind_the_beginning_of_a_block_may_be_read_in_another_way(self):
        for text in (
            "CREATE PROCEDURE p(email TEXT) BEGIN DO 1; UPDATE people p SET p.email = email; END",
            "CREATE FUNCTION f(email TEXT) RETURNS INT BEGIN DO 1; UPDATE people p"
            " SET p.email = email; RETURN 1; END",
            "FOR email IN 7..7 DO DO 1; UPDATE people p SET p.email = email; END FOR",
            "IF 1 THEN DO 1; UPDATE people p SET p.email = email; END IF",
            "DECLARE email TEXT; BEGIN UPDATE people p SET p.email = email; END",
            "a: BEGIN NOT ATOMIC SET sql_mode = 'ANSI_QUOTES'; END; SELECT id FROM people",
            "SET STATEMENT max_statement_time = 1 FOR USE other; SELECT id FROM people",
        ):
            self.assertEqual(shown(text), "refused: unparsable", text)

    def test_statements_without_others_are_read(self):
        for text in ("BEGIN", "BEGIN WORK", "COMMIT", "CREATE TABLE a (b INT)", "DO 1"):
            text += "; SELECT id FROM people"
            self.assertEqual(shown(text), "as it is", text)
