"""Shapes of statements: which requests have the same one."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.redact import Redacted
from acra_twisted.telemetry.figures.shapes import OTHERS, shape_of, squeezed


class Texts(SynchronousTestCase):
    def test_lists_of_any_length_are_one_shape(self):
        self.assertEqual(squeezed("SELECT 1 IN (?, ?, ?)"), "SELECT 1 IN (?, ...)")
        self.assertEqual(squeezed("x IN (?,?)"), squeezed("x IN (?, ?,?)"))
        self.assertEqual(squeezed("x IN ($1, $2) AND y = $3"), "x IN ($1, ...) AND y = $3")
        rows = "INSERT INTO t VALUES (?, ?), (?, ?), (?, ?)"
        self.assertEqual(squeezed(rows), "INSERT INTO t VALUES (?, ...), ...")
        self.assertEqual(squeezed(rows + ", (?, ?)"), squeezed(rows))
        self.assertEqual(squeezed("VALUES (?), (?)"), "VALUES (?), ...")

    def test_other_statements_stay_as_they_are(self):
        for text in ("SELECT a, b FROM t WHERE c = ?", "f(?)", "SELECT ?", "", "?"):
            self.assertEqual(squeezed(text), text)

    def test_texts_that_were_not_read_are_one_shape(self):
        self.assertEqual(squeezed("<statement of 70000 bytes>"), squeezed("<statement of 9 bytes>"))

    @given(st.text("?$1, ()", max_size=300))
    def test_any_text(self, text):
        self.assertLessEqual(len(squeezed(text)), 5 * len(text) + 20)


class Shapes(SynchronousTestCase):
    def test_ids_are_those_of_every_daemon(self):
        shown = Redacted("SELECT ?", "SELECT")
        shape = shape_of("toydb", "shop", "query", shown)
        self.assertEqual(shape.id, shape_of("toydb", "shop", "execute", shown).id)
        others = [
            shape_of("toydb", "shop", "prepare", shown),
            shape_of("toydb", "shop2", "query", shown),
            shape_of("other", "shop", "query", shown),
            shape_of("toydb", "shop", "query", Redacted("SELECT ?, a", "SELECT")),
            shape_of("toydb", "shop", "call", None),
            shape_of("toydb", "shop", "startup", None),
            OTHERS,
        ]
        self.assertEqual(len({shape.id, *(other.id for other in others)}), 8)

    def test_kinds(self):
        kinds = [shape_of("", "", kind, None).kind for kind in ("query", "prepare", "startup")]
        self.assertEqual(kinds, ["statement", "prepare", "login"])

    def test_each_command_has_its_own(self):
        """Only logins are logins; a command that says what a statement says is a statement."""
        shown = Redacted("INSERT INTO t VALUES (?)", "INSERT t")
        for kind in ("bulk", "fetch", "reset"):
            shape = shape_of("mariadb", "shop", kind, shown)
            self.assertEqual((shape.kind, shape.summary), (kind, "INSERT t"))
        for kind in ("ping", "statistics", "reset_connection", "set_option", "command"):
            shape = shape_of("mariadb", "shop", kind, None)
            self.assertEqual((shape.kind, shape.summary, shape.text), (kind, kind, ""))
        self.assertEqual(shape_of("mariadb", "", "change_user", None).kind, "login")
        use = Redacted("USE `shop`", "USE")
        self.assertEqual(
            shape_of("mariadb", "", "init_db", use).id, shape_of("mariadb", "", "query", use).id
        )
