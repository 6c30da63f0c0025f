"""MySQL's lexer: what differs from PostgreSQL, and what is refused."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql.mysqllexer import check_dashes, check_letters, tokens


def shown(text, **mode):
    return [(kind, text[a:b]) for kind, a, b in tokens(text, **mode)]


class Tokens(SynchronousTestCase):
    def test_comments(self):
        self.assertEqual(
            shown(b"a--b -- c\n# d\n/* e /* f */g"),
            [("i", b"a"), ("o", b"-"), ("o", b"-"), ("i", b"b"), ("c", b"-- c"), ("c", b"# d")]
            + [("c", b"/* e /* f */"), ("i", b"g")],
        )
        self.assertEqual(shown(b"/*+ x */"), [("h", b"/*+ x */")])

    def test_hints_with_quotes(self):
        """MySQL reads strings and quoted names in them, in which no hint ends."""
        for hint in (b"/*+ SET_VAR(a='b') BKA(`t`, \"u\") * */", b"/*+*/", b"/*+ '' */"):
            self.assertEqual(shown(hint + b"1"), [("h", hint), ("n", b"1")])
        for quote in (b"'", b'"', b"`"):
            for inside in (b"?*/ 1 -- ? ", b"a? */ 1 ?", b"x(?*/ 1", b"?a\\? *?", b" ? "):
                text = b"SELECT /*+" + inside.replace(b"?", quote) + b"*/ 2 FROM secrets"
                for mode in ({}, {"ansi_quotes": True}, {"no_backslash": True}):
                    with self.assertRaises(LexError):
                        tokens(text, **mode)

    def test_names_of_variables_in_quotes(self):
        """In double quotes they are strings, with escapes, or names, without."""
        for mode, expected in (
            ({}, [("v", rb'@"\", a"'), ("o", b","), ("v", rb"@'\', b'")]),
            ({"ansi_quotes": True}, [("v", rb'@"\"'), ("o", b","), ("i", b"a"), ("q", b'", @"')]),
            ({"no_backslash": True}, [("v", rb'@"\"'), ("o", b","), ("i", b"a"), ("s", b'", @"')]),
        ):
            text = rb"""@"\", a", @'\', b'""" if not mode else rb"""@"\", a", @" """
            self.assertEqual(shown(text, **mode), expected)

    def test_what_does_not_end_is_refused(self):
        for text in (b"'a", b'"a', b"`a", b"/* a", b"\0", b"@`a"):
            with self.assertRaises(LexError):
                tokens(text)

    def test_a_nul_is_a_character_of_strings_alone(self):
        """In a comment or a name a server stops at it."""
        for mode, text in (
            ({}, b"SELECT 'a\0b', \"\0\", '\\\0''', n'\0'"),
            ({"ansi_quotes": True, "no_backslash": True}, b"SELECT '\\\0', /*!50001 '\0' */ 1"),
        ):
            found = b"".join(part for kind, part in shown(text, **mode) if kind == "s")
            self.assertEqual(found.count(b"\0"), text.count(b"\0"), text)
        for text in (
            *(b"SELECT 1\0", b"\0SELECT 'a'", b"SELECT '\0' \0", b"SELECT 'a'\0'b'"),
            *(b"SELECT `a\0`", b"SELECT /* \0 */ 'a'", b"SELECT 1 -- \0'\n", b"SELECT 1 #'\0'"),
            *(b"SELECT @'\0'", b"SELECT /*+ '\0' */ 1", b"SELECT 1 --\0\n'\0'"),
        ):
            with self.assertRaises(LexError, msg=text):
                tokens(text)
        with self.assertRaises(LexError):
            tokens(b'SELECT "\0"', ansi_quotes=True)

    def test_minus_signs_before_a_name_beyond_ascii(self):
        signs = [("o", b"-"), ("o", b"-")]
        for text in ("/*+ x */--éb", "a--é1", "é --\xa0", "--\u3000", "(--é)", "---é"):
            found = shown(text.encode())
            self.assertIn(signs, [found[at : at + 2] for at in range(len(found))], text)

    def test_what_begins_a_comment_in_some_character_sets_is_refused_by_who_asks(self):
        for text in (b"a --\xa0b", b"--\xe1", "a--é".encode(), b"- ---\xff", b"@v--\xa0"):
            with self.assertRaises(LexError):
                check_dashes(text, tokens(text))
        for text in (b"a-\xe1 '--\xa0'", b"- -\xe1", b"--\n\xe1", b"/*--*/\xe1", b"`--`\xe1"):
            check_dashes(text, tokens(text))
        for text in ("a --\xa0b", "a --\x98b", "1 --\u3000"):
            with self.assertRaises(LexError):
                check_letters(text.encode(), tokens(text.encode()), True)
        check_letters("a--é".encode(), tokens("a--é".encode()), True)

    def test_characters_that_may_be_blanks(self):
        for text in ("p\xa0FROM", "@a\xa0", "a\x80", "a\u200e", "€", "a\x85b"):
            found = tokens(text.encode())
            for certain in (True, False):
                with self.assertRaises(LexError):
                    check_letters(text.encode(), found, certain)
        for text in ("é", "@å", "t.ж"):
            check_letters(text.encode(), tokens(text.encode()), True)
            with self.assertRaises(LexError):
                check_letters(text.encode(), tokens(text.encode()), False)
        quoted = "`p\xa0q` '\xa0' /*\xa0*/".encode()
        check_letters(quoted, tokens(quoted), False)

    def test_quotes_by_mode(self):
        self.assertEqual(shown(b'"a"'), [("s", b'"a"')])
        self.assertEqual(shown(b'"a"', ansi_quotes=True), [("q", b'"a"')])
        self.assertEqual(shown(rb"'\''"), [("s", rb"'\''")])
        with self.assertRaises(LexError):
            tokens(rb"'\''", no_backslash=True)

    def test_glued_tokens(self):
        self.assertEqual(shown(b"1e0FROM"), [("n", b"1e0"), ("i", b"FROM")])
        self.assertEqual(shown(b"1FROM"), [("i", b"1FROM")])
        self.assertEqual(shown(b"t.1a"), [("i", b"t"), ("o", b"."), ("i", b"1a")])
        self.assertEqual(shown(b"t . 1e5"), [("i", b"t"), ("o", b"."), ("n", b"1e5")])
        self.assertEqual(shown(b"select .1"), [("i", b"select"), ("n", b".1")])
        self.assertEqual(shown(b"0x1F 0xZZ b'1'"), [("x", b"0x1F"), ("i", b"0xZZ"), ("b", b"b'1'")])
        self.assertEqual(shown(rb"\N@@a.b ?"), [("k", rb"\N"), ("v", b"@@a.b"), ("p", b"?")])

    @given(st.binary(max_size=60), st.booleans(), st.booleans())
    def test_any_bytes_are_tokens_or_refused(self, text, ansi, no_backslash):
        try:
            found = tokens(text, ansi, no_backslash)
        except LexError:
            return
        self.assertEqual([t[1] for t in found], sorted(t[1] for t in found))
        for (_, _, end), (_, start, _) in zip(found, found[1:], strict=False):
            self.assertLessEqual(end, start)
