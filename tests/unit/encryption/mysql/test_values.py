"""Meanings of expressions."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import values
from acra_twisted.encryption.mysql.values import Leaf, Output
from tests.support.mysqlplanning import AGE, EMAIL, MAIL, NAME


class Likeness(SynchronousTestCase):
    def test_columns_that_store_equal_values_alike(self):
        self.assertTrue(values.is_alike(EMAIL, MAIL))
        self.assertTrue(values.is_alike(EMAIL, EMAIL._replace(line=5)))
        for other in (NAME, AGE, EMAIL._replace(owner="x"), EMAIL._replace(readers=frozenset("x"))):
            self.assertFalse(values.is_alike(EMAIL, other))

    def test_a_scoped_column_is_like_itself_alone(self):
        one = EMAIL._replace(scoped=True)
        self.assertTrue(values.is_alike(one, one._replace(line=3)))
        self.assertFalse(values.is_alike(one, MAIL._replace(scoped=True)))


class Values(SynchronousTestCase):
    def test_what_may_be_protected(self):
        for kind in (values.PROTECTED, values.UNSURE):
            self.assertTrue(values.is_protected([Leaf(values.OTHER), Leaf(kind)]))
        self.assertFalse(values.is_protected([Leaf(values.GIVEN), Leaf(values.NULL)]))
        self.assertEqual(values.setting_of([Leaf(values.NULL), Leaf(values.PROTECTED, AGE)]), AGE)

    def test_a_query_exposes_no_places(self):
        columns = [Output("a", (Leaf(values.GIVEN), Leaf(values.PROTECTED, AGE)), named=True)]
        found = values.exposed(columns)[0]
        self.assertEqual([leaf.kind for leaf in found.value], [values.OTHER, values.PROTECTED])
        self.assertFalse(found.named)
