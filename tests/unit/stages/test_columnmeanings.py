"""Columns of results: protected by their table, or by the statement's tree."""

from acra_twisted.encryption.plan import ResultColumn
from acra_twisted.results import Columns
from tests.support.encryptors import NAME, ColumnsCase


class Results(ColumnsCase):
    def described(self, *places, names=()):
        tables, attributes = zip(*places, strict=True)
        nothing = [0] * len(places)
        names = names or [b""] * len(places)
        return Columns(names, tables, nothing, nothing, attributes=attributes)

    def test_the_table_counts_before_the_tree(self):
        snapshot = self.successResultOf(self.learn())
        tree = (ResultColumn(NAME), ResultColumn(None), ResultColumn(NAME))
        meaning = snapshot.meaning_of(tree)
        self.assertIs(snapshot.meaning_of(list(tree)), meaning)
        found = meaning.settings(self.described((7, 2), (7, 2), (0, 0)))
        self.assertEqual(found, [NAME, NAME, NAME])
        self.assertIs(snapshot.meaning_of(None), snapshot.meaning)
        self.assertIs(snapshot.meaning_of((ResultColumn(None),)), snapshot.meaning)
        self.assertEqual(snapshot.meaning.settings(self.described((7, 2), (7, 1))), [NAME, None])

    def judged(self, tree, *places, names=()):
        """The settings by a tree for what is described; whether that makes the schema doubtful, or
        outdated."""
        self.setUp()
        snapshot = self.successResultOf(self.learn())
        self.now += 2
        meaning = snapshot.meaning_of([ResultColumn(setting) for setting in tree])
        found = meaning.settings(self.described(*places, names=names))
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
        self.database.fails = True
        learned = self.learn()
        if found is None:
            self.failureResultOf(learned)
        else:
            self.assertIs(self.successResultOf(learned), snapshot)
        return found

    def test_the_columns_of_a_table_that_was_made_past_the_server_are_known_by_name(self):
        """Their table has another number, or they have."""
        both = (None, NAME)
        for table, attribute in ((99, 2), (7, 9)):
            places = ((table, 1), (table, attribute))
            self.assertEqual(self.judged(both, *places, names=[b"id", b"name"]), [None, NAME])

    def test_nothing_is_shown_if_the_names_do_not_agree(self):
        both = (None, NAME)
        for names in ([b"name", b"id"], [b"id", b"id"], [b"name", b"name"]):
            self.assertIsNone(self.judged(both, (99, 1), (99, 2), names=names))
        self.assertIsNone(self.judged(both, (99, 2), names=[b"name"]))
        self.assertIsNone(self.judged(both, (7, 1), (7, 2), (7, 3)))

    def test_a_table_that_is_not_protected_may_be_any(self):
        meaning = self.successResultOf(self.learn()).meaning_of(
            (ResultColumn(NAME), ResultColumn(None))
        )
        described = self.described((7, 2), (99, 1), names=[b"x", b"name"])
        self.assertEqual(meaning.settings(described), [NAME, None])
        self.assertIsNotNone(self.columns.snapshot(self.session, self.known))
