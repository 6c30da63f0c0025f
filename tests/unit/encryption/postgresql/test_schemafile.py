"""The text of a schema."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.schema import (
    PREFIX,
    Attached,
    Attribute,
    Index,
    Key,
    Relation,
    Schema,
    SchemaError,
    Writer,
)
from acra_twisted.encryption.postgresql.schemafile import dump, load
from tests.support.jsonplaces import JSON, changed, places

PEOPLE = Relation(
    16384,
    "public",
    "Odd \N{SNOWMAN} table",
    "r",
    (
        Attribute("id", 1, 23, 23),
        Attribute("name", 3, 99, 17, -1, "sealed", True, True, True, (1,)),
    ),
    parents=(7,),
    indexes=(Index("by_name", (Key(3, PREFIX), Key(0)), True, "hash", True, False),),
    attached=(Attached("check", "filled", (1, 3)),),
)
VIEW = Relation(16385, "other", "shown", "v", (Attribute("x", 1, 17, 17),), {1: (16384, 3)})
SCHEMA = Schema(
    1, {one.oid: one for one in (PEOPLE, VIEW)}, frozenset("gf"), (Writer("a", "b", "c", "f"),)
)


class Texts(SynchronousTestCase):
    def test_what_is_written_is_read(self):
        self.assertEqual(load(dump(SCHEMA)), SCHEMA)

    def test_equal_schemas_have_equal_texts(self):
        self.assertEqual(dump(load(dump(SCHEMA))), dump(SCHEMA))

    @given(st.sampled_from(list(places(json.loads(dump(SCHEMA))))), JSON)
    def test_another_value_at_any_place_is_read_as_such_or_refused(self, place, value):
        text = json.dumps(changed(json.loads(dump(SCHEMA)), place, value))
        try:
            found = load(text)
        except SchemaError:
            return
        self.assertEqual(load(dump(found)), found)

    def test_a_field_of_another_type_or_name_is_refused(self):
        for path, value in (
            (("format",), "acra schema 1"),
            (("relations", 0, "oid"), "1"),
            (("relations", 0, "oid"), True),
            (("relations", 0, "oid"), 16385),
            (("relations", 0, "more"), 1),
            (("relations", 0, "attributes", 0, "not_null"), 1),
            (("relations", 1, "sources"), [[1, [2]]]),
            (("functions",), "f"),
        ):
            made = json.loads(dump(SCHEMA))
            *steps, last = path
            at = made
            for step in steps:
                at = at[step]
            at[last] = value
            text = json.dumps(made)
            self.assertRaises(SchemaError, load, text)

    @given(st.text())
    def test_other_texts_are_refused(self, text):
        self.assertRaises(SchemaError, load, text)

    def test_a_text_that_is_deep_or_long_is_refused(self):
        self.assertRaises(SchemaError, load, "[" * 100_000)
