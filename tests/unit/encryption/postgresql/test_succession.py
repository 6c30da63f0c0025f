"""Statements behind others in the same text."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.planning import PEOPLE, outcome, planner

WRITTEN = "insert into people (note) values ('x')"


class Behind(SynchronousTestCase):
    def test_a_statement_behind_a_change_of_tables_is_refused(self):
        for text in (
            "create view v as select name from people",
            "create temp table people (id int)",
            "drop table people",
            "alter table people add column more int",
        ):
            for behind in ("insert into v (name) values ('x')", WRITTEN, "select 1 from v"):
                found = outcome(f"{text}; {behind}")
                self.assertTrue(found.endswith("!schema_mismatch"), found)
            self.assertEqual(outcome(f"{text}; commit"), f"{text}; commit")

    def test_domains_and_types_change_tables_that_they_do_not_name(self):
        for text in (
            "alter domain d set default 'x'",
            "alter type row rename attribute name to nick",
            "alter type row add attribute name text",
        ):
            self.assertEqual(outcome(f"{text}; {WRITTEN}"), f"{text};!schema_mismatch")
        text = "create domain d as bytea; create type row as (name text); "
        self.assertEqual(outcome(text + WRITTEN), text + WRITTEN)

    def test_a_statement_behind_another_change_is_planned(self):
        text = f"create table other (id int); {WRITTEN}; create index on people (id); {WRITTEN}"
        self.assertEqual(outcome(text), text)

    def test_bare_names_are_not_known_behind_what_may_move_them(self):
        other = PEOPLE._replace(oid=9, schema="other")
        made = planner((PEOPLE, other))
        for text in (
            "set search_path = other",
            "set local role somebody",
            "reset search_path",
            "reset all",
            "discard all",
            "select set_config('search_path', 'other', false)",
            "rollback",
            "commit",
            "create schema more",
            "drop schema other cascade",
            "drop type other.row cascade",
            "drop extension tables cascade",
            "drop owned by somebody",
            "grant usage on schema other to somebody",
            "revoke all on schema other from somebody",
            "alter schema other owner to somebody",
            "grant somebody to me",
            "alter role me superuser",
            "create extension tables",
            "import foreign schema x from server y into other",
        ):
            found = outcome(f"{text}; {WRITTEN}", made)
            self.assertTrue(found.endswith("!schema_unknown"), found)
            qualified = WRITTEN.replace("people", "public.people")
            self.assertEqual(outcome(f"{text}; {qualified}", made), f"{text}; {qualified}")
        for text in (
            *("begin", "savepoint s", "set timezone = 'UTC'", "select 1", "drop table more"),
            *("grant select on more to somebody", "create table more (id int)"),
        ):
            self.assertEqual(outcome(f"{text}; {WRITTEN}", made), f"{text}; {WRITTEN}")

    def test_one_table_of_a_name_needs_no_path(self):
        text = f"begin; {WRITTEN}; commit; {WRITTEN}"
        self.assertEqual(outcome(text), text)
