"""Facts of a schema that are in its stored expressions."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, envelopes
from acra_twisted.encryption.postgresql import storedtrees
from acra_twisted.encryption.postgresql.nodetree import TreeLimitError
from acra_twisted.encryption.postgresql.schema import (
    EXPRESSION,
    PREFIX,
    RAW,
    SUBSTRING,
    Key,
    SchemaError,
)

DEEP = "(" * 1001 + ")" * 1001
VAR = "{VAR :varno 1 :varattno 3 :vartype 17}"
ONE = "{CONST :consttype 23 :constisnull false :constvalue 4 [ 1 0 0 0 0 0 0 0 ]}"
SIZE = "{CONST :consttype 23 :constisnull false :constvalue 4 [ 33 0 0 0 0 0 0 0 ]}"


def entry(number, table, column, junk="false"):
    return (
        f"{{TARGETENTRY :expr {VAR} :resno {number} :resname a :ressortgroupref 0 "
        f":resorigtbl {table} :resorigcol {column} :resjunk {junk}}}"
    )


def constant(value, null="false"):
    data = len(value).to_bytes(4, "little") + value
    numbers = " ".join(str(byte - 256 if byte > 127 else byte) for byte in data)
    return f"{{CONST :consttype 17 :constisnull {null} :constvalue {len(data)} [ {numbers} ]}}"


def container():
    made = acrablock.create(b"text", b"s" * 32, b"", os.urandom)
    return envelopes.wrap(envelopes.ACRABLOCK, made)


class Views(SynchronousTestCase):
    def test_the_columns_that_are_shown_unchanged(self):
        inner = f"{{QUERY :targetList ({entry(1, 9, 9)})}}"
        rule = (
            f"({{QUERY :rtable ({{RTE :subquery {inner}}}) :targetList ({entry(1, 5, 2)} "
            f"{entry(2, 0, 0)} {entry(3, 6, 1)} {entry(4, 6, 2, 'true')} {entry(5, 6, 0)})}})"
        )
        self.assertEqual(storedtrees.shown(rule), {1: (5, 2), 3: (6, 1)})

    def test_a_rule_without_an_action_shows_nothing(self):
        self.assertEqual(storedtrees.shown("<>"), {})
        self.assertRaises(SchemaError, storedtrees.shown, "({QUERY")

    def test_one_that_is_too_large_is_told_apart(self):
        self.assertRaises(TreeLimitError, storedtrees.shown, DEEP)


class Defaults(SynchronousTestCase):
    def in_clear(self, text):
        return storedtrees.is_in_clear(text)

    def test_one_that_is_too_large_to_be_read_is(self):
        self.assertTrue(self.in_clear(DEEP))

    def test_nothing_null_and_the_empty_string_are_not_in_clear(self):
        self.assertFalse(self.in_clear(""))
        self.assertFalse(self.in_clear("{CONST :constisnull true :constvalue <>}"))
        self.assertFalse(self.in_clear(constant(b"")))

    def test_a_container_is_not_in_clear_with_a_prefix_or_without(self):
        sealed = container()
        self.assertFalse(self.in_clear(constant(sealed)))
        self.assertFalse(self.in_clear(constant(b"\x7f" + bytes(32) + sealed)))

    def test_anything_else_is(self):
        sealed = container()
        for text in (
            constant(b"x"),
            constant(b"x" + sealed),
            constant(sealed + b"x"),
            "{FUNCEXPR :funcid 2085 :args <>}",
            "{}",
            "(<>)",
        ):
            self.assertTrue(self.in_clear(text), text)

    def test_a_cast_to_a_domain_is_looked_through(self):
        for node in ("RELABELTYPE", "COERCETODOMAIN"):
            self.assertFalse(self.in_clear(f"{{{node} :arg {constant(b'')} :resulttype 5}}"))
            self.assertTrue(self.in_clear(f"{{{node} :arg {constant(b'x')} :resulttype 5}}"))


class Keys(SynchronousTestCase):
    def call(self, function=2085, column=VAR, start=ONE, size=SIZE):
        return f"({{FUNCEXPR :funcid {function} :args ({column} {start} {size}) :location -1}})"

    def key(self, *arguments, **named):
        [found] = storedtrees.keys((0,), self.call(*arguments, **named))
        return found

    def test_columns_and_expressions_stand_in_order(self):
        self.assertEqual(
            list(storedtrees.keys((2, 0, 5), self.call())),
            [Key(2, RAW), Key(3, PREFIX), Key(5, RAW)],
        )
        self.assertEqual(list(storedtrees.keys((), "")), [])

    def test_the_prefix_by_either_function(self):
        self.assertEqual(self.key(), Key(3, PREFIX))
        self.assertEqual(self.key(2012), Key(3, SUBSTRING))
        relabelled = f"{{RELABELTYPE :arg {VAR} :resulttype 17}}"
        self.assertEqual(self.key(column=relabelled), Key(3, PREFIX))

    def test_any_other_expression_is_no_form_of_ours(self):
        for found in (
            self.key(870),
            self.key(size=ONE),
            self.key(start=SIZE),
            self.key(column=ONE),
            self.key(size=VAR),
            *storedtrees.keys((0,), "<>"),
        ):
            self.assertEqual(found, Key(0, EXPRESSION))

    def test_expressions_that_are_too_large_have_no_known_form(self):
        self.assertEqual(
            storedtrees.keys([2, 0, 0], DEEP), (Key(2), Key(0, EXPRESSION), Key(0, EXPRESSION))
        )
