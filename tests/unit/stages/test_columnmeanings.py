"""Columns of results: protected by their table, or by the statement's tree."""

from acra_twisted.encryption.plan import ResultColumn
from acra_twisted.results import Columns
from tests.support.encryptors import NAME, ColumnsCase


class Results(ColumnsCase):
    def described(self, *places):
        tables, attributes = zip(*places, strict=True)
        nothing = [0] * len(places)
        return Columns([b""] * len(places), tables, nothing, nothing, attributes=attributes)

    def test_the_table_counts_before_the_tree(self):
        snapshot = self.successResultOf(self.learn())
        tree = (ResultColumn(NAME), ResultColumn(None), ResultColumn(NAME))
        meaning = snapshot.meaning_of(tree)
        self.assertIs(snapshot.meaning_of(list(tree)), meaning)
        found = meaning.settings(self.described((7, 1), (7, 2), (0, 0)))
        self.assertEqual(found, [None, NAME, NAME])
        # Another number of columns than the tree has: only the database is believed.
        self.assertEqual(meaning.settings(self.described((7, 2), (0, 0))), [NAME, None])
        self.assertIs(snapshot.meaning_of(None), snapshot.meaning)
        self.assertIs(snapshot.meaning_of((ResultColumn(None),)), snapshot.meaning)
        self.assertEqual(snapshot.meaning.settings(self.described((7, 2), (7, 1))), [NAME, None])

    def test_a_table_that_nobody_knows_makes_the_schema_doubtful(self):
        snapshot = self.successResultOf(self.learn())
        meaning = snapshot.meaning_of((ResultColumn(NAME),))
        self.now += 2
        self.assertIs(self.columns.snapshot(self.session, self.known), snapshot)
        self.assertEqual(meaning.settings(self.described((99, 2))), [NAME])
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
