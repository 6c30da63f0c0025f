"""Words of files in the manner of pg_hba.conf: quotes, comments, and what has a special meaning."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.tokens import LINE_LIMIT, Token, lines, read, split
from acra_twisted.errors import ConfigError

TEXT = st.text(st.characters(exclude_characters="\0\n", codec="utf-8"), max_size=12)


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def texts(line, comment="#"):
    return [token.text for token in split(line, comment)]


class Splitting(SynchronousTestCase):
    def test_blanks_separate(self):
        self.assertEqual(texts("  a\tb  c \r"), ["a", "b", "c"])
        self.assertEqual(texts(""), [])
        self.assertEqual(texts(" \t "), [])

    def test_a_comment_goes_up_to_the_end(self):
        self.assertEqual(texts("a#b c"), ["a"])
        self.assertEqual(texts("# a"), [])
        self.assertEqual(texts('a "#b" # "'), ["a", "#b"])

    def test_the_sign_of_a_comment_is_the_callers(self):
        self.assertEqual(texts("a #b ;c", ";"), ["a", "#b"])

    def test_quotes_keep_blanks_and_are_no_part_of_the_text(self):
        self.assertEqual(texts('"a b"'), ["a b"])
        self.assertEqual(texts('a="b c",d'), ["a=b c,d"])

    def test_a_doubled_quote_is_one(self):
        self.assertEqual(texts('"a""b"'), ['a"b'])
        self.assertEqual(texts('""""'), ['"'])

    def test_empty_quotes_are_a_token(self):
        self.assertEqual(split('""'), [Token("", "")])
        self.assertTrue(split('""')[0].quoted)

    def test_a_token_knows_whether_all_of_it_was_quoted(self):
        found = [token.quoted for token in split('"a" b "c"d "e""f" "g" "h"i')]
        self.assertEqual(found, [True, False, False, True, True, False])

    def test_an_open_quote_is_refused(self):
        for line in ('"', '"a', 'a"b', '"a""', 'a "b #'):
            with self.assertRaisesRegex(ConfigError, "unterminated quote"):
                split(line)

    def test_nul_is_refused(self):
        for line in ("\0", "a\0", '"\0"', "#\0"):
            with self.assertRaisesRegex(ConfigError, "NUL"):
                split(line)


class Dividing(SynchronousTestCase):
    def test_separators_in_quotes_are_none(self):
        token = split('cert="CN=a,b",CN=c,"d"')[0]
        key, value = token.divide("=", 1)
        self.assertEqual(key.text, "cert")
        self.assertEqual([part.text for part in value.divide(",")], ["CN=a,b", "CN=c", "d"])
        self.assertEqual([part.quoted for part in value.divide(",")], [True, False, True])

    def test_empty_parts_are_there(self):
        self.assertEqual(split("a,,b,")[0].divide(","), [*split("a"), Token("", ""), *split("b"),
                                                         Token("", "")])  # fmt: skip

    def test_without_a_separator_there_is_one_part(self):
        self.assertEqual(split("abc")[0].divide(","), split("abc"))


class Lines(SynchronousTestCase):
    def test_empty_lines_count_and_are_not_given(self):
        found = list(lines(b"\xef\xbb\xbfa\n# b\n\nc d\r\n", "f"))
        self.assertEqual(
            [(number, [token.text for token in tokens]) for number, tokens in found],
            [(1, ["a"]), (4, ["c", "d"])],
        )

    def test_only_a_newline_ends_a_line(self):
        found = list(lines("a\u2028b\x0bc\x85d".encode(), "f"))
        self.assertEqual([(n, len(tokens)) for n, tokens in found], [(1, 1)])

    def test_names_of_any_encoding_survive(self):
        (_, (token,)) = next(lines(b"caf\xe9", "f"))
        self.assertEqual(token.text.encode(errors="surrogateescape"), b"caf\xe9")

    def test_errors_say_where(self):
        with self.assertRaisesRegex(ConfigError, "^/etc/map, line 2: unterminated quote$"):
            list(lines(b'a\n"b\n', "/etc/map"))

    def test_a_long_line_is_refused(self):
        list(lines(b"a" * LINE_LIMIT, "f"))
        with self.assertRaisesRegex(ConfigError, "line 1: longer than"):
            list(lines(b"a" * (LINE_LIMIT + 1), "f"))


class Reading(SynchronousTestCase):
    def test_a_file_is_read_whole_up_to_its_limit(self):
        path = Path(self.mktemp())
        path.write_bytes(b"12345")
        self.assertEqual(read(str(path), 5), b"12345")
        with self.assertRaisesRegex(ConfigError, "more than 4 bytes"):
            read(str(path), 4)

    def test_what_cannot_be_read_is_an_error(self):
        with self.assertRaisesRegex(ConfigError, "^cannot read /nowhere/map: No such file"):
            read("/nowhere/map")


class Anything(SynchronousTestCase):
    @given(st.lists(TEXT))
    def test_whatever_is_quoted_comes_back(self, words):
        tokens = split(" ".join(map(quoted, words)))
        self.assertEqual([token.text for token in tokens], words)
        self.assertTrue(all(token.quoted for token in tokens))

    @given(st.lists(TEXT, min_size=1))
    def test_dividing_undoes_joining(self, words):
        (token,) = split(",".join(map(quoted, words)))
        self.assertEqual([part.text for part in token.divide(",")], words)

    @given(st.binary(max_size=60))
    def test_any_bytes_are_read_or_refused(self, data):
        try:
            found = list(lines(data, "f"))
        except ConfigError:
            return
        for _, tokens in found:
            self.assertTrue(tokens)
            for token in tokens:
                self.assertEqual(len(token.text), len(token.bare))
