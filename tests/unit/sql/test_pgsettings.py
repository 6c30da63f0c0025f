"""Statements after which bare names may mean other tables, and changes that nobody is told of."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.languages import LANGUAGES

PG = LANGUAGES["postgresql"]
MOVING = (
    "SET search_path = evil, public",
    "SET LOCAL search_path TO evil",
    'SET "Search_Path" = evil',
    "SET SCHEMA 'evil'",
    "SET ROLE other",
    "SET SESSION AUTHORIZATION other",
    "ALTER ROLE app SET search_path = evil",
    "ALTER ROLE app IN DATABASE d SET role = other",
    "ALTER DATABASE d SET search_path FROM CURRENT",
    "ALTER FUNCTION f() SET search_path = evil",
    "CREATE SCHEMA app",
    "ALTER SCHEMA a RENAME TO b",
    "ALTER ROLE a RENAME TO b",
    "ALTER TABLE evil.products SET SCHEMA app",
    "UPDATE pg_settings SET setting = 'evil' WHERE name = 'search_path'",
    "SELECT set_config('search_path', 'evil', false) FROM products",
    "SELECT name FROM products WHERE set_config('Role', 'x', true) = ''",
    "SELECT set_config(name, 'evil', false) FROM products",
    "EXPLAIN ANALYZE SELECT set_config('search_path', 'evil', false) FROM products",
)
STAYING = (
    "SET timezone = 'UTC'",
    "RESET search_path",
    "SET search_path TO DEFAULT",
    "RESET ROLE",
    "RESET ALL",
    "DISCARD ALL",
    "SELECT set_config('TimeZone', 'UTC', false)",
    "UPDATE settings SET setting = 'x'",
    "ALTER TABLE a RENAME TO b",
)


def parsed(text):
    raw = text.encode()
    (found,) = PG.parse(raw, PG.tokens(raw, PG.mode), PG.mode)
    return found


class Names(SynchronousTestCase):
    def test_what_changes_which_table_a_bare_name_means(self):
        for text in MOVING:
            self.assertTrue(parsed(text).moves, text)
        for text in STAYING:
            self.assertEqual(parsed(text).moves, "", text)

    def test_no_permission_for_tables_covers_a_setting_that_changes_what_later_statements_mean(
        self,
    ):
        for name in ("search_path", "ROLE", "standard_conforming_strings", "client_encoding"):
            self.assertTrue(parsed(f"SELECT set_config('{name}', 'UTF8', false) FROM t").apart)
        self.assertEqual(parsed("SELECT set_config('a.b', 'x', false) FROM t").apart, "")


class Unreported(SynchronousTestCase):
    def test_fw5_changes_of_the_configuration_are_refused(self):
        for text in (
            "ALTER SYSTEM SET standard_conforming_strings = off",
            "ALTER SYSTEM SET Client_Encoding = 'LATIN1'",
            "ALTER SYSTEM RESET standard_conforming_strings",
            "ALTER SYSTEM RESET ALL",
        ):
            self.assertTrue(parsed(text).refused, text)
        for text in ("ALTER SYSTEM SET work_mem = '1MB'", "SET standard_conforming_strings = off"):
            self.assertEqual(parsed(text).refused, "", text)
