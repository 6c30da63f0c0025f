"""Changes of the schema."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.gathering import totals
from acra_twisted.telemetry.console.ranges import range_of
from acra_twisted.telemetry.console.schemachanges import changes, is_change, marks, said
from acra_twisted.telemetry.figures.shapes import PREPARE, STATEMENT, Shape
from tests.support.hours import NOW, ORDERS, Hour
from tests.support.stepping import returned

SPAN = range_of("1h", NOW - 1)


def shape(text, kind=STATEMENT, summary=""):
    return Shape("postgresql", "shop", kind, summary, text)


class Changes(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(60)

    def found(self, of=None):
        figures = self.hour.figures
        shapes = returned(totals(figures, SPAN))
        return returned(changes(figures, shapes, SPAN, of))

    def test_statements_that_change_it(self):
        for text in (
            "ALTER TABLE t ADD COLUMN a int",
            "create index i ON t (a)",
            "  DROP TABLE t",
            "VACUUM t",
        ):
            self.assertTrue(is_change(shape(text)), text)
        for text in (
            *("SELECT ?", "", " ", "CREATED", "CREATE TEMP TABLE t (a int)"),
            "create local temporary table t (a int)",
        ):
            self.assertFalse(is_change(shape(text)), text)
        self.assertFalse(is_change(shape("DROP TABLE t", PREPARE)))

    def test_columns_in_which_they_ran(self):
        self.hour.ask(30, b"ALTER TABLE orders ADD COLUMN a int")
        self.hour.ask(30, b"DROP INDEX i")
        self.hour.ask(10, b"ALTER TABLE orders ADD COLUMN a int")
        self.hour.ask(5, b"DROP TABLE card", outcome="denied")
        self.hour.ask(5, ORDERS)
        found = self.found()
        self.assertEqual([SPAN.begins(one.column) for one in found], ["23:30", "23:30", "23:50"])
        texts = [f"{mark.when} {mark.text}" for mark in marks(found, SPAN)]
        self.assertEqual(len(texts), 2)
        self.assertRegex(texts[0], "^23:30 .* and 1 more$")
        self.assertEqual(texts[1], "23:50 ALTER TABLE orders ADD COLU\N{HORIZONTAL ELLIPSIS}")

    def test_columns_that_are_defined_have_no_room_in_a_mark(self):
        self.hour.ask(10, b"CREATE TABLE t (id int, name text)")
        (mark,) = marks(self.found(), SPAN)
        self.assertEqual(mark.text, "CREATE TABLE t")

    def test_marks_are_few(self):
        for minute in range(56, 0, -5):
            self.hour.pass_to(minute)
            self.hour.ask(minute, b"VACUUM t")
        found = self.found()
        self.assertEqual(len(found), 12)
        self.assertEqual([mark.when for mark in marks(found, SPAN)][-1], "23:59")
        self.assertEqual(len(marks(found, SPAN)), 4)

    def test_of_another_database(self):
        self.hour.ask(10, b"VACUUM t")
        self.assertEqual(len(self.found(shape("SELECT ?"))), 1)
        other = Shape("postgresql", "other", STATEMENT, "", "SELECT ?")
        self.assertEqual(self.found(other), [])

    def test_only_those_of_a_table_are_told(self):
        self.hour.ask(30, b"ALTER TABLE orders ADD COLUMN a int")
        self.hour.ask(30, b"ALTER TABLE account ADD COLUMN a int")
        of = shape("SELECT a FROM account", summary="SELECT account")
        found = self.found(of)
        place = found[0].column
        self.assertIn("account", said(found, place, SPAN, of).text)
        self.assertIn("account", said(found, place + 1, SPAN, of).text)
        self.assertIsNone(said(found, place + 2, SPAN, of))
        self.assertIsNone(said(found, None, SPAN, of))
        other = shape("SELECT a FROM card", summary="SELECT card")
        self.assertIsNone(said(found, place, SPAN, other))

    def test_names_from_outside_show_as_text(self):
        self.hour.ask(10, b'DROP TABLE "\xe2\x80\xae<b>"')
        (mark,) = marks(self.found(), SPAN)
        self.assertIn("<U+202E>", mark.text)
