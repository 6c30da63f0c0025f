"""No literal is ever shown."""

import gc
import secrets

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Statement
from acra_twisted.sql import lexer
from acra_twisted.sql import redact as module
from acra_twisted.sql.lexer import scan
from acra_twisted.sql.readers import READERS
from acra_twisted.sql.redact import TEXT_LIMIT, of_statement
from acra_twisted.sql.skeleton import split


def redact(text, conforming=True, language="postgresql"):
    return module.redact(text, language, conforming)


def redact_like(given):
    statement, language = given
    return module.redact(statement.text, language, statement.conforming)


def redact_mysql(text, conforming=False):
    return module.redact(text, "mysql", conforming)


def alive(wanted):
    """Return the bytes and texts that have a text in them, of all objects that somebody holds."""
    gc.collect()
    found, seen, left = [], set(), gc.get_objects()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, bytes | str):
            text = one if isinstance(one, str) else one.decode("latin-1")
            if wanted in text and one is not wanted:
                found.append(one)
        else:
            left += gc.get_referents(one)
    return found


class Kept(SynchronousTestCase):
    def test_ke6_no_cache_keeps_a_value(self):
        wanted = secrets.token_hex(12)
        for text in (
            *("SELECT '{}", "SELECT E'{}\\n'", "SELECT x'{}", "SELECT '{}', 'b'"),
            *("SELECT x'{}'", "SELECT E'{}'", "SELECT _binary'{}'"),
        ):
            for language in ("postgresql", "mysql"):
                for conforming in (True, False, None):
                    for _ in range(2):
                        redact(text.format(wanted).encode(), conforming, language)
        self.assertEqual(alive(wanted), [])

    def test_what_is_kept_of_an_odd_text_is_of_one_setting_and_one_language(self):
        text = b"SELECT 'a\\' , b -- '"
        shown = [
            redact(text, conforming, language).text
            for conforming in (True, False)
            for language in ("postgresql", "mysql")
        ]
        again = [
            redact(text, conforming, language).text
            for conforming in (True, False)
            for language in ("postgresql", "mysql")
        ]
        self.assertEqual(shown, again)
        self.assertNotEqual(shown[0], shown[2])


class Texts(SynchronousTestCase):
    def test_literals_and_comments(self):
        text = b"SELECT 'secret', 42, $$x$$, E'y' /* why 7 */ FROM t WHERE a = $1"
        expected = "SELECT ?, ?, ?, ?   FROM t WHERE a = $1"
        self.assertEqual(redact(text).text, expected)

    def test_numbers_alone_are_cut_out_before_lexing(self):
        for text, shown in (
            (b"SELECT a1, t2.b FROM t WHERE c = 12345;", "SELECT a1, t2.b FROM t WHERE c = ?;"),
            (b"SELECT 1.5e-3, .5, 0x1F, 1_000, a[3]", "SELECT ?-?, .?, ?, ?, a[?]"),
            (b"SELECT t.5", "SELECT t.?"),
        ):
            self.assertEqual(redact(text).text, shown)

    def test_a_value_that_somebody_forgot_to_quote_is_not_shown(self):
        self.assertEqual(
            redact(b"SELECT 'x' WHERE a = 5f3a9c and b").text, "SELECT ? WHERE a = ? and b"
        )

    def test_only_so_many_tokens_are_read(self):
        """However long a text is: everybody waits while it is read."""
        for piece in (b"--\n", b"1e5,0x1F,", b"a ", b"'a', ", b"$$", b'"a".', b"/**/", b"+/**/"):
            for size, tokens in ((60_000, 3001), (1 << 20, 0)):
                text = b"SELECT " + piece * (size // len(piece)) + b"1"
                read = []

                def counted(*args, read=read):
                    for token in scan(*args):
                        read.append(token)
                        yield token

                self.patch(lexer, "scan", counted)
                redact(text)
                # That there are too many can be seen where there are commas alone.
                by_commas = piece == b"'a', " and size == 60_000
                self.assertEqual(len(read), 500 if by_commas else tokens, piece)

    def test_texts_that_differ_in_literals_are_read_once(self):
        rows = b", ".join([b"(%d, 'a')"] * 1_000)
        few = b", ".join([b"(%d, 'a')"] * 300)
        for number, text in enumerate(
            (
                rb"INSERT INTO read_once VALUES (%d, '\x1f')",
                rb"SELECT a FROM read_once WHERE b = '\x%d' AND c < 5",
                b"INSERT INTO read_once VALUES (E'%d', x'%d')",
                b"INSERT INTO read_once VALUES " + few,
                b"INSERT INTO read_once VALUES " + rows,
                b"INSERT INTO read_once VALUES (%d, '" + b"x" * 10_000 + b"')",
            )
        ):
            count = text.count(b"%d")
            redact(text % ((number,) * count))
            self.patch(lexer, "scan", self.fail)
            redact(text % ((12_345,) * count))
            self.patch(lexer, "scan", scan)

    def test_strings_that_are_not_plain_are_shown_alike_whatever_was_shown_before(self):
        form = "SELECT a FROM t WHERE b = {} AND c = 5"
        for language, conforming, literals in (
            ("postgresql", True, ["'it''s'", "''''", r"E'a\nb'", "x'41'", "E'it''s'", r"E'\x41'"]),
            ("mysql", False, ["'it''s'", r"'it\'s'", r"'\\'", "X'41'", r"_binary'\0'", "0x41"]),
            ("mysql", True, ["'it''s'", "X'41'", r"'a\b'", "N'a'"]),
        ):
            for literal in literals + literals[::-1]:
                text = form.format(literal)
                shown = "_binary?" if literal.startswith("_") else "?"
                with self.subTest(text=text, language=language):
                    found = module.redact(text.encode(), language, conforming).text
                    self.assertEqual(found, form.format(shown).replace("5", "?"))

    def test_what_cannot_be_read_is_not_shown(self):
        self.assertEqual(redact(b"SELECT 'secret").text, "<unreadable SQL>")
        self.assertEqual(redact(rb"SELECT 'a\'secret'").text, "<unreadable SQL>")
        self.assertEqual(redact(rb"SELECT 'a\'secret'", False).text, "SELECT ?")

    def test_ke6_a_quote_that_was_escaped_in_vain(self):
        self.assertEqual(redact(rb"SELECT 'O\'SECRET', 1 -- it's").text, "<unreadable SQL>")
        for text in (rb"SELECT E'O\'Brien', '\d' FROM t", rb"SELECT U&'\0061\' FROM t"):
            self.assertRegex(redact(text).text, r"^SELECT \?(, \?)? FROM t$")

    def test_ke6_what_two_settings_read_differently_is_not_shown_where_neither_is_known(self):
        for text in (
            rb"SELECT 'O\'SECRET', 1 -- it's",
            b"SELECT E'\x95\\', 'SECRET",
            b"SELECT '\x95\\' , 'SECRET'",
            b"SELECT $\xe4$ SECRET $\xe4$",
        ):
            self.assertEqual(redact(text, None).text, "<unreadable SQL>", text)
        for text, shown in (
            (b"SELECT 'x', 4 FROM t", "SELECT ?, ? FROM t"),
            (rb"SELECT 'a\b' FROM t", "SELECT ? FROM t"),
            ("SELECT 'ä' FROM größe".encode(), "SELECT ? FROM größe"),
        ):
            self.assertEqual(redact(text, None).text, shown)

    @given(st.binary(max_size=30))
    def test_ke6_what_is_shown_of_it_is_what_either_setting_shows(self, text):
        text = text.translate(bytes.maketrans(b"abcdefgh", b"'\\-/*$\x95 "))
        shown = redact(text, None).text
        if shown != "<unreadable SQL>":
            self.assertEqual({redact(text, True).text, redact(text, False).text}, {shown})

    def test_length_is_bounded(self):
        self.assertEqual(len(redact(b"SELECT " + b"a_long_name," * 1000 + b"b").text), TEXT_LIMIT)
        many = b"SELECT " + b"a," * 5000 + b"b"
        self.assertEqual(redact(many), module.Redacted("<statement of 10008 bytes>", "SELECT"))
        many = b"INSERT INTO account VALUES " + b"('x', 'FROM secret'), " * 2000
        self.assertEqual(redact(many).summary, "INSERT account")
        self.assertEqual(redact(b"SELECT " + b"'x'," * 50_000).text, "<statement of 200007 bytes>")

    def test_each_of_too_many_tokens_is_as_long_as_it_is(self):
        for count in (1, 12_345, 6):
            text = b"INSERT INTO as_long VALUES " + b", ".join([b"(%d)" % count] * 1_000)
            shown = module.Redacted(f"<statement of {len(text)} bytes>", "INSERT as_long")
            self.assertEqual(redact(text), shown)

    def test_too_many_tokens_in_few_bytes(self):
        for rows, is_read in ((500, True), (800, False)):
            for number in (1, 22):
                text = b"VALUES " + b",".join([b"(%d)" % number] * rows)
                shown = redact(text).text
                self.assertEqual(shown != f"<statement of {len(text)} bytes>", is_read)
                self.assertEqual(shown.startswith("VALUES (?),(?)"), is_read)

    @given(st.text(alphabet="abz'\\\n- /*$", max_size=20))
    def test_ke6_a_quoted_value_never_shows(self, around):
        marker = "MARKER7531"
        quoted = (marker + around).replace("'", "''")
        text = f"INSERT INTO t VALUES ('{quoted}') {around}".encode()
        self.assertNotIn(marker, redact(text).text + redact(text).summary)


class Summaries(SynchronousTestCase):
    def test_operations_and_targets(self):
        cases = {
            b"SELECT * FROM account WHERE id = 1": "SELECT account",
            b'select a from public."T" join s.u on true': "SELECT public.T s.u",
            b"INSERT INTO t SELECT * FROM u": "INSERT t SELECT u",
            b"INSERT INTO account VALUES (1)": "INSERT account",
            b"UPDATE t SET a = (SELECT max(b) FROM u)": "UPDATE t SELECT u",
            b"DELETE FROM ONLY t": "DELETE t",
            b"CREATE TABLE IF NOT EXISTS t (a int)": "CREATE TABLE t",
            b"BEGIN": "BEGIN",
            b"SET x = 'y'": "SET",
            b"COPY t FROM STDIN": "COPY t",
            b"": "SQL",
            b"frobnicate": "SQL",
            b"SELECT 1; DROP TABLE t": "SELECT DROP TABLE t",
        }
        for text, summary in cases.items():
            self.assertEqual(redact(text).summary, summary, text)

    def test_ob3_names_with_odd_characters_are_not_shown(self):
        self.assertEqual(redact(b'SELECT 1 FROM "<script>"').summary, "SELECT ?")

    def test_length_is_bounded(self):
        text = b"SELECT 1 FROM " + b" JOIN ".join(b"table%d" % n for n in range(100))
        self.assertTrue(len(redact(text).summary) <= 255)
        self.assertEqual(redact(b"SELECT " + b" " * 70_000).summary, "SELECT")
        self.assertEqual(redact(b" " * 70_000).summary, "SQL")


class Mysql(SynchronousTestCase):
    """Statements of a session whose language is MySQL's."""

    def test_ke6_no_literal_is_shown(self):
        for text, shown in (
            (b'SELECT a FROM t WHERE a = "my secret"', "SELECT a FROM t WHERE a = ?"),
            (b"SELECT a FROM t WHERE a = 'my secret'", "SELECT a FROM t WHERE a = ?"),
            (rb"SELECT 'O\'SECRET', 1 FROM t", "SELECT ?, ? FROM t"),
            (rb'SELECT "\" secret" FROM t', "<unreadable SQL>"),
            (b"SELECT `my name`, 0x5ec2e7 FROM `t` # secret", "SELECT `my name`, ? FROM `t`"),
            (
                b"SELECT 1 -- secret\n, x'5ec2e7', _utf8'secret', N'secret'",
                "SELECT ?  \n, ?, _utf8?, ?",
            ),
            (b"SELECT 'it''s a secret' /* secret */ FROM t", "SELECT ?   FROM t"),
            (b"SELECT 12 /*! , 'secret' */", "SELECT ?   , ?"),
            (b"/*!50003SET GLOBAL x = secret*/", "SET GLOBAL x = ?"),
            (b"SELECT 12 /*!80000 , 'secret' */", "<unreadable SQL>"),
            (b"SELECT 12 /*M! secret */", "<unreadable SQL>"),
            (b"SELECT a FROM t WHERE a = 5ec2e7secret", "SELECT a FROM t WHERE a = ?"),
            (b"SELECT 'x', 5ec2e7secret FROM t.1a", "SELECT ?, ? FROM t.1a"),
            (b"SET @x = 'secret'", "SET @x = ?"),
            (b"SET GLOBAL x = secret", "SET GLOBAL x = ?"),
            (b"CREATE USER u IDENTIFIED BY secret", "CREATE USER u IDENTIFIED BY ?"),
            (b"SELECT 'secret", "<unreadable SQL>"),
        ):
            self.assertEqual(redact_mysql(text).text, shown, text)

    def test_ke6_what_two_settings_read_differently_is_not_shown_where_they_are_not_known(self):
        for text in (
            rb"SELECT 'O\'SECRET', 1 -- it's",
            rb"SELECT 'O\' , 'SECRET'",
            rb'SELECT "O\" , "SECRET"',
        ):
            self.assertEqual(redact_mysql(text, None).text, "<unreadable SQL>", text)
            self.assertEqual(redact_mysql(text, True).text, "<unreadable SQL>", text)
        # In some encodings the backslash is the second half of a character.
        text = b"SELECT '\xbf\\' , 'SECRET'"
        self.assertEqual(redact_mysql(text).text, "<unreadable SQL>")
        self.assertEqual(redact_mysql(rb"SELECT 'a\b', 1 FROM t", None).text, "SELECT ?, ? FROM t")

    def test_ke6_double_quotes_with_another_text_of_the_same_form(self):
        """Its value could stand where the strings of the other one are."""
        self.assertEqual(redact_mysql(b'SELECT "a", "b" FROM t').text, "SELECT ?, ? FROM t")
        text = rb'SELECT "\", \'x", \"SECRET" FROM t'
        for conforming in (True, False, None):
            self.assertNotIn("SECRET", redact_mysql(text, conforming).text)

    @given(
        st.text(alphabet="abz'\"\\\n- /*#`", max_size=20),
        st.sampled_from([True, False, None]),
        st.sampled_from("'\""),
    )
    def test_ke6_a_quoted_value_never_shows(self, around, conforming, quote):
        marker = "MARKER7531"
        quoted = (marker + around).replace("\\", "\\\\").replace(quote, quote * 2)
        text = f"INSERT INTO t VALUES ({quote}{quoted}{quote}) {around}".encode()
        shown = redact_mysql(text, conforming)
        self.assertNotIn(marker, shown.text + shown.summary)

    def test_operations_and_targets(self):
        for text, summary in (
            (b"SELECT * FROM `account` WHERE id = 1", "SELECT account"),
            (b"select a from shop.`order` join s.u on true", "SELECT shop.order s.u"),
            (b"REPLACE INTO account VALUES (1)", "REPLACE account"),
            (b"USE shop", "USE"),
            (b'SELECT 1 FROM "secret"', "SELECT"),
        ):
            self.assertEqual(redact_mysql(text).summary, summary, text)

    def test_what_is_kept_of_one_language_is_not_shown_of_another(self):
        text = b"SELECT 1 FROM t # 2 FROM u"
        for _ in range(2):
            self.assertEqual(
                redact(text), module.Redacted("SELECT ? FROM t # ? FROM u", "SELECT t u")
            )
            self.assertEqual(redact_mysql(text), module.Redacted("SELECT ? FROM t", "SELECT t"))

    def test_long_texts(self):
        self.assertEqual(
            redact_mysql(b"REPLACE INTO t VALUES " + b"('x', 'secret'), " * 2000),
            module.Redacted("<statement of 34022 bytes>", "REPLACE"),
        )


class Unknown(SynchronousTestCase):
    def test_nothing_is_shown_of_a_language_that_nobody_has_named(self):
        for language in ("", "sqlite"):
            shown = redact(b"SELECT secret", language=language)
            self.assertEqual(shown, module.Redacted("<statement of 13 bytes>", "SQL"))


class OfStatements(SynchronousTestCase):
    def test_the_client_s_text_is_shown_where_a_stage_has_put_another_in_its_place(self):
        for asked_before in (False, True):
            statement = Statement(b"SELECT 1 FROM before_it")
            statement.skeleton = split(statement.text, b'"')
            if asked_before:
                of_statement(statement, "postgresql")
            for other in (b"SELECT E'x' FROM behind_it", b"SELECT 2 FROM behind_that"):
                statement.become(Statement(other))
                shown = of_statement(statement, "postgresql")
                self.assertEqual(shown.text, "SELECT ? FROM before_it")

    @given(
        st.lists(
            st.sampled_from(
                [b"SELECT", b"a", b"=", b"'x'", b"'y z'", b"'a\\'", b"1", b"27", b"1.5"]
            )
            | st.sampled_from([b'"n"', b"`n`", "'ä'".encode(), '"ä"'.encode(), b",", b"--", b"\\"]),
            max_size=8,
        ),
        st.data(),
    )
    def test_what_was_shown_before_changes_nothing(self, parts, data):
        values = st.sampled_from([b"'x'", b"'a \" `b'", b"7", b"'\\'"])
        others = [
            data.draw(values) if part[:1] == b"'" or part.isdigit() else part for part in parts
        ]
        settings = st.tuples(
            st.sampled_from(["postgresql", "mysql"]), st.sampled_from([True, False, None])
        )
        statements = []
        for some in (parts, others, others):
            statement = Statement(b" ".join(some))
            language, statement.conforming = data.draw(settings)
            if data.draw(st.booleans()):
                # Somebody has cut it already.
                statement.skeleton = split(statement.text, READERS[language].quote)
            statements.append((statement, language))
        before = of_statement(*statements[0])
        self.assertEqual(of_statement(*statements[1], before), redact_like(statements[1]))
        self.assertEqual(of_statement(*statements[2], before), redact_like(statements[2]))

    def test_a_statement_that_is_run_again_is_shown_as_the_same(self):
        first = of_statement(Statement(b"SELECT 'x', 12 FROM again"), "postgresql")
        again = Statement(b"SELECT '', 7 FROM again")
        self.assertIs(of_statement(again, "postgresql", first), first)
        self.assertIs(again.shown, first)
        cut = Statement(b"SELECT '', 8 FROM again")
        cut.skeleton, cut.conforming = split(cut.text, b'"'), False
        self.assertIs(of_statement(cut, "postgresql", first), first)
        replaced, other = Statement(b"SELECT '', 9 FROM again"), Statement(b"SELECT 1 FROM other")
        replaced.become(Statement(b"SELECT 1 FROM other"))
        self.assertIs(of_statement(replaced, "postgresql", first), first)
        # What is sent is not shown.
        other.become(Statement(b"SELECT 'x', 12 FROM again"))
        self.assertEqual(of_statement(other, "postgresql", first).text, "SELECT ? FROM other")
        long = Statement(b"SELECT '%b', 7 FROM again" % (b"x" * 100_000))
        self.assertEqual(
            of_statement(long, "postgresql", first).text, "<statement of 100023 bytes>"
        )

    def test_a_text_that_is_another_one_for_everybody(self):
        """An earlier redaction of the text must neither be shown nor be kept for others."""
        text, other = b"SELECT 1 FROM before_it", b"SELECT 'x' FROM behind_it"
        for asked_before in (False, True):
            statement = Statement(text)
            statement.skeleton = split(text, b'"')
            if asked_before:
                of_statement(statement, "postgresql")
            statement.rewrite(other)
            self.assertEqual(of_statement(statement, "postgresql").text, "SELECT ? FROM behind_it")
            self.assertEqual(redact(text).text, "SELECT ? FROM before_it")
