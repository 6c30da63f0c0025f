"""Statements on protected columns at a PostgreSQL that refuses plaintext.

The protected columns have a CHECK that a value is encoded: what a plan lets through in clear is
refused by the server.
"""

import re

from hypothesis import HealthCheck, example, given, settings
from psycopg.pq import DiagnosticField, ExecStatus

from acra_twisted.encryption.postgresql.planner import Planner
from acra_twisted.encryption.settings import PLAIN, SEARCHABLE, EncryptionSettings
from tests.integration.base import Surroundings
from tests.support.planning import MODE, PATH, SETTINGS, planner
from tests.support.refusing import CREATED, IN_CLEAR, checks, filled_in
from tests.support.statements import queries, writes
from tests.unit.encryption.postgresql import test_queries, test_writes

_NO_OPERATOR = "42883"


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
        cls.db.execute(CREATED.format(**checks()))

    def sent(self, text):
        """The server's answer to a statement as it is sent: its SQLSTATE, empty if it ran; None if
        it is refused before."""
        sent = filled_in(self.planner.plan(text.encode(), MODE, PATH), text.encode())
        return None if sent is None else self.run_text(*sent)

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
        self.assertNotEqual(self.sent(text), IN_CLEAR, text)


class Compared(Live):
    """Protected columns of a type without any operator, and all others of one type.  None can be
    searched: such may be grouped by."""

    @classmethod
    def create(cls):
        cls.planner = planner(settings=EncryptionSettings([_other(one) for one in SETTINGS.tables]))
        text = CREATED.format(**dict.fromkeys(checks(), "")).replace("bytea default 'x'", "json")
        text = text.replace("bytea", "json").replace("phone text", "phone json")
        cls.db.execute(re.sub(r" int\b", " text", text))

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(queries())
    def test_no_protected_column_is_compared_sorted_or_grouped(self, text):
        self.assertNotEqual(self.sent(text), _NO_OPERATOR, text)
