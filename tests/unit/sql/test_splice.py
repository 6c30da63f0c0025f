"""Splicing: bytes outside the edits are identical, and no two tokens become one."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import lexer
from acra_twisted.sql.splice import splice

TEXT = b"SELECT a FROM t WHERE b = 'x' /* c */ AND d IN (1, 2.5) AND e = E'y'"


class Splice(SynchronousTestCase):
    def test_replaces_by_position(self):
        self.assertEqual(splice(b"a=1 b=2", {(2, 3): b"'x'", (6, 7): b"y"}), b"a='x' b=y")

    def test_tokens_are_not_joined(self):
        self.assertEqual(splice(b"IN'a'OR", {(2, 5): b"x"}), b"IN x OR")
        self.assertEqual(splice(b"1-2", {(2, 3): b"-2"}), b"1- -2")

    def test_edits_must_be_disjoint(self):
        for edits in ({(0, 3): b"", (2, 4): b""}, {(3, 2): b""}, {(0, 99): b""}):
            with self.assertRaises(ValueError):
                splice(b"abcdef", edits)

    @given(st.sets(st.sampled_from([t for t in lexer.tokens(TEXT) if t[0] in lexer.LITERALS])))
    def test_the_result_has_the_same_tokens_but_for_the_edits(self, chosen):
        edits = {(start, end): b"'changed'" for _, start, end in chosen}
        changed = splice(TEXT, edits)
        after = lexer.tokens(changed)
        before = lexer.tokens(TEXT)
        self.assertEqual(len(after), len(before))
        for old, new in zip(before, after, strict=True):
            expected = b"'changed'" if old in chosen else TEXT[old[1] : old[2]]
            self.assertEqual(changed[new[1] : new[2]], expected)
