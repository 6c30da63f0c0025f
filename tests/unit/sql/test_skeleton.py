"""Skeletons: only what can be read in one way, and then as the full lexer reads it."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.sql import lexer, mysqllexer
from acra_twisted.sql.skeleton import has_key, is_plain, key_of, split, split_by_expressions

SOUP = st.lists(
    st.sampled_from(
        [b"SELECT", b"a", b"'x'", b"''", b"'", b'"q"', b'"', b"`q`", b"12", b"1.5", b".5", b"1e3"]
        + [b"$1", b"?", b"--", b"/*", b"*/", b"\n", b" ", b"(", b")", b",", b".", b"E'", b"U&'"]
        + [b"N'a'", b"=", b"-", b"+", b"\\", b"$$", b"#", b"@", b"x'1f'", b"\x01", b"\x04", b"a1"]
        + [rb"'\x1f'"]
    ),
    max_size=14,
)

BYTES = st.lists(
    st.sampled_from(
        [bytes([byte]) for byte in b"'\"`\\0129.ax_$ -e\x00\x01\x02\x03\x04\x05\x80\xc3\xa9"]
    ),
    max_size=12,
)
WORD = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$." + bytes(range(128, 256))


def number_end(text, at):
    """Where the digits at a place end, and whether they are a number of their own."""
    digits = b"0123456789"
    end = at
    while text[end : end + 1] and text[end] in digits:
        end += 1
    if at and text[at - 1] in WORD:
        return end, False
    if text[end : end + 1] == b"." and text[end + 1 : end + 2] and text[end + 1] in digits:
        end += 1
        while text[end : end + 1] and text[end] in digits:
            end += 1
    return end, not (text[end : end + 1] and text[end] in WORD)


def quoted_end(text, at, quote):
    """Where the string or name at a place ends; None if it does not."""
    end = text.find(text[at : at + 1], at + 1)
    inside = text[at + 1 : end]
    if end < 0 or b"\0" in inside or inside[-1:] == b"\\":
        return None
    may_have_backslashes = quote == b'"' and text[at : at + 1] == b"'"
    return None if b"\\" in inside and not may_have_backslashes else end + 1


def model(text, quote):
    """A model of `split`, byte by byte."""
    if any(mark in text for mark in (1, 2, 4)):
        return None
    try:
        text.decode()
    except UnicodeDecodeError:
        return None
    key, judged, literals, at = b"", b"", [], 0
    while at < len(text):
        byte, end, found = text[at : at + 1], at + 1, False
        if byte.isdigit():
            end, found = number_end(text, at)
        elif byte in (b"'", quote):
            closed = quoted_end(text, at, quote)
            found = closed is not None and (byte == b"'" or closed > at + 2)
            end = closed if found else end
        piece = text[at:end]
        if found and byte == quote:
            key, judged = key + piece, judged + b"\x02"
        elif found:
            literals.append(piece)
            mark = b"\x01" if byte == b"'" else b"\x04"
            key, judged = key + mark, judged + mark
        else:
            key, judged = key + piece, judged + piece
        at = end
    return key, literals, judged


class TwoForms(SynchronousTestCase):
    """The form that is used here, and the interpreted one."""

    def check(self, text):
        for quote in (b'"', b"`"):
            expected = model(text, quote)
            self.assertEqual(split(text, quote), expected, text)
            self.assertEqual(split_by_expressions(text, quote), expected, text)
            self.assertEqual(key_of(text, quote), expected and expected[0], text)

    def test_a_statement(self):
        expected = (
            b'SELECT "a" FROM t WHERE b = \x01 AND c1 = \x04',
            [b"'x'", b"2.50"],
            b"SELECT \x02 FROM t WHERE b = \x01 AND c1 = \x04",
        )
        text = b"SELECT \"a\" FROM t WHERE b = 'x' AND c1 = 2.50"
        self.assertEqual(split(text, b'"'), expected)
        self.assertEqual(model(text, b'"'), expected)

    def test_a_long_one(self):
        self.check(b"SELECT 'x', 1.5, \"n\"" * 100)

    @settings(max_examples=1000)
    @given(st.one_of(SOUP, BYTES).map(b"".join))
    @example(b"")
    @example(b"1.5.5")
    @example(b"'a''b'")
    @example(rb"'\x1f' 'a\' 'b\\'")
    @example(rb"'\'")
    @example(b'""a"')
    @example("'\u00e9' 1".encode())
    @example(b"'\xff' 1")
    def test_as_the_model(self, text):
        self.check(text)

    @settings(max_examples=300)
    @given(st.binary(max_size=40))
    def test_of_any_bytes(self, text):
        self.check(text)


def simply_has_key(text, key):
    simple = re.escape(key).replace(b"\x04", b"[0-9]+").replace(b"\x01", rb"'[ !-&(-\[\]-~]*'")
    return re.fullmatch(simple, text) is not None


class HasKey(SynchronousTestCase):
    def check(self, text, of):
        for quote in (b'"', b"`"):
            cut = split(of, quote)
            if cut is None or not is_plain(cut[2]):
                continue
            found = has_key(text, cut[0])
            self.assertEqual(found, COMPILED and simply_has_key(text, cut[0]), (text, cut[0]))
            if simply_has_key(text, cut[0]):
                again = split(text, quote)
                self.assertEqual((again[0], again[2]), (cut[0], cut[2]), text)

    def test_statements(self):
        of = b"SELECT \"a 1\" FROM t WHERE b = 'x' AND c1 = 2.50"
        for text, expected in (
            (b"SELECT \"a 1\" FROM t WHERE b = '' AND c1 = 9", True),
            (b'SELECT "a 1" FROM t WHERE b = \'a " b\' AND c1 = 0123456789', True),
            (b"SELECT \"a 2\" FROM t WHERE b = '' AND c1 = 9", False),
            (b"SELECT \"a 1\" FROM t WHERE b = '' AND c1 = 9.5", False),
            (b"SELECT \"a 1\" FROM t WHERE b = '' AND c1 = 9 ", False),
            (b"SELECT \"a 1\" FROM t WHERE b = '' AND c1 = ", False),
            (b"SELECT \"a 1\" FROM t WHERE b = 'a' AND c1 = x", False),
            (b"SELECT \"a 1\" FROM t WHERE b = 'a\\' AND c1 = 9", False),
            (b"SELECT \"a 1\" FROM t WHERE b = '\xc3\xa4' AND c1 = 9", False),
            (b"SELECT \"a 1\" FROM t WHERE b = '\x01' AND c1 = 9", False),
            (b'SELECT "a 1" FROM t WHERE b = \'x', False),
            (b'SELECT "a 1" FROM t WHERE b = \x01 AND c1 = \x04', False),
            (b'SELECT "a 1" FROM t WHERE b = \x01 AND c1 = 9', False),
            (b"", False),
        ):
            self.assertEqual(simply_has_key(text, key_of(of, b'"')), expected, text)
            self.check(text, of)

    def test_a_byte_that_differs_at_any_place(self):
        for size in range(24):
            name = b"t" * size
            of = b"SELECT a FROM " + name + b" WHERE b = 'x' AND c = 25 AND " + name + b".d = a"
            for place in range(len(of)):
                for byte in (b"x", b"5", b"'", b"\x01", b"\x04"):
                    self.check(of[:place] + byte + of[place + 1 :], of)
            for text in (of + b"x", of[:-1], of + b" "):
                self.check(text, of)

    @settings(max_examples=400)
    @given(SOUP, st.data())
    def test_a_text_that_has_it_is_cut_to_it(self, parts, data):
        literals = st.sampled_from([b"'x'", b"'a \" `b'", b"''", b"7", b"1234567", b"0"])
        other = [
            data.draw(literals) if part[:1] == b"'" or part.isdigit() else part for part in parts
        ]
        for join in (b"".join, b" ".join):
            self.check(join(other), join(parts))

    @settings(max_examples=300)
    @given(BYTES, BYTES)
    def test_of_other_bytes(self, some, others):
        self.check(b"".join(some), b"".join(others))
        self.check(b"".join(some + others), b"".join(some))


class Split(SynchronousTestCase):
    def test_the_key_has_marks_for_literals(self):
        found = split(b"SELECT a FROM t WHERE b = 'x' AND c1 = 25", b'"')
        self.assertEqual(found[0], b"SELECT a FROM t WHERE b = \x01 AND c1 = \x04")
        self.assertEqual(found[1], [b"'x'", b"25"])
        self.assertTrue(is_plain(found[2]))

    def test_names_stay_in_the_key(self):
        found = split(b'SELECT "a 1" FROM "t" WHERE b = 1', b'"')
        self.assertEqual(found[0], b'SELECT "a 1" FROM "t" WHERE b = \x04')
        self.assertTrue(is_plain(found[2]))

    def test_forged_marks_and_bad_bytes_are_not_split(self):
        for text in (b"SELECT \x01", b"SELECT \x04", b"SELECT \x02", b"SELECT '\xff'"):
            self.assertIsNone(split(text, b'"'))

    def test_what_may_be_read_in_two_ways_is_not_plain(self):
        for text in (b"SELECT 'a' 'b'", b"SELECT E'a'", b"SELECT 1 -- 'x'", b"SELECT 'a\\'b'"):
            self.assertFalse(is_plain(split(text, b'"')[2]), text)

    def test_a_string_of_postgresql_may_hold_backslashes(self):
        text = rb"INSERT INTO t VALUES (1, '\x1f', 'a\b')"
        self.assertEqual(
            split(text, b'"')[:2],
            (b"INSERT INTO t VALUES (\x04, \x01, \x01)", [b"1", rb"'\x1f'", rb"'a\b'"]),
        )
        self.assertTrue(is_plain(split(text, b'"')[2]))
        # In MySQL it may be another value.
        self.assertFalse(is_plain(split(text, b"`")[2]))

    def test_a_backslash_before_a_quote_may_have_been_meant_to_escape_it(self):
        for text in (rb"SELECT 'a\'", rb"SELECT 'a\\'", rb"SELECT 'a\' || b || 'c'"):
            self.assertFalse(is_plain(split(text, b'"')[2]), text)

    @settings(max_examples=400)
    @given(SOUP)
    def test_plain_texts_are_split_alike_whether_backslashes_escape_or_not(self, parts):
        for text in (b"".join(parts), b" ".join(parts)):
            found = split(text, b'"')
            if found is None or not is_plain(found[2]):
                continue
            read = []
            for conforming in (True, False):
                try:
                    read.append(lexer.tokens(text, conforming))
                except LexError:
                    read.append(None)
            self.assertEqual(read[0], read[1], text)

    def check(self, text, quote, tokens):
        found = split(text, quote)
        if found is None or not is_plain(found[2]):
            return
        try:
            full = tokens(text)
        except LexError:
            # Refused by the lexer: such a plan is never made, so the key is never kept.
            return
        literals = [text[a:b] for kind, a, b in full if kind in lexer.LITERALS]
        self.assertEqual(found[1], literals)

    @settings(max_examples=400)
    @given(SOUP)
    def test_plain_texts_have_the_literals_of_the_full_lexer(self, parts):
        for text in (b"".join(parts), b" ".join(parts)):
            self.check(text, b'"', lexer.tokens)
            self.check(text, b"`", mysqllexer.tokens)
