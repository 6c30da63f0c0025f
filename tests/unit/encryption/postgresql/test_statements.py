"""Statements of every other kind: those that carry one, COPY, PREPARE, and definitions."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.plan import Prepared, ResultColumn
from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.settings import ColumnSetting
from tests.support.planning import MODE, PATH, SETTINGS, outcome, planner, shown

PASSED = (
    "declare c no scroll cursor with hold for select name from people",
    "create table copies as select * from people",
    "select * into copies from people",
    "select name into copies from people union all select name from people",
    "create view v as select name from people",
    "create view v as select q.x::bytea, p.email from people p, (select card as x from people) q",
    'create view v as select "Secret" from "Odd Table" union all select "Secret" from "Odd Table"',
    'create materialized view v as select coalesce("Secret") from "Odd Table"',
    "create materialized view v as select phone from people",
    "create temp view v as select id, name is null from people",
    "copy people (id, note) to stdout",
    "copy (select id, note from people) to stdout",
    "create index on people (substr(email, 1, 33))",
    "truncate people",
    "lock table people",
    "drop table people",
    "comment on column people.name is 'a text'",
    "alter table people add column more text default 'x'",
    "create table people (name bytea)",
    "vacuum people",
    "grant select on people to somebody",
    "create function f(a int default 1) returns int language sql as 'select 1'",
    "create function f() returns int language plpgsql as $$ begin perform 1; return 1; end $$",
    "create or replace function f() returns int begin atomic select 1; end",
    "create trigger t before insert on other for each row execute function f('a', 'b')",
    "create constraint trigger t after insert on other for each row execute procedure f()",
    "create event trigger t on ddl_command_start execute function f()",
    "create operator === (leftarg = box, rightarg = box, function = f)",
    "create cast (int as other) with function f(int)",
    "create function f() returns int language sql as 'select 1'; select f(), 'a'",
)
REFUSED = (
    ("create table clones as select 'x' as name", "opaque_code"),
    ("select 'x' as name into clones", "opaque_code"),
    ("select 'x' as name into clones union all select 'y'", "opaque_code"),
    ("(select 'x' as name into clones) except (select 'y' union select 'z')", "opaque_code"),
    ("with q as (select 1) select 'x' as name into clones union table q", "opaque_code"),
    ("explain analyze select 'x' as name into clones intersect select 'y'", "opaque_code"),
    ("prepare q as select $1 as name into clones union all select 'y'", "opaque_code"),
    ("copy (select name into copies from people union all select 'y') to stdout", "expression"),
    (
        "with q as (select name into copies from people union all table people) select from q",
        "expression",
    ),
    (
        "with recursive q as (select name into copies from people union all select name from q) "
        "table q",
        "expression",
    ),
    ("create view v as select * from people where email = 'x'", "comparison"),
    ("create view v as select email from people union all select email from people", "expression"),
    ("create materialized view v as select coalesce(email, email) from people", "expression"),
    ("create view v as select case when id = 1 then card end from people", "expression"),
    ("create or replace view v as select (select phone from people limit 1)", "expression"),
    ("create view v as select name from people union all select name from people", "expression"),
    ("create view v as select nullif(age, '') from people", "expression"),
    ("create temp view v as select * from people", "schema_mismatch"),
    ("create or replace local temporary view v (a) as select name from people", "schema_mismatch"),
    ("create view pg_temp.v as select id, name from people", "schema_mismatch"),
    ("copy people from '/tmp/people'", "copy_from_server_file"),
    ("copy people from program 'cat'", "copy_from_server_file"),
    ("copy people to '/tmp/people'", "copy_from_server_file"),
    ("copy (table people) to '/tmp/people'", "copy_from_server_file"),
    ("copy (select name from people where name = 'x') to stdout", "comparison"),
    ('copy "Odd Table" (plain) from stdin', "default_in_clear"),
    ("copy people (nome) from stdin", "schema_mismatch"),
    ("do $$ begin insert into people values (1); end $$", "opaque_code"),
    ("select query_to_xml('select * from people', true, true, '')", "opaque_code"),
    ("select dblink_exec('insert into people values (1)')", "opaque_code"),
    ("create function f() returns void language sql as 'insert into people'", "opaque_code"),
    ("create function f(people) returns int language sql as 'select 1'", "opaque_code"),
    ("create function f() returns int language sql as 'table u&\"\\0070eople\"'", "opaque_code"),
    (
        "create function f() returns int language plpgsql as $$ begin"
        """ execute E'table \\x70eople'; end $$""",
    )
    + ("opaque_code",),
    (
        "create function f() returns int language plpgsql as $$ begin execute q; end $$",
        "opaque_code",
    ),
    ("create function f() returns void begin atomic insert into people values (1); end",)
    + ("opaque_code",),
    ("create trigger t before insert on other execute function f('people')", "opaque_code"),
    ('create trigger t before insert on u&"\\0070eople" execute function f()', "opaque_code"),
    ("create rule r as on insert to other do also insert into people values (1)", "opaque_code"),
    ("create rule r as on insert to people do instead nothing", "opaque_code"),
    ("create trigger t before insert on people execute function f()", "opaque_code"),
    ("alter table people alter name set default 'x'", "default_in_clear"),
    ("create table people (name bytea default 'x')", "default_in_clear"),
    ("prepare q as insert into people (name, note) values ($1, $1)", "parameter_conflict"),
    ("prepare q (int) as insert into people (name) values ($1)", "expression"),
    ("prepare q (varchar(5)) as insert into people (name) values ($1)", "expression"),
    ("explain select * from people where name = 'x'", "comparison"),
)


class Statements(SynchronousTestCase):
    def test_statements_without_values_for_a_protected_column_pass(self):
        for text in PASSED:
            self.assertEqual(outcome(text), text)

    def test_views_are_refused_that_would_be_asked_by_later_keys_as_well(self):
        made = planner(claims=Comparisons())
        join = "select a.id from people a join people b on a.email = b.email"
        for kind in ("view", "materialized view"):
            for query, reason in (
                ("select id from people where email = 'x'", "expression"),
                (join, "comparison"),
                ("select id from people where email in (select email from people)", "comparison"),
            ):
                self.assertEqual(outcome(f"create {kind} v as {query}", made), f"!{reason}")
            passed = f"create {kind} v as select name from people"
            self.assertEqual(outcome(passed, made), passed)
        # A table is filled once.
        self.assertIn("substr(a.email", outcome(f"create table v as {join}", made))

    def test_columns_get_the_type_of_what_is_stored_where_the_settings_say_so(self):
        made = planner(settings=SETTINGS._replace(retypes=True))
        for text, sent in (
            (
                "create table people (id int, name varchar(80) not null, email text, age integer,"
                " card character varying (19), phone varchar(30), flag boolean, note text)",
                "create table people (id int, name bytea not null, email bytea, age bytea,"
                " card bytea, phone varchar(30), flag bytea, note text)",
            ),
            (
                'alter table people alter "name" type pg_catalog.varchar (90), add age int4 null',
                'alter table people alter "name" type bytea, add age bytea null',
            ),
            ("create table clones (name bytea)", "create table clones (name bytea)"),
        ):
            self.assertEqual(outcome(text, made), sent)
        for text in (
            "create table people (age text)",
            "create table people (age serial)",
            "create table people (name varchar(80)[])",
            "create table people (name other.text)",
            "create table people (name json)",
            "create table people (flag int)",
            "alter table people alter age type numeric(9)",
        ):
            self.assertEqual(outcome(text, made), "!schema_mismatch", text)
            self.assertEqual(outcome(text.replace("age serial", "age int")), "!schema_mismatch")

    def test_tables_are_not_made_of_stored_values_where_the_settings_say_so(self):
        made = planner(settings=SETTINGS._replace(strict_copies=True), claims=Comparisons())
        prepared = {"q": Prepared("q", (), None, 7, PATH)}
        for text in (
            "create table copies as select id, name from people",
            "create temp table copies as table people with no data",
            "select name into copies from people",
            "select * into temp copies from people",
            "select name into copies from people union all select name from people",
            "explain analyze select name into copies from people union all select name from people",
            "create table copies as with found as (select email from people) table found",
            "create table copies as select phone from people union select phone from people",
            "explain create table copies as select card from people",
            "create table copies as select * from other, people",
        ):
            self.assertEqual(outcome(text, made), "!source_not_protected_alike", text)
            self.assertNotIn("!", outcome(text, planner(claims=Comparisons())))
        text = b"create table copies as execute q /* people */"
        planned = made.plan(text, MODE, PATH, prepared)
        self.assertEqual(shown(planned, text.decode()), "!source_not_protected_alike")
        for text in (
            "create table copies as select id, note from people",
            "create table copies as select count(*) from people",
            "create table copies as select other.* from other, people",
            "select id into copies from people",
            "create materialized view copies as select name from people",
            "create view v as select name from people",
            "insert into clones (name) select name from people",
            "explain select name from people",
        ):
            self.assertEqual(outcome(text, made), text)

    def test_a_table_that_is_made_of_stored_values_has_a_notice(self):
        made = planner(claims=Comparisons())
        for text, labels in (
            ("create table copies as select id, name, 'my secret' from people", "people.name"),
            ("create temp table copies as select email, name from people", "people.email, people."),
            ("select name into copies from people", "people.name in"),
            ("explain create table copies as select name, name from people", "people.name in"),
        ):
            for _ in range(2):
                [plan] = made.plan(text.encode(), MODE, PATH).statements
                self.assertIn("table copies is not protected", plan.notice, text)
                self.assertIn(f"copies of {labels}", plan.notice, text)
                self.assertNotIn("secret", plan.notice)
        for text in (
            "create table copies as select id from people where name is null",
            "create materialized view copies as select name from people",
            "create view v as select name from people",
            "insert into clones (name) select name from people",
        ):
            plans = made.plan(text.encode(), MODE, PATH).statements or ()
            self.assertEqual([plan.notice for plan in plans if plan.notice], [], text)

    def test_so_has_one_of_what_sql_has_prepared(self):
        setting = ColumnSetting("", "people", "name")
        prepared = {"q": Prepared("q", (), [ResultColumn(setting)], 7, PATH.meaning)}
        text = b"create table copies as execute q /* people */"
        [plan] = planner().plan(text, MODE, PATH, prepared).statements
        self.assertIn("copies of people.name", plan.notice)

    def test_statements_that_may_bring_values_unseen_are_refused(self):
        for text, reason in REFUSED:
            found = outcome(text)
            self.assertTrue(found.startswith(f"!{reason}"), (text, found))

    def test_a_statement_that_carries_another_is_planned_as_that_is(self):
        self.assertEqual(
            outcome("explain (analyze) insert into people (name) values ('x')"),
            "explain (analyze) insert into people (name) values (<name 'x'>)",
        )

    def test_each_statement_of_a_text_has_its_own_plan(self):
        self.assertEqual(
            outcome("insert into people (name) values ('a'); select 2;; update people set age = 3"),
            "insert into people (name) values (<name 'a'>); select 2;; "
            "update people set age = <age 3>",
        )
        self.assertEqual(
            outcome("select '1'; select upper(name) from people; select 2"),
            "select '1';!expression select 2",
        )

    def test_a_function_that_names_a_protected_table_is_refused(self):
        made = planner(functions=("register",))
        self.assertEqual(outcome("select register('x')", made), "!opaque_code")
        self.assertEqual(outcome("select public.register('x')", made), "!opaque_code")
        self.assertEqual(outcome("call register('x')", made), "!opaque_code")
        self.assertEqual(outcome("select registered('x')", made), "select registered('x')")

    def test_a_procedure_is_called_as_a_function_is(self):
        for text in ("call other('x')", "call other(1, null, $1, (select id from people))"):
            self.assertEqual(outcome(text), text)
        for text, reason in (
            ("call other('update people')", "opaque_code"),
            ("call other(E'p\\145ople')", "opaque_code"),
            ("call other((select name from people))", "expression"),
            ("call other((select id from people where name > 'a'))", "comparison"),
        ):
            self.assertEqual(outcome(text), f"!{reason}")

    def test_a_function_that_is_trusted_may_be_called_but_not_with_a_protected_column(self):
        given = SETTINGS._replace(trusted=frozenset(("register",)))
        made = planner(settings=given, functions=("register", "enlist"))
        for text in ("select register('x')", "call public.register('x')"):
            self.assertEqual(outcome(text, made), text)
        self.assertEqual(outcome("select register(name) from people", made), "!expression")
        self.assertEqual(outcome("select enlist(register('x'))", made), "!opaque_code")


class Cursors(SynchronousTestCase):
    def declared(self, query):
        """The protected columns of a cursor, and whether the database names their tables."""
        [plan] = planner().plan(f"declare c cursor for {query}".encode(), MODE, PATH).statements
        self.assertIsNone(plan.refusal)
        return [(one.setting.name, one.named) for one in plan.declares if one.setting is not None]

    def test_the_columns_of_a_cursor(self):
        for query in (
            "select card from people union all select card from people",
            "select coalesce(card, null) from people",
            "select (select card from people limit 1)",
            "select any_value(card) from people",
            "with recursive r as (select card from people union all select card from r) table r",
        ):
            self.assertEqual(self.declared(query), [("card", False)], query)
        for query in (
            "select p.card, count(1) from people p join other o on true group by p.id",
            "select card from (select * from people) q",
            "with q as (table people) select card from q",
        ):
            self.assertEqual(self.declared(query), [("card", True)], query)
        self.assertEqual(self.declared("select id from people union select note from people"), [])


class Prepare(SynchronousTestCase):
    def setUp(self):
        self.planner = planner()

    def prepared(self, text):
        (plan,) = self.planner.plan(text.encode(), MODE, PATH).statements
        return plan

    def test_a_prepared_statement_gives_the_uses_of_its_parameters(self):
        plan = self.prepared(
            "prepare q (int, text) as insert into people (id, name) values ($1, $2) returning email"
        )
        self.assertEqual(plan.prepares.name, "q")
        self.assertEqual([use and use.column.name for use in plan.prepares.uses], [None, "name"])
        self.assertEqual([one.setting.name for one in plan.prepares.results], ["email"])
        self.assertIn(b"(int, bytea)", plan.text([]))

    def test_values_of_execute_are_encoded_as_the_parameters_say(self):
        made = self.prepared("prepare q as update people set name = $1 where id = $2").prepares
        text = "execute q('x', 5)"
        planned = self.planner.plan(text.encode(), MODE, PATH, {"q": made})
        self.assertEqual(shown(planned, text), "execute q(<name 'x'>, 5)")
        self.assertEqual(
            outcome("execute q('x' || 'y', 5)", self.planner, prepared={"q": made}), "!expression"
        )
        self.assertEqual(
            outcome("execute other('x')", self.planner, prepared={"q": made}), "!schema_mismatch"
        )

    def test_one_text_may_prepare_and_execute(self):
        self.assertEqual(
            outcome("prepare q as update people set name = $1; execute q('x')"),
            "prepare q as update people set name = $1; execute q(<name 'x'>)",
        )

    def test_a_statement_without_protected_columns_replaces_an_older_one(self):
        plan = self.prepared("prepare q as select $1")
        self.assertEqual(plan.prepares.uses, (None,))

    def test_a_statement_that_was_prepared_for_another_schema_is_refused(self):
        old = {"q": Prepared("q", (None,), None, 6)}
        self.assertEqual(outcome("execute q('x')", self.planner, prepared=old), "!schema_mismatch")

    def test_what_an_execute_does_is_not_kept_for_another_session(self):
        made = self.prepared("prepare q as update people set name = $1").prepares
        self.assertEqual(outcome("execute q('x')", self.planner), "!schema_mismatch")
        self.assertEqual(
            outcome("explain execute q('x')", self.planner, prepared={"q": made}),
            "explain execute q(<name 'x'>)",
        )
        self.assertEqual(outcome("explain execute q('x')", self.planner), "!schema_mismatch")

    def test_a_statement_that_sql_has_not_prepared_may_be_one_of_the_protocol(self):
        for text in ("execute q", "EXECUTE q('x')", "create table t as execute q"):
            self.assertEqual(outcome(text, self.planner), "!schema_mismatch")

    def test_names_that_are_looked_up_elsewhere_make_another_statement_of_it(self):
        made = self.prepared("prepare q as update people set name = $1").prepares
        for path in (PATH._replace(schemas=("public",)), PATH._replace(temporary=frozenset("x"))):
            told = outcome("execute q('x')", self.planner, path=path, prepared={"q": made})
            self.assertEqual(told, "!schema_mismatch")
