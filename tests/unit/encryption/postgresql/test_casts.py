"""Casts around values of protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import casts
from acra_twisted.encryption.postgresql.syntax import Text, node, parse
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.sql import lexer


def cast(name, read=casts.read):
    text = f"select 'a'::{name}".encode()
    tokens = lexer.tokens(text)
    (statement,) = parse(text, tokens)
    _, target = node(statement.fields["targetList"][0])
    _, fields = node(target["val"])
    return read(Text(text, tokens), fields["typeName"])


def column(data_type="", **more):
    return ColumnSetting("", "t", "c", data_type=data_type, **more)


class Casts(SynchronousTestCase):
    def test_a_type_has_the_databases_name_and_its_length(self):
        for name, expected, length in (
            ("text", "text", -1),
            ("character varying(80)", "varchar", 80),
            ("varchar", "varchar", -1),
            ("pg_catalog.int4", "int4", -1),
            ("integer", "int4", -1),
            ("char(3)", "bpchar", 3),
            ('"text"', "text", -1),
            ("char", "bpchar", 1),
        ):
            found = cast(name)
            self.assertEqual((found.type, found.length), (expected, length), name)

    def test_a_column_is_shown_by_a_cast_to_what_it_is_told_to_be(self):
        for data_type, name, expected in (
            ("bytes", "bytea", True),
            ("bytes", "text", False),
            ("str", "text", True),
            ("str", "varchar", True),
            ("str", "bytea", False),
            ("", "text", True),
            ("int32", "int8", True),
        ):
            shown = casts.may_show(column(data_type), (cast(name),))
            self.assertEqual(shown, expected, (data_type, name))

    def test_arrays_have_the_type_of_their_elements(self):
        for name, expected in (
            ("text[]", "text"),
            ("pg_catalog.int4[]", "int4"),
            ("character varying[]", "varchar"),
            ("text", None),
            ("text[][]", None),
            ("varchar(3)[]", None),
            ("other.text[]", None),
            ("text array", None),
            ("people[]", None),
            ("pg_catalog.record[]", None),
        ):
            found = cast(name, casts.read_array)
            self.assertEqual(found and found.type, expected, name)

    def test_types_that_no_value_may_have_are_nameless(self):
        for name in ("text[]", "other.text", '"char"', "numeric(3)", "varchar(0)", "bit(5)"):
            self.assertEqual(cast(name).type, "", name)

    def test_casts_belong_to_the_data_type(self):
        for data_type, names, expected in (
            ("str", ["text"], True),
            ("str", ["text", "varchar(8)"], True),
            ("str", ["bytea"], True),
            ("str", ["bytea", "text"], False),
            ("str", ["int"], False),
            ("", ["bytea"], True),
            ("int32", ["int"], True),
            ("int32", ["smallint", "int"], False),
            ("int32", ["text"], False),
            ("uuid", ["uuid"], True),
            ("date", ["timestamp"], False),
            ("str", [], True),
        ):
            around = tuple(map(cast, names))
            self.assertEqual(casts.may_have(column(data_type), around), expected, names)

    def test_the_shortest_length_cuts(self):
        self.assertEqual(casts.cut((cast("varchar(8)"), cast("varchar(5)"), cast("text"))), 5)
        self.assertEqual(casts.cut((cast("text"),)), -1)

    def test_what_is_stored_is_bytea_or_a_token(self):
        self.assertEqual(casts.stored_type(column("int32")), b"bytea")
        for token_type, expected in (
            ("int32", b"int4"),
            ("int64", b"int8"),
            ("str", b"text"),
            ("email", b"text"),
            ("bytes", b"bytea"),
        ):
            tokenized = column(kind=TOKENIZED, token_type=token_type)
            self.assertEqual(casts.stored_type(tokenized), expected)
