"""Statements that write: every value of a protected column is encoded, or the statement refused."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.planner import Planner
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import Handed, Schema, Writer
from acra_twisted.encryption.settings import EncryptionSettings
from tests.support.planning import (
    CLONES,
    MODE,
    ODD,
    PATH,
    PEOPLE,
    SETTINGS,
    VIEW,
    outcome,
    planner,
    setting,
    table,
)
from tests.unit.encryption.postgresql.test_protection import settings

_SESSION = (MODE, PATH)
#: Texts and what is sent: see `tests.support.planning.shown`.
INSERTED = (
    ("insert into people (id, name) values (1, 'x')", "(1, <name 'x'>)"),
    ("insert into people (name, id) values ('x', 1), ('y', 2)", "(<name 'x'>, 1), (<name 'y'>, 2)"),
    ("insert into people values (1, 'x', 'y', 'n')", "(1, <name 'x'>, <email 'y'>, 'n')"),
    ("insert into people values (1, 'x')", "values (1, <name 'x'>)"),
    ("insert into public.people as p (name) values ('x')", "as p (name) values (<name 'x'>)"),
    ('insert into "people" ("name") values (\'x\')', "values (<name 'x'>)"),
    ("insert into PEOPLE (NAME) values ('x')", "values (<name 'x'>)"),
    ("insert into U&\"p\\0065ople\" (name) values ('x')", "values (<name 'x'>)"),
    ("insert into people (name) values (null), (default)", "values (null), (default)"),
    ("insert into people (id, name) overriding system value values (1, 'x')", "(1, <name 'x'>)"),
    ("insert into people (note, name) values (array['a'], 'x')", "(array['a'], <name 'x'>)"),
    ("insert into people (note, name) values (now() at time zone 'UTC', 'x')", ", <name 'x'>)"),
    (
        "insert into people (name) values ('x') returning id, name",
        "(<name 'x'>) returning id, name",
    ),
    ("insert into people default values", "people default values"),
    ("insert into people (note) values ((select 'x'))", "values ((select 'x'))"),
    ("insert into books (title) select 'people'", "select 'people'"),
    # Arrays whose elements are rows.
    (
        "insert into people (name, email, note) select * from "
        "unnest(('{a,b}')::text[], cast($1 as varchar[]), '{x,y}'::text[])",
        "unnest((<*name '{a,b}'>)::bytea[], cast($1 as bytea[]), '{x,y}'::text[]) [$1=$1 *email]",
    ),
    (
        "insert into people (phone, age) select u.p, a "
        "from unnest('{x}'::text[], '{5}'::int[]) u(p, a)",
        "unnest(<*phone '{x}'>::text[], <*age '{5}'>::bytea[]) u(p, a)",
    ),
    (
        "insert into people (name) select u::varchar(3) from unnest('{x}'::text[]) as u",
        "select u::bytea from unnest(<*name(3) '{x}'>::bytea[]) as u",
    ),
    (
        "insert into people (id, note, name) select * from "
        "unnest(array[1]::int[], ('{a}'::text[])::varchar[], '{x}'::text[])",
        "unnest(array[1]::int[], ('{a}'::text[])::varchar[], <*name '{x}'>::bytea[])",
    ),
    (
        "insert into people (name) select unnest from pg_catalog.unnest($1::text[])",
        "select unnest from pg_catalog.unnest($1::bytea[]) [$1=$1 *name]",
    ),
    (
        "insert into people (name, note) select * from unnest($1::varchar[], "
        "('{2026-11-29}')::timestamp with time zone[])",
        "unnest($1::bytea[], ('{2026-11-29}')::timestamp with time zone[]) [$1=$1 *name]",
    ),
    (
        "insert into people (note, name) select a, c from unnest('{1:00}'::time without time zone"
        "[], '{1.0.0.1}'::inet[], '{x}'::character varying[]) as u(a, b, c)",
        "unnest('{1:00}'::time without time zone"
        "[], '{1.0.0.1}'::inet[], <*name '{x}'>::bytea[]) as u(a, b, c)",
    ),
    # ON CONFLICT.
    (
        "insert into people (id, name) values (1, 'x') on conflict (id) do update "
        "set name = excluded.name, email = 'y', note = 'z' where people.note = 'n'",
        "(1, <name 'x'>) on conflict (id) do update "
        "set name = excluded.name, email = <email 'y'>, note = 'z' where people.note = 'n'",
    ),
    (
        "insert into people (id, name) values (1, 'x') on conflict do nothing",
        "(1, <name 'x'>) on conflict do nothing",
    ),
    (
        "insert into people as p (id, name) values (1, 'x') on conflict (id) do update "
        "set name = p.name",
        "(1, <name 'x'>) on conflict (id) do update set name = p.name",
    ),
    (
        "insert into people (id, name) values ($1, $2) on conflict (id) do update set name = $2",
        "values ($1, $2) on conflict (id) do update set name = $2 [$2=$2 name]",
    ),
    # INSERT ... SELECT.
    ("insert into people (name) select 'x'", "select <name 'x'>::bytea"),
    ("insert into people (id, name) select id, 'x' from orders", "id, <name 'x'>::bytea from"),
    ("insert into people (name) select name from clones", "select name from clones"),
    ("insert into people (name) table books", "!source_not_protected_alike"),
    (
        "insert into people (name) select * from (values ('x'), ($1)) v",
        "(values (<name 'x'>::bytea), ($1::bytea)) v [$1=$1 name]",
    ),
    (
        "INSERT INTO people (name, id) SELECT p0::VARCHAR, p1::INTEGER FROM (VALUES "
        "($1::VARCHAR, $2::INTEGER, 0), ($3::VARCHAR, $4::INTEGER, 1)) AS imp_sen(p0, p1, "
        "sen_counter) ORDER BY sen_counter RETURNING people.id, people.id AS id__1",
        "SELECT p0::bytea, p1::INTEGER FROM (VALUES ($1::bytea, $2::INTEGER, 0), "
        "($3::bytea, $4::INTEGER, 1)) AS imp_sen(p0, p1, sen_counter) ORDER BY sen_counter "
        "RETURNING people.id, people.id AS id__1 [$1=$1 name] [$3=$3 name]",
    ),
    (
        "with q as (select 'x' as a, 2 as b) insert into people (name, id) select a, b from q",
        "(select <name 'x'>::bytea as a, 2 as b) insert",
    ),
    (
        "insert into people (name) values ('x') union all values ('y')",
        "values (<name 'x'>::bytea) union all values (<name 'y'>::bytea)",
    ),
    (
        "insert into people (id, name) values (1, 'x'), (2, 'y') order by 1 limit 1",
        "(1, <name 'x'>::bytea), (2, <name 'y'>::bytea) order by 1 limit 1",
    ),
    (
        "insert into people (id, name) select * from clones where false",
        "!schema_mismatch",
    ),
)
UPDATED = (
    ("update people set name = 'x' where id = 5", "set name = <name 'x'> where id = 5"),
    ("update only people p set name = $1 where p.id = $2", "p.id = $2 [$1=$1 name]"),
    ("update people set name = ('x')", "set name = (<name 'x'>)"),
    ("update people set name = default", "set name = default"),
    (
        "update people p set (name, email) = ('x', 'y') from orders o where o.id = p.id",
        "(name, email) = (<name 'x'>, <email 'y'>) from",
    ),
    ("update people set (name, note) = row($1, 'n')", "row($1, 'n') [$1=$1 name]"),
    (
        "update people set (name, note) = (select 'x', 'y')",
        "(select <name 'x'>::bytea, 'y')",
    ),
    ("update people set name = (select 'x')", "(select <name 'x'>::bytea)"),
    ("update people p set name = c.name from clones c where c.id = p.id", "set name = c.name from"),
    ("update people set name = name, email = email", "name = name, email = email"),
    (
        'UPDATE "people" SET "name" = (CASE WHEN ("people"."id" = $1) THEN $2 WHEN id = 2 '
        "THEN 'z' ELSE NULL END)::varchar(80) WHERE id IN (1, 2)",
        "THEN $2 WHEN id = 2 THEN <name(80) 'z'> ELSE NULL END)::bytea",
    ),
    ("update people set name = coalesce($1, name)", "coalesce($1::bytea, name) [$1=$1 name]"),
    ("update people set name = nullif('x', '')", "nullif(<name 'x'>::bytea, '')"),
    ("update people set name = case id when 1 then null end", "then null::bytea end"),
    ("update people set name = (select null)", "(select null::bytea)"),
    ("update people set name = null", "name = null"),
    ("update people set note = coalesce(null, null)", "coalesce(null, null)"),
    ("update people set note = 'x'", "set note = 'x'"),
)
OTHERS = (
    (
        "with q as (insert into people (name) values ('x') returning id) select * from q",
        "values (<name 'x'>) returning id) select * from q",
    ),
    (
        "with q as (update people set name = 'x' returning *) delete from orders using q",
        "set name = <name 'x'> returning *) delete",
    ),
    (
        "merge into people using orders s on people.id = s.id when matched and s.a = 'b' then "
        "update set name = 'x' when not matched then insert (id, name) values (s.id, 'y')",
        "s.a = 'b' then update set name = <name 'x'> when not matched then insert (id, name) "
        "values (s.id, <name 'y'>)",
    ),
    (
        "merge into people using orders s on people.id = s.id when not matched then "
        "insert values (s.id, 'y')",
        'insert ("id", "name") values (s.id, <name \'y\'>)',
    ),
    (
        "merge into people p using clones c on c.id = p.id when matched then "
        "update set name = c.name when not matched by source then delete",
        "set name = c.name when",
    ),
    ("delete from people where id = 1 returning name", "where id = 1 returning name"),
    ("insert into adults (id, label) values (1, 'x')", "(1, <name 'x'>)"),
    ("update adults set label = 'x'", "set label = <name 'x'>"),
    (
        "insert into \"Odd Table\" values ('x', 'y', 'z')",
        "(<Secret 'x'>, 'y', <other 'z'>)",
    ),
    ("insert into \"Odd Table\" values ('x', 'y')", "(<Secret 'x'>, 'y')"),
    (
        "insert into books values ((f(1)).*) returning (select name from people limit 1)",
        "((f(1)).*)",
    ),
    (
        "insert into people select q.\"*\", 'x', 'y' from (select 1 as \"*\", 'z' as b) q",
        "select q.\"*\", <name 'x'>::bytea, <email 'y'>::bytea from (select 1 as \"*\", 'z'",
    ),
)
#: Each has an item that may be several columns: those behind it are others than they seem.
STARS = (
    "insert into people select (json_populate_record(null::people, $1)).*",
    "insert into people (id, name) select (x).* from (select row(1, $1)::foo x) q",
    "insert into people (id, name) values ((row(1, 'x')::foo).*)",
    "insert into people (id, note, name) values (1, (row('x', 'y')::foo).*)",
    "insert into people (id, name) values (1, 'x'), ((row(1, 'x')::foo).*)",
    "insert into people values ((f(1, 'x')).*, 'y')",
    "insert into people (id, name) select a, b from (select (f(1, 'x')).*, 'y') q(a, b)",
    "insert into people (id, name) select v.* from books, lateral (values (books.*)) v",
    "insert into people (name) select b from (values ((f(1, 'x')).*, 'y')) q(a, b)",
    "with q as (select (f(1, 'x')).*) insert into people select * from q",
    "with q(a, b) as (select (f(1, 'x')).*, 'y') insert into people (name) select b from q",
    "insert into people (id, name) select (f(1)).*, 'x' union all select 1, 'x'",
    "with q(a, b) as (insert into books values (1) returning (f(1)).*, 'x') "
    "insert into people (name) select b from q",
    "update people set name = q.b from (select (row(1, 'x')::foo).*, 'y') q(a, b)",
    "update people set name = v.b from books, lateral (values (books.*, 'y')) v(a, b)",
    "merge into people p using books on p.id = books.id when not matched then "
    "insert (id, name) values (books.*)",
    "merge into people p using books on p.id = books.id when not matched then "
    "insert (id, name) values ((books.r).*)",
    "insert into people (name, note) select j.c, j.d from "
    "((select 'x' as a, 'y' as b) q natural join books) j(c, d)",
    "insert into people (name, note) select j.c, j.d from ((select 'x' as a, "
    "coalesce('y', null)) q natural join (select 'y'::text as coalesce) r) j(c, d)",
)
REFUSED = (
    ("insert into people (name) values (upper('x'))", "expression"),
    ("insert into people (name) values ('x'::name)", "expression"),
    ("insert into people (name) values ('a' || 'b')", "expression"),
    ("insert into people (name) values (md5($1))", "expression"),
    ("insert into people (name) values (X'41')", "expression"),
    ("insert into people (name) values (array['x'])", "expression"),
    ("insert into people (name) values ('x' collate \"C\")", "expression"),
    ("insert into people (name) values (current_user)", "expression"),
    ("insert into people (name) values (U&'d!0061' uescape '!')", "expression"),
    ("insert into people (name) values (nextval('s'))", "expression"),
    ("insert into people (name) select title from clones", "source_not_protected_alike"),
    ("insert into people (name) select title from books", "source_not_protected_alike"),
    ("insert into people (name) select email from people", "source_not_protected_alike"),
    ("insert into people (email) select email from clones", "source_not_protected_alike"),
    ("insert into people (note) select name from people", "source_not_protected_alike"),
    ("insert into books (title) select name from people", "source_not_protected_alike"),
    ("insert into books select * from people", "source_not_protected_alike"),
    ("insert into people (id, name) select * from books", "source_not_protected_alike"),
    (
        "insert into people (name) select distinct a from (values ('x'), ('x')) v(a)",
        "parameter_conflict",
    ),
    (
        "insert into people (name) select a from (values ('x')) v(a) order by a",
        "parameter_conflict",
    ),
    ("insert into people (name) select 'x' union select 'x'", "expression"),
    ("insert into people (name, note) select a, a from (values ('x')) v(a)", "parameter_conflict"),
    (
        "insert into people (name) select a from (values ('x')) v(a) join books b(a) using (a)",
        "parameter_conflict",
    ),
    ("insert into people (name) select u from unnest('{x}'::int[]) u", "expression"),
    (
        "insert into people (name, note) select u, u from unnest('{x}'::text[]) u",
        "parameter_conflict",
    ),
    (
        "insert into people (name) select u from unnest('{x}'::text[]) u join books b(u) using (u)",
        "parameter_conflict",
    ),
    (
        "insert into people (name) select distinct u from unnest('{x}'::text[]) u",
        "parameter_conflict",
    ),
    (
        "insert into people (name) select u from unnest('{x}'::text[]) u union select 'y'",
        "expression",
    ),
    (
        "insert into people (name) select u from unnest('{x}'::varchar(3)[]) u",
        "expression",
    ),
    (
        "insert into people (id, name) select * from unnest('{}'::people[], '{x}'::text[])",
        "source_not_protected_alike",
    ),
    ("insert into people (name) select u from unnest(array['x']) u", "expression"),
    ("insert into people (name) select u from unnest(array['x']::text[]) u", "expression"),
    (
        "insert into people (name) select u from unnest('{x}'::text[]) with ordinality u",
        "expression",
    ),
    (
        "insert into people (name) select u from rows from (unnest('{x}'::text[])) u",
        "expression",
    ),
    ("insert into people (name) select upper(u) from unnest('{x}'::text[]) u", "expression"),
    ("update people set name = u || 'x' from unnest('{x}'::text[]) u", "expression"),
    ("insert into people (name[1]) values ('x')", "part_of_column"),
    ("insert into people (nome) values ('x')", "schema_mismatch"),
    ("insert into people (id, name) values (1, 'x', 'y')", "schema_mismatch"),
    ("insert into people (id, note, name) values (1, 'x')", "schema_mismatch"),
    # A row may be of any number of columns.
    ("insert into people (id, name) values ((row(1, 'x')::two).*)", "expression"),
    ("insert into people values ((row(1, 'x')::two).*)", "expression"),
    ("insert into people (id, name) select (row(1, 'x')::two).*", "source_not_protected_alike"),
    ("insert into people select (row(1, 'x')::two).*", "source_not_protected_alike"),
    (
        "merge into people using orders s on people.id = s.id when not matched then "
        "insert (id, name) values (s.*)",
        "expression",
    ),
    ("update people set (id, note) = row((null::nothing).*, 'x')", "expression"),
    ("insert into people (name) values ('x') on conflict (email) do nothing", "conflict_target"),
    (
        "insert into people (name) values ('x') on conflict (id) do update set name = upper('y')",
        "expression",
    ),
    (
        "insert into people (name) values ('x') on conflict (id) do update "
        "set name = excluded.note",
        "source_not_protected_alike",
    ),
    ("update people set name = name || 'x'", "expression"),
    ("update people set age = age + 1", "expression"),
    ("update people set name = lower(name)", "expression"),
    ("update people set name = email", "source_not_protected_alike"),
    ("update people set name = note", "source_not_protected_alike"),
    ("update people set note = name", "source_not_protected_alike"),
    ("update people set name[1] = 'x'", "part_of_column"),
    ("update people set name.field = 'x'", "part_of_column"),
    ("update people set (name, note) = (select * from books)", "expression"),
    ("update people set name = nullif('x', 'y')", "expression"),
    ("update people set name = case when true then note else 'x' end", "*"),
    ("update people set name = (select note from people limit 1)", "*"),
    ("insert into adults (id, size) values (1, 'x')", "schema_mismatch"),
    *((text, "*") for text in STARS),
    ("update people set (id, name) = row((f(1)).*, 'x')", "expression"),
    ("update people set (note, name) = row(books.*, 'x') from books", "expression"),
    ("update people set (id, name, note) = row((f(1)).*, 'x', (g()).*)", "expression"),
    ("update people set (id, name) = (select (f(1)).*)", "expression"),
    ("update people set (id, name) = (select (f(1)).*, 'x')", "expression"),
    ("insert into \"Odd Table\" (plain) values ('x')", "default_in_clear"),
    ("insert into \"Odd Table\" values (default, 'x')", "default_in_clear"),
    ('insert into "Odd Table" default values', "default_in_clear"),
    ('update "Odd Table" set "Secret" = default', "default_in_clear"),
)


class Writing(SynchronousTestCase):
    def check(self, rows):
        for text, expected in rows:
            found = outcome(text)
            if expected.startswith("!"):
                self.assertTrue(found.startswith(expected), (text, found))
            else:
                self.assertIn(expected, found, text)
                self.assertEqual(found.count("<"), expected.count("<"), found)

    def test_inserted_values_are_encoded(self):
        self.check(INSERTED)

    def test_updated_values_are_encoded(self):
        self.check(UPDATED)

    def test_values_of_merge_of_expressions_and_of_views_are_encoded(self):
        self.check(OTHERS)

    def test_a_statement_whose_values_only_the_database_knows_is_refused(self):
        for text, reason in REFUSED:
            found = outcome(text)
            expected = "!" if reason == "*" else f"!{reason}"
            self.assertTrue(found.startswith(expected), (text, found))

    def test_a_refusal_names_the_column_and_no_value(self):
        made = planner()
        for text, _ in REFUSED:
            (plan,) = made.plan(text.encode(), *_SESSION).statements
            self.assertNotIn("'x'", plan.refusal.text + plan.refusal.hint)
            self.assertIn("protected", plan.refusal.text)

    def test_a_missing_column_is_named_alone(self):
        for text, told in (
            ("insert into people (nome) values ('x')", "table people has no column nome"),
            ("insert into adults (id, size) values (1, 'x')", "view adults works out column size"),
        ):
            (plan,) = planner().plan(text.encode(), *_SESSION).statements
            shown = plan.refusal.text.replace(" is protected by AcraServer and", "")
            self.assertEqual(shown.replace(" as far as is known", ""), told)
            self.assertEqual(plan.refusal.column, "")

    def test_a_column_is_no_way_around_the_readers_of_another(self):
        name = setting("people", "name", data_type="str", readers=frozenset(["client1"]))
        settings = EncryptionSettings(
            (table("people", name), table("clones", name._replace(table="clones", readers=None)))
        )
        made = planner((PEOPLE, CLONES), settings)
        for text, reason in (
            ("insert into clones (name) select name from people", "source_not_protected_alike"),
            ("update clones set name = p.name from people p", "source_not_protected_alike"),
            (
                "merge into clones c using people p on c.id = p.id when matched then "
                "update set name = p.name",
                "source_not_protected_alike",
            ),
            ("select name from people union all select name from clones", "expression"),
            ("select name from clones union all select name from people", "expression"),
            ("select coalesce(c.name, p.name) from people p, clones c", "expression"),
            ("select case when true then c.name else p.name end from people p, clones c", "expr"),
        ):
            found = outcome(text, made)
            self.assertTrue(found.startswith(f"!{reason}"), (text, found))
        for text in (
            "insert into people (name) select name from people",
            "select p.name, c.name from people p, clones c",
        ):
            self.assertEqual(outcome(text, made), text)

    def test_a_value_that_the_database_makes_itself_is_a_default(self):
        attributes = [one._replace(generated=one.name == "name") for one in PEOPLE.attributes]
        made = planner((PEOPLE._replace(attributes=tuple(attributes)),))
        for text in ("insert into people (id) values (1)", "update people set name = default"):
            self.assertEqual(outcome(text, made), "!default_in_clear")

    def test_what_a_view_leaves_out_takes_the_default_of_its_table(self):
        view = VIEW._replace(sources={1: (ODD.oid, 4), 2: (ODD.oid, 5)})
        made = planner((PEOPLE, ODD, view))
        self.assertEqual(outcome("insert into adults (id) values (1)", made), "!default_in_clear")
        self.assertEqual(
            outcome("update adults set label = 'x'", made),
            "update adults set label = <other 'x'>",
        )


class Beside(SynchronousTestCase):
    """Queries beside the values of a statement that writes."""

    def test_a_comparison_there_is_refused(self):
        asked = "select 1 from people where name = 'x'"
        for text in (
            f"insert into people (id, name) with w as ({asked}) values (1, 'a')",
            f"with w as ({asked}) merge into people p using people c on p.id = c.id"
            " when matched then delete",
            f"update people set note[({asked})] = 'b'",
        ):
            self.assertEqual(outcome(text), "!comparison", text)

    def test_a_value_that_is_written_there_is_encoded(self):
        made = outcome(
            "with w as (update people set name = 'x') merge into people p using clones c"
            " on p.id = c.id when matched then delete"
        )
        self.assertIn("(update people set name = <name 'x'>)", made)


class ByThemselves(SynchronousTestCase):
    """Tables that may write to a protected one where they are written."""

    def planner(self, *functions, trusted=()):
        writers = [Writer("public", "log", "t", one) for one in functions]
        schema = Schema(7, {1: PEOPLE}, frozenset(functions) - {""}, writers)
        return Planner(Protection(schema, SETTINGS._replace(trusted=frozenset(trusted))))

    def test_they_are_read_and_not_written(self):
        for made in (self.planner("put"), self.planner("")):
            for text in (
                *("insert into log values ('a')", "update log set a = 'b'", "delete from log"),
                *("copy log from stdin", "merge into log using x on true when matched then delete"),
                "with w as (insert into log values (1) returning 1) select * from w",
            ):
                self.assertEqual(outcome(text, made), "!opaque_code", text)
            for text in ("select * from log", "copy log to stdout"):
                self.assertEqual(outcome(text, made), text)

    def test_a_table_that_lacks_its_protected_columns_is_written_by_those_that_it_has(self):
        kept = [PEOPLE.attribute("id"), PEOPLE.attribute("note")]
        made = planner((PEOPLE._replace(attributes=kept),))
        listed = 'people ("id", "note")'
        for text, expected in (
            ("insert into people values (1, 'a', 'b')", "!schema_mismatch"),
            ("insert into people select 1, 'a', 'b'", "!schema_mismatch"),
            ("insert into people values (1, 'a')", f"insert into {listed} values (1, 'a')"),
            ("insert into people select * from t", f"insert into {listed} select * from t"),
            ("insert into people table t", f"insert into {listed} table t"),
            (
                "insert into people select 1, t.* from t",
                f"insert into {listed} select 1, t.* from t",
            ),
            ("copy people from stdin", f"copy {listed} from stdin"),
        ):
            self.assertEqual(outcome(text, made), expected)
        # No setting is about this one.
        schema = Schema(7, {1: PEOPLE._replace(attributes=kept)})
        made = Planner(Protection(schema, settings("app.people.name")))
        text = "insert into people select * from t"
        self.assertEqual(outcome(text, made), text)

    def test_nothing_is_written_from_which_a_protected_column_is_computed(self):
        kept = [one for one in PEOPLE.attributes if one.name != "name"]
        name = PEOPLE.attribute("name")
        note = PEOPLE.attribute("note")
        computed = name._replace(generated=True, reads=(note.number,))
        people = PEOPLE._replace(attributes=(*kept, computed))
        made = planner((people,))
        for text in (
            "update people set note = 'x'",
            "update people set id = 1, note = default",
            "update people set (id, note) = (1, 'x')",
            "merge into people using x on true when matched then update set note = 'x'",
        ):
            self.assertEqual(outcome(text, made), "!default_in_clear", text)
        self.assertEqual(outcome("update people set id = 1", made), "update people set id = 1")

    def test_a_protected_table_is_not_written_if_a_foreign_key_of_its_own_is_the_reason(self):
        text = "update people set note = 'a'"
        for source, told in ((1, "!opaque_code"), (9, text)):
            handed = [Handed(1, 2, source, 4)]
            writers = [Writer("public", "people", "k", "", source, handed)]
            schema = Schema(7, {1: PEOPLE}, frozenset(), writers)
            self.assertEqual(outcome(text, Planner(Protection(schema, SETTINGS))), told)

    def test_what_runs_trusted_functions_alone_is_written(self):
        text = "insert into log values ('a')"
        self.assertEqual(outcome(text, self.planner("put", trusted=["put"])), text)
        made = self.planner("put", "other", trusted=["put"])
        self.assertEqual(outcome(text, made), "!opaque_code")
