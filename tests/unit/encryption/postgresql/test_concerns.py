"""Texts that can concern protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.concerns import Concerns
from acra_twisted.sql import lexer

NAMES = Concerns(["people", "Odd Table", 'a"b', "żaba", "x" * 63, "ΟΔΟΣ"])


class Texts(SynchronousTestCase):
    def test_a_name_is_found_however_it_is_written(self):
        for text in (
            "select * from people",
            "SELECT * FROM PEOPLE",
            'select * from "people"',
            "select * from public.people,x",
            "select(people.id)",
            'select * from "Odd Table"',
            'select * from "a""b"',
            'select * from U&"\\0070eople"',
            "select * from u&\"!0070eople\" uescape '!'",
            "select * from ŻABA",
            "select * from Żaba",
            'table "ΟΔΟΣ"',
            "select οδος.x from οδοσ",
            "select ΟΔΟΣ.x",
            "select * from " + "X" * 70,
            "select 1from people",
        ):
            self.assertTrue(NAMES.may_touch(text.encode()), text)

    def test_names_are_told_as_they_are_configured(self):
        known = Concerns(
            ["people", "Odd Table", 'a"b', "seen", "Odd View", "żaba"],
            ["people", "Odd Table", 'a"b', "żaba"],
        )
        for text, expected in (
            ("select seen() from people", ("people", "seen")),
            ('table "Odd Table"', ("Odd Table", "")),
            ('table "a""b"', ('a"b', "")),
            ("select SEEN()", ("", "seen")),
            ('table "Odd View"', ("", "Odd View")),
            ("table ŻABA", ("żaba", "")),
            ("execute people_2", ("", "")),
        ):
            self.assertEqual(known.named(text.encode()), expected, text)

    def test_other_words_are_no_names(self):
        for text in (
            "select * from peoples",
            "select * from people_2, mypeople",
            "select a.b from c",
            "insert into żabka values (1)",
        ):
            self.assertFalse(NAMES.may_touch(text.encode()), text)

    def test_words_that_run_code_or_prepared_statements_are_looked_at(self):
        for text in ("execute q", "prepare q as select 1", "do 'x'", "select dblink('x')"):
            self.assertTrue(NAMES.may_touch(text.encode()), text)

    def test_on_conflict_does_nothing_that_is_in_a_string(self):
        for text in (
            "insert into t values ('people') on conflict do nothing",
            "insert into t values (1) ON CONFLICT (a) DO\nUPDATE SET b = 'people\\x41'",
            "insert into t (rule, function, trigger) values ('people')",
        ):
            raw = text.encode()
            self.assertFalse(NAMES.may_run(raw, lexer.tokens(raw)), text)
            self.assertFalse(NAMES.may_touch(raw.replace(b"people", b"")), text)
        for text in (
            "do 'people'; insert into t values (1) on conflict do nothing",
            "do 'people' -- do update\n",
            "do 'people'; select 1 as édo update",
            "do 'people'; select 1 as xdo nothing",
            "do 'people'; select 1 as do$ update",
            "do/* update */'people'",
            "do updates",
            "select 'do update'; do 'people'",
            'do "update"',
            "call f('people')",
            "create function f() returns void language sql as 'select people'",
            "create or replace rule r as on update to t do also select 'people'",
        ):
            raw = text.encode()
            self.assertTrue(NAMES.may_touch(raw.replace(b"people", b"")), text)
        for text in (
            "do 'people'; select do update",
            "do -- update\n'people'",
            "/**/ do 'people'",
            "select 1;-- x\nDO 'people'",
            "call f('people')",
            "create function f() returns void language sql as 'select people'",
        ):
            raw = text.encode()
            self.assertTrue(NAMES.may_run(raw, lexer.tokens(raw)), text)

    def test_a_string_with_a_name_is_found(self):
        for text in ("do 'insert into PEOPLE'", "do $$people$$", "do E'\\x70eople'", "do '\\x'"):
            raw = text.encode()
            tokens = lexer.tokens(raw)
            self.assertTrue(NAMES.may_run(raw, tokens))
            self.assertTrue(NAMES.carries(raw, tokens), text)
        raw = b"do 'select 1'"
        self.assertFalse(NAMES.carries(raw, lexer.tokens(raw)))
        raw = b"select 'people'"
        self.assertFalse(NAMES.may_run(raw, lexer.tokens(raw)))
        self.assertTrue(
            NAMES.may_run(b'select "dblink_exec"', lexer.tokens(b'select "dblink_exec"'))
        )

    def test_a_name_may_be_written_with_escapes_of_any_sign(self):
        for text in (
            """create function f() as $$ insert into U&"p!0065ople" uescape '!' $$""",
            """create function f() as $$ select dblink_exec(U&'p!0065ople' uescape '!') $$""",
            """create function f() as U&'insert into p!0065ople' uescape '!'""",
            """select dblink_exec(U&'insert into p!0065ople' uescape '!')""",
        ):
            raw = text.encode()
            self.assertTrue(NAMES.carries(raw, lexer.tokens(raw)), text)
        raw = b"create function f() as $$ select 'menu&x' $$"
        self.assertFalse(NAMES.carries(raw, lexer.tokens(raw)))

    def test_a_new_name_of_a_schema_concerns_its_tables(self):
        for text in (b"alter schema a rename to b", b'ALTER/**/SCHEMA "A" RENAME TO "B"'):
            self.assertTrue(NAMES.may_touch(text), text)
        for text in (
            b"alter default privileges in schema a grant select on tables to b",
            b"alter schema a owner to b",
            b"select schema, rename from t",
        ):
            self.assertFalse(NAMES.may_touch(text), text)

    def test_code_may_come_in_a_parameter_or_in_parts(self):
        for text in (
            b"select query_to_xml($1, true, true, '')",
            b"select query_to_xml('select * from peo'||'ple', true, true, '')",
            b"select dblink('', concat('peo', 'ple'))",
            b"select pg_catalog.\"query_to_xml\"(format('%s', 'x'), true, true, '')",
        ):
            self.assertTrue(NAMES.may_hide(text, lexer.tokens(text)), text)
        for text in (
            b"select query_to_xml('select 1', true, true, '')",
            b"select 'a' || $1",
            b"insert into t values ($1) on conflict do nothing",
            b"call f($1)",
        ):
            self.assertFalse(NAMES.may_hide(text, lexer.tokens(text)), text)

    def test_a_text_that_makes_or_runs_a_prepared_statement_is_stateful(self):
        for text, expected in ((b"execute q", True), (b"PREPARE q", True), (b"select 1", False)):
            self.assertEqual(NAMES.is_stateful(text, lexer.tokens(text)), expected)
