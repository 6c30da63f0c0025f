"""Protected columns of MariaDB beside a twin in clear: a generated statement answers equally with
both, or is refused."""

import random

import mysql.connector
import pymysql

from tests.integration.test_mysql_encryption import Case

_SEED = 20261129
_STATEMENTS = 400
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
_EMAILS = ("a@x.org", "A@x.org", "ä@x.org", "b@x.org", "", "a@x.org ")
_VALUES = {
    "name": ("Zaphod", "", "Żółć", "a'b\\c", "x" * 60),
    "email": _EMAILS,
    "age": (0, -1, 42, 2147483647, -2147483648),
    "score": (0, 1 << 40, -(1 << 63), (1 << 63) - 1),
    "born": ("2026-11-29", "1000-01-01", "9999-12-31"),
    "raw": (b"\xff\\'", b"abc", b""),
    "card": ("4111111111111234", "12"),
    "ident": (1, 2, 3, -5),
    "nick": ("Ford", "Arthur", "Trillian"),
    "note": ("n", "", "ñ"),
}
_ALL = "SELECT * FROM people ORDER BY id"
_SEARCHED = ("email", "ident", "nick", "note")


class Generator:
    """Statements with their values; ``mark`` is what stands for one."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *choices):
        return self.random.choice(choices)

    def value(self, column):
        if self.random.random() < 0.1:
            return None
        return self.random.choice(_VALUES[column])

    def statement(self):
        return self.pick(
            *(self.insert, self.insert, self.update, self.delete),
            *(self.select,) * 8,
        )()

    def insert(self):
        columns = self.random.sample(list(_VALUES), self.random.randint(1, 6))
        rows = self.pick(1, 1, 2, 3)
        values = [self.value(column) for _ in range(rows) for column in columns]
        row = f"({', '.join(['{}'] * len(columns))})"
        if rows == 1 and self.random.random() < 0.3:
            sets = ", ".join(f"{column} = {{}}" for column in columns)
            return f"INSERT INTO people SET {sets}", values
        verb = self.pick("INSERT INTO", "INSERT INTO", "INSERT IGNORE INTO", "REPLACE INTO")
        text = f"{verb} people ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"
        return text, values

    def condition(self, depth=2):
        kind = self.random.randrange(10 if depth else 7)
        column = self.pick(*_SEARCHED)
        name = self.pick(column, column, f"people.{column}", f"`{column}`")
        if kind < 2:
            return f"{name} = {{}}", [self.value(column)]
        if kind == 2:
            return f"{name} {self.pick('<>', '!=', '<=>')} {{}}", [self.value(column)]
        if kind == 3:
            values = [self.random.choice(_VALUES[column]) for _ in range(self.pick(1, 2, 3))]
            return f"{name} {self.pick('IN', 'NOT IN')} ({', '.join(['{}'] * len(values))})", values
        if kind == 4:
            return f"{self.pick(*_VALUES)} IS {self.pick('', 'NOT ')}NULL", []
        if kind == 5:
            return f"id {self.pick('=', '<', '>')} {self.random.randint(1, 30)}", []
        if kind == 6:
            return self.rows(name, column)
        first, mine = self.condition(depth - 1)
        if kind == 7:
            return f"NOT ({first})", mine
        second, more = self.condition(depth - 1)
        return f"({first}) {self.pick('AND', 'OR')} ({second})", [*mine, *more]

    def rows(self, name, column):
        """Rows of a protected column and another one."""
        left = f"({name}, id)"
        if self.random.random() < 0.3:
            sign = self.pick("=", "<>", "<=>")
            return f"{left} {sign} ({{}}, {{}})", [self.value(column), self.random.randint(1, 9)]
        values = []
        for _ in range(self.pick(1, 2, 3)):
            values += [self.random.choice(_VALUES[column]), self.random.randint(1, 9)]
        marks = ", ".join(["({}, {})"] * (len(values) // 2))
        return f"{left} {self.pick('IN', 'NOT IN')} ({marks})", values

    def where(self):
        if self.random.random() < 0.2:
            return "", []
        condition, values = self.condition()
        return f" WHERE {condition}", values

    def update(self):
        columns = self.random.sample(list(_VALUES), self.random.randint(1, 3))
        sets = ", ".join(f"{column} = {{}}" for column in columns)
        where, more = self.where()
        limit = self.pick("", "", " ORDER BY id LIMIT 2")
        return (
            f"UPDATE people SET {sets}{where}{limit}",
            [*[self.value(column) for column in columns], *more],
        )

    def delete(self):
        where, values = self.where()
        return f"DELETE FROM people{where} ORDER BY id LIMIT 1", values

    def select(self):
        where, values = self.where()
        columns = self.random.sample(["id", *_VALUES], self.random.randint(1, 5))
        shown = ", ".join(columns)
        form = self.random.randrange(16)
        if form == 0:
            return f"SELECT * FROM people{where} ORDER BY id", values
        if form == 1:
            return f"SELECT COUNT(*) FROM people{where}", values
        if form == 2:
            column = self.pick(*_VALUES)
            return f"SELECT {column}, COUNT(*) AS n FROM people{where} GROUP BY {column}", values
        if form == 3:
            return f"SELECT DISTINCT {self.pick(*_VALUES)} FROM people{where}", values
        if form == 4:
            return f"SELECT {shown} FROM (SELECT * FROM people{where}) people ORDER BY id", values
        if form == 5:
            return (
                f"SELECT o.item, {', '.join(f'p.{one}' for one in columns)} FROM orders o "
                "LEFT JOIN people p ON p.id = o.person ORDER BY o.id, p.id",
                [],
            )
        if form == 6:
            column = self.pick(*_VALUES)
            function = self.pick(
                "UPPER({})", "{} + 1", "MAX({})", "COALESCE({}, 'x')", "LEFT({}, 1)"
            )
            return f"SELECT {function.replace('{}', column)} AS f FROM people{where}", values
        if form == 7:
            return (
                f"SELECT {shown} FROM people{where} UNION ALL SELECT {shown} FROM people",
                values,
            )
        if form == 8:
            return (
                "SELECT item FROM orders WHERE person IN "
                f"(SELECT id FROM people{where}) ORDER BY id",
                values,
            )
        if form == 9:
            column = self.pick(*_VALUES)
            return f"SELECT {shown} FROM people ORDER BY {column}, id", []
        if form == 12:
            names = ", ".join(self.random.sample([*_SEARCHED, "id"], self.pick(1, 2, 3)))
            ordered = " ORDER BY id" if "id" in names else ""
            return f"SELECT DISTINCT {names} FROM people{where}{ordered}", values
        if form == 13:
            column = self.pick(*_SEARCHED)
            text = (
                f"SELECT no, email, ident, nick, note FROM seen WHERE {column} = {{}} ORDER BY no"
            )
            return text, [self.value(column)]
        if form == 15:
            sign = self.pick("UNION", "INTERSECT", "EXCEPT")
            return f"SELECT ident FROM people{where} {sign} SELECT ident FROM seen", values
        if form == 14:
            return "SELECT s.*, o.item FROM seen s JOIN orders o ON o.person = s.no ORDER BY no", []
        if form == 10:
            return f"WITH w AS (SELECT {shown} FROM people{where}) SELECT * FROM w", values
        aliased = ", ".join(f"p.{one} AS `x {one}`" for one in columns)
        return f"SELECT {aliased} FROM people AS p ORDER BY p.id", []


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

    def compare(self, ours, twins, mark, execute):
        """Run statements with both; return how many were refused."""
        generator = Generator(_SEED)
        refused = answered = 0
        for _ in range(_STATEMENTS):
            text, values = generator.statement()
            written = text.replace("{}", mark)
            try:
                mine = execute(ours, written, values)
            except (pymysql.MySQLError, mysql.connector.Error) as error:
                self.assertIn(error.args[0], (1235, 1366, 1105), (written, error))
                self.assertIn("AcraServer", str(error))
                refused += 1
                continue
            theirs = execute(twins, written, values)
            self.assertEqual(_ordered(text, mine), _ordered(text, theirs), (written, values))
            if not text.startswith(("SELECT", "WITH")):
                both = [_ordered(_ALL, execute(one, _ALL, [])) for one in (ours, twins)]
                self.assertEqual(*both, (written, values))
            answered += 1
        self.assertGreater(answered, refused)
        self.assertGreater(refused, 0)
        return refused

    def test_texts(self):
        def execute(cursor, text, values):
            cursor.execute(text, values or None)
            return list(cursor.fetchall())

        ours = self.connected()
        connection = pymysql.connect(
            **{**self.access(self.database.port), "database": "twin"},
            charset="utf8mb4",
            autocommit=True,
        )
        self.addCleanup(connection.close)
        self.compare(ours, connection.cursor(), "%s", execute)
        self.check_stored()

    def test_prepared_statements(self):
        def execute(connection, text, values):
            cursor = connection.cursor(prepared=True)
            try:
                cursor.execute(text, values)
                return list(cursor.fetchall()) if cursor.description else []
            finally:
                cursor.close()

        connections = []
        for port, database in ((self.server.port, "shop"), (self.database.port, "twin")):
            access = {**self.access(port), "database": database}
            connection = mysql.connector.connect(**access, autocommit=True, use_pure=True)
            self.addCleanup(connection.close)
            connections.append(connection)
        self.compare(*connections, "?", execute)
        self.check_stored()

    def check_stored(self):
        """No value is in clear in its column."""
        columns = [one for one in _VALUES if one not in ("note", "ident", "born", "age", "score")]
        clear = {
            one if isinstance(one, bytes) else one.encode()
            for column in columns
            for one in _VALUES[column]
            if len(one) > 3
        }
        for column in columns:
            for stored in self.stored(column):
                self.assertNotIn(stored, clear, column)
