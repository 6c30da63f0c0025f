"""The text of a schema of MySQL; tests/integration/test_mysql_explain.py has a real one."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import checks, roles
from acra_twisted.encryption.mysql.question import SchemaError
from acra_twisted.encryption.mysql.schema import (
    ROUTINE,
    VIEW,
    Code,
    Column,
    ForeignKey,
    Index,
    KeyPart,
    Schema,
    Table,
)
from acra_twisted.encryption.mysql.schemafile import bare, dump, load
from acra_twisted.sql import lexer, mysqllexer
from tests.support.jsonplaces import JSON, changed, places

PEOPLE = Table(
    "shop",
    "Odd \N{SNOWMAN} table",
    (
        Column("id", "int", -1, "", "", False, True, "`n` + 1", True),
        Column("name", "varchar", 80, "latin1", "latin1_bin"),
    ),
    (Index("PRIMARY", (KeyPart("id"), KeyPart("name", 9)), True),),
)
SCHEMA = Schema(
    1,
    (PEOPLE,),
    True,
    (Code(VIEW, "shop", "v", "select `id` from `people`"), Code(ROUTINE, "shop", "r", None, "t")),
    False,
    (ForeignKey("k", ("a", "b", "c"), ("d", "e", "f")),),
    False,
)


class Texts(SynchronousTestCase):
    def test_what_is_written_is_read(self):
        self.assertEqual(load(dump(SCHEMA)), SCHEMA)

    @given(st.sampled_from(list(places(json.loads(dump(SCHEMA))))), JSON)
    def test_another_value_at_any_place_is_read_as_such_or_refused(self, place, value):
        text = json.dumps(changed(json.loads(dump(SCHEMA)), place, value))
        try:
            found = load(text)
        except SchemaError:
            return
        self.assertEqual(load(dump(found)), found._replace(**bared(found)))

    @given(st.text())
    def test_other_texts_are_refused(self, text):
        self.assertRaises(SchemaError, load, text)

    def test_a_saved_schema_of_postgresql_is_none(self):
        self.assertRaises(SchemaError, load, '{"format": "acra schema 2", "relations": []}')


def bared(schema):
    """The fields of a schema that are saved in another form, if they were changed by hand."""
    tables = tuple(
        table._replace(
            columns=tuple(
                one._replace(expression=one.expression and (bare(one.expression) or "?"))
                for one in table.columns
            )
        )
        for table in schema.tables
    )
    code = tuple(one._replace(text=bare(one.text)) for one in schema.code)
    return {"tables": tables, "code": code}


class Values(SynchronousTestCase):
    def test_literals_become_others_and_comments_go(self):
        for text, expected in (
            ("a = 'x' AND b = 5", "a = ''  AND b = 1"),
            ("a=N'x' OR a=\"x\"", "a=''  OR a=''"),
            ("_utf8mb4'x' + x'00' + 0x61", "_utf8mb4 ''  + x''  + x''"),
            ("b'1' + 0b1 + x'#'", "b''  + b''  + x ''"),
            ("1.5 + .5 + 1e9 + 1.a", "1  + 1  + 1  + 1 a"),
            ("a /* x */ + # x\n b -- x", "a /**/ + /**/\n b /**/"),
            ("5--/* x */7--3", "1 --/**/1 --1"),
            ("/*!50001 a = 'x' */", "/**/ a = ''  /**/"),
            ("COUNT(a), `x` . `1`", "COUNT(a), `x` . `1`"),
            ("@`a`, @@b, \\N", "@`a`, @@b, \\N"),
        ):
            self.assertEqual(bare(text), expected)
        self.assertIsNone(bare(None))
        self.assertIsNone(bare("'open"))

    def test_what_is_seen_in_strings_and_comments_alone_stays(self):
        for text, asks in (
            (f"EXECUTE IMMEDIATE 'SET {checks.NAME} = 0'", checks.is_named),
            ("SELECT 'set role x', '\\\\'", roles.may_be_set),
            ("SET ROLE x", roles.may_be_set),
        ):
            self.assertTrue(asks(text.encode()), text)
            self.assertTrue(asks((bare(text) or "").encode()), text)
        self.assertEqual(bare("SELECT 1"), "SELECT 1")

    def test_what_would_be_read_otherwise_is_not_shown(self):
        self.assertIsNone(bare("a ..5"))

    @given(st.text(st.sampled_from("ab1'\"`\\/*!#-. \nx@N0e"), max_size=40))
    def test_the_same_tokens_without_literals_and_comments(self, text):
        found = bare(text)
        if found is None:
            return
        gone = {*lexer.LITERALS, lexer.COMMENT, lexer.HINT}
        kept = [
            [data[start:end] for kind, start, end in mysqllexer.tokens(data) if kind not in gone]
            for data in (text.encode(), found.encode())
        ]
        self.assertEqual(*kept)
