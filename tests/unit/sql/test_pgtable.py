"""The table of decisions: what is read, and how a name is looked up."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import pgtable

FUNCTIONS = """# a reason
[runs]
# SQL given as text
stat rewrite/2 cross*
[names -1]
move
[tells 0 behind one two]
show
[behind one]
give
[harmless]
rewrite upper
[harmless in extensions]
similar
[types]
text
[operators]
# + -
[operators in extensions]
%
"""
RELATIONS = """
[statistics]
pg_stats
[of pg_authid pg_roles]
pg_shadow
[plain]
pg_class
"""


class Reading(SynchronousTestCase):
    def setUp(self):
        self.table = pgtable.read(FUNCTIONS, RELATIONS)

    def kind(self, name, count=1):
        found = self.table.function(name, count)
        return found and found.kind

    def test_by_name_number_of_arguments_and_family(self):
        self.assertEqual(self.kind("stat"), "runs")
        self.assertEqual(self.kind("rewrite", 2), "runs")
        self.assertEqual(self.kind("rewrite", 3), "harmless")
        self.assertEqual(self.kind("crosstab9"), "runs")
        self.assertEqual(self.table.function("move", 1).place, "-1")
        self.assertEqual(self.table.function("show", 1), ("tells", "0", ("one", "two")))
        self.assertEqual(self.table.function("give", 1), ("behind", "", ("one",)))
        self.assertIsNone(self.kind("nobody"))

    def test_the_worst_form_of_a_function(self):
        self.assertEqual(self.table.worst("rewrite").kind, "runs")
        self.assertEqual(self.table.worst("upper").kind, "harmless")
        self.assertIsNone(self.table.worst("nobody"))

    def test_whose_a_qualified_name_is(self):
        for names, known in (
            (["upper"], True),
            (["pg_catalog", "upper"], True),
            (["own", "upper"], False),
            (["own", "similar"], True),
            (["text"], True),
            (["nobody"], False),
        ):
            self.assertEqual(self.table.knows(names), known, names)

    def test_operators(self):
        for names, known in (
            (["#"], True),
            (["pg_catalog", "+"], True),
            (["own", "+"], False),
            (["own", "%"], True),
            (["@@@@"], False),
        ):
            self.assertEqual(self.table.knows_operator(names), known, names)

    def test_relations(self):
        self.assertEqual(self.table.statistics, {"pg_stats"})
        self.assertEqual(self.table.shown_by("pg_shadow"), ("pg_authid", "pg_roles"))
        self.assertEqual(self.table.shown_by("pg_class"), ())
        self.assertTrue(self.table.knows_relation("pg_class"))
        self.assertFalse(self.table.knows_relation("products"))

    def test_a_class_that_is_none(self):
        with self.assertRaisesRegex(ValueError, "no class"):
            pgtable.read("[harmles]\nupper\n", "")


class Project(SynchronousTestCase):
    """The project's own table has some functions of each class."""

    def test_classes(self):
        for name, count, kind in (
            ("upper", 1, "harmless"),
            ("ts_rewrite", 2, "runs"),
            ("ts_rewrite", 3, "harmless"),
            ("dblink_exec", 2, "runs"),
            ("pg_read_binary_file", 1, "files"),
            ("get_raw_page", 2, "shows"),
            ("pg_logical_slot_peek_changes", 3, "shows"),
            ("verify_heapam", 1, "names"),
            ("nextval", 1, "names"),
            ("pg_relation_size", 1, "tells"),
            ("pg_terminate_backend", 1, "acts"),
            ("pg_stat_get_activity", 1, "behind"),
            ("lo_get", 1, "behind"),
        ):
            self.assertEqual(pgtable.decisions().function(name, count).kind, kind, name)
