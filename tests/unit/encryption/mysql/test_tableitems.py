"""Columns, keys and constraints in definitions of protected tables."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.mysqlplanning import shown


class Items(SynchronousTestCase):
    def test_those_that_hold_no_value(self):
        for item in (
            "name VARBINARY(600) COMMENT 'n' AFTER id",
            "KEY n USING BTREE (name(20) DESC, id) COMMENT 'x' KEY_BLOCK_SIZE=8",
            "UNIQUE KEY IF NOT EXISTS u (email(33)) USING HASH",
            "CONSTRAINT u UNIQUE (email(33))",
            "CONSTRAINT UNIQUE KEY u (email(33)) VISIBLE",
            "CONSTRAINT f FOREIGN KEY (id) REFERENCES orders (id)",
            "CONSTRAINT FOREIGN KEY (id) REFERENCES orders (id)",
            "CONSTRAINT c CHECK (id IN (1, 2))",
            "FULLTEXT KEY ft (note) COMMENT 'x'",
            "more VARCHAR(10) DEFAULT 'after' AFTER name",
        ):
            text = f"CREATE TABLE people (id INT, email VARBINARY(600), {item}, last INT)"
            self.assertEqual(shown(text), "as it is", text)

    def test_those_that_may_hold_one(self):
        for item in (
            "name VARBINARY(600) DEFAULT 'secret' AFTER id",
            "name VARBINARY(600) AFTER 'secret'",
            "KEY n ((LOWER(name)))",
            "KEY n (name('secret'))",
            "KEY n (name) WHERE name",
            "CONSTRAINT f FOREIGN KEY (email) REFERENCES orders (id)",
            "CONSTRAINT c CHECK (email <> 'secret')",
            "CONSTRAINT c PERIOD (a, b)",
            "more INT AS (LENGTH(email))",
        ):
            text = f"CREATE TABLE people (id INT, email VARBINARY(600), {item}, last INT)"
            self.assertTrue(shown(text).startswith("refused"), text)
