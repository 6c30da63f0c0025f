"""Queries: what passes, what is refused, and the columns of results."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.planning import MODE, PATH, outcome, planner

PASSED = (
    "select name, email from people where id = 1",
    "select * from people where email is null and name is not null",
    "select count(name), count(*) from people where note like 'a%'",
    "select p.*, o.total from people p join orders o on o.id = p.id where o.total > 5",
    "select (select name from people limit 1), id from orders",
    "select name from people union all select name from clones",
    "select id, note from people union select id, title from clones",
    "select distinct note from people",
    "select distinct on (id) id, name from people order by id",
    "select id, count(*) from people group by id having count(*) > 1 order by 2, id",
    "select id, note as n, count(*) from people group by grouping sets ((1, n), rollup (1), ())",
    "select note, name from people order by note limit 5 offset $1",
    "select q.n from (select name as n, id from people) q where q.id = 5",
    "select * from people p left join lateral (select p.name as m, o.* from orders o "
    "where o.id = p.id) l on true",
    "with q as materialized (select id, name from people) select * from q where id = 1",
    "with recursive r as (select id, name from people where id = 1 union all "
    "select p.id, p.name from people p join r on r.id < p.id) select * from r",
    "select row_number() over (partition by note order by id), name from people",
    "select exists (select from people where note = 'x')",
    "select case when note = 'x' then name else null end from people",
    "select coalesce(name, null) from people",
    "select id from people where ctid = '(0,1)' and people.xmin is not null",
    "select title from books where title = 'people'",
    "select name from people for update of people",
    "select name from people tablesample system (5)",
    "select id from people where id in (select id from orders where title = 'x')",
    "table people",
    "select j.id from (people p join orders o using (id)) as j",
    "values ('people')",
    "select nullif(note, 'x') from people",
)
REFUSED = (
    ("select (p).* from people p", "expression"),
    ("select q.b from (select (f(1)).*, name from people) q(a, b)", "expression"),
    ("select (f(1)).* union all select id, name from people", "expression"),
    ("select (f(1)).*, name from people order by 1", "order"),
    ("select (f(1)).*, phone, name from people group by 2, 1", "group"),
    ("select distinct on (2) (f(1)).*, name from people", "group"),
    ("select 1 from people natural join (select coalesce('x', null)) q", "comparison"),
    ("copy (select (f(1)).*, name from people) to stdout", "expression"),
    ("select 1 from people as p(a, b, title) where name = 'x'", "schema_mismatch"),
    ("select 1 from people where nmae = 'x'", "schema_mismatch"),
    ("select 1 from clones where id in (select 1 from people where 'x' = nmae)", "schema_mismatch"),
    ("update people set note = 'n' where nmae in ('x')", "schema_mismatch"),
    ("select * from people where name = 'x'", "comparison"),
    ("select * from people where 'x' = (name)", "comparison"),
    ("select * from people where name in ('x', 'y')", "comparison"),
    ("select * from people where name = any($1)", "comparison"),
    ("select * from people where name between 'a' and 'b'", "comparison"),
    ("select * from people where name is distinct from 'x'", "comparison"),
    ("select * from people where (id, name) = (1, 'x')", "comparison"),
    ("select * from people where (id, name) = (select 1, 'x')", "comparison"),
    ("select * from people where (select id, name from people) = (1, 'x')", "expression"),
    ("select * from people where name in (select title from books)", "comparison"),
    ("select * from books where title in (select name from people)", "comparison"),
    ("select * from books where title = all (select name from people)", "comparison"),
    ("select * from people where name like 'a%'", "pattern"),
    ("select * from people where name ilike 'a%'", "pattern"),
    ("select * from people where name similar to 'a'", "pattern"),
    ("select * from people where name ~ 'a'", "expression"),
    ("select * from people where upper(name) = 'x'", "expression"),
    ("select * from people where name::text is null", "comparison"),
    ("select * from people where flag", "expression"),
    ("select * from people where not flag", "expression"),
    ("select * from people where note = 'a' and (id = 1 or email = 'x')", "comparison"),
    ("select * from orders o where exists (select from people p where p.name = o.x)", "comparison"),
    ("select max(name) from people", "aggregate"),
    ("select array_agg(name) from people", "aggregate"),
    ("select count(distinct name) from people", "aggregate"),
    ("select string_agg(note, ',' order by name) from people", "aggregate"),
    ("select count(*) filter (where name = 'x') from people", "comparison"),
    ("select name || 'x' from people", "expression"),
    ("select name from people union all select email from people", "expression"),
    ("select note from people union all select name from people", "expression"),
    ("select coalesce(name, email) from people", "expression"),
    ("select coalesce(name, note) from people", "expression"),
    ("select case when id = 1 then name else email end from people", "expression"),
    ("select x from (select name x from people union all select card from people) y", "expression"),
    ("select 'a' || 'b' || name from people", "expression"),
    ("select length(name) from people", "expression"),
    ("select row(id, name) from people", "expression"),
    ("select array[name] from people", "expression"),
    ("select people from people", "expression"),
    ("select p from people p", "expression"),
    ("select row_to_json(p) from people p", "expression"),
    ("select row_to_json(p.*) from people p", "expression"),
    ("select json_agg(q) from (select * from people) q", "aggregate"),
    ("select (p).name from people p", "expression"),
    ("select (p.*).name = 'x' from people p", "comparison"),
    ("select p.upper from people p", "expression"),
    ("select nowhere.name from people", "expression"),
    ("select name from people order by name", "order"),
    ("select name as n from people order by n", "order"),
    ("select name from people order by 1", "order"),
    ("select * from people order by 2", "order"),
    ("select o.*, p.name from orders o, people p order by 2", "order"),
    ("select rank() over (order by name) from people", "order"),
    ("select rank() over w from people window w as (order by name)", "order"),
    ("select distinct name from people", "group"),
    ("select distinct * from people", "group"),
    ("select distinct on (name) id from people", "group"),
    ("select name from people group by name", "group"),
    ("select name from people group by 1", "group"),
    ("select name as n from people group by n", "group"),
    ("select name from people group by rollup (name)", "group"),
    ("select name as e, id from people group by rollup (e, id)", "group"),
    ("select name, id from people group by cube (id, 1)", "group"),
    ("select name, id from people group by grouping sets ((2, 1), (), rollup (2))", "group"),
    ("select name as e, id from people group by grouping sets (cube (e), id)", "group"),
    ("select name as e, id from people group by (e, id)", "group"),
    ("select id, name from people group by (1, 2)", "group"),
    ("select id, name from people group by ((1, (2, 1)), id)", "group"),
    ("select name from people union select name from clones", "group"),
    ("select name from people intersect all select name from clones", "group"),
    ("select * from people union all select * from books", "expression"),
    ("select coalesce(name, 'x') from people", "expression"),
    ("select case name when 'x' then 1 end from people", "comparison"),
    ("select case when name = 'x' then 1 end from people", "comparison"),
    ("select name::int from people", "expression"),
    ("select name::varchar(3) from people", "expression"),
    ('select name collate "C" from people', "expression"),
    ("select * from people join clones using (name)", "comparison"),
    ("select * from people natural join clones", "comparison"),
    ("select * from people natural join books", "comparison"),
    ("select * from people p join books b on b.title = p.name", "comparison"),
    ("select q.n from (select name as n from people) q where q.n = 'x'", "comparison"),
    ("select q.a from people as q(i, a) where q.a = 'x'", "comparison"),
    ("with q(a) as (select name from people) select * from q where a = 'x'", "comparison"),
    ("select q.* from (select p.*, o.* from people p, orders o) q where name = 'x'", "comparison"),
    (
        "select * from (orders o join people p using (id)) as j(a, b, c) where j.b = 'x'",
        "comparison",
    ),
    ("select * from people where id in (select 1 from orders where name = 'x')", "comparison"),
    ("select * from people p, lateral (select p.name = 'x') l", "comparison"),
    ("select * from people, unnest(array[name])", "expression"),
    (
        "with recursive r as (select id, name from people union all "
        "select p.id, p.note from people p join r on r.id = p.id) select * from r",
        "expression",
    ),
    (
        "with recursive r as (select id, note from people union all "
        "select r.id, p.name from people p join r on r.id = p.id) select * from r",
        "expression",
    ),
    (
        "with recursive a as (select * from b), b as (select name from people) "
        "select * from a where name = 'x'",
        "comparison",
    ),
    ("select name = 'x' from adults, people", "comparison"),
    ("select * from adults where label = 'x'", "comparison"),
    ("select name from people limit (select 1 where name = 'x')", "comparison"),
    ("delete from people where name = 'x'", "comparison"),
    ("update people set note = 'a' where email = 'x'", "comparison"),
    ("update people set note = 'a' from orders o where o.x = people.email", "comparison"),
    ("delete from orders using people p where p.name = orders.x", "comparison"),
    ("insert into people (id) values (1) returning name = 'x'", "comparison"),
    ("update people set id = 1 returning old.name = 'x'", "comparison"),
)
WHOLE = [None, "name", "email", None, "age", "card", "phone", "flag"]
#: Texts, and the protected columns of their results; Ellipsis stands for any number of others.
RESULTS = (
    ("select id, name from people", [None, "name"]),
    (
        "select p.email e, note, p.* from people p",
        ["email", None, *WHOLE],
    ),
    ("select (select name from people limit 1)", ["name"]),
    ("select coalesce(name, null), case when true then name end from people", ["name", "name"]),
    ("select name from people union all select name from clones", ["name"]),
    ("select name::text, 1 from people", ["name", None]),
    ("select * from people p, orders o", [*WHOLE, ...]),
    ("with q as (select name n from people) select n from q", ["name"]),
    ("insert into people (id) values (1) returning name, id", ["name", None]),
    ("update people set id = 1 returning old.name, new.email", ["name", "email"]),
    ("select label from adults", ["name"]),
    ("select count(*) from people", [None]),
    ("select (f(1)).*, name from people", [..., "name"]),
    ("select name, q.* from people, lateral (values ((f(1)).*)) q", ["name", ...]),
    ("select q.b from (select (f(1)).*, name as b from people) q", ["name"]),
    ("select * from people, (a natural join b) q", [*WHOLE, ...]),
    ("select a.*, name, b.* from people p, a, b", [..., "name", ...]),
    ('select q."*", name from people, (select 1 as "*") q', [None, "name"]),
    ("insert into people (id) values (1) returning (f(1)).*, name", [..., "name"]),
)


class Queries(SynchronousTestCase):
    def test_consistent_tokens_may_be_grouped_by_and_nothing_else(self):
        for text in (
            "select phone, count(*) from people group by phone",
            "select phone from people group by 1",
            "select phone as p from people group by p",
            "select distinct phone, id from people",
            "select distinct on (phone) id from people",
            "select phone from people union select phone from people where id = 1",
            "select phone from people intersect select phone from people",
            "select a.id from people a join people b using (phone, id)",
        ):
            self.assertEqual(outcome(text), text)
        for text, reason in (
            ("select distinct phone from people order by 1", "order"),
            ("select phone from people group by phone order by phone", "order"),
            ("select 1 from people group by phone::text", "group"),
            ("select distinct phone, name from people", "group"),
            ("select name as phone from people group by phone", "group"),
            ("select distinct coalesce(phone, 'x') from people", "group"),
            ("select phone from people union select note from people", "group"),
            ("select phone from people union select email from people", "group"),
            ("select phone from people union select phone::text from people", "group"),
            ("select phone from people except select null", "group"),
            (
                "select count(*) from (select title from books except select phone from people) q",
                "group",
            ),
            ("select phone, id from people union select phone from people", "expression"),
            ("select 1 from people join clones c(phone) using (phone)", "comparison"),
            ("select 1 from people join books b(phone) using (phone)", "comparison"),
            ("select 1 from people a natural join people b", "comparison"),
        ):
            self.assertEqual(outcome(text), f"!{reason}", text)

    def test_a_query_that_shows_protected_columns_passes_as_it_is(self):
        for text in PASSED:
            self.assertEqual(outcome(text), text)

    def test_a_query_that_uses_a_protected_column_in_any_other_way_is_refused(self):
        for text, reason in REFUSED:
            found = outcome(text)
            self.assertTrue(found.startswith(f"!{reason}"), (text, found))

    def test_the_columns_of_results_are_told_by_the_tree(self):
        made = planner()
        for text, expected in RESULTS:
            (plan,) = made.plan(text.encode(), MODE, PATH).statements
            found = [... if one.rest else one.setting and one.setting.name for one in plan.results]
            self.assertEqual(found, expected, text)

    def test_the_database_names_the_table_of_a_column_between_those_that_are_not_known(self):
        union = "select card from people union all select card from people"
        for query in (
            *("select card from people", "select card from (select card from people) q"),
            "with q as (select card from people) select card from q",
        ):
            for text in (
                f"select * from orders o, ({query}) q, orders p",
                f"select o.*, q.card, p.* from orders o, ({query}) q, orders p",
            ):
                self.assertEqual(outcome(text), text)
        for query in (union, "select coalesce(card, null) as card from people"):
            for text in (
                f"select * from orders o, ({query}) q, orders p",
                f"select o.*, q.card, p.* from orders o, ({query}) q, orders p",
            ):
                self.assertEqual(outcome(text), "!expression", text)
            for text in (
                f"select * from ({query}) q, orders p",
                f"select * from orders o, orders p, ({query}) q",
            ):
                self.assertEqual(outcome(text), text)
        text = "select o.*, card::bytea, o.* from people p, orders o"
        self.assertEqual(outcome(text), "!expression")


class Sizes(SynchronousTestCase):
    """Columns that a text of some kilobytes can have without end."""

    def refused(self, text):
        self.assertEqual(outcome(text), "!unparsable", text[:60])

    def passes(self, text):
        self.assertEqual(outcome(text), text, text[:60])

    def test_a_list_has_as_many_columns_as_the_database_takes(self):
        for item in ("id", "people.id", "'x'"):
            self.passes(f"select {', '.join([item] * 1664)} from people")
            self.refused(f"select {', '.join([item] * 1665)} from people")
        self.passes(f"select {', '.join(['*'] * 208)} from people")
        self.refused(f"select {', '.join(['people.*'] * 209)} from people")
        self.refused(f"delete from people returning {', '.join(['*'] * 209)}")
        text = "table people"
        for _ in range(12):
            text = f"with q as ({text}) select * from q a, q b"
        self.refused(text)

    def test_a_from_clause_has_a_thousand_parts(self):
        parts = [f"people p{number}" for number in range(1001)]
        self.passes(f"select p1.id from {', '.join(parts[1:])}")
        self.refused(f"select p1.id from {', '.join(parts)}")

    def test_joins_pass_over_some_columns(self):
        wide = ", ".join(f"{number} as c{number}" for number in range(1600))
        joins = [f"join q q{number} on true" for number in range(90)]
        self.passes(f"select count(*) from people p {' '.join(joins)}")
        self.refused(f"with q as (select {wide} from people) select 1 from q {' '.join(joins)}")

    def test_each_part_of_an_order_is_noted(self):
        many = ", ".join(["id"] * 1000)
        self.passes(f"select {many} from people order by {many}, 1, 2, note")
        ends = {"name": "!order", "email": "!order", "1001": "!order", "phone": "!order"}
        for last, expected in ends.items():
            text = f"select {many}, email from people order by {many}, 1, 1, {last}"
            self.assertEqual(outcome(text), expected)
        text = f"select {many}, phone from people group by {many}, phone order by phone"
        self.assertEqual(outcome(text), "!order")
