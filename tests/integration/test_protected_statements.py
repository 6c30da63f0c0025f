"""Statements on protected columns at a PostgreSQL that refuses plaintext.

The protected columns have a CHECK that a value is encoded: what a plan lets through in clear is
refused by the server.
"""

import hashlib
import re

from hypothesis import HealthCheck, example, given, settings
from psycopg.pq import DiagnosticField, ExecStatus

from acra_twisted.encryption.plan import STORE_EACH
from acra_twisted.encryption.postgresql.arrays import to_array_text
from acra_twisted.encryption.postgresql.planner import Planner
from acra_twisted.encryption.settings import PLAIN, SEARCHABLE, EncryptionSettings
from acra_twisted.sql.literals import postgresql_value
from tests.integration.base import Surroundings
from tests.support.planning import MODE, PATH, SETTINGS, planner
from tests.support.statements import queries, writes
from tests.unit.encryption.postgresql import test_queries, test_writes

_MARK = "252525"
_SEALED = rf"check (%s is null or octet_length(%s) = 0 or substr(%s, 1, 3) = '\x{_MARK}')"
_TOKEN = "check (%s is null or %s = '' or %s like 'token%%')"
_IN_CLEAR = "23514"
_NO_OPERATOR = "42883"
_CREATED = """
create table people (id int unique, name bytea {name}, email bytea {email}, note text,
    age bytea {age}, card bytea {card}, phone text {phone}, flag bytea {flag});
create table clones (id int, name bytea {name}, email bytea {email}, title text);
create table orders (id int, note text, total int, title text, a text);
create table books (id int, title text);
create table "Odd Table" (a int, "Secret" bytea default 'x', b int, plain text,
    other bytea {other});
alter table "Odd Table" drop a, drop b;
create function f(int) returns books language sql as $$ select $1, 'title' $$;
create view adults as select id, name as label, '1' as size from people;
insert into people values (101), (107); insert into orders values (1), (2);
"""


def _checks():
    names = ("name", "email", "age", "card", "flag", "other")
    sealed = {name: _SEALED % ((name,) * 3) for name in names}
    return {**sealed, "phone": _TOKEN % (("phone",) * 3)}


def sealed(column, value):
    """Something that stands for an encoded value."""
    if not value:
        return ""
    digest = hashlib.sha256(value).hexdigest()[:16]
    return f"token{digest}" if column.name == "phone" else rf"\x{_MARK}{digest}"


def filled(use, value):
    """Return what stands for a value, or for each element of an array."""
    if use.role != STORE_EACH:
        return sealed(use.column, value)
    elements = [sealed(use.column, one).encode() for one in value.strip(b"{}").split(b",")]
    return to_array_text(elements).decode()


class Live(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.db = cls.direct()
        cls.addClassCleanup(cls.db.close)
        cls.raw = cls.db.pgconn
        cls.raw.exec_(b"set statement_timeout = '5s'")
        cls.planner: Planner = planner()
        cls.create()

    @classmethod
    def create(cls):
        cls.db.execute(_CREATED.format(**_checks()))

    def sent(self, text):
        """The server's answer to a statement as it is sent: its SQLSTATE, empty if it ran; None if
        it is refused before."""
        planned = self.planner.plan(text.encode(), MODE, PATH)
        if planned.statements is None:
            return self.run_text(text.encode(), [])
        (plan,) = planned.statements
        if plan.refusal is not None:
            return None
        literals = [*planned.literals, *plan.added]
        for one in plan.literals:
            literals[one.ordinal] = self.encoded(one, literals[one.ordinal])
        parameters = []
        for number in range(1, 10):
            known = dict(enumerate(plan.parameters, 1)).get(number)
            use = known and known.use
            plain = str(number)
            parameters.append(filled(use, plain.encode()) if use else plain)
        used = max([0, *(n for n in range(1, 10) if b"$%d" % n in plan.text(literals))])
        return self.run_text(plan.text(literals), parameters[:used])

    @staticmethod
    def encoded(use, literal):
        kind = "n" if literal[:1].isdigit() else "s"
        for prefix, named in ((b"E'", "e"), (b"$", "d"), (b"U&", "u")):
            kind = named if literal.startswith(prefix) else kind
        value = postgresql_value(kind, literal)[1]
        return f"'{filled(use.use, value)}'".encode()

    def run_text(self, text, parameters):
        self.raw.exec_(b"begin")
        done = self.raw.exec_params(text, [value.encode() for value in parameters])
        if done.status == ExecStatus.COPY_OUT:
            while self.raw.get_copy_data(0)[0] > 0:
                pass
            done = self.raw.get_result()
        state = (done.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        self.said = done.error_message.decode("utf-8", "replace")
        self.raw.exec_(b"rollback")
        return state


def _other(table):
    """A table's settings without columns whose equal values can be told."""
    kinds = {SEARCHABLE: PLAIN}
    protected = {
        name: one._replace(consistent=False, kind=kinds.get(one.kind, one.kind))
        for name, one in table.protected.items()
    }
    return table._replace(protected=protected)


class Tables(Live):
    def test_texts_with_encoded_values_run(self):
        for text, _ in (*test_writes.INSERTED, *test_writes.UPDATED, *test_writes.OTHERS):
            with self.subTest(text):
                self.assertIn(self.sent(text), ("", None), self.said)

    def test_queries_that_pass_run(self):
        for text in test_queries.PASSED:
            with self.subTest(text):
                self.assertEqual(self.sent(text), "", self.said)


class Generated(Live):
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(writes)
    @example("insert into people (name) values ('a'), ($1), (default)")
    def test_no_value_is_stored_in_clear(self, text):
        self.assertNotEqual(self.sent(text), _IN_CLEAR, text)


class Compared(Live):
    """Protected columns of a type without any operator, and all others of one type.  None can be
    searched: such may be grouped by."""

    @classmethod
    def create(cls):
        cls.planner = planner(settings=EncryptionSettings([_other(one) for one in SETTINGS.tables]))
        text = _CREATED.format(**dict.fromkeys(_checks(), "")).replace("bytea default 'x'", "json")
        text = text.replace("bytea", "json").replace("phone text", "phone json")
        cls.db.execute(re.sub(r" int\b", " text", text))

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(queries())
    def test_no_protected_column_is_compared_sorted_or_grouped(self, text):
        self.assertNotEqual(self.sent(text), _NO_OPERATOR, text)
