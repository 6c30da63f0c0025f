"""The value of each form of expression that a column is given."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.planning import MODE, PATH, outcome, planner

#: What is given to the column name, and what is sent.
FORMS = (
    ("'abc'", "<name 'abc'>"),
    ("E'a\\\\b'", "<name E'a\\\\b'>"),
    ("$$abc$$", "<name $$abc$$>"),
    ("$a$abc$a$", "<name $a$abc$a$>"),
    ("U&'d\\0061'", "<name U&'d\\0061'>"),
    ("N'd'", "bytea <name 'd'>"),
    ("'a'\n'b'", "<name 'a'\n'b'>"),
    ("varchar 'e'", "bytea <name 'e'>"),
    ("varchar(3) 'e'", "bytea <name(3) 'e'>"),
    ("bytea '\\x41'", "bytea <name '\\x41'>"),
    ("'\\x41'::bytea", "<name '\\x41'>::bytea"),
    ("cast('f' as text)", "cast(<name 'f'> as bytea)"),
    ("cast($1 as varchar(80))", "cast($1 as bytea)"),
    ("'g'::varchar(10)::text", "<name(10) 'g'>::bytea::bytea"),
    ("'g'::character varying (10)", "<name(10) 'g'>::bytea"),
    ("'g'::char(10)", "<name(10) 'g'>::bytea"),
    ("null::text", "null::bytea"),
    ("(('h'))", "((<name 'h'>))"),
    ("($1)", "($1)"),
    ("5", "<name 5>"),
    ("-5.5", "<name -5.5>"),
    ("+5", "<name 5>"),
    ("+ -5.5", "<name -5.5>"),
    ("true", "<name 'true'>"),
    ("''", "<name ''>"),
    ("decode('41', 'hex')", "<name '41' hex>"),
    ("pg_catalog.decode('41', 'BASE64')", "<name '41' base64>"),
    ("convert_to('a', 'UTF8')", "<name 'a' characters>"),
    (
        "case when id = 1 then 'a' else name end",
        "case when id = 1 then <name 'a'>::bytea else name end",
    ),
    ("case id when 1 then 'a' end", "case id when 1 then <name 'a'>::bytea end"),
    ("coalesce($1, 'a')", "coalesce($1::bytea, <name 'a'>::bytea)"),
    ("nullif('a', '')", "nullif(<name 'a'>::bytea, '')"),
    ("(select 'a')", "(select <name 'a'>::bytea)"),
    ("(select name from clones limit 1)", "(select name from clones limit 1)"),
)
REFUSED = (
    *("'a' || 'b'", "upper('a')", "md5($1)", "X'41'", "B'1'", "now()", "array['a']", "row('a')"),
    *(
        "'a'::int",
        "'a'::text[]",
        "'a'::timestamptz",
        "'a'::other.text",
        "$1::json",
        "5 + 5",
        "- +5",
        "+'5'",
        "+id",
    ),
    *(
        "decode('41', $1)",
        "decode($1, 'hex')",
        "decode('41' || '42', 'hex')",
        "decode(md5('a'),'hex')",
    ),
    *("other.decode('41', 'hex')", "decode('41', 'hex', 1)", "convert_to('a', 'LATIN1')"),
    *("'a' collate \"C\"", "nullif('a', 'b')", "nullif('a', 0)", "nullif('a', name)"),
    *("greatest('a', 'b')", "(select 'a' || 'b')", "case when name = 'a' then 'b' end"),
    *("coalesce('a', note)", "(array['a'])[1]", "current_user", "id", "people", "interval '1' day"),
    *("xmlelement(name a)", "(select upper(name) from people)", "(select * from books)"),
)


class Forms(SynchronousTestCase):
    def test_a_value_is_encoded_in_every_form(self):
        for given, expected in FORMS:
            found = outcome(f"update people set name = {given}").split("name = ", 1)[-1]
            self.assertEqual(found.partition(" [")[0], expected)

    def test_a_sign_of_a_number_beside_a_protected_value_stays(self):
        for value in ("+5", "+ 5", "+id", "+ -5.5"):
            text = f"update people set id = {value}, name = "
            self.assertEqual(outcome(f"{text}+5"), f"{text}<name 5>")

    def test_a_row_is_compared_by_its_columns(self):
        for condition in (
            "(id, name) = (1, 'x')",
            "(1, 'x') = (id, name)",
            "(id, name) in ((1, 'x'))",
            "(id, name) in (select 1, 'x')",
            "(id, name) in (values (1, 'x'))",
        ):
            planned = planner().plan(
                f"select id from people where {condition}".encode(), MODE, PATH
            )
            [plan] = planned.statements
            self.assertEqual(plan.refusal.reason, "comparison")
            self.assertIn("compare each column by itself", plan.refusal.text)

    def test_any_other_form_is_refused(self):
        for given in REFUSED:
            self.assertTrue(outcome(f"update people set name = {given}").startswith("!"), given)

    def test_any_value_shows_a_column_and_does_nothing_else(self):
        """PostgreSQL has it from version 16 on."""
        made = planner()
        for text in (
            "select id, any_value(name) from people group by id",
            "select pg_catalog.any_value(name) from people",
            "insert into people (name) select any_value(name) from people",
            "select any_value(id), any_value('x') from people",
        ):
            self.assertEqual(outcome(text, made), text)
        [plan] = made.plan(b"select 1, any_value(card) from people", MODE, PATH).statements
        self.assertEqual([one.setting and one.setting.name for one in plan.results], [None, "card"])
        for text, reason in (
            ("select any_value(distinct name) from people", "aggregate"),
            ("select any_value(name order by id) from people", "aggregate"),
            ("select any_value(name) filter (where id = 1) from people", "aggregate"),
            ("select any_value(name) over () from people", "aggregate"),
            ("select other.any_value(name) from people", "aggregate"),
            ("select id from people having any_value(name) = 'x'", "comparison"),
            ("select any_value(name) || 'x' from people", "expression"),
            ("select distinct any_value(name) from people", "group"),
            ("select id from people order by any_value(name)", "order"),
            ("insert into people (name) select any_value('x')", "expression"),
        ):
            self.assertEqual(outcome(text, made), f"!{reason}", text)
