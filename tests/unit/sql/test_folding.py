"""The parts left out of a long text are copies of others, but for their values."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import folding, lexer

PG, MY = b'"', b"`"


def folded(text, keep=2, quote=PG):
    """Fold by expressions; by tokens it must be the same."""
    plain = folding.fold(text, folding.cut_plain(text, quote), keep)
    cut = folding.cut_tokens(text, lexer.tokens(text, True, 1_000_000))
    assert folding.fold(text, cut, keep) == plain, text
    assert folding.is_plain(plain.text, quote)
    return plain


class Lists(SynchronousTestCase):
    def test_elements_between_commas(self):
        for before, element, behind in (
            (b"SELECT 1 FROM t WHERE a IN (", b"5", b") AND b"),
            (b"INSERT INTO t VALUES ", b"($1::VARCHAR, NULL, 'x')", b" RETURNING a"),
            (b"SELECT ", b"lower('x')::text", b" FROM t"),
            (b"INSERT INTO t VALUES ", b"(f(g(1), (2, 'x')), -3)", b""),
            (b'UPDATE t SET "a, (" = f(', b"g(\"b,(\", 'x')", b")"),
        ):
            text = before + b", ".join([element] * 100) + behind
            # The first and the last one stay where they are.
            self.assertEqual(folded(text).text, before + b", ".join([element] * 4) + behind)
            self.assertEqual(folded(text, 50).text, before + b", ".join([element] * 52) + behind)

    def test_elements_between_operators(self):
        for joint in (b" OR ", b" AND ", b" || ", b"+", b"\nor "):
            for element in (b"a = 'x'", b"f(1, b)", b"(a = 1 AND b = 2)"):
                if joint.upper() == b" AND " and b"AND" in element:
                    continue
                text = b"SELECT c WHERE " + joint.join([element] * 100) + b" ORDER BY 1"
                left = b"SELECT c WHERE " + joint.join([element] * 4) + b" ORDER BY 1"
                self.assertEqual(folded(text).text, left)

    def test_values_stay_with_their_elements(self):
        text = b"VALUES " + b", ".join(b"(%d, 'x%d')" % (n, n) for n in range(50))
        self.assertEqual(folded(text).text, b"VALUES (0, 'x0'), (1, 'x1'), (2, 'x2'), (49, 'x49')")

    def test_what_is_not_left_out(self):
        for text in (
            b"SELECT " + b"a, " * 100 + b"b",
            b"SELECT " + b", ".join(b"a%d" % n for n in range(100)),
            b"SELECT " + b"(SELECT a WHERE b = 1), " * 100 + b"b",
            b"SELECT 1" + b" UNION ALL SELECT 1" * 100,
            b"SELECT 1 WHERE a = b" + b" OR a = b" * 100 + b"c",
            b"SELECT f(1, f(1, f(1, f(1, f(1, f(1, 2))))))",
            b"SELECT " + b"f(1, " * 100 + b"2" + b")" * 100,
        ):
            self.assertEqual(folded(text), (text, True, False))

    def test_the_last_of_a_chain_may_go_on(self):
        text = b"SELECT 1 WHERE a = 1 OR b" + b" OR a = 1" * 100 + b" AND secrets"
        self.assertIn(b"secrets", folded(text).text)
        text = b"SELECT 1 WHERE b" + b" OR f(1) = a" * 100 + b"bc"
        self.assertEqual(folded(text, 1).text, b"SELECT 1 WHERE b OR f(1) = a OR f(1) = abc")

    def test_a_default_is_no_value(self):
        rows = [b"(1, 2)"] * 50
        self.assertTrue(folded(b"VALUES " + b", ".join(rows)).alike)
        rows[20] = b"(1, DEFAULT)"
        self.assertFalse(folded(b"VALUES " + b", ".join(rows)).alike)

    def test_long_ones_are_cut_in_pieces(self):
        text = b"INSERT INTO t VALUES " + b", ".join(b"(%d, 'x')" % n for n in range(60_000))
        self.assertEqual(len(folded(text).text), 63)
        text = b"SELECT f(" + b"'" + b"y" * 300_000 + b"'" + b", 'x'" * 30_000 + b", '--') FROM t"
        left = folded(text).text
        self.assertEqual(left[300_010:], b"', 'x', 'x', '--') FROM t")


class Plain(SynchronousTestCase):
    def test_odd_texts_are_left_to_the_lexer(self):
        for text in (
            b"SELECT E'a', " + b"1, " * 99 + b"2",
            b"SELECT 'a\\', " + b"1, " * 99 + b"2",
            b"SELECT 1 -- ', 2" + b"\n, 1" * 99,
            b"SELECT $a$ 1, $a$, " + b"1, " * 99 + b"2",
            b"SELECT 'it''s', " + b"1, " * 99 + b"2",
            b"SELECT 'a" + b", 1" * 99,
            b"SELECT \x01" + b", 1" * 99,
            b"SELECT 1e5" + b", 1e5" * 99,
        ):
            cut = folding.cut_plain(text, PG)
            if cut is not None:
                left = folding.fold(text, cut, 1).text
                self.assertFalse(folding.is_plain(left, PG), text)

    def test_parameters_and_names_of_mysql(self):
        text = b"INSERT INTO `a, b` VALUES " + b"(?, 'x'), " * 100 + b"(?, ?)"
        left = folding.fold(text, folding.cut_plain(text, MY), 1)
        self.assertEqual(left.text, b"INSERT INTO `a, b` VALUES (?, 'x'), (?, 'x'), (?, ?)")

    @given(
        st.lists(
            st.sampled_from(
                [b"1", b"'x'", b"$1", b"NULL", b", ", b",", b"(", b")", b"a", b" OR ", b"-", b"'"]
                + [
                    b'"',
                    b"\\",
                    b"E'",
                    b"--",
                    b"/*",
                    b"*/",
                    b"\n",
                    b"1e5",
                    b"[",
                    b"]",
                    b"$$",
                    b"'',",
                ]
            ),
            max_size=12,
        ),
        st.integers(1, 60),
    )
    def test_any_text_by_expressions_is_as_by_tokens(self, parts, times):
        text = b"SELECT " + b"".join(parts) * times
        cut = folding.cut_plain(text, PG)
        if cut is None:
            return
        left = folding.fold(text, cut, 1)
        # Behind a parameter a word is left where it is.
        if not folding.is_plain(left.text, PG) or re.search(rb"\$[0-9]+[A-Za-z]", text):
            return
        try:
            tokens = lexer.tokens(text)
        except LexError:
            # An operator that is too long, say: so it is in what is left.
            self.assertRaises(LexError, lexer.tokens, left.text)
            return
        other = folding.cut_tokens(text, tokens)
        self.assertEqual(other.values, cut.values)
        self.assertEqual(folding.fold(text, other, 1).text, left.text)

    @given(st.lists(st.sampled_from([b"1", b", ", b"'x'", b"a", b"'", b'"', b" ", b"(", b")"])))
    def test_windows_do_not_show(self, parts):
        """Wherever a window ends."""
        text = b"".join(parts)
        whole = folding.cut_plain(text, PG)
        if whole is None or not folding.is_plain(text, PG):
            return
        self.patch(folding, "_WINDOW", 7)
        found = folding.cut_plain(text, PG)
        self.patch(folding, "_WINDOW", 1 << 16)
        if found is not None:
            self.assertEqual(found, whole)


class Cost(SynchronousTestCase):
    def test_each_step_is_short(self):
        """A thread that folds gives the interpreter up between two calls of an expression."""
        looked_at = []

        class Counted:
            def __init__(self, expression):
                self.expression = expression

            def search(self, text, at, end):
                looked_at.append(min(end, len(text)) - at)
                return self.expression.search(text, at, end)

            def split(self, text):
                looked_at.append(len(text))
                return self.expression.split(text)

        for name in ("_PLACE", "_JOINT"):
            self.patch(folding, name, Counted(getattr(folding, name)))
        self.patch(folding, "_VALUES", {PG: Counted(folding._VALUES[PG])})
        for piece in (
            b"a ",
            b"a,",
            b"'a'\n",
            b"1+",
            b" OR a=b ",
            b"((a),",
            b'"',
            b"1 , ",
            b"(1,now()),",
        ):
            text = b"SELECT " + piece * (500_000 // len(piece))
            looked_at.clear()
            cut = folding.cut_plain(text, PG) or folding.Cut(text, [])
            folding.fold(text, cut, 1)
            self.assertLessEqual(max(looked_at), 1 << 16, piece)
