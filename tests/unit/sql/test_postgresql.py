"""Texts for PostgreSQL's parser: in parts, without comments and long strings, and what it takes."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, postgresql, tree
from acra_twisted.sql.tree import Table, UnparsableError


def parse(text):
    raw = text.encode()
    return postgresql.parse(raw, lexer.tokens(raw))


class Texts(SynchronousTestCase):
    def test_scripts_are_parsed_in_parts(self):
        text = "SELECT 1 FROM a; INSERT INTO b VALUES ('x', -2);" * 400 + "TABLE c"
        parsed = parse(text)
        self.assertEqual(len(parsed), 801)
        self.assertTrue(all(one.whole for one in parsed))
        ordinals = [
            (item.ordinal, item.negative)
            for one in parsed
            for item in tree.walk(one.tree)
            if type(item) is tree.Literal
        ]
        self.assertEqual(sorted(n for n, _ in ordinals), list(range(1200)))
        self.assertEqual({n % 3 for n, negative in ordinals if negative}, {2})
        self.assertEqual(parsed[-1].tables, {Table("", "c")})

    def test_long_literals_keep_what_names_something(self):
        blank = " " * 100_000
        [parsed] = parse(f"SELECT nextval('{blank}numbers'), 'a' || $${blank}$$, -1")
        self.assertEqual(parsed.tables, {Table("", "numbers")})
        [parsed] = parse(f"SELECT nextval('a {blank} . \n numbers')")
        self.assertEqual(parsed.tables, {Table("a", "numbers")})
        # No name has so many letters, and nothing is read instead of it.
        [parsed] = parse(f"SELECT nextval('{'a' * 9999}.numbers')")
        self.assertTrue(parsed.opaque)
        for literal in (
            f"'{blank}''s'",
            f"E'{blank}\\'s'",
            f"$a${blank}'$a$",
            f"'\\x{'0a' * 9999}'",
        ):
            [parsed] = parse(f"INSERT INTO t VALUES ({literal}, 'é', {literal}) RETURNING 'x'")
            self.assertTrue(parsed.whole)
            self.assertEqual(parsed.tables, {Table("", "t")})

    def test_comments_are_blanks(self):
        text = "/* a */ SELECT 1/**//**/+-2 -- b\n FROM t/**/;/*;*/ INSERT INTO/**/u "
        first, second = parse(text + "VALUES ('x', -3)--")
        self.assertEqual((first.tables, second.tables), ({Table("", "t")}, {Table("", "u")}))
        self.assertTrue(first.whole and second.whole)
        found = [i for i in tree.walk([first.tree, second.tree]) if type(i) is tree.Literal]
        self.assertEqual(
            sorted((i.ordinal, i.negative) for i in found),
            [(0, False), (1, True), (2, False), (3, True)],
        )

    def test_chains(self):
        for joint in (" || ", " + ", " UNION ALL SELECT ", " OR "):
            [parsed] = parse("SELECT a" + "".join(f"{joint}(a{n} + 7)" for n in range(400)))
            self.assertTrue(parsed.whole, joint)
            self.assertEqual(sum(type(i) is tree.Literal for i in tree.walk(parsed.tree)), 400)
        [parsed] = parse("TABLE a" + "".join(f" UNION TABLE b{n}" for n in range(400)))
        self.assertEqual(len(parsed.tables), 401)
        [parsed] = parse("SELECT 1" + " || f(a)" * 300)
        self.assertEqual(parsed.unknown, {"function f"})


class Robustness(SynchronousTestCase):
    def test_what_cannot_be_parsed(self):
        for text in ("SELECT FROM FROM", "(" * 90 + "1"):
            with self.assertRaises(UnparsableError):
                parse(text)
        with self.assertRaisesRegex(LexError, "nested too deeply"):
            parse("SELECT 1" + "+1" * 500)

    def test_nothing_is_no_statement(self):
        self.assertEqual(parse(""), [])
        self.assertEqual(parse("-- x\n;;"), [])

    @given(
        st.lists(
            st.sampled_from(
                [
                    "SELECT",
                    "FROM",
                    "t",
                    "(",
                    ")",
                    ",",
                    "1",
                    "'x'",
                    "WITH",
                    "AS",
                    "a",
                    ".",
                    ";",
                    "=",
                    "*",
                    "-",
                    "$1",
                ]
            )
        )
    )
    def test_token_soup_is_parsed_or_refused(self, words):
        try:
            parse(" ".join(words))
        except (UnparsableError, LexError):
            pass
