"""Columns of results: protected by their table, or by the statement's tree."""

from acra_twisted.encryption.plan import ResultColumn
from acra_twisted.results import Columns
from tests.support.encryptors import AGE, NAME, ColumnsCase

#: Any number of columns.
REST = ResultColumn(None, True)


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
        meaning = snapshot.meaning_of([REST if one is ... else ResultColumn(one) for one in tree])
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

    def test_columns_before_and_behind_those_that_are_not_known_have_their_places(self):
        meaning = self.successResultOf(self.learn()).meaning_of(
            (ResultColumn(NAME), REST, ResultColumn(None), ResultColumn(AGE))
        )
        for between in range(3):
            places = [(0, 0), *[(99, 1)] * between, (99, 2), (0, 0)]
            found = meaning.settings(self.described(*places))
            self.assertEqual(found, [NAME, *[None] * between, None, AGE])

    def test_those_between_two_are_told_by_their_tables(self):
        tree = (REST, ResultColumn(NAME), ResultColumn(NAME), REST)
        meaning = self.successResultOf(self.learn()).meaning_of(tree)
        found = meaning.settings(self.described((99, 1), (7, 2), (99, 2), (7, 2)))
        self.assertEqual(found, [None, NAME, None, NAME])
        for places in (
            [(99, 1), (7, 2), (99, 2)],
            [(99, 1), (7, 2), (7, 3)],
            [(7, 2)],
        ):
            self.assertIsNone(meaning.settings(self.described(*places)))

    def test_a_table_that_was_made_past_the_server_is_known_among_columns_that_are_not(self):
        for tree, expected in (
            ((None, NAME, ...), [None, NAME, None]),
            ((..., None, NAME), [None, None, NAME]),
        ):
            at = 0 if tree[0] is ... else 2
            places = [(99, 1), (99, 2)]
            places.insert(at, (88, 1))
            for order, shown in (([b"id", b"name"], expected), ([b"name", b"id"], None)):
                order.insert(at, b"other")
                self.assertEqual(self.judged(tree, *places, names=order), shown)

    def test_a_table_that_is_not_protected_may_be_any(self):
        meaning = self.successResultOf(self.learn()).meaning_of(
            (ResultColumn(NAME), ResultColumn(None))
        )
        described = self.described((7, 2), (99, 1), names=[b"x", b"name"])
        self.assertEqual(meaning.settings(described), [NAME, None])
        self.assertIsNotNone(self.columns.snapshot(self.session, self.known))
