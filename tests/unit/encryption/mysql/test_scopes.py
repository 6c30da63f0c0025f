"""Meanings of columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import values
from acra_twisted.encryption.mysql.scopes import Range, Scope, renamed
from acra_twisted.encryption.mysql.values import OPEN, PLAIN, Leaf, Output
from tests.support.mysqlplanning import AGE, EMAIL

_EMAIL = (Leaf(values.PROTECTED, EMAIL),)
_PEOPLE = Range("p", [Output("id", PLAIN), Output("email", _EMAIL)], None)
_OTHER = Range("o", OPEN)


def kind(scope, *names):
    return scope.column(names, str.lower)[0].kind


class Columns(SynchronousTestCase):
    def test_by_its_table_or_alone(self):
        scope = Scope([_PEOPLE, _OTHER])
        for names in (("email",), ("EMAIL",), ("p", "email"), ("P", "Email")):
            self.assertEqual(kind(scope, *names), values.PROTECTED)
        for names in (("id",), ("x",), ("o", "email"), ("p", "id")):
            self.assertEqual(kind(scope, *names), values.OTHER)

    def test_one_that_is_not_there(self):
        scope = Scope([_PEOPLE])
        for names in (("emial",), ("p", "emial"), ("q", "email")):
            self.assertEqual(kind(scope, *names), values.UNSURE)

    def test_an_outer_one_may_be_hidden(self):
        outer = Scope([_PEOPLE])
        self.assertEqual(kind(Scope([_OTHER], outer), "email"), values.UNSURE)
        self.assertEqual(kind(Scope([_OTHER], outer), "p", "email"), values.PROTECTED)
        inner = Scope([Range("q", [Output("x", PLAIN)])], outer)
        self.assertEqual(kind(inner, "email"), values.PROTECTED)

    def test_two_of_a_name(self):
        other = Range("q", [Output("email", PLAIN)])
        same = _PEOPLE._replace(name="r")
        self.assertEqual(kind(Scope([_PEOPLE, other]), "email"), values.UNSURE)
        self.assertEqual(kind(Scope([_PEOPLE, same]), "email"), values.PROTECTED)
        alias = [Output("email", (Leaf(values.PROTECTED, AGE),))]
        self.assertEqual(kind(Scope([_PEOPLE], aliases=alias), "email"), values.UNSURE)

    def test_two_tables_of_a_name(self):
        """Databases may each have a table of one name, and only one of them the column."""
        here = _PEOPLE._replace(database="shop")
        there = Range("p", OPEN, "other")
        closed = Range("p", [Output("x", PLAIN)], "other")
        for ranges in ([here, there], [there, here]):
            scope = Scope(ranges)
            self.assertEqual(kind(scope, "shop", "p", "email"), values.PROTECTED)
            self.assertEqual(kind(scope, "other", "p", "email"), values.OTHER)
            self.assertEqual(kind(scope, "p", "email"), values.UNSURE)
            self.assertEqual(kind(scope, "p", "x"), values.OTHER)
            self.assertEqual(kind(scope, "third", "p", "email"), values.UNSURE)
        self.assertEqual(kind(Scope([closed, here]), "p", "email"), values.PROTECTED)
        self.assertEqual(kind(Scope([closed, here]), "p", "x"), values.OTHER)
        unknown = _PEOPLE._replace(database=None)
        self.assertEqual(kind(Scope([there, unknown]), "other", "p", "email"), values.UNSURE)

    def test_an_outer_table_of_the_same_name(self):
        """A column that the inner one lacks is the outer one's to a server."""
        outer = Scope([_PEOPLE])
        self.assertEqual(
            kind(Scope([_OTHER._replace(name="p")], outer), "p", "email"), values.UNSURE
        )
        closed = Range("p", [Output("x", PLAIN)])
        self.assertEqual(kind(Scope([closed], outer), "p", "email"), values.PROTECTED)
        self.assertEqual(kind(Scope([closed], outer), "p", "x"), values.OTHER)
        self.assertEqual(kind(Scope([closed], outer), "p", "z"), values.UNSURE)

    def test_columns_of_a_star_that_is_not_known(self):
        columns = [Output("", (Leaf(values.UNSURE),), True)]
        self.assertEqual(kind(Scope([Range("d", columns)]), "d", "x"), values.UNSURE)


class Renamed(SynchronousTestCase):
    def test_only_where_each_has_its_name(self):
        found = renamed(_PEOPLE.columns, ["A", "b"])
        self.assertEqual([one.name for one in found], ["a", "b"])
        self.assertIsNone(renamed(_PEOPLE.columns, ["a"]))
        self.assertIsNone(renamed(OPEN, ["a"]))
