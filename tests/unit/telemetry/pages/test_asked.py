"""Tables and shapes of statements as they are shown."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.redact import Redacted
from acra_twisted.telemetry.figures.shapes import shape_of
from acra_twisted.telemetry.pages.asked import is_of_shape, names_table, shape_id

TEXT = "SELECT a FROM t WHERE b = ?"
SHAPE = shape_of("postgresql", "shop", "query", Redacted(TEXT, "SELECT t"))


class Statements(SynchronousTestCase):
    def test_shapes(self):
        self.assertEqual(shape_id("postgresql", "shop", "SELECT t", TEXT), SHAPE.id)
        prepared = shape_id("postgresql", "shop", "prepare SELECT t", TEXT)
        self.assertNotIn(prepared, (SHAPE.id, ""))
        self.assertEqual(shape_id("postgresql", "shop", "startup", ""), "")
        for kind in ("bulk", "fetch"):
            of_kind = shape_of("mariadb", "shop", kind, Redacted(TEXT, "SELECT t"))
            self.assertEqual(shape_id("mariadb", "shop", f"{kind} SELECT t", TEXT), of_kind.id)

    def test_a_shape_of_an_unknown_system(self):
        self.assertTrue(is_of_shape(SHAPE.id, "shop", "SELECT t", TEXT))
        self.assertFalse(is_of_shape(SHAPE.id, "shop", "prepare SELECT t", TEXT))
        self.assertFalse(is_of_shape(SHAPE.id, "other", "SELECT t", TEXT))

    def test_tables(self):
        for table, fits in (("t", True), ("shop.t", True), ("hop.t", False), ("u", False)):
            self.assertIs(names_table("SELECT shop.T orders", table), fits)
