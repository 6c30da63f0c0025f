"""Views and tables that may be temporary: none shows protected columns, or inherits them."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.planning import PATH, outcome, planner

#: The session has temporary tables.
HAS = PATH._replace(schemas=("pg_temp_3", *PATH.schemas))
#: Bare names are made there.
FIRST = HAS._replace(first="pg_temp_3")
#: It may have temporary tables by now.
DOUBTFUL = PATH._replace(doubtful=True)
MISMATCH = "!schema_mismatch"


class Views(SynchronousTestCase):
    def setUp(self):
        self.planner = planner()

    def outcome(self, query, path, name="v"):
        return outcome(f"create view {name} as {query}", self.planner, path=path)

    def test_one_whose_name_is_made_among_temporary_tables(self):
        query = "select id, name from people"
        for path in (PATH, HAS, DOUBTFUL):
            self.assertNotEqual(self.outcome(query, path), MISMATCH, path)
        for path in (FIRST, PATH._replace(first=None)):
            self.assertEqual(self.outcome(query, path), MISMATCH, path)
            self.assertNotEqual(self.outcome(query, path, "public.v"), MISMATCH, path)
            self.assertEqual(self.outcome(query, path, "pg_temp.v"), MISMATCH, path)

    def test_one_whose_query_may_read_a_temporary_table(self):
        for query in (
            "select id, name from people where exists (select 1 from tmp)",
            "select p.name from people p join tmp on true",
            "select name from people where id in (select a from (select 1 as a from tmp) s)",
        ):
            self.assertNotEqual(self.outcome(query, PATH), MISMATCH, query)
            for path in (HAS, DOUBTFUL):
                self.assertEqual(self.outcome(query, path), MISMATCH, query)
                self.assertEqual(self.outcome(query, path, "public.v"), MISMATCH, query)
                named = query.replace("tmp", "public.tmp")
                self.assertNotEqual(self.outcome(named, path), MISMATCH, named)
            named = query.replace("tmp", "pg_temp.tmp")
            self.assertEqual(self.outcome(named, PATH), MISMATCH, named)

    def test_one_of_known_tables_is_none(self):
        query = "select p.name from people p join clones c on c.id = p.id join adults a on true"
        self.assertNotEqual(self.outcome(query, HAS), MISMATCH)

    def test_one_that_shows_nothing_protected_may_be_temporary(self):
        self.assertNotEqual(self.outcome("select id from people, tmp", FIRST), MISMATCH)

    def test_behind_a_change_of_the_path_in_the_same_text(self):
        view = "create view v as select name from people"
        for change in ("set search_path = pg_temp, public", "reset all", "discard temp"):
            found = outcome(f"{change}; {view}", self.planner)
            self.assertIn(MISMATCH, found, change)

    def test_behind_what_may_run_code_in_the_same_text(self):
        for text in ("create view v as select name from people", CHILD):
            for before in (
                *(
                    "select f()",
                    "insert into o values (1)",
                    "call f()",
                    "explain analyze select f()",
                ),
                *("copy (select f()) to stdout", "create temp table tmp (id int)"),
                *("alter table o add x int default f()", "select 1 into temp tmp"),
                *("fetch c", "move c", "truncate o", "set constraints all immediate"),
            ):
                found = outcome(f"{before}; {text}", self.planner)
                self.assertIn(MISMATCH, found, before)
            for before in (
                "begin",
                "set work_mem = 100",
                "create table o (id int)",
                "drop table o",
            ):
                found = outcome(f"{before}; {text}", self.planner)
                self.assertNotIn(MISMATCH, found, before)


#: A child of a protected table.
CHILD = "create table kid () inherits (people)"


class Children(SynchronousTestCase):
    def test_tables_that_are_made(self):
        text = "create table kid () inherits (people)"
        for path in (PATH, HAS, DOUBTFUL):
            self.assertNotEqual(outcome(text, planner(), path=path), MISMATCH, path)
        self.assertEqual(outcome(text, planner(), path=FIRST), MISMATCH)

    def test_tables_that_come_to_inherit(self):
        text = "alter table {} add x int, inherit people"
        for path in (HAS, DOUBTFUL):
            self.assertEqual(outcome(text.format("kid"), planner(), path=path), MISMATCH)
            self.assertNotEqual(outcome(text.format("public.kid"), planner(), path=path), MISMATCH)
        self.assertEqual(outcome(text.format("pg_temp.kid"), planner()), MISMATCH)
        self.assertNotEqual(outcome(text.format("kid"), planner()), MISMATCH)
        self.assertNotEqual(
            outcome("alter table kid no inherit people", planner(), path=HAS), MISMATCH
        )
