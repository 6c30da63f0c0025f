"""Answers about stored values are those of a twin that holds the same values in clear."""

import hashlib
import unittest

import psycopg
from hypothesis import HealthCheck, example, given, settings
from psycopg.pq import DiagnosticField

from acra_twisted.encryption.plan import COMPARE_ANY
from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.postgresql.forms import array_literal
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from tests.support.planning import MODE, PATH, planner
from tests.support.statements import searches

_PEOPLE = "(id int primary key, name {0}, email {0}, note text, age {0}, card {0}, phone text)"
_ORDERS = "create table {0}.orders (id int, title text); insert into {0}.orders values (1), (2)"
_NAMES = ("id", "name", "email", "note", "age", "card", "phone")
_ROWS = (
    (1, "secret", "secret", "n", "1", "c", "secret"),
    (2, "other", "secret", "n", "1", "c", "other"),
    (3, "secret", "other", None, "2", "c", ""),
    (4, None, None, "secret", None, None, None),
    (5, "", "", "other", "", "", ""),
    (6, "a", "other", "n", "3", "d", "secret"),
    (7, "b", None, "", "3", "d", "SECRET"),
)
_PREFIX = 33


def stored(name, value, end=""):
    """Make what stands for a stored value; equal ones differ behind the part that is compared."""
    if name in ("id", "note") or value is None:
        return value
    if name == "phone":
        return value and f"token {hashlib.sha256(value.encode()).hexdigest()}"
    if not value:
        return b""
    digest = hashlib.sha256(value.encode()).digest()
    return b"\x7f" + digest + b"%%% " + end.encode()


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = Postgres()
        cls.addClassCleanup(server.remove)
        server.start()
        cls.db = psycopg.connect(
            host="127.0.0.1", port=server.port, user=SUPERUSER, dbname="postgres", autocommit=True
        )
        cls.addClassCleanup(cls.db.close)
        cls.planner = planner(claims=Comparisons())
        for schema, kind in (("twin", "text"), ("kept", "bytea")):
            cls.db.execute(f"create schema {schema}")
            cls.db.execute(f"create table {schema}.people {_PEOPLE.format(kind)}")
            cls.db.execute(_ORDERS.format(schema))
            marks = ", ".join(["%s"] * len(_NAMES))
            for row in _ROWS:
                if schema == "kept":
                    cells = zip(_NAMES, row, strict=True)
                    row = [stored(name, cell, f"{row[0]}") for name, cell in cells]
                cls.db.execute(f"insert into {schema}.people values ({marks})", row)

    def rows(self, schema, text):
        """The SQLSTATE and the rows of an answer, as they are sent."""
        raw = self.db.pgconn
        raw.exec_(b"set search_path = " + schema.encode())
        done = raw.exec_(text)
        state = (done.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        self.said = done.error_message.decode("utf-8", "replace")
        rows = [[done.get_value(r, c) for c in range(done.nfields)] for r in range(done.ntuples)]
        return state, rows

    def array(self, one, literal):
        """The array that stands for a literal that is compared."""
        several = one.use.role == COMPARE_ANY
        text = b"select " + literal + (b"::text[]" if several else b"::text")
        (plain,) = self.db.execute(text).fetchone()
        name = one.use.column.name
        forms = [stored(name, value) for value in (plain if several else [plain])]
        forms = [form.encode() if isinstance(form, str) else form for form in forms]
        if name != "phone":
            forms = [form and form[:_PREFIX] for form in forms]
        return array_literal(one.use.column, forms)

    def shown(self, rows, settings, is_clear):
        """Rows with what can be told of their protected cells, in an order of their own."""
        found = []
        for row in rows:
            cells = []
            for cell, setting in zip(row, settings, strict=True):
                if setting is not None and cell is not None:
                    if is_clear:
                        kept = stored(setting.name, cell.decode())
                        kept = kept.encode() if isinstance(kept, str) else kept
                    else:
                        kept = cell if setting.name == "phone" else bytes.fromhex(cell[2:].decode())
                    cell = kept if setting.name == "phone" else kept[:_PREFIX]
                cells.append(cell)
            found.append(cells)
        return sorted(found, key=repr)

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(searches())
    @example("select email, count(*) from people p group by email having email <> 'other'")
    @example("select distinct email, id < 3 from people p where phone in ('secret', 'x')")
    @example("select email, count(*) from people p group by email having email is not null")
    @example("select email from people p group by 1, id having email = null")
    def test_they_are_the_twins_or_the_statement_is_refused(self, text):
        planned = self.planner.plan(text.encode(), MODE, PATH)
        (plan,) = planned.statements
        if plan.refusal is not None:
            return
        state, expected = self.rows("twin", text.encode())
        if state:
            # The text is none that the database takes.
            return
        literals = [*planned.literals, *plan.added]
        for one in plan.literals:
            literals[one.ordinal] = self.array(one, literals[one.ordinal])
        state, found = self.rows("kept", plan.text(literals))
        self.assertEqual(state, "", f"{text}: {self.said}")
        protected = [one.setting for one in plan.results]
        self.assertEqual(
            self.shown(found, protected, False), self.shown(expected, protected, True), text
        )
