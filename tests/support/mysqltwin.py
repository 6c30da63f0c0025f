"""Statements of MySQL over a table with protected columns: most ways to write, search and read
values, drawn from a seed, so that each run has the same."""

from __future__ import annotations

import random
from typing import NamedTuple

_EMAILS = ("a@x.org", "A@x.org", "ä@x.org", "b@x.org", "", "a@x.org ")
VALUES = {
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
SEARCHED = ("email", "ident", "nick", "note")
#: Columns of the view ``seen`` of the table that may be given values.
_SEEN = ("email", "ident", "nick", "note")
#: Functions that have no answer from what is stored.
_FUNCTIONS = ("UPPER({})", "{} + 1", "MAX({})", "COALESCE({}, 'x')", "LEFT({}, 1)")
_BEGIN = ("START TRANSACTION", "BEGIN")
_END = ("COMMIT", "ROLLBACK")


class Drawn(NamedTuple):
    """A statement with ``{}`` for each of its values, or several with semicolons between;
    ``writes``: it may change rows.  ``kind`` is the name of what has drawn it."""

    text: str
    values: list
    writes: bool = False
    several: bool = False
    kind: str = ""


class Generator:
    """``seed`` decides all statements."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self._next = 1_000

    def pick(self, *choices):
        return self.random.choice(choices)

    def some(self, names, most):
        return self.random.sample(list(names), self.random.randint(1, min(most, len(names))))

    def chance(self, of):
        return self.random.randrange(of) == 0

    def value(self, column):
        return None if self.chance(10) else self.random.choice(VALUES[column])

    def number(self):
        """The number of a row, that is there or not."""
        return self.random.randint(1, 30)

    def statement(self):
        """Draw the next statement."""
        made = self.pick(
            *(self.insert, self.insert, self.upsert, self.copied, self.update, self.update),
            *(self.delete, self.through_view, self.joined_update, self.several, self.transaction),
            *(self.select,) * 8,
            *(self.joined, self.nested, self.united, self.grouped, self.windowed, self.common),
        )
        drawn = made()
        drawn = drawn if isinstance(drawn, Drawn) else Drawn(*drawn)
        return drawn._replace(kind=made.__name__)

    # -- statements that write ------------------------------------------------------------------

    def insert(self):
        columns = self.some(VALUES, 6)
        rows = self.pick(1, 1, 2, 3)
        values = [self.value(column) for _ in range(rows) for column in columns]
        row = f"({', '.join(['{}'] * len(columns))})"
        returning = self.pick("", "", "", f" RETURNING id, {', '.join(columns)}")
        if rows == 1 and self.chance(3):
            sets = ", ".join(f"{column} = {{}}" for column in columns)
            return f"INSERT INTO people SET {sets}{returning}", values, True
        verb = self.pick("INSERT INTO", "INSERT INTO", "INSERT IGNORE INTO", "REPLACE INTO")
        table = self.pick("people", "people", "`people`", "people PARTITION (p0)", "People")
        if table == "people PARTITION (p0)" or table == "People":
            table = "people"
        text = f"{verb} {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}{returning}"
        return text, values, True

    def upsert(self):
        """INSERT of a row that may be there."""
        columns = ["id", *self.some(VALUES, 3)]
        values = [self.number(), *(self.value(column) for column in columns[1:])]
        row = ", ".join(["{}"] * len(columns))
        if self.chance(4):
            return f"REPLACE INTO people ({', '.join(columns)}) VALUES ({row})", values, True
        sets = []
        for column in self.some(columns[1:], 2):
            if self.chance(2):
                sets.append(f"{column} = VALUES({column})")
            elif self.chance(3):
                sets.append(f"{column} = {column}")
            else:
                sets.append(f"{column} = {{}}")
                values.append(self.value(column))
        updated = ", ".join(sets)
        text = (
            f"INSERT INTO people ({', '.join(columns)}) VALUES ({row}) "
            f"ON DUPLICATE KEY UPDATE {updated}"
        )
        return text, values, True

    def copied(self):
        """INSERT of rows that are there, of columns into the same ones or into others."""
        columns = self.some(VALUES, 3)
        given = list(columns)
        if self.chance(5):
            given[0] = self.pick(*VALUES)
        where, values = self.where()
        text = (
            f"INSERT INTO people ({', '.join(columns)}) SELECT {', '.join(given)} FROM people"
            f"{where} ORDER BY id LIMIT 2"
        )
        return text, values, True

    def update(self):
        columns = self.some(VALUES, 3)
        sets, values = [], []
        for column in columns:
            form = self.random.randrange(8)
            if form == 0:
                sets.append(f"{column} = {self.pick(*VALUES)}")
            elif form == 1:
                sets.append(f"{column} = CASE WHEN id = {{}} THEN {{}} ELSE {column} END")
                values += [self.number(), self.value(column)]
            elif form == 2:
                sets.append(f"{column} = IF(id < {{}}, {{}}, {{}})")
                values += [self.number(), self.value(column), self.value(column)]
            elif form == 3:
                sets.append(f"people.{column} = COALESCE({{}}, {{}})")
                values += [self.value(column), self.random.choice(VALUES[column])]
            else:
                sets.append(f"{column} = {{}}")
                values.append(self.value(column))
        where, more = self.where()
        limit = self.pick("", "", " ORDER BY id LIMIT 2")
        return f"UPDATE people SET {', '.join(sets)}{where}{limit}", [*values, *more], True

    def joined_update(self):
        column = self.pick(*VALUES)
        given = self.pick("{}", "{}", f"q.{column}")
        values = [self.value(column)] if given == "{}" else []
        table = self.pick(
            "orders o ON o.person = p.id",
            f"people q ON q.{self.pick(*SEARCHED)} = p.{self.pick(*SEARCHED)}",
        )
        if "people" not in table:
            given, values = "{}", [self.value(column)]
        return f"UPDATE people p JOIN {table} SET p.{column} = {given}", values, True

    def delete(self):
        where, values = self.where()
        if self.chance(4):
            where, values = f" WHERE {self._nested_condition()}", []
        return f"DELETE FROM people{where} ORDER BY id LIMIT 1", values, True

    def through_view(self):
        """A statement that writes through a view of some rows and columns."""
        columns = self.some(_SEEN, 3)
        values = [self.value(column) for column in columns]
        form = self.random.randrange(4)
        if form == 0:
            marks = ", ".join(["{}"] * len(columns))
            return f"INSERT INTO seen ({', '.join(columns)}) VALUES ({marks})", values, True
        column = self.pick(*_SEEN)
        if form == 1:
            text = f"DELETE FROM seen WHERE {column} = {{}} ORDER BY no LIMIT 1"
            return text, [self.value(column)], True
        if form == 2:
            self._next += 1
            marks = ", ".join(["{}"] * (len(columns) + 1))
            return (
                f"REPLACE INTO seen (no, {', '.join(columns)}) VALUES ({marks})",
                [self.pick(self._next, self.number()), *values],
                True,
            )
        sets = ", ".join(f"{one} = {{}}" for one in columns)
        text = f"UPDATE seen SET {sets} WHERE {column} = {{}}"
        return text, [*values, self.value(column)], True

    def several(self):
        """Statements in one text."""
        drawn = [
            self.pick(self.insert, self.update, self.select, self.upsert, self.through_view)()
            for _ in range(self.pick(2, 2, 3))
        ]
        values = [value for one in drawn for value in one[1]]
        return Drawn("; ".join(one[0] for one in drawn), values, True, True)

    def transaction(self):
        """Statements that are done or undone together."""
        drawn = [self.pick(self.insert, self.update, self.delete)() for _ in range(2)]
        values = [value for one in drawn for value in one[1]]
        texts = [one[0] for one in drawn]
        if self.chance(2):
            texts[1:] = ["SAVEPOINT s", *texts[1:], "ROLLBACK TO s"]
        return Drawn("; ".join([self.pick(*_BEGIN), *texts, self.pick(*_END)]), values, True, True)

    # -- conditions -----------------------------------------------------------------------------

    def condition(self, depth=2):
        kind = self.random.randrange(11 if depth else 7)
        column = self.pick(*SEARCHED)
        name = self.pick(column, column, f"people.{column}", f"`{column}`")
        if kind < 2:
            if self.chance(5):
                return f"{{}} = {name}", [self.value(column)]
            return f"{name} = {{}}", [self.value(column)]
        if kind == 2:
            return f"{name} {self.pick('<>', '!=', '<=>')} {{}}", [self.value(column)]
        if kind == 3:
            values = [self.random.choice(VALUES[column]) for _ in range(self.pick(1, 2, 3))]
            return f"{name} {self.pick('IN', 'NOT IN')} ({', '.join(['{}'] * len(values))})", values
        if kind == 4:
            return f"{self.pick(*VALUES)} IS {self.pick('', 'NOT ')}NULL", []
        if kind == 5:
            return f"id {self.pick('=', '<', '>')} {self.number()}", []
        if kind == 6:
            return self._rows(name, column)
        if kind == 10:
            return self._nested_condition(), []
        first, mine = self.condition(depth - 1)
        if kind == 7:
            return f"NOT ({first})", mine
        second, more = self.condition(depth - 1)
        return f"({first}) {self.pick('AND', 'OR')} ({second})", [*mine, *more]

    def _rows(self, name, column):
        """Rows of a protected column and another one."""
        left = f"({name}, id)"
        if self.chance(3):
            sign = self.pick("=", "<>", "<=>")
            return f"{left} {sign} ({{}}, {{}})", [self.value(column), self.random.randint(1, 9)]
        values = []
        for _ in range(self.pick(1, 2, 3)):
            values += [self.random.choice(VALUES[column]), self.random.randint(1, 9)]
        marks = ", ".join(["({}, {})"] * (len(values) // 2))
        return f"{left} {self.pick('IN', 'NOT IN')} ({marks})", values

    def _nested_condition(self):
        """A condition with a query in it, of another table than a DELETE's."""
        return self.pick(
            "id IN (SELECT person FROM orders)",
            "id NOT IN (SELECT person FROM orders WHERE person IS NOT NULL)",
            "EXISTS (SELECT 1 FROM orders o WHERE o.person = people.id)",
            "id = (SELECT MAX(person) FROM orders)",
        )

    def where(self):
        if self.chance(5):
            return "", []
        condition, values = self.condition()
        return f" WHERE {condition}", values

    # -- queries --------------------------------------------------------------------------------

    def select(self):
        where, values = self.where()
        columns = self.some(["id", *VALUES], 5)
        shown = ", ".join(columns)
        form = self.random.randrange(12)
        if form == 0:
            return f"SELECT * FROM people{where} ORDER BY id", values
        if form == 1:
            return f"SELECT COUNT(*) FROM people{where}", values
        if form == 2:
            return f"SELECT DISTINCT {self.pick(*VALUES)} FROM people{where}", values
        if form == 3:
            return f"SELECT {shown} FROM (SELECT * FROM people{where}) people ORDER BY id", values
        if form == 4:
            function = self.pick(*_FUNCTIONS)
            column = self.pick(*VALUES)
            return f"SELECT {function.replace('{}', column)} AS f FROM people{where}", values
        if form == 5:
            text = f"SELECT item FROM orders WHERE person IN (SELECT id FROM people{where})"
            return f"{text} ORDER BY id", values
        if form == 6:
            return f"SELECT {shown} FROM people ORDER BY {self.pick(*VALUES)}, id", []
        if form == 7:
            names = ", ".join(self.random.sample([*SEARCHED, "id"], self.pick(1, 2, 3)))
            ordered = " ORDER BY id" if "id" in names else ""
            return f"SELECT DISTINCT {names} FROM people{where}{ordered}", values
        if form == 8:
            column = self.pick(*SEARCHED)
            text = (
                f"SELECT no, email, ident, nick, note FROM seen WHERE {column} = {{}} ORDER BY no"
            )
            return text, [self.value(column)]
        if form == 9:
            column = self.pick(*SEARCHED)
            return f"SELECT COUNT(DISTINCT {column}), COUNT({column}) FROM people{where}", values
        if form == 10:
            lock = self.pick("", " FOR UPDATE", " LOCK IN SHARE MODE")
            return f"SELECT {shown} FROM people{where} ORDER BY id LIMIT 3{lock}", values
        aliased = ", ".join(f"p.{one} AS `x {one}`" for one in columns)
        return f"SELECT {aliased} FROM people AS p ORDER BY p.id", []

    def joined(self):
        columns = self.some(["id", *VALUES], 4)
        form = self.random.randrange(4)
        kind = self.pick("JOIN", "LEFT JOIN", "INNER JOIN", "STRAIGHT_JOIN")
        if form == 0:
            shown = ", ".join(f"p.{one}" for one in columns)
            return (
                f"SELECT o.item, {shown} FROM orders o LEFT JOIN people p ON p.id = o.person "
                "ORDER BY o.id, p.id",
                [],
            )
        if form == 1:
            return "SELECT s.*, o.item FROM seen s JOIN orders o ON o.person = s.no ORDER BY no", []
        column = self.pick(*SEARCHED)
        other = self.pick(column, column, self.pick(*SEARCHED))
        if form == 2:
            return f"SELECT a.id, b.id FROM people a {kind} seen s ON a.{column} = s.{other}", []
        shown = ", ".join(f"{self.pick('a', 'b')}.{one}" for one in columns)
        return (
            f"SELECT a.id i, b.id j, {shown} FROM people a {kind} people b ON a.{column} = "
            f"b.{other} ORDER BY i, j",
            [],
        )

    def nested(self):
        column = self.pick(*SEARCHED)
        other = self.pick(column, column, self.pick(*SEARCHED))
        where, values = self.where()
        among = self.pick("IN", "NOT IN")
        return self.pick(
            (
                f"SELECT id FROM people WHERE {column} {among} (SELECT {other} FROM seen) "
                "ORDER BY id",
                [],
            ),
            (
                f"SELECT id, (SELECT p.{column} FROM people p WHERE p.id = orders.person) AS c "
                "FROM orders ORDER BY id",
                [],
            ),
            (
                f"SELECT id FROM people p WHERE EXISTS (SELECT 1 FROM seen s WHERE s.{column} = "
                f"p.{other}) ORDER BY id",
                [],
            ),
            (f"SELECT x.c, x.id FROM (SELECT id, {column} AS c FROM people{where}) x", values),
            (
                f"SELECT id FROM people WHERE {column} = (SELECT {other} FROM people WHERE id = 1) "
                "ORDER BY id",
                [],
            ),
        )

    def united(self):
        where, values = self.where()
        sign = self.pick("UNION ALL", "UNION ALL", "UNION", "INTERSECT", "EXCEPT")
        columns = self.some(VALUES, 2)
        others = columns if self.chance(2) else self.random.sample(list(VALUES), len(columns))
        if self.chance(3):
            columns = others = ["ident"]
        if set(columns) <= set(_SEEN) and self.chance(2):
            second = f"SELECT {', '.join(columns)} FROM seen"
        else:
            second = f"SELECT {', '.join(others)} FROM people"
        return f"SELECT {', '.join(columns)} FROM people{where} {sign} {second}", values

    def grouped(self):
        column, other = self.pick(*VALUES), self.pick(*VALUES)
        where, values = self.where()
        having = self.pick("", "", " HAVING n > 1", f" HAVING {column} IS NOT NULL")
        shown = self.pick("COUNT(*)", "COUNT(*)", f"COUNT({other})", f"MAX({other})", "SUM(id)")
        return (
            f"SELECT {column}, {shown} AS n FROM people{where} GROUP BY {column}{having}",
            values,
        )

    def windowed(self):
        column = self.pick(*SEARCHED)
        function = self.pick("COUNT(*)", "ROW_NUMBER()", f"FIRST_VALUE({column})", "SUM(id)")
        by = self.pick(f"PARTITION BY {column}", "ORDER BY id", f"ORDER BY {column}")
        return f"SELECT id, {function} OVER ({by}) AS w FROM people ORDER BY id", []

    def common(self):
        where, values = self.where()
        shown = ", ".join(self.some(["id", *VALUES], 4))
        column = self.pick(*SEARCHED)
        return self.pick(
            (f"WITH w AS (SELECT {shown} FROM people{where}) SELECT * FROM w", values),
            (
                f"WITH w (c) AS (SELECT {column} FROM people{where}) SELECT people.id FROM people "
                f"JOIN w ON w.c = people.{column}",
                values,
            ),
        )


def literal(value, random_):
    """A value in one of the forms of a text."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return random_.choice((f"{value}", f"{value}", f"'{value}'", f"({value})"))
    raw = value if isinstance(value, bytes) else value.encode()
    digits = [f"x'{raw.hex()}'", *([f"0x{raw.hex()}"] if raw else [])]
    if isinstance(value, bytes):
        return random_.choice(digits)
    escaped = value.replace("\\", "\\\\")
    single = "'" + escaped.replace("'", "''") + "'"
    half = value[: len(value) // 2], value[len(value) // 2 :]
    beside = " ".join("'" + one.replace("\\", "\\\\").replace("'", "\\'") + "'" for one in half)
    return random_.choice(
        (
            *(single, single, single),
            '"' + escaped.replace('"', '""') + '"',
            f"_utf8mb4{single}",
            f"N{single}",
            beside,
            f"({single})",
            f"CAST({single} AS CHAR)",
            *digits,
        )
    )


def written(drawn, random_):
    """A statement's text with its values in it."""
    pieces = drawn.text.split("{}")
    shown = [literal(value, random_) for value in drawn.values]
    return "".join(one for pair in zip(pieces, [*shown, ""], strict=True) for one in pair)
