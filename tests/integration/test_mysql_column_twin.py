"""Protected columns of MariaDB beside a twin in clear: a generated statement answers equally with
both, or is refused."""

import os
import random
from collections import Counter

import mysql.connector
import pymysql
from pymysql.constants import CLIENT

from tests.integration.test_mysql_encryption import Case
from tests.support.mysqltwin import VALUES, Drawn, Generator, written

_SEED = int(os.environ.get("ACRA_TWIN_SEED", "20261129"))
_STATEMENTS = int(os.environ.get("ACRA_TWIN_STATEMENTS", "400"))
#: Errors of AcraServer's own.
_REFUSALS = (1235, 1366, 1105)
_TWIN = """
CREATE DATABASE twin; USE twin;
CREATE TABLE people (
  id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(100), email VARCHAR(100), age INT, score BIGINT,
  born DATE, raw BLOB, card VARCHAR(100), ident INT, nick VARCHAR(100), note TEXT
) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
ALTER TABLE people MODIFY note TEXT CHARACTER SET utf8mb4;
CREATE TABLE orders (id INT PRIMARY KEY, person INT, item VARCHAR(20));
INSERT INTO orders VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, NULL, 'd');
GRANT ALL ON twin.* TO u@'%';
CREATE VIEW seen (no, email, ident, nick, note) AS
  SELECT id, email, ident, nick, note FROM people WHERE id > 1;
USE shop;
CREATE VIEW seen (no, email, ident, nick, note) AS
  SELECT id, email, ident, nick, note FROM people WHERE id > 1;
CREATE TABLE orders (id INT PRIMARY KEY, person INT, item VARCHAR(20));
INSERT INTO orders VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, NULL, 'd');
"""
_ALL = "SELECT * FROM people ORDER BY id"


def _ordered(text, rows):
    # Some clients show characters of a UNION as bytes.
    shown = [tuple(map(_shown, row)) for row in rows]
    return shown if "ORDER BY" in text else sorted(shown, key=repr)


def _shown(cell):
    return (
        bytes(cell).decode("utf-8", "surrogateescape")
        if isinstance(cell, bytes | bytearray)
        else cell
    )


class Twin(Case):
    """Both tables are of the same server; that of the twin is asked directly."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database.run(_TWIN)

    def setUp(self):
        super().setUp()
        self.database.run("TRUNCATE twin.people")

    def compare(self, ours, twins, execute, several):
        """Run statements with both: each is answered equally, or has the same error, or is refused.
        ``several``: statements may stand in one text."""
        generator = Generator(_SEED)
        outcomes = Counter()
        for _ in range(_STATEMENTS):
            drawn = generator.statement()
            if drawn.several and not several:
                continue
            mine = self.outcome(execute, ours, drawn)
            if mine == "refused":
                outcomes[drawn.kind, "refused"] += 1
                continue
            theirs = self.outcome(execute, twins, drawn)
            self.assertEqual(mine, theirs, drawn)
            outcomes[drawn.kind, "failed" if isinstance(mine, int) else "answered"] += 1
            if drawn.writes:
                both = [self.outcome(execute, one, Drawn(_ALL, [])) for one in (ours, twins)]
                self.assertEqual(*both, drawn)
        counted = Counter()
        for (_, what), number in outcomes.items():
            counted[what] += number
        self.assertGreater(counted["answered"], counted["refused"], outcomes)
        self.assertGreater(counted["refused"], 0, outcomes)
        for kind in {kind for kind, _ in outcomes}:
            self.assertGreater(outcomes[kind, "answered"], 0, outcomes)

    def outcome(self, execute, one, drawn):
        """The rows of a statement, the number of its error, or ``refused``."""
        try:
            results = execute(one, drawn)
        except (pymysql.MySQLError, mysql.connector.Error) as error:
            number = error.args[0]
            if "AcraServer" in str(error):
                self.assertIn(number, _REFUSALS, (drawn, error))
                return "refused"
            return number
        texts = drawn.text.split("; ")
        ordered = [text for text in texts if "SELECT" in text or "RETURNING" in text]
        return [_ordered(text, rows) for text, rows in zip(ordered or texts, results, strict=False)]

    def test_texts(self):
        forms = random.Random(_SEED)

        def connect(port, database):
            connection = pymysql.connect(
                **{**self.access(port), "database": database},
                charset="utf8mb4",
                autocommit=True,
                client_flag=CLIENT.MULTI_STATEMENTS,
            )
            self.addCleanup(connection.close)
            return connection.cursor()

        last = [None, ""]

        def execute(cursor, drawn):
            # The same text for both.
            if last[0] is not drawn:
                last[:] = drawn, written(drawn, forms)
            results = []
            try:
                cursor.execute(last[1])
                while True:
                    if cursor.description:
                        results.append(list(cursor.fetchall()))
                    if not cursor.nextset():
                        return results
            except pymysql.MySQLError:
                cursor.execute("ROLLBACK")
                raise

        self.compare(
            connect(self.server.port, "shop"), connect(self.database.port, "twin"), execute, True
        )
        self.check_stored()

    def test_prepared_statements(self):
        def execute(connection, drawn):
            cursor = connection.cursor(prepared=True)
            try:
                cursor.execute(drawn.text.replace("{}", "?"), drawn.values)
                return [list(cursor.fetchall())] if cursor.description else []
            finally:
                cursor.close()

        connections = []
        for port, database in ((self.server.port, "shop"), (self.database.port, "twin")):
            access = {**self.access(port), "database": database}
            connection = mysql.connector.connect(**access, autocommit=True, use_pure=True)
            self.addCleanup(connection.close)
            connections.append(connection)
        self.compare(*connections, execute, False)
        self.check_stored()

    def check_stored(self):
        """No value is in clear in its column."""
        columns = [one for one in VALUES if one not in ("note", "ident", "born", "age", "score")]
        clear = {
            one if isinstance(one, bytes) else one.encode()
            for column in columns
            for one in VALUES[column]
            if len(one) > 3
        }
        for column in columns:
            for stored in self.stored(column):
                self.assertNotIn(stored, clear, column)
