"""Texts as far as the protocol depends on them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.replies import ANYTHING, KEEPS, MAY_CHANGE, RENAMES, SETS
from acra_twisted.dialects.mysql.texts import changes, files_of, reads_alike, schema_of

#: Pieces of SET statements, with names, values and ends that are empty or missing.
_WORDS_OF_SETS = (
    (b"``", b"`a`", b'""', b"''", b"'a'", b"@", b"@@", b"@a", b"@``", b"@@session.", b"global ")
    + (b"names ", b"character set ", b"sql_mode", b"``@a", b"concat(", b")", b"(", b",", b"=")
    + (b":=", b" ", b"1", b".", b"utf8mb4", b"_utf8", b"x''", b"@'a'", b"select ", b"statement ")
)


class Changes(SynchronousTestCase):
    def check(self, flags, *texts):
        for text in texts:
            self.assertEqual(changes(text, False), flags, text)

    def test_nothing(self):
        self.check(
            KEEPS,
            b"SELECT 1",
            b" (select 1) union (select 2);",
            b"/* one */ INSERT INTO t VALUES (1)",
            b"START TRANSACTION",
            b"SET autocommit = 1",
            b"SET @a = 'sql'",
            b"SET SESSION TRANSACTION READ ONLY",
            b"SET @a = @@sql_mode, @sql_mode = 1",
            b"-- x\n# y\nSELECT 1",
            b"XA START 'x'",
        )

    def test_semicolons_in_strings_and_between_harmless_statements(self):
        self.check(
            KEEPS,
            b"INSERT INTO t VALUES ('a;b', \"c;d\", `e;f`, 1-1/2)",
            b"INSERT INTO t VALUES ('it\\'s; it''s', 'd\xc3\xb6n\\'t; x') /* a='b' */",
            b"SELECT 1; SELECT 2 -- it's\n; select 3; -- the end",
        )
        self.check(
            ANYTHING,
            b"SELECT 1 -- '\n; SET NAMES gbk -- '",
            b"SELECT 1 --\xa0'\n; SET NAMES gbk -- '",
            b"SELECT 1 # '\n; SET NAMES gbk # '",
            b"SELECT 1 /* ' */; SET NAMES gbk /* ' */",
            b"SELECT \xbf`; SET NAMES gbk -- `",
            b"SELECT '\\\\'; SET NAMES gbk; -- '",
            b"BEGIN NOT ATOMIC SELECT 1; SET NAMES gbk; SELECT 1; END",
            b"SELECT 1; /* x */ SET NAMES gbk",
            b'SELECT "\\"; SET NAMES gbk; -- "',
            b"SELECT /*+ ' */ 1; SELECT ' */ 1; SET NAMES gbk -- '",
        )
        escaped = b"SELECT '\\'; SET NAMES gbk; -- '"
        self.assertEqual(changes(escaped, False), KEEPS)
        for conforming in (True, None):
            self.assertEqual(changes(escaped, conforming), ANYTHING)

    def test_long_texts_are_not_walked(self):
        row, insert = b"('a;b'),", b"INSERT INTO t VALUES "
        for number, text in enumerate(
            (
                insert + row * 150_000 + b"(1)",
                b"SELECT 1;" * 120_000,
                insert + b"(1)," * 300_000 + b"(2);" + b" " * 100_000,
                b" " * 1_100_000 + b"SELECT 1",
                b"SET @a = " + b"1" * 1_100_000,
            )
        ):
            self.assertEqual(changes(text, False), ANYTHING, number)
        one = b"/* a; b */ (insert into t VALUES " + b"('a')," * 200_000 + b"('b')"
        shorter = insert + row * 100_000 + b"(1)"
        for number, text in enumerate((one, one + b" ; \n", b"SELECT" + b" " * 1_100_000, shorter)):
            self.assertEqual(changes(text, False), KEEPS, number)

    def test_a_routine_leaves_all_as_it_was(self):
        self.check(KEEPS, b"CALL p()", b"DO f()", b"SELECT f()", b"call p(1) ;")
        self.check(ANYTHING, b"CALL p(); SET NAMES gbk", b"CALL p();;")

    def test_whether_variables_are_tracked_does_not_matter(self):
        name = b"session_track_system_variables"
        self.check(
            KEEPS,
            b"SET %b = ''" % name,
            b"SET @@session.%b = DEFAULT, @x = '*'" % name,
        )
        self.check(
            ANYTHING,
            b"EXECUTE IMMEDIATE 'SET %b = NULL'" % name,
            b"SELECT 1; SET %b = ''" % name.upper(),
        )

    def test_modes_and_character_sets(self):
        self.check(SETS, b"SET sql_mode = 'ANSI'", b"set @@session.sql_mode='', autocommit=1;")
        self.check(RENAMES, b"SET NAMES utf8mb4", b"SET character_set_client = latin1")
        self.check(RENAMES, b"SET CHARACTER SET latin1", b'SET "character_set_client" = latin1')
        self.check(SETS | RENAMES, b"SET NAMES utf8mb4, sql_mode = ''")

    def test_what_a_client_is_sent_does_not_matter(self):
        self.check(
            KEEPS,
            b"SET character_set_results = NULL",
            b"SET collation_connection = latin1_bin",
            b"SET @a = 'character_set_client'",
        )

    def test_modes_that_are_not_plainly_the_session_s(self):
        """The flags of the status are not believed behind them."""
        self.check(
            MAY_CHANGE,
            b"SET GLOBAL sql_mode = ''",
            b"SET @@global.sql_mode = ''",
            b"SET PERSIST sql_mode = ''",
            b"SET autocommit = @@sql_mode",
            b"SET a.sql_mode = ''",
            b"SET @@`sql_mode` = ''",
            b"SET sql_mode = CONCAT('A', 'NSI')",
            b"SET a=1/*!40102 ,SQL_MODE=concat(@@sql_mode, _utf8 ',NO_KEY_OPTIONS') */",
            b"SET sql_mode = (SELECT 'ANSI')",
            b"SET GLOBAL autocommit = 1, sql_mode = ''",
            b"SET @a = f()",
        )
        self.check(SETS, b"SET LOCAL sql_mode := ''", b"SET `sql_mode` = '', @sql_mode = 1")

    def test_characters_beyond_ascii_outside_strings(self):
        """Some are blanks in the session's character set, or letters of ASCII to the server."""
        self.check(
            ANYTHING,
            b"SET\xa0NAMES\xa0gbk",
            b"SET @a=1,\xa0NAMES gbk",
            b"SET `\xc5\xbfql_mode` = ''",
            b"SET \"\xc5\xbfql_mode\" = ''",
            b"SET @a=1 --\xa0x, '\n, NAMES gbk -- '",
        )
        self.check(KEEPS, b"SET @a = 'x\xa0'", b"SELECT\xa01")

    def test_anything(self):
        self.check(
            ANYTHING,
            b"SET STATEMENT sql_mode = 'ANSI' FOR SELECT 1",
            b"SET NAMES latin1; SELECT 1",
            b"SET autocommit = 1; SET NAMES gbk",
            b"SELECT 1; SET NAMES gbk",
            b"EXECUTE s",
            b"EXECUTE IMMEDIATE 'SET NAMES gbk'",
            b"SELECT 1 /*!80000 ; SET NAMES gbk */",
            b"SELECT 1 /*!100100 x */",
            b"SELECT 1 /*!50000 ; SET NAMES gbk */",
            b"/*!50000 SELECT 1" + b" /**/" * 65_000 + b"*/",
            b"-- x\nSET NAMES gbk",
            b"# x\nSET NAMES gbk",
            b"BEGIN NOT ATOMIC SET NAMES gbk; END",
            b"SET NAMES 'latin1",
            b"",
        )
        self.assertTrue(changes(b"SET NAMES gbk", False) & MAY_CHANGE)

    def test_values_of_variables(self):
        """The database tells of them as of others."""
        self.check(SETS, b"SET sql_mode = @a", b"SET @@session.sql_mode = @@global.sql_mode")
        self.check(RENAMES, b"SET character_set_client = @x")

    def test_comments_that_servers_run(self):
        self.check(
            KEEPS,
            b"SELECT /*!40001 SQL_NO_CACHE */ * FROM t",
            b"/*!50001 CREATE VIEW v AS SELECT ';' AS a */;",
            b"/*!40101 SET @a = @@character_set_client */",
            b"/*M!999999\\- enable the sandbox mode */ SELECT 1",
            b"SELECT '/*!'",
            b"SELECT 1 /*M! x */ /*!80000 + 1 */",
            b"/*M!100616 SET @a = @@note_verbosity, note_verbosity = 0 */;",
        )
        self.check(SETS, b"/*!50000 SET sql_mode = 'ANSI' */", b"/*!50003SET sql_mode = @a*/ ;")
        self.check(RENAMES, b"/*!40101 SET NAMES utf8mb4 */", b"SET /*! NAMES */ utf8mb4")
        self.check(RENAMES, b"/*!80000 SET NAMES utf8mb4 */")
        self.check(MAY_CHANGE, b"/*!80000 SET sql_mode = 'ANSI' */", b"SET a=1/*M!, sql_mode=1*/")
        self.check(SETS, b"SET /*!80000 @a = 1, */ sql_mode = ''")

    def test_a_text_that_can_be_read_in_two_ways(self):
        text = b"SET NAMES 'a\\', sql_mode = 'b'"
        self.assertEqual(changes(text, None), ANYTHING)

    @given(st.binary(max_size=60), st.sampled_from((True, False, None)))
    def test_any_bytes(self, text, conforming):
        changes(text, conforming)
        self.assertNotEqual(changes(text + b"; SET NAMES gbk", conforming), KEEPS)

    @given(
        st.sampled_from(
            (b"SELECT ", b"select ", b"insert ", b"BEGIN", b"commit", b"Select ", b"DO")
        ),
        st.lists(
            st.sampled_from((b";", b"1", b"'", b"/*!", b"x", b" set names gbk", b"\xbf"))
            | st.binary(max_size=4),
            max_size=5,
        ).map(b"".join),
        st.sampled_from((True, False, None)),
    )
    def test_a_blank_in_front_changes_nothing(self, beginning, rest, conforming):
        # Most texts are known by how they begin.
        text = beginning + rest
        self.assertEqual(changes(text, conforming), changes(b" " + text, conforming))

    def test_names_without_a_character(self):
        self.check(KEEPS, b"SET ``=1", b"SET @a=1, ``@b='x'", b"SET x=``")
        self.check(SETS, b"SET ``=1, sql_mode=''")

    @given(
        st.lists(st.sampled_from(_WORDS_OF_SETS), max_size=8).map(b"".join),
        st.sampled_from((True, False, None)),
    )
    def test_any_assignments(self, said, conforming):
        text = b"SET " + said
        changes(text, conforming)
        self.assertNotEqual(changes(text + b", sql_mode = 'ANSI'", conforming), KEEPS)


class Schemas(SynchronousTestCase):
    def test_a_use_and_nothing_else(self):
        for text, schema in (
            (b"USE shop", b"shop"),
            (b" use\n`my``shop` ; ", b"my`shop"),
            (b"Use`shop`;", b"shop"),
            (b"USE b\xc3\xbccher", b"b\xc3\xbccher"),
            (b"USE shop; SELECT 1", None),
            (b"USE a.b", None),
            (b"USE", None),
            (b"USE ``", None),
            (b"USEshop", None),
            (b"SELECT 1 USE shop", None),
        ):
            self.assertEqual(schema_of(text), schema, text)

    @given(st.binary(max_size=40))
    def test_any_bytes(self, data):
        schema_of(b"USE " + data)


class Files(SynchronousTestCase):
    def test_who_may_ask(self):
        for text, files in (
            (b"LOAD/**/DATA LOCAL InFile 'x'", 1),
            (b"SELECT 1; load xml local infile 'x'", 1),
            (
                b"LOAD DATA LOCAL INFILE 'x' INTO TABLE a; LOAD DATA LOCAL INFILE 'y' INTO TABLE a",
                2,
            ),
            (b"Execute loading", 1),
            (b"SELECT 1; EXECUTE IMMEDIATE @loading", 1),
            (b"SELECT 1", 0),
        ):
            self.assertEqual(files_of(text), files, text)


class Alike(SynchronousTestCase):
    def test_marks_that_settings_read(self):
        self.assertTrue(reads_alike(b"SELECT 'a'"))
        for text in (b"SELECT '\\'", b'SELECT "a"', b"SELECT '\xbf'"):
            self.assertFalse(reads_alike(text))
