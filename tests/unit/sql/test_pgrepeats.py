"""Parts of PostgreSQL's texts that its parser repeats, counted before it is asked."""

from __future__ import annotations

import json

import pgparse
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import lexer
from acra_twisted.sql.pgrepeats import repeated

MOST = 1_000_000
#: Characters of a tree as JSON for each token of a text, at most.
TREE = 300
_NAMES = st.lists(st.sampled_from(("a", "b[1]", "c.d", "e[f(1, 2)]")), min_size=1, max_size=6)
_OPERANDS = st.sampled_from(
    ("1", "x.from", "x.where", "x IS DISTINCT FROM y", "CASE WHEN x THEN y END", "ROW(1, 2)", "'s'")
)
_BEHIND = st.sampled_from(
    ("", " WHERE x = 1", " FROM y", " RETURNING *", ", z = 1", ", (p, q) = (1, 2)", "/* ) */")
)


def _update(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda names, value, behind: f"UPDATE t SET ({', '.join(names)}) = {value}{behind}",
        _NAMES,
        st.one_of(
            st.builds("{} || (WITH w AS ({}) SELECT 1, 2)".format, _OPERANDS, inner),
            st.builds("(SELECT 1 FROM ({}) AS w)".format, st.just("SELECT 1")),
            st.builds("(WITH w AS ({}) SELECT 1, 2)".format, inner),
        ),
        _BEHIND,
    )


UPDATES = st.recursive(st.just("SELECT 1"), _update, max_leaves=4)


def counted(text: str, most: int = MOST) -> tuple[int, int]:
    raw = text.encode()
    return repeated(raw, lexer.tokens(raw, True), most)


class Counts(SynchronousTestCase):
    def test_what_is_assigned_to_several_columns_counts_for_each(self):
        # = ( SELECT 1 , 2 , 3 ), twice more.
        self.assertEqual(counted("UPDATE t SET (a, b, c) = (SELECT 1, 2, 3)"), (18, 22))
        self.assertEqual(counted("UPDATE t SET z=1, (a, b) = ROW(x, y)"), (7, 9))
        behind = counted("UPDATE t SET (a, b) = (1, 2)")
        for more in (" WHERE x = 1", " RETURNING *", " FROM y", ", z = 1", "; SELECT 1"):
            self.assertGreaterEqual(
                behind[0] + 1, counted(f"UPDATE t SET (a, b) = (1, 2){more}")[0]
            )

    def test_nothing_else_is_repeated(self):
        for text in (
            "UPDATE t SET a = (SELECT 1, 2, 3), b = 2 WHERE (a, b) = (1, 2)",
            "SELECT 1, (a, b) = (1, 2)",
            "SELECT (a, b) = (1, 2) FROM t SET (a, b) <> (1, 2)",
            "INSERT INTO t (a, b) VALUES (1, 2) ON CONFLICT (a, b) DO UPDATE SET a = 1",
            "UPDATE t SET (a) = (SELECT 1)",
        ):
            with self.subTest(text):
                self.assertEqual(counted(text), (0, 0))

    def test_those_inside_each_other_multiply(self):
        text, counts = "SELECT 1", []
        for _ in range(30):
            text = f"UPDATE t SET (a, b, c) = (WITH w AS ({text}) SELECT 1)"
            counts.append(counted(text)[0])
        for before, after in zip(counts[:7], counts[1:8], strict=True):
            self.assertGreater(after, 3 * before)
        self.assertLess(counts[-1], 2 * MOST)
        self.assertGreaterEqual(counts[-1], MOST)

    @settings(max_examples=200, deadline=None)
    @given(UPDATES)
    def test_no_tree_is_larger_than_the_tokens_that_are_counted(self, text):
        raw = text.encode()
        try:
            tree = pgparse.parse(text)
        except pgparse.PGQueryError:
            return
        many = len(lexer.tokens(raw, True)) + counted(text)[0]
        self.assertLessEqual(len(json.dumps(tree)), TREE * many, text)
