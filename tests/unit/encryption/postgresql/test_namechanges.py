"""Names that have to be looked up for a text."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import namechanges, targets
from acra_twisted.encryption.postgresql.namechanges import Wanted, wanted, words
from acra_twisted.encryption.postgresql.targets import UNREAD

_NAMES = st.from_regex("[a-z_][a-z0-9_$]{0,62}", fullmatch=True)


def found(text, conforming=True):
    raw = text.encode()
    return wanted(raw, targets.of(raw, conforming), conforming)


class Texts(SynchronousTestCase):
    def test_a_statement_that_defines_nothing_needs_its_targets_alone(self):
        for text in (
            "INSERT INTO t VALUES (1)",
            "INSERT INTO t VALUES ('create; alter')",
            "LOCK t",
            "SET search_path = other",
            "/* a */ SET search_path = other",
            "/* a */ INSERT INTO t VALUES (1)",
        ):
            self.assertEqual(found(text), Wanted(targets.of(text.encode(), True)), text)

    def test_a_definition_needs_all_its_words(self):
        for text, names in (
            ("CREATE VIEW v AS SELECT * FROM fresh", {"v", "fresh"}),
            ("alter view Fresh rename to x;", {"fresh", "x"}),
            ('ALTER VIEW "New View" RENAME TO x', {"New View", "x"}),
            ("CREATE FUNCTION f() RETURNS void RETURN (SELECT a FROM fresh)", {"f", "fresh"}),
            ("CREATE RULE r AS ON INSERT TO t DO INSTEAD UPDATE fresh SET a = 1", {"t", "fresh"}),
            ("IMPORT FOREIGN SCHEMA s FROM SERVER r INTO public", {"s"}),
            ("/* a /* b */ */ CREATE TEMP VIEW v AS TABLE fresh", {"v", "fresh"}),
            ("-- a\n ALTER VIEW fresh RENAME TO x;", {"fresh", "x"}),
        ):
            made = found(text)
            self.assertTrue(made.is_fresh, text)
            self.assertLessEqual(names, set(made.words), text)
            self.assertFalse(made.is_several, text)

    def test_several_statements(self):
        for text, fresh, names in (
            ("ALTER VIEW fresh RENAME TO x; INSERT INTO x VALUES (1)", True, {"fresh", "x"}),
            ("INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)", False, set()),
            ("SELECT f(); INSERT INTO x VALUES (1)", False, set()),
            ("SET search_path = s; INSERT INTO x VALUES (1)", True, set()),
            ("DROP TABLE x; INSERT INTO y VALUES (1)", True, set()),
            ("SELECT * INTO x FROM y; INSERT INTO x VALUES (1)", True, {"x", "y"}),
            ("INSERT INTO a VALUES (';'); CREATE TABLE b (c int)", True, {"b"}),
        ):
            made = found(text)
            self.assertTrue(made.is_several, text)
            self.assertEqual(made.is_fresh, fresh, text)
            self.assertLessEqual(names, set(made.words), text)
            self.assertEqual(bool(made.words), bool(names), text)

    def test_what_cannot_be_read_may_name_anything(self):
        for text in (
            "SELECT 1; INSERT INTO x VALUES ('",
            "SELECT 1; INSERT INTO x VALUES ('" + "a" * (64 << 10) + "')",
        ):
            self.assertEqual(found(text).words, (UNREAD,), text[:40])


class Words(SynchronousTestCase):
    def test_names_as_the_database_compares_them(self):
        for text, names in (
            ('CREATE VIEW "Fresh" AS', {"Fresh", "fresh"}),
            ('a "b c" d', {"b c", "a", "d"}),
            ("x" * 70, {"x" * 63}),
            ("größe GRÖSSE", {"größe", "gr\u00d6sse"}),
        ):
            self.assertLessEqual(names, set(words(text.encode(), True)), text)

    def test_what_is_not_certain_is_not_read(self):
        for text in (
            *('U&"fr\\0065sh"', 'u&"x"', '"a""b"', "'"),
            *(
                "\u00e4" * 40,
                " ".join(f"w{number}" for number in range(3000)),
                "a" * (65 << 10),
            ),
        ):
            self.assertEqual(words(text.encode(), True), (UNREAD,), text[:20])
        self.assertEqual(words(b"CREATE VIEW gr\xf6sse", True), (UNREAD,))
        self.assertEqual(words(b"SELECT 'a\\'", None), (UNREAD,))

    def test_code_in_a_string_may_name_anything(self):
        for text in (
            "CREATE FUNCTION f() RETURNS void AS 'INSERT INTO fresh VALUES (1)'",
            "create procedure f() LANGUAGE sql AS $$ UPDATE fresh SET a = 1 $$",
            "CREATE TABLE a (b int); DO $$ BEGIN NULL; END $$",
            "CREATE TABLE a (b int); CALL run('CREATE TEMP TABLE fresh (a text)')",
        ):
            self.assertEqual(words(text.encode(), True), (UNREAD,), text)

    @given(_NAMES, st.sampled_from(("{}", '"{}"', "s.{}", "({})")), st.text())
    def test_each_name_is_among_them_wherever_it_stands(self, name, form, beside):
        text = f"CREATE VIEW v AS {beside} ; {form.format(name)} ; {beside}"
        made = words(text.encode("utf-8", "replace"), True)
        # What stands beside it may hold it in a string or in a comment.
        is_hidden = any(sign in beside for sign in ("'", "--", "/*", '"', "$"))
        self.assertTrue(made == (UNREAD,) or is_hidden or name in made, text)

    @given(_NAMES, st.sampled_from(("'{}'", "$${}$$", "E'{}'", "N'a {}'", "--{}\n", "/*{}*/")))
    def test_no_question_has_a_word_of_a_string(self, name, form):
        value = f"{name}_value"
        text = f"INSERT INTO a VALUES ({form.format(value)} 1); CREATE TABLE b (c int)"
        self.assertNotIn(value, words(text.encode(), True))

    @given(st.binary(max_size=200))
    def test_any_bytes(self, raw):
        for text in (raw, b"CREATE " + raw, b"SELECT 1;" + raw):
            for conforming in (True, False, None):
                self.assertIsInstance(namechanges.wanted(text, (), conforming), Wanted)
