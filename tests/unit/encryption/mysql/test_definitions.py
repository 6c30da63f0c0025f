"""Definitions of protected tables."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.mysqlplanning import plan, shown


class Definitions(SynchronousTestCase):
    def test_those_that_hold_no_value(self):
        for text in (
            "CREATE TABLE people (id INT, email VARBINARY(500) NOT NULL, KEY k (email(33)))",
            "CREATE TABLE IF NOT EXISTS leads (id INT, mail BLOB DEFAULT NULL) ENGINE=InnoDB",
            "CREATE TABLE copies LIKE people",
            "CREATE TABLE people (id INT, email BLOB) COMMENT='x' PARTITION BY RANGE (id) "
            "(PARTITION p VALUES LESS THAN (1), PARTITION q VALUES LESS THAN MAXVALUE)",
            "CREATE TABLE people (id INT, email BLOB) PARTITION BY LIST (id) "
            "(PARTITION p VALUES IN (1))",
            "CREATE TABLE orders (pid INT, FOREIGN KEY (pid) REFERENCES people (id))",
            "CREATE UNIQUE INDEX k ON people (email(33))",
            "ALTER TABLE people ADD UNIQUE KEY k (email(33)), ADD note VARCHAR(10) DEFAULT 'x'",
            "ALTER TABLE people MODIFY COLUMN email VARBINARY(900) NULL",
            "ALTER TABLE people DROP COLUMN email",
            "CREATE INDEX k USING BTREE ON people (note) ALGORITHM=INPLACE LOCK=NONE",
            "CREATE OR REPLACE FULLTEXT INDEX k ON people (note) COMMENT 'k'",
            "CREATE DATABASE IF NOT EXISTS people CHARACTER SET utf8mb4",
            "DROP TABLE people",
            "TRUNCATE TABLE people",
        ):
            self.assertEqual(shown(text), "as it is", text)
            self.assertTrue(plan(text).plan.renews, text)

    def test_administration(self):
        for text in (
            "SHOW COLUMNS FROM people",
            "SHOW CREATE TABLE people",
            "DESCRIBE people",
            "LOCK TABLES people WRITE",
            "ANALYZE TABLE people",
            "GRANT SELECT ON people TO u",
            "USE people",
            "CREATE USER 'people'@'%' IDENTIFIED BY 'people'",
            "CREATE OR REPLACE USER people@localhost",
            "ALTER USER people ACCOUNT LOCK",
        ):
            self.assertEqual(shown(text), "as it is", text)
            self.assertFalse(plan(text).plan.renews, text)

    def test_administration_has_no_other_statement_in_it(self):
        for text in (
            "ANALYZE INSERT INTO leads (mail) VALUES ('a')",
            "ANALYZE FORMAT=JSON UPDATE leads SET mail = 'a'",
            "ANALYZE FORMAT='json' REPLACE leads SET mail = 'a'",
            "EXPLAIN FORMAT='json' UPDATE leads SET mail = 'a'",
            "EXPLAIN ANALYZE FORMAT='tree' INSERT INTO leads SET mail = 'a'",
        ):
            self.assertEqual(shown(text), "refused: unparsable", text)
        for text in ("DESC shop.people email", "EXPLAIN people 'e%'", "ANALYZE LOCAL TABLE people"):
            self.assertEqual(shown(text), "as it is", text)

    def test_those_that_may_hold_one(self):
        for text in (
            "CREATE TABLE people (email VARCHAR(500))",
            "CREATE TABLE people (email VARBINARY(100))",
            "CREATE TABLE people (email VARBINARY(500) DEFAULT 'secret')",
            "CREATE TABLE people (email BLOB, x INT AS (LENGTH(email)))",
            "CREATE TABLE people (email BLOB, CHECK (email <> 'secret'))",
            "CREATE TABLE people (email BLOB) PARTITION BY RANGE COLUMNS (email) (PARTITION p "
            "VALUES LESS THAN ('secret'))",
            "CREATE TABLE copies AS SELECT * FROM people",
            "CREATE TABLE copies (a INT) SELECT email FROM people",
            "CREATE TABLE people (email VARBINARY(600)) VALUES ('email'), ('secret')",
            "CREATE TABLE people (email VARBINARY(600)) AS VALUES ROW('secret')",
            "CREATE TABLE people (email BLOB) ENGINE=InnoDB IGNORE (TABLE other)",
            "CREATE TABLE people (email BLOB) (VALUES ('secret'))",
            "CREATE TABLE people (email BLOB) REPLACE TABLE other",
            "CREATE TABLE people (id INT, email BLOB) PARTITION BY KEY (id) (VALUES (1, 'secret'))",
            "CREATE TABLE people (id INT, email BLOB) PARTITION BY HASH (id) VALUES (1, 'secret')",
            "CREATE TABLE both (id INT) ENGINE=MERGE UNION=(orders, people)",
            "CREATE TEMPORARY TABLE people (email BLOB)",
            "CREATE INDEX k ON people (note), people2 (note)",
            "USE people x",
            "CREATE TRIGGER t BEFORE INSERT ON people FOR EACH ROW SET NEW.email = 'secret'",
            "CREATE PROCEDURE p() INSERT INTO people (email) VALUES ('secret')",
            "CREATE INDEX k ON people ((LOWER(email)))",
            "ALTER TABLE people MODIFY email VARCHAR(80)",
            "ALTER TABLE people ALTER email SET DEFAULT 'secret'",
            "ALTER TABLE people CHANGE email mail BLOB",
            "ALTER TABLE people RENAME TO persons",
            "ALTER TABLE people ADD x INT GENERATED ALWAYS AS (LENGTH(email))",
            "ALTER TABLE orders EXCHANGE PARTITION p WITH TABLE people",
            "RENAME TABLE people TO persons",
            "LOAD DATA INFILE 'x' INTO TABLE people",
            "HANDLER people OPEN",
            "CALL add_person('secret')",
            "SELECT add_person('secret')",
            "SELECT `add_person`('secret')",
            "SELECT other.add_person('secret')",
            "SELECT add_person.run('secret')",
            "SELECT shop . `add_person` . run('secret')",
            "SET @a = (SELECT email FROM people)",
            "SET STATEMENT max_statement_time = 1 FOR INSERT INTO people (email) VALUES ('secret')",
            "DO (SELECT 1 FROM people)",
            "SHOW COLUMNS FROM people WHERE Field = 'x'",
            "BEGIN NOT ATOMIC INSERT INTO people (email) VALUES ('secret'); END",
        ):
            self.assertTrue(shown(text).startswith("refused"), text)
            self.assertNotIn("secret", plan(text).plan.refusal.text)

    def test_a_view_compares_nothing_whatever_stands_before_it(self):
        view = "CREATE VIEW v AS SELECT age FROM people UNION SELECT age FROM people"
        self.assertEqual(shown(view), "refused: expression")
        searched = "SELECT id FROM people WHERE age = 1"
        self.assertEqual(shown(f"{searched}; {view}"), "refused: expression")
        column = "CREATE VIEW v AS SELECT age FROM people"
        self.assertIn(column, shown(f"{searched}; {column}"))
        asked = plan(f"{searched}; {column}").plan.asked
        self.assertEqual([one.name for one in asked], ["age"])
