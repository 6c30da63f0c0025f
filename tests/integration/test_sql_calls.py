"""PostgreSQL servers with all of their extensions: no name is undecided, calls are what we say."""

from __future__ import annotations

import unittest
from contextlib import ExitStack

import psycopg

from acra_twisted.sandbox.postgres import system
from acra_twisted.sql import pgtable
from tests.support import servernames
from tests.support.callforms import EXTENSIONS, SCHEMA, pairs


class Names(unittest.TestCase):
    """Of Debian's server and the wheel's."""

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
