"""Statements over a table with protected columns, drawn by Hypothesis: most ways to write, search
and read values that SQL has, with the values of `twinvalues`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from tests.support.twinvalues import (
    KINDS,
    ORDER,
    SEALED,
    SEARCHED,
    TOKENS,
    array_text,
    as_text,
    pool,
    rows_of,
)

_SHOWN = (*SEALED, *TOKENS, "note")
_OPERATORS = ("=", "=", "=", "<>", "IN", "NOT IN", "ANY", "ANY", "DISTINCT", "NOT DISTINCT")


class Drawn(NamedTuple):
    """A statement: its kind, its text with psycopg's placeholders, its parameters, None if it is
    to be sent by the simple protocol, and the rows that follow it."""

    kind: str
    text: str
    parameters: tuple[object, ...] | None
    data: bytes | None = None


class Writer:
    """Writes parts of one statement.  ``draw`` is Hypothesis'.

    ``parameters`` are None where all values are to be literals."""

    def __init__(self, draw: Callable[..., object], by_parameters: bool) -> None:
        self._draw = draw
        self.parameters: list[object] | None = [] if by_parameters else None
        self._nested = False

    def one(self, *among: object) -> object:
        """One of some values."""
        return self._draw(st.sampled_from(among))

    def chance(self, of: int) -> bool:
        """True once in so many times."""
        return self._draw(st.integers(1, of)) == of

    def text(self, *among: str) -> str:
        """One of some texts."""
        return str(self.one(*among))

    def some(self, *among: str) -> list[str]:
        """Some of them in any order, each once."""
        found = self._draw(st.lists(st.sampled_from(among), min_size=1, max_size=3, unique=True))
        assert isinstance(found, list)
        return found

    # -- values ---------------------------------------------------------------------------------

    def value(self, column: str) -> str:
        """A value for a column: a literal in one of its forms, or a parameter."""
        kind = KINDS[column]
        if self.chance(10):
            return f"NULL::{kind}" if self._nested else "NULL"
        plain = self.one(*pool(column))
        if self.parameters is not None and self.chance(2):
            return self._parameter(plain, kind)
        written = self._literal(plain)
        if self._nested and kind != "text":
            # PostgreSQL takes a literal without a type for a text there, and AcraServer does not.
            return f"{written}::{kind}"
        if self.chance(5):
            name = self.text("text", "varchar") if kind == "text" else kind
            return self.text(f"{written}::{name}", f"CAST({written} AS {name})")
        return written

    def _parameter(self, plain: object, kind: str) -> str:
        assert self.parameters is not None
        self.parameters.append(plain)
        form = self.text("%s", "%b", "%t")
        if (self._nested and kind != "text") or self.chance(4):
            return f"{form}::{kind}"
        return form

    def _literal(self, plain: object) -> str:
        if isinstance(plain, (int, float)):
            return self.text(str(plain).lower(), f"'{as_text(plain)}'")
        if isinstance(plain, bytes):
            escaped = "".join(f"\\{byte:03o}" for byte in plain)
            written = self.text(f"'\\x{plain.hex()}'", f"E'\\\\x{plain.hex()}'", f"'{escaped}'")
            return self.text(written, written, f"decode('{plain.hex()}', 'hex')")
        plain = str(plain)
        if self.parameters is not None:
            plain = plain.replace("%", "%%")
        quoted = "'" + plain.replace("'", "''") + "'"
        escape = "E'" + plain.replace("\\", "\\\\").replace("'", "\\'") + "'"
        dollar = f"$q${plain}$q$"
        points = "U&'" + "".join(f"\\+{ord(sign):06x}" for sign in plain) + "'"
        return self.text(quoted, quoted, escape, dollar, points)

    def expression(self, column: str) -> str:
        """A value, or an expression that gives one."""
        if not self.chance(6):
            return self.value(column)
        form = self.text(
            "COALESCE({}, {})", "CASE WHEN 1 = 1 THEN {} ELSE {} END", "(SELECT {})", "({})"
        )
        return self._inside(form, column)

    def _inside(self, form: str, column: str) -> str:
        before, self._nested = self._nested, True
        written = form.format(*(self.value(column) for _ in range(form.count("{}"))))
        self._nested = before
        return written

    # -- parts ----------------------------------------------------------------------------------

    def condition(self, alias: str = "", depth: int = 2) -> str:
        """A condition on the table's columns."""
        if depth and self.chance(4):
            form = self.text("NOT ({})", "({}) AND ({})", "({}) OR ({})")
            inner = (self.condition(alias, depth - 1) for _ in range(form.count("{}")))
            return form.format(*inner)
        column = self.text("id", "id", "id", "email", "name", "note", *SEARCHED)
        name = alias + column
        if self.chance(8):
            return self.text(f"{name} IS NULL", f"{name} IS NOT NULL")
        if column == "id" and self.chance(2):
            return f"{name} {self.text('<', '>', '<=')} {self.value('id')}"
        operator = self.text(*_OPERATORS)
        if operator in ("IN", "NOT IN"):
            among = ", ".join(self.value(column) for _ in range(self._count(3)))
            return f"{name} {operator} ({among})"
        if operator == "ANY":
            return f"{name} {self.text('= ANY', '<> ALL')} ({self._among(column)})"
        if operator.endswith("DISTINCT"):
            return f"{name} IS {operator} FROM {self.value(column)}"
        if self.chance(4):
            return f"{self.value(column)} {operator} {name}"
        return f"{name} {operator} {self.value(column)}"

    def _among(self, column: str) -> str:
        """An array of values to compare a column with."""
        if self.chance(2):
            cast = f"::{KINDS[column]}[]" if self.chance(2) else ""
            return self._inside("ARRAY[{}, {}]" + cast, column)
        size = 40 if self.chance(6) else self._count(3)
        return self._array(column, [self.one(*pool(column)) for _ in range(size)])

    def _array(self, column: str, values: Sequence[object]) -> str:
        """An array of values: a parameter, or a literal."""
        cast = f"::{KINDS[column]}[]" if self._nested or self.chance(2) else ""
        if self.parameters is not None and self.chance(2):
            self.parameters.append(list(values))
            return f"%s{cast}"
        return f"{self._literal(array_text(values))}{cast}"

    def _count(self, most: int) -> int:
        found = self._draw(st.integers(1, most))
        assert isinstance(found, int)
        return found

    def listed(self, alias: str = "") -> str:
        """A list of columns for SELECT or RETURNING."""
        if self.chance(4):
            return f"{alias}*"
        columns = ["id", *self.some(*_SHOWN)]
        shown = [alias + one for one in columns]
        if self.chance(3):
            shown[-1] += " AS shown"
        if self.chance(12):
            shown.append(self.text(f"count({alias}id) OVER ()", f"{alias}name IS NULL", "1 + 1"))
        return ", ".join(shown)

    # -- statements -----------------------------------------------------------------------------

    def insert(self) -> str:
        """INSERT in all of its forms."""
        columns = ["id", *self.some(*_SHOWN)]
        form = self._draw(st.integers(0, 9))
        self._nested = form in (3, 4, 5)
        if form == 0:
            columns = [*ORDER]
        if form == 1:
            kept = ", ".join(f"id + {self.text('20', '40')}" if c == "id" else c for c in columns)
            source = f"SELECT {kept} FROM people WHERE {self.condition()}"
        elif form == 2:
            source = f"SELECT {self._row(columns)}"
        elif form in (4, 5):
            source = f"SELECT * FROM unnest({self._arrays(columns)})"
        else:
            source = "VALUES " + ", ".join(f"({self._row(columns)})" for _ in range(self._count(3)))
        if form == 3:
            names = ", ".join(f"c{number}" for number in range(len(columns)))
            source = f"SELECT {names} FROM ({source}) AS v({names})"
        self._nested = False
        written = "INSERT INTO " + self.text("people", "people", 'public."people"', "people AS p")
        if form:
            written += f" ({', '.join(columns)})"
        written += " " + source
        if self.chance(2):
            target = self.text(*SEALED, *TOKENS, "note")
            given = f"EXCLUDED.{target}" if self.chance(2) else self.value(target)
            written += f" ON CONFLICT (id) DO UPDATE SET {target} = {given}"
        else:
            written += " ON CONFLICT DO NOTHING"
        return written + self._returning()

    def _arrays(self, columns: Sequence[str]) -> str:
        """Arrays of as many values of each column."""
        size = 40 if self.chance(4) else self._count(3)
        rows = {c: [self.one(None, *pool(c)) for _ in range(size)] for c in columns if c != "id"}
        rows["id"] = list(range(13, 13 + size))
        return ", ".join(self._array(column, rows[column]) for column in columns)

    def _row(self, columns: Sequence[str]) -> str:
        return ", ".join(self.expression(one) for one in columns)

    def _returning(self) -> str:
        return f" RETURNING {self.listed()}" if self.chance(3) else ""

    def update(self) -> str:
        """UPDATE in all of its forms."""
        columns = self.some(*_SHOWN)
        form = self._draw(st.integers(0, 6))
        if form == 0 and len(columns) > 1:
            given = f"({', '.join(columns)}) = {self.text('', 'ROW')}({self._row(columns)})"
        elif form == 1:
            given = self.text("name = name", "name = email", "note = name", "name = note")
        elif form == 2:
            one = columns[0]
            given = f"{one} = CASE WHEN id = {self.value('id')} THEN {self._inside('{}', one)} "
            given += self.text(f"ELSE {one} END", "END")
        else:
            given = ", ".join(f"{one} = {self.expression(one)}" for one in columns)
        if form == 3:
            named = f"UPDATE people AS p SET {given} FROM other AS o WHERE o.pid = p.id"
            return f"{named} AND {self.condition('p.')}" + (
                f" RETURNING {self.listed('p.')}" if self.chance(3) else ""
            )
        return f"UPDATE people SET {given} WHERE {self.condition()}{self._returning()}"

    def delete(self) -> str:
        """DELETE of few rows."""
        return f"DELETE FROM people WHERE {self.condition()}{self._returning()}"

    def merge(self) -> str:
        """MERGE of one or two rows."""
        rows = ", ".join(
            f"({self.value('id')}, {self.value('name')})" for _ in range(self._count(2))
        )
        given = "v.n" if self.chance(2) else self.value("name")
        return (
            f"MERGE INTO people AS p USING (VALUES {rows}) AS v(i, n) ON p.id = v.i"
            f" WHEN MATCHED THEN UPDATE SET name = {given}"
            " WHEN NOT MATCHED AND v.i IS NOT NULL THEN INSERT (id, name) VALUES (v.i, v.n)"
        )

    def select(self) -> str:
        """SELECT with joins, subselects, groups and set operations."""
        form = self._draw(st.integers(0, 11))
        if form == 0:
            listed = self.listed("p.")
            return f"SELECT {listed}, o.title FROM people p JOIN other o ON o.pid = p.id"
        if form == 1:
            column = self.text("name", "note", *SEARCHED)
            return (
                f"SELECT a.id, b.id, a.{column} FROM people a"
                f" {self.text('JOIN', 'LEFT JOIN')} people b ON a.{column} = b.{column}"
            )
        if form == 2:
            return (
                f"WITH w AS (SELECT {self.listed()} FROM people WHERE {self.condition()}) TABLE w"
            )
        if form == 3:
            column = self.text("name", *SEARCHED)
            union = self.text("UNION ALL", "UNION", "EXCEPT", "INTERSECT")
            return f"SELECT {column} FROM people {union} SELECT {column} FROM people"
        if form == 4:
            column = self.text("name", "note", *SEARCHED)
            return f"SELECT {column}, count(*) FROM people GROUP BY {column}"
        if form == 5:
            column = self.text("name", "note", *SEARCHED)
            return self.text(
                f"SELECT DISTINCT {column} FROM people",
                f"SELECT count(DISTINCT {column}) FROM people",
                f"SELECT count({column}) FROM people",
                f"SELECT max({column}) FROM people",
            )
        if form == 6:
            column = self.text("id", *SEARCHED)
            return (
                f"SELECT id FROM people WHERE {column} IN"
                f" (SELECT {column} FROM people WHERE {self.condition()})"
            )
        if form == 7:
            column = self.text(*SEALED, *TOKENS)
            return self.text(
                f"SELECT id, CASE WHEN id < 5 THEN {column} END FROM people",
                f"SELECT id, COALESCE({column}, NULL) FROM people",
                f"SELECT id, (SELECT p.{column} FROM people p WHERE p.id = people.id) FROM people",
                f"SELECT id, {column}::text FROM people",
                f"SELECT x.n FROM (SELECT {column} AS n FROM people) AS x",
            )
        if form == 8:
            return f"SELECT {self.listed('v.')} FROM seen AS v WHERE {self.condition('v.')}"
        if form == 9:
            return f"SELECT {self.listed()} FROM people ORDER BY id LIMIT {self._count(4)}"
        locked = self.text("", "", " FOR UPDATE")
        return f"SELECT {self.listed()} FROM people WHERE {self.condition()}{locked}"

    def several(self) -> str:
        """Some statements in one text."""
        made = [self.text("one", "two") for _ in range(self._count(2) + 1)]
        return "; ".join(self.update() if one == "one" else self.insert() for one in made)

    def cursor(self) -> str:
        """A cursor's whole life, or the lives of two of one name."""
        lives = " ".join(self._life() for _ in range(self._count(2)))
        return f"BEGIN; {lives} COMMIT"

    def _life(self) -> str:
        name = self.text("c", "c", '"C 1"')
        scrolls = self.chance(3)
        kind = self.text("", "", "BINARY ", "INSENSITIVE ") + ("SCROLL " if scrolls else "")
        held = self.text("", "", " WITH HOLD", " WITHOUT HOLD")
        ways = ["2", "ALL", "NEXT", "FORWARD 3", "FORWARD ALL"]
        if scrolls:
            ways += ["LAST", "PRIOR", "ABSOLUTE 2", "RELATIVE -1", "BACKWARD ALL", "FIRST"]
        read = "".join(
            f" {self.text('FETCH', 'FETCH', 'MOVE')} {self.text(*ways)} {self.text('FROM', 'IN')}"
            f" {name};"
            for _ in range(self._count(3))
        )
        closed = self.text(f"CLOSE {name}", "CLOSE ALL")
        query = self._shown_by_cursor()
        return f"DECLARE {name} {kind}CURSOR{held} FOR {query};{read} {closed};"

    def _shown_by_cursor(self) -> str:
        """A query in a certain order."""
        column = self.text(*SEALED, *TOKENS)
        form = self._draw(st.integers(0, 7))
        if form == 0:
            one = f"SELECT id, {column} FROM people"
            return f"{one} WHERE id < 3 UNION ALL {one} WHERE id > 2 ORDER BY 1"
        if form == 1:
            return f"SELECT id, CASE WHEN id < 5 THEN {column} END FROM people ORDER BY id"
        if form == 2:
            one = f"SELECT id, {column} AS n FROM people"
            return f"SELECT q.n FROM ({one}) AS q ORDER BY q.id"
        if form == 3:
            return f"SELECT {self.listed('v.')} FROM seen AS v WHERE v.id < 9 ORDER BY v.id"
        return f"SELECT {self.listed()} FROM people WHERE {self.condition()} ORDER BY id"

    def prepared(self) -> str:
        """A statement that SQL prepares and executes."""
        column = self.text("name", "email", "note")
        return (
            f"PREPARE q(int, text) AS UPDATE people SET {column} = $2 WHERE id = $1;"
            f" EXECUTE q({self.value('id')}, {self.value(column)}); DEALLOCATE q"
        )

    def copied(self) -> str:
        """COPY of the table or of a query."""
        form = self.text("text", "csv", "binary")
        what = f"people ({', '.join(['id', *self.some(*_SHOWN)])})"
        if self.chance(2):
            what = f"(SELECT {self.listed()} FROM people WHERE {self.condition()} ORDER BY id)"
        return f"COPY {what} TO STDOUT (FORMAT {form})"

    def loaded(self) -> tuple[str, bytes]:
        """COPY of rows into the table, and the rows."""
        form = self.text("text", "csv", "binary")
        columns = ["id", *self.some(*_SHOWN)]
        first = self._draw(st.integers(13, 999))
        assert isinstance(first, int)
        rows = [
            [first + row, *(None if self.chance(10) else self.one(*pool(c)) for c in columns[1:])]
            for row in range(self._count(3))
        ]
        text = f"COPY people ({', '.join(columns)}) FROM STDIN (FORMAT {form})"
        return text, rows_of(form, columns, rows)


#: Kinds of one statement, whose values may be parameters.
PLAIN = ("insert", "insert", "update", "delete", "merge", "select", "select", "select")
#: Kinds whose values cannot be parameters.
_SIMPLE = ("several", "cursor", "prepared", "copied", "loaded")


@st.composite
def statements(draw: Callable[..., object]) -> Drawn:
    """Draw one statement."""
    kind = str(draw(st.sampled_from((*PLAIN, *_SIMPLE))))
    by_parameters = kind not in _SIMPLE and draw(st.booleans()) is True
    writer = Writer(draw, by_parameters)
    if kind == "loaded":
        text, data = writer.loaded()
        return Drawn(kind, text, None, data)
    text = getattr(writer, kind)()
    parameters = writer.parameters
    if parameters is None:
        return Drawn(kind, text, None)
    return Drawn(kind, text, tuple(parameters))
