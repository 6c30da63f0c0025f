"""Rows of long VALUES lists that need not be parsed."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import bulk
from acra_twisted.encryption.postgresql.planner import Limits
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.encryption.postgresql.syntax import Text
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.sql import lexer
from tests.support.planning import MODE, PATH, attributes, outcome, planner, setting, shown, table

NAMES = [f"c{number}" for number in range(40)]
#: A table with every other column protected.
WIDE = Relation(9, "public", "wide", "r", attributes(*NAMES))
ALL = EncryptionSettings(
    [table("wide", *(setting("wide", name, data_type="str") for name in NAMES[1::2]))]
)
#: Statements with the word ``values`` that is a list's, an alias, a function or a column; each with
#: a value before it and rows behind it.
FORMS = (
    "insert into wide (c1) values %s",
    "insert into wide (c1) select * from (values %s) v",
    "insert into wide (c1) select * from (values %s) values (a)",
    "insert into wide select * from (select 'x') as values (a), %s",
    "insert into wide select * from (select 'x') values (a), %s",
    "insert into wide select * from (select 'x') as values (a), lateral %s",
    "insert into wide select x.values('a'), %s",
    "insert into wide select x.values %s",
    "insert into wide values (x.values %s)",
    "insert into wide values (x.values('a'), %s)",
    "insert into wide select * from values %s",
    "insert into wide (values) values %s",
    "with values (a) as (select 'x'), %s insert into wide values ('x')",
)
ROWS = ("('x%d')", "(select 'x%d')", "(('x%d'))", "((select 'x%d'))")
ROWS += ("(values ('x%d'))", "(a)", "(default)", "(null)")


def rows(count, row="(%d, 'x%d')"):
    return ", ".join(row.replace("%d", str(number)) for number in range(count))


class Rows(SynchronousTestCase):
    def unread(self, text):
        read = Text(text.encode(), lexer.tokens(text.encode()))
        return len(bulk.unread(bulk.find(read)))

    def test_of_many_rows_alike_one_is_read(self):
        self.assertEqual(self.unread(f"insert into t values {rows(1000)}"), 999)
        self.assertEqual(self.unread(f"insert into t values {rows(3)}"), 0)

    def test_of_each_kind_of_row_one_is_read(self):
        text = f"insert into t values {rows(50)}, {rows(50, '(%d, null)')}, {rows(9, '(1,-%d)')}"
        self.assertEqual(self.unread(text), 106)

    def test_what_stands_in_inner_brackets_must_be_the_same(self):
        self.assertEqual(self.unread(f"insert into t values {rows(50, '(%d, f(%d))')}"), 0)
        self.assertEqual(self.unread(f"insert into t values {rows(50, '(%d, f(1))')}"), 49)

    def test_rows_that_do_not_end_are_left_to_the_parser(self):
        self.assertEqual(self.unread(f"insert into t values {rows(50)}, (1"), 49)


class Words(SynchronousTestCase):
    """The word ``values`` where it is no list's."""

    def shown(self, text, **limits):
        return outcome(text, planner((WIDE,), ALL, limits=Limits(**limits)))

    def same(self, text):
        """See that a text is planned as if each row were read."""
        found = self.shown(text, rows=2)
        self.assertEqual(found, self.shown(text, rows=1_000))
        return found

    def test_an_alias_begins_no_rows(self):
        text = "insert into wide select * from (select 0) as values (a)" + ", (select 'x')" * 20
        self.assertEqual(self.same(text).count("<c"), 10)

    def test_a_function_begins_no_rows(self):
        text = "insert into wide select x.values('a')" + ", ('x')" * 20
        self.assertEqual(self.same(text).count("<c"), 10)
        self.assertEqual(self.same(text.replace("wide", "wide (c1)")), "!schema_mismatch")

    def test_rows_whose_first_values_stand_in_brackets_are_rows(self):
        for row in ("(('x'))", "(-5)", "(cast('x' as text))", "(varchar 'x')"):
            text = "insert into wide (c1) values " + ", ".join([row] * 30)
            self.assertEqual(self.same(text).count("<c1 "), 30, row)

    @settings(max_examples=200, deadline=None)
    @given(
        st.sampled_from(FORMS),
        st.lists(st.sampled_from(ROWS), min_size=1, max_size=2),
        st.lists(st.sampled_from(ROWS), max_size=3),
        st.integers(1, 30),
    )
    def test_a_text_is_planned_as_if_each_row_were_read(self, form, many, few, count):
        rows = [*few, *(many * count)[:count]]
        self.same(form % ", ".join(row.replace("%d", str(n)) for n, row in enumerate(rows)))


class Planned(SynchronousTestCase):
    def test_every_row_is_encoded(self):
        values = ", ".join(
            f"({n}, 'a{n}', {'null' if n % 3 else repr(str(n))}, -{n}, 'c'::varchar(5))"
            for n in range(200)
        )
        text = f"insert into people (id, name, note, age, email) values {values}"
        found = outcome(text)
        self.assertEqual(found.count("<name 'a"), 200)
        self.assertEqual(found.count("<email(5) 'c'>::bytea"), 200)
        self.assertIn("(7, <name 'a7'>, null, <age -7>, <email(5) 'c'>::bytea)", found)
        self.assertIn("(9, <name 'a9'>, '9', <age -9>, <email(5) 'c'>::bytea)", found)

    def test_words_calls_and_parameters_of_each_row_are_encoded(self):
        values = ", ".join(f"(true, decode('41', 'hex'), ${2 * n + 1})" for n in range(100))
        found = outcome(f"insert into people (flag, name, email) values {values}")
        self.assertEqual(found.count("<flag 'true'>"), 100)
        self.assertEqual(found.count("<name '41' hex>"), 100)
        self.assertIn("[$199=$199 email]", found)

    def test_a_row_that_is_not_understood_refuses_all(self):
        text = f"insert into people (id, name) values {rows(500)}, (1, upper('x'))"
        self.assertEqual(outcome(text), "!expression")

    def test_comments_and_long_values_in_rows_move_nothing(self):
        long = "y" * 500
        text = f"insert into people (id, name) values {rows(50, f'(%d, /* , ( */ {long!r})')}"
        found = outcome(text)
        self.assertEqual(found.count(f"<name {long!r}>)"), 50)

    def test_values_in_from_are_followed(self):
        text = f"insert into people (id, name) select * from (values {rows(300)}) v"
        found = outcome(text)
        self.assertEqual(found.count("<name 'x"), 300)
        self.assertEqual(found.count(">::bytea)"), 300)

    def test_many_values_are_no_reason_to_refuse(self):
        text = f"insert into people (id, name) values {rows(20_000)}"
        made = planner()
        planned = made.plan(text.encode(), MODE, PATH)
        self.assertEqual(len(planned.statements[0].literals), 20_000)
        self.assertEqual(planned.literals[-1], b"'x19999'")

    def test_a_length_in_any_row_makes_another_plan(self):
        made = planner()
        form = "insert into people (name) values " + ", ".join(["('x'::varchar(%d))"] * 20)
        five = form.replace("%d", "5")
        mixed = form.replace("%d", "5", 19).replace("%d", "9")
        for text in (five, mixed, five):
            planned = made.plan(text.encode(), MODE, PATH)
            self.assertEqual(shown(planned, text).count("<name(5)"), text.count("(5)"))
