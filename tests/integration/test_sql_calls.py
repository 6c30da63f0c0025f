"""PostgreSQL servers with all of their extensions: no name is undecided, calls are what we say."""

from __future__ import annotations

import itertools
import unittest
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.rules import read_rules
from acra_twisted.sandbox.postgres import system
from acra_twisted.sql import pgtable
from acra_twisted.sql.languages import LANGUAGES
from tests.support import servernames
from tests.support.callforms import EXTENSIONS, RULES, SCHEMA, pairs


class Names(unittest.TestCase):
    """Debian's server and the wheel's."""

    @classmethod
    def setUpClass(cls):
        with ExitStack() as stack:
            servers = [
                stack.enter_context(servernames.server(install))
                for install in servernames.installations()
            ]
            cls.versions = {db.info.server_version // 10000 for db in servers}
            cls.found = servernames.names(servers)

    def test_no_function_type_operator_or_relation_is_undecided(self):
        self.assertGreater(len(self.versions), 1)
        self.assertGreater(len(self.found.functions), 3000)
        self.assertGreater(len(self.found.relations), 200)
        self.assertEqual(servernames.undecided(self.found, pgtable.decisions()), [])

    def test_operators_casts_aggregates_and_types_run_harmless_functions_alone(self):
        self.assertGreater(len(self.found.bound), 1500)
        for name in self.found.bound:
            self.assertEqual(pgtable.decisions().worst(name).kind, pgtable.HARMLESS, name)

    def test_functions_behind_views_are_known_as_such(self):
        self.assertIn("pg_stat_activity", self.found.behind["pg_stat_get_activity"])
        for name, views in self.found.behind.items():
            decision = pgtable.decisions().worst(name)
            self.assertLessEqual(views, set(decision.views), name)

    def test_what_is_written_from_the_servers_is_there(self):
        """A function whose declaration makes it safe, and which nobody decided by hand."""
        hand = servernames.by_hand()
        for name, (safe, _) in self.found.functions.items():
            if not safe and not hand.decided(name):
                self.assertEqual(pgtable.decisions().worst(name).kind, pgtable.BEHIND, name)


class Pairs(unittest.TestCase):
    """The server takes both forms of each pair: neither is refused for being no SQL."""

    def test_each(self):
        # No such prepared statement, large object, sequence or provider; in no transaction.
        fine = ("26000", "42704", "42809", "22023", "25001")
        with servernames.server(system()) as db:
            db.execute(SCHEMA)
            db.execute(EXTENSIONS)
            for pair in pairs():
                for text in (pair.refused, pair.allowed):
                    state = self.state(db, text)
                    self.assertTrue(not state or state in fine, (text, state))

    @staticmethod
    def state(db, text: str) -> str:
        try:
            with db.transaction(force_rollback=True):
                db.execute("SET LOCAL statement_timeout = '5s'")
                db.execute(text)
        except psycopg.Error as error:
            return error.sqlstate or ""
        return ""


_OID = "(SELECT oid FROM pg_class WHERE relname = 'sec' || 'rets')"
_TEXTS = (
    *("'sec' || 'rets'", "'SELECT ssn FROM sec' || 'rets'", "'public'", "'ssn'"),
    "'SELECT to_tsvector(''simple'', ssn) FROM sec' || 'rets'",
)
#: What a function is called with, by the types of its arguments: the table's name and number in
#: forms that no rule can see.
_ARGUMENTS = {
    "text": _TEXTS,
    "name": ("('sec' || 'rets')::name", "'public'::name"),
    "regclass": (f"{_OID}::regclass",),
    "oid": (_OID, "4711::oid"),
    "integer": ("1", "0"),
    "bigint": ("0::bigint", "1::bigint"),
    "smallint": ("2::smallint",),
    "boolean": ("true",),
    "tid": ("'(0,1)'::tid",),
    "anyelement": _TEXTS[:1],
    "text[]": ("ARRAY['sec' || 'rets']",),
    "name[]": ("ARRAY['ssn']::name[]",),
    "tsquery": ("'a'::tsquery",),
    "refcursor": ("'held'::refcursor",),
}
#: Calls of a function at most.
_CALLS = 12
#: They end sessions, or only take time.
_LEFT_OUT = ("pg_terminate_backend", "pg_promote", "pg_sleep", "pg_sleep_for", "pg_sleep_until")
_FUNCTIONS = """
SELECT DISTINCT proname, ARRAY(SELECT t::regtype::text FROM unnest(proargtypes) WITH ORDINALITY
    u (t, n) ORDER BY n), pronargdefaults
FROM pg_proc WHERE prokind = 'f' AND NOT 'internal'::regtype = ANY (proargtypes)
    AND NOT proname = ANY (%s) ORDER BY 1
"""
_CATALOGS = """
SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v')
    AND relnamespace::regnamespace::text IN ('pg_catalog', 'information_schema', 'pg_toast')
    OR relkind = 't'
"""


class Reach(unittest.TestCase):
    """Every function and every catalog of a server is asked for a denied table's values."""

    VALUE = "hiddenvalue"

    @classmethod
    def setUpClass(cls):
        cls.db = cls.enterClassContext(servernames.server(system()))
        cls.db.execute(SCHEMA)
        cls.db.execute("INSERT INTO secrets SELECT n, ssn FROM secrets, generate_series(2, 9) n")
        cls.db.execute("CREATE STATISTICS both_columns ON id, ssn FROM secrets")
        cls.db.execute("ANALYZE secrets")
        rules = read_rules({"handlers": RULES["deny"]}, need_version=False)
        cls.censor = Censor(LANGUAGES["postgresql"], rules)

    def shows(self, query: str) -> bool:
        """Tell whether the answer holds the value, or the table is another afterwards."""
        try:
            with self.db.transaction(force_rollback=True):
                self.db.execute("SET LOCAL statement_timeout = '500ms'")
                self.db.execute("DECLARE held CURSOR FOR SELECT ssn FROM secrets")
                rows = repr(self.db.execute(query).fetchall())
                kept = self.db.execute("SELECT count(*) FROM secrets").fetchone()
                return kept != (9,) or self.VALUE in rows or self.VALUE.encode().hex() in rows
        except psycopg.Error:
            self.assertFalse(self.db.closed, query)
            return False

    def calls(self) -> Iterator[tuple[str, str]]:
        for name, types, defaults in self.db.execute(_FUNCTIONS, [list(_LEFT_OUT)]).fetchall():
            for count in range(len(types) - defaults, len(types) + 1):
                values = [_ARGUMENTS.get(one, (f"NULL::{one}",)) for one in types[:count]]
                for chosen in itertools.islice(itertools.product(*values), _CALLS):
                    yield name, f'SELECT "{name}"({", ".join(chosen)})'

    def test_no_function_that_is_allowed_shows_a_denied_table(self):
        asked, refused = 0, set()
        for name, query in self.calls():
            allowed = self.censor.decide(query.encode()).allowed
            if self.shows(query):
                self.assertFalse(allowed, query)
                refused.add(name)
            asked += allowed
        self.assertGreater(asked, 6_000)
        expected = {"ts_stat", "query_to_xml", "table_to_xml", "cursor_to_xml", "get_raw_page"}
        self.assertLessEqual(expected, refused)

    def test_no_catalog_that_is_allowed_shows_a_denied_table(self):
        refused = set()
        for (name,) in self.db.execute(_CATALOGS).fetchall():
            query = f"SELECT x::text FROM {name} x"
            allowed = self.censor.decide(query.encode()).allowed
            if self.shows(query):
                self.assertFalse(allowed, query)
                refused.add(name)
        self.assertLessEqual({"pg_statistic", "pg_stats", "pg_statistic_ext_data"}, refused)
