"""Lists of columns that a statement leaves out: they are written by name into what is sent."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.columnlists import quoted
from acra_twisted.sql import lexer
from tests.support.planning import CLONES, PEOPLE, attributes, outcome, planner

ALL = '("id", "name", "email", "note", "age", "card", "phone", "flag")'
#: Texts, and how each begins as it is sent.
INSERTED = (
    ("insert into people values (1, 'x')", 'insert into people ("id", "name") values (1, <n'),
    (
        "insert into public . people /* p */ as p values (1, 'x'), (2, 'y')",
        'insert into public . people /* p */ as p ("id", "name") values (1, <',
    ),
    ("insert into people select 1", 'insert into people ("id") select 1'),
    ("insert into people(select 1)", 'insert into people ("id")(select 1)'),
    ("insert into people/**/select 1", 'insert into people ("id")/**/select 1'),
    ("insert into people with q as (select 1) table q", 'insert into people ("id") with q as'),
    (
        "insert into people overriding user value values (default, 'x')",
        'insert into people ("id", "name") overriding user value values (default, <',
    ),
    (
        'with q as (insert into "people" values (1) returning id) select id from q',
        'with q as (insert into "people" ("id") values (1) returning id)',
    ),
    ("explain insert into people values (1)", 'explain insert into people ("id") values'),
    ("prepare p as insert into people values ($1)", 'prepare p as insert into people ("id") v'),
    (
        "insert into adults values (1, 'x')",
        'insert into adults ("id", "label") values (1, <name',
    ),
    ("copy people from stdin", f"copy people {ALL} from stdin"),
    ("copy binary people from stdin", f"copy binary people {ALL} from stdin"),
    ("copy people to stdout", f"copy people {ALL} to stdout"),
)
#: The same for a table that is known to lack its protected column, and for others.
LACKING = (
    "insert into people select * from stuff",
    "insert into people table stuff",
    "insert into people select 1, s.* from stuff s",
    "insert into people select * from stuff union all select * from stuff",
    "insert into people with q as (select * from stuff) select * from q",
    "insert into people select 1, 2 union all select * from stuff",
    "insert into people select * from stuff union all select 1, 2",
    "insert into people (select (s).* from stuff s)",
    "explain insert into people select * from stuff",
)
AS_IT_IS = (
    "insert into people (id) values (1)",
    "insert into people default values",
    "insert into people select",
    "insert into books values (1, 'people')",
    "copy people (id, name) from stdin",
    "copy books from stdin",
)
MERGED = (
    "merge into people p using orders s on p.id = s.id ",
    "when not matched and (select case when true then insert end from books) then "
    "insert values (s.id, 'x') when not matched then insert default values "
    "when not matched then insert (name) values ('y') when not matched then insert "
    "overriding user value values (s.id)",
)


class Lists(SynchronousTestCase):
    def test_those_of_a_table_that_lacks_a_protected_column_are_as_many_as_it_has(self):
        lacking = PEOPLE._replace(attributes=attributes("id", "note"))
        free = lacking._replace(oid=2, schema="apart", name="free")
        made = planner((lacking, free))
        for text in LACKING:
            expected = text.replace("into people", 'into people ("id", "note")')
            self.assertEqual(outcome(text, made), expected)
            text = text.replace("people", "apart.free")
            self.assertEqual(outcome(text, made), text)
        bare = planner((lacking._replace(attributes=()),))
        self.assertTrue(outcome(LACKING[0], bare).startswith("!"))

    def test_the_columns_stand_behind_the_table(self):
        for text, expected in INSERTED:
            found = outcome(text)
            self.assertTrue(found.startswith(expected), (text, found))

    def test_what_lists_its_columns_or_has_none_stays(self):
        for text in AS_IT_IS:
            self.assertEqual(outcome(text), text)

    def test_the_columns_stand_in_the_place_of_a_star_that_is_told_by_order(self):
        target = "insert into people (id, name, note)"
        clones = CLONES._replace(
            attributes=attributes("id", "name", "title"),
        )
        made = planner((PEOPLE, clones))
        some = '"id", "name", "title"'
        for text, expected in (
            (f"{target} select * from clones", f"{target} select {some} from clones"),
            (f"{target} select*from clones c", f"{target} select{some} from clones c"),
            (
                "copy (select * from clones where id = 1) to stdout",
                f"copy (select {some} from clones where id = 1) to stdout",
            ),
        ):
            self.assertEqual(outcome(text, made), expected)
        for text in (
            "select * from clones",
            f"with clones as (select 1, null, 2) {target} select * from clones",
            "copy (select * from clones, clones c) to stdout",
        ):
            found = outcome(text, made)
            self.assertTrue("select * from clones" in found or found.startswith("!"), found)

    def test_each_insert_of_a_merge_has_its_own(self):
        found = outcome("".join(MERGED))
        self.assertIn('then insert ("id", "name") values (s.id, <name \'x\'>)', found)
        self.assertIn("then insert default values", found)
        self.assertIn("then insert (name) values (<name 'y'>)", found)
        self.assertIn('then insert ("id") overriding user value', found)

    def test_a_form_that_is_not_known_is_refused(self):
        for text in (
            "insert into U&\"p!0065ople\" uescape '!' values (1)",
            f"{MERGED[0]} and case when true then insert end when not matched then "
            "insert values (1)",
        ):
            self.assertTrue(outcome(text).startswith("!unparsable"), text)

    def test_a_long_list_of_rows_has_one(self):
        rows = ", ".join(f"({number}, 'x')" for number in range(40))
        found = outcome(f"insert into people values {rows}")
        self.assertEqual(found.count('("id", "name")'), 1)
        self.assertEqual(found.count("<name 'x'>"), 40)

    def test_odd_names_are_quoted(self):
        odd = PEOPLE._replace(attributes=attributes('a"b', "größe", "c\\d", "\U0001f600"))
        found = outcome("insert into people values (1, 2, 3, 4)", planner((odd,)))
        self.assertIn(
            '("a""b", U&"gr\\+0000f6\\+0000dfe", "c\\d", U&"\\+01f600")',
            found,
        )

    @given(st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20))
    def test_a_name_is_one_token_in_any_encoding(self, name):
        text = quoted(name)
        self.assertTrue(text.isascii())
        [(_, start, end)] = lexer.tokens(text, True)
        self.assertEqual((start, end), (0, len(text)))
