"""Statements of a configuration, compared with those of clients."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.statementpattern import StatementPattern
from acra_twisted.sql.languages import LANGUAGES

LANGUAGE = LANGUAGES["postgresql"]
MODE = LANGUAGE.mode
ESCAPES = LANGUAGE.mode_of({"standard_conforming_strings": "off"})
TEXT = "UPDATE people SET name = name || '' WHERE id = ? AND note <> 'x' -- the way out"


class Matching(SynchronousTestCase):
    def setUp(self):
        self.pattern = StatementPattern(TEXT.encode())

    def matches(self, text, mode=MODE):
        return self.pattern.matches(text.encode() if isinstance(text, str) else text, mode)

    def test_the_statement_with_any_value_in_the_place_of_the_question_mark(self):
        for value in (
            "1",
            "'it''s'",
            "$1",
            "E'x'",
            "$$ a $$",
            "0x1F",
            "'); DROP TABLE people; --'",
        ):
            self.assertTrue(
                self.matches(
                    f"UPDATE people SET name = name || '' WHERE id = {value} AND note<>'x'"
                ),
                value,
            )

    def test_white_space_comments_case_of_words_and_a_last_semicolon_do_not_count(self):
        self.assertTrue(
            self.matches(
                "update /* ; DELETE FROM people */ PEOPLE set\nname=name||''where id=7 -- ' \n"
                "and note <> 'x'; "
            )
        )

    def test_all_else_does(self):
        start, end = "UPDATE people SET name = name || ", " WHERE id = 1 AND note <> 'x'"
        for changed in (
            # Another value where the pattern has one, or another form of the same.
            *(f"{start}'secret'{end}", f"{start}E''{end}", f"{start}$1{end}"),
            f"{start}''{end} OR true",
            f"{start}''{end}; DELETE FROM people",
            f"{start}''{end.replace('1', '(SELECT 1)')}",
            f"{start}''{end.replace('1', 'id')}",
            f"{start}''{end.replace('1', '- 1')}",
            # The server reads these as one literal; nothing hides in a value here.
            f"{start}''\n'secret'{end}",
            f"{start}'' /* */ 'secret'{end}",
            f"{start}''{end}".replace("people", '"People"'),
            f"{start}''{end}".replace("people", '"people"'),
            f"{start}''{end}".replace("people", "public.people"),
            f"{start}'' -- {end}",
            "",
        ):
            self.assertFalse(self.matches(changed), changed)

    def test_a_text_that_the_database_may_read_in_another_way(self):
        text = "UPDATE people SET name = name || '' WHERE id = '\\' AND note <> 'x'"
        self.assertTrue(self.matches(text))
        self.assertFalse(self.matches(text, ESCAPES))
        self.assertFalse(self.matches(text, MODE._replace(backslash=None, default=False)))
        plain = text.replace("\\", "é")
        self.assertTrue(self.matches(plain))
        self.assertFalse(self.matches(plain, MODE._replace(encoding="shift_jis")))

    def test_a_text_that_no_server_reads(self):
        for text in ("UPDATE people SET name = 'x", "a\0b", "/*" * 50, "x " * 5_000):
            self.assertFalse(self.matches(text))

    @given(st.text(), st.text())
    def test_a_comment_neither_adds_nor_takes_away(self, inside, value):
        """The statement stays the same one, with any text in a comment or in a value."""
        inside = inside.replace("*", "").replace("/", "").replace("\0", "").replace("\\", "")
        value = value.replace("'", "''").replace("\0", "").replace("\\", "")
        text = (
            f"UPDATE people SET name = name || '' WHERE id = '{value}' AND note <> /*{inside}*/ 'x'"
        )
        self.assertTrue(self.matches(text.encode(errors="replace")))
        self.assertFalse(self.matches(f"{text} x {value}".encode(errors="replace")))


class Making(SynchronousTestCase):
    def refused(self, text, told):
        error = self.assertRaises(ValueError, StatementPattern, text.encode())
        self.assertIn(told, str(error))

    def test_what_is_no_statement_or_more_than_one(self):
        self.refused(" -- nothing", "expected a statement")
        self.refused("SELECT 1; SELECT 2", "expected one statement")
        self.refused("SELECT 'x", "")

    def test_what_acts_later(self):
        for text in ("PREPARE x AS SELECT 1", "execute x(1)"):
            self.refused(text, "PREPARE and EXECUTE")

    def test_a_question_mark_stands_alone_and_for_no_code(self):
        self.refused("SELECT 1 WHERE id =?", "between blanks")
        self.refused("DO ?", "no place in such a statement")
        self.refused("COPY people FROM PROGRAM ?", "no place in such a statement")
        self.assertTrue(StatementPattern(b"DO 'x'").matches(b"do 'x'", MODE))
        self.assertFalse(StatementPattern(b"DO 'x'").matches(b"do 'y'", MODE))
