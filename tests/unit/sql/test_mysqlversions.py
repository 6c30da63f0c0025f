"""Comments that servers run: read as their text, in both ways, or refused."""

from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError, NotEverywhereError, TooCostlyError
from acra_twisted.sql import lexer
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.sql.mysqllexer import tokens
from acra_twisted.sql.mysqlversions import (
    MAX_BYTES,
    MAX_MARKS,
    MAX_TOKENS,
    loosened,
    mark_at,
    may_differ,
    readings,
    unmarked,
)

MYSQL = LANGUAGES["mysql"]
PIECES = (
    *("/*!", "/*!50000", "/*!40101 ", "/*!50701", "/*!80013 ", "/*!99999", "/*!999999", "/*!5"),
    *("/*M!", "/*M!100000", "/*M!99999 ", "/*M!999999", "*/", "*/", "*/", "/*", "/**/", "*", "/"),
    *("'*/'", "'", '"', '"/*!"', "`*/`", "-- ", "--", "-", "\n", "#", ";", " ", "1", "50000", "a"),
    *("/*+ x */", "+", ",", "é"),
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map(lambda found: "".join(found).encode())


def shown(text, **chosen):
    return [text[start:end] for _, start, end in tokens(text, **chosen)]


def significant(text):
    return [(k, text[a:b]) for k, a, b in tokens(text) if k != lexer.COMMENT]


def read(text):
    """The readings of a text, without marks and blanks."""
    found = readings(text, 10_000, lambda most, chosen: tokens(text, limit=most, chosen=chosen))
    return [b" ".join(text for _, text in significant(one)) for one in found]


class Marks(SynchronousTestCase):
    def test_by_version(self):
        for text, name, runs in (
            (b"/*!a*/", b"/*!", True),
            (b"/*!1234 a*/", b"/*!", True),
            (b"/*!40101a*/", b"/*!40101", True),
            (b"/*!50699 a*/", b"/*!50699", True),
            (b"/*!50700 a*/", b"/*!50700", None),
            (b"/*!99999 a*/", b"/*!99999", None),
            (b"/*!999999\\- a*/", b"/*!999999", False),
            (b"/*M!a*/", b"/*M!", None),
            (b"/*M!1234 a*/", b"/*M!", None),
            (b"/*M!50000 a*/", b"/*M!50000", None),
            (b"/*M!1000001 a*/", b"/*M!100000", None),
            (b"/*M!999999\\- a*/", b"/*M!999999", False),
        ):
            found = mark_at(text, 0)
            self.assertEqual((found.name, found.end, found.runs), (name, len(name), runs), text)
        for text in (b"/* a*/", b"/*+ a*/", b"/*m!a*/", b"/*M a*/", b"/* !a*/"):
            self.assertIsNone(mark_at(text, 0), text)

    def test_of_six_digits_servers_take_five_or_six(self):
        for text in (b"/*!100000 a*/", b"/*!050000 a*/", b"/*!500001*/"):
            with self.assertRaises(LexError):
                mark_at(text, 0)


class Tokens(SynchronousTestCase):
    def test_what_all_servers_run_is_read_between_its_marks(self):
        for text, expected in (
            (b"SELECT /*!40001 SQL_NO_CACHE */ 1", "SELECT /*!40001 SQL_NO_CACHE */ 1"),
            (b"/*!50000a*/b", "/*!50000 a */ b"),
            (b"/*! a /* b */ c */ d", "/*! a /*_b_*/ c */ d"),
            (b"/*! a -- */\nb */c", "/*! a --_*/ b */ c"),
            (b"/*! a # */\nb */c", "/*! a #_*/ b */ c"),
            (b"/*!'*/'*/a", "/*! '*/' */ a"),
            (b"/*!`*/`*/a", "/*! `*/` */ a"),
            (b"/*! 2 **/ 3", "/*! 2 * */ 3"),
            # An inner one closes them all.
            (b"/*! a /*! b */ c */ d", "/*! a /*! b */ c * / d"),
            (b"a */ b", "a * / b"),
            (b"/*!*/a", "/*! */ a"),
            (b"/*!50003 a; b */;c", "/*!50003 a ; b */ ; c"),
            (b"a /*M!999999\\- b*/ c", "a /*M!999999\\-_b*/ c"),
        ):
            found = [part.replace(b" ", b"_").decode() for part in shown(text)]
            self.assertEqual(found, expected.split(), text)

    def test_refused(self):
        for text, why in (
            (b"/*! a", "unterminated"),
            (b"/*! a /* b */", "unterminated"),
            (b"a /*!", "unterminated"),
            (b"/*!999999 a", "unterminated"),
            (b"/*!999999 /* a */", "inside one"),
            # The second statement may begin without a comment: then this is a star and a comment.
            (b"/*! SELECT 1; SELECT t.*/* ' */ FROM s -- '", "ended before"),
            (b"/*!80000 a*/", "others do not"),
            (b"/*M! a*/", "others do not"),
            (b"/*+ /*! a */", "optimizer hint"),
        ):
            with self.assertRaisesRegex(LexError, why):
                tokens(text)

    def test_semicolons_in_them_are_no_others_than_before(self):
        self.assertIn(b"*", shown(b"/*! a */ b; c.*/* d */"))
        self.assertEqual(shown(b"/*! a; /*! b */*/ c")[-3:], [b"*", b"/", b"c"])

    def test_what_is_chosen(self):
        text = b"a /*!80000 b*/ /*M!100100 c*/"
        chosen = {b"/*!80000": True, b"/*M!100100": False}
        self.assertEqual(
            shown(text, chosen=chosen), [b"a", b"/*!80000", b"b", b"*/", b"/*M!100100 c*/"]
        )
        with self.assertRaises(NotEverywhereError):
            tokens(text, chosen={b"/*!80000": True})
        for inside in (b"/*!80000 /* */ */", b"/*!80000/*/ */"):
            with self.assertRaisesRegex(LexError, "inside one"):
                tokens(inside, chosen={b"/*!80000": False})


class Readings(SynchronousTestCase):
    def test_both_ways(self):
        self.assertEqual(read(b"SELECT 1 /*!80000 +1 */"), [b"SELECT 1 + 1", b"SELECT 1"])
        self.assertEqual(read(b"SELECT 1 /*M!+1*/"), [b"SELECT 1 + 1", b"SELECT 1"])
        self.assertEqual(read(b"SELECT 1 /*M!1000002*/"), [b"SELECT 1 2", b"SELECT 1"])
        self.assertEqual(read(b"SELECT 1 /*!50000 +1 */"), [b"SELECT 1 + 1"])
        self.assertEqual(
            set(read(b"SELECT 1 /*!80000 +1 */ /*M!100100 +2 */ /*!80000 +3 */")),
            {b"SELECT 1 + 1 + 2 + 3", b"SELECT 1 + 1 + 3", b"SELECT 1 + 2", b"SELECT 1"},
        )

    def test_one_shows_another(self):
        # Whether the second one is a comment at all depends on the first.
        self.assertEqual(
            set(read(b"SELECT 1 /*!80000 ' */ /*M! +1 */ -- '*/")),
            {b"SELECT 1 ' */ /*M! +1 */ -- '", b"SELECT 1 + 1", b"SELECT 1"},
        )

    def test_they_are_looked_for_where_servers_differ_alone(self):
        names = [b"/*!%05d a" % n for n in (0, 40101, 50699, 50700, 50799, 51000, 60000, 99999)]
        for text in (*names, b"/*!", b"/*!5", b"/*!999999", b"/*M!", b"/*M!1", b"/*M!999999"):
            found = mark_at(text, 0)
            self.assertEqual(may_differ(text), found is not None and found.runs is None, text)

    def test_limits(self):
        marks = [b"/*!8%04d +1*/" % number for number in range(MAX_MARKS + 1)]
        self.assertEqual(len(read(b"SELECT 1" + b"".join(marks[:-1]) * 50)), 2**MAX_MARKS)
        with self.assertRaisesRegex(LexError, "too many versions"):
            read(b"SELECT 1" + b"".join(marks))

    def test_limits_of_all_together(self):
        for number, allowed in ((MAX_TOKENS // 2 - 10, True), (MAX_TOKENS // 2 + 10, False)):
            text = b"SELECT " + b"1 " * number + b"/*!80000 + 1 */"
            if allowed:
                self.assertEqual(len(MYSQL.readings(text, MYSQL.mode)), 2)
            else:
                with self.assertRaisesRegex(LexError, "all readings"):
                    MYSQL.readings(text, MYSQL.mode)
        text = b"SELECT " + b"1 " * MAX_TOKENS
        for more in (b"/*!50000 + 1 */", b"'/*!80000'"):
            self.assertEqual(len(MYSQL.readings(text + more, MYSQL.mode)), 1)
        with self.assertRaises(TooCostlyError):
            MYSQL.readings(text + b"/*!80000 + 1 */", MYSQL.mode, 1_000)
        text = b"SELECT '%b' /*!80000 + 1 */"
        self.assertEqual(len(MYSQL.readings(text % (b"x" * 1_000), MYSQL.mode)), 2)
        with self.assertRaisesRegex(LexError, "long text"):
            MYSQL.readings(text % (b"x" * MAX_BYTES), MYSQL.mode)

    def test_of_other_encodings_and_modes(self):
        text = "SELECT 'é' /*!80000 +1*/".encode("latin-1")
        with self.assertRaises(LexError):
            MYSQL.readings(text, MYSQL.mode_of({"character_set_client": "latin1"}))
        text = b"SELECT \"/*!80000 '\" /*!80000 +1*/ -- '"
        self.assertEqual(len(MYSQL.readings(text, MYSQL.mode)), 2)
        with self.assertRaises(LexError):
            MYSQL.readings(b"SELECT '\\' /*!80000 +1 */ -- '", MYSQL.changing(MYSQL.mode))
        plain = b"SELECT '/*!50000'"
        self.assertEqual(list(MYSQL.readings(plain, MYSQL.mode)), [plain])
        plain = b"\xff /*M!"
        self.assertEqual(list(LANGUAGES["postgresql"].readings(plain, None)), [plain])

    @given(TEXTS, st.booleans(), st.booleans())
    def test_each_is_certain_and_as_long(self, text, ansi, backslash):
        lex = partial(tokens, text, ansi, not backslash)
        try:
            found = readings(text, 1_000, lambda most, chosen: lex(limit=most, chosen=chosen))
        except LexError:
            return
        self.assertLessEqual(len(found), 2**MAX_MARKS)
        for one in found:
            self.assertEqual(len(one), len(text))
            again = tokens(one, ansi, not backslash)
            # What is left of any other comment is what the text has there.
            parts = [(kind, a, b) for kind, a, b in again if kind != lexer.COMMENT]
            self.assertEqual([one[a:b] for _, a, b in parts], [text[a:b] for _, a, b in parts])
        if not may_differ(text):
            self.assertEqual(found, [text])


class Texts(SynchronousTestCase):
    def test_without_marks(self):
        for text, expected in (
            (b"/*!40101 SET a = 1 */;", b"  SET a = 1  ;"),
            (b"1--/*!2*/", b"1--/**/2 "),
            (b"/*!1--*/ 2", b" 1--/**/ 2"),
            (b"/*M!999999\\- x*/a/*b*/'/*!'", b" a '/*!'"),
        ):
            self.assertEqual(unmarked(text, tokens(text)), expected)

    @given(TEXTS)
    def test_it_means_the_same_without_marks(self, text):
        try:
            found = tokens(text)
        except LexError:
            return
        self.assertEqual(significant(unmarked(text, found)), significant(text))

    def test_for_searches_by_words(self):
        for text in (b"/*!50000people*/", b"/*M!100100people*/", b"/*M!50000people*/"):
            self.assertRegex(loosened(text), rb"\bpeople\b")
        self.assertRegex(loosened(b"/*!500001people"), rb"\b1people\b")
        self.assertEqual(loosened(b"a /* b */ people"), b"a /* b */ people")
