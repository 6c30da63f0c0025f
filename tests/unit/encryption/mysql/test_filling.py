"""Texts that are sent to MySQL."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.filling import BEHIND, WHOLE, Sent, at_edge, fill, literal
from acra_twisted.encryption.mysql.plan import (
    NULL_SAFE,
    Compared,
    Given,
    Literal,
    Parameter,
    Plan,
    Source,
    Stored,
)
from acra_twisted.encryption.plan import COMPARE, STORE, Use
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED, ColumnSetting

_EMAIL = ColumnSetting("", "people", "email", SEARCHABLE)
_TOKEN = ColumnSetting("", "people", "phone", TOKENIZED, token_type="str", consistent=True)
_NUMBER = ColumnSetting("", "people", "age", TOKENIZED, token_type="int32", consistent=True)


def compared(setting, form="equal", parameter=0):
    source = Source(parameter=parameter) if parameter else Source(0)
    return Plan(
        parts=(b"WHERE ", Compared(0, b"t.c", form)),
        values=[Given(source, Use(setting, COMPARE, ""))],
    )


class Literals(SynchronousTestCase):
    def test_stored_values_and_the_clients_own(self):
        plan = Plan(
            parts=(b"VALUES (", Literal(0), b", ", Stored(0), b")"),
            values=[Given(Source(1), Use(_EMAIL, STORE, "VALUES"))],
        )
        found = fill(plan, [b"1", b"'secret'"], lambda _: [b"\x7f\x00"])
        self.assertEqual(found, (b"VALUES (1, x'7f00')", []))

    def test_a_value_is_looked_for_by_each_key(self):
        found = fill(compared(_EMAIL), [b"'v'"], lambda _: [b"\x7f\x01", b"\x7f\xff"])
        text = b"WHERE (t.c >= x'7f01' AND t.c < x'7f02' OR t.c >= x'7fff' AND t.c < x'8000')"
        self.assertEqual(found.text, text)

    def test_two_nulls_are_one_where_the_comparison_says_so(self):
        found = fill(compared(_EMAIL, NULL_SAFE), [b"'v'"], lambda _: [b"\x7f"])
        text = b"WHERE COALESCE(t.c >= x'7f' AND t.c < x'80', t.c <=> x'7f')"
        self.assertEqual(found.text, text)

    def test_tokens_are_compared_as_they_are(self):
        self.assertEqual(
            fill(compared(_NUMBER), [b"7"], lambda _: [b"-5"]).text, b"WHERE (t.c = -5)"
        )
        found = fill(compared(_TOKEN), [b"'v'"], lambda _: [b"aB"])
        text = b"WHERE (t.c = 'aB' AND CAST(CONVERT(t.c USING utf8mb4) AS BINARY) = x'6142')"
        self.assertEqual(found.text, text)
        found = fill(compared(_TOKEN, parameter=1), [], lambda _: 1)
        bound = b"CAST(CONVERT(? USING utf8mb4) AS BINARY)"
        self.assertEqual(found.text, text.replace(b"'aB'", b"?").replace(b"x'6142'", bound))

    def test_no_token_ends_its_literal(self):
        self.assertEqual(literal(_TOKEN, b"a'b\\"), b"x'6127625c'")


class Parameters(SynchronousTestCase):
    def test_others_keep_their_order(self):
        plan = Plan(
            parts=(b"SET n = ", Parameter(1), b", c = ", Stored(0), b" WHERE id = ", Parameter(3)),
            values=[Given(Source(parameter=2), Use(_EMAIL, STORE, "SET"))],
        )
        found = fill(plan, [], lambda _: 1)
        self.assertEqual(found.text, b"SET n = ?, c = ? WHERE id = ?")
        self.assertEqual(found.parameters, [Sent(1), Sent(2, 0), Sent(3)])

    def test_one_becomes_two_for_each_key(self):
        found = fill(compared(_EMAIL, parameter=4), [], lambda _: 2)
        self.assertEqual(found.text, b"WHERE (t.c >= ? AND t.c < ? OR t.c >= ? AND t.c < ?)")
        self.assertEqual(
            found.parameters,
            [Sent(4, 0, n, edge) for n in (0, 1) for edge in (WHOLE, BEHIND)],
        )


class Edges(SynchronousTestCase):
    @given(st.binary(max_size=32), st.binary(max_size=40))
    def test_all_that_begins_with_a_prefix_lies_between(self, digest, value):
        prefix = b"\x7f" + digest
        begins = prefix <= value < at_edge(prefix, BEHIND)
        self.assertEqual(begins, value.startswith(prefix))

    @given(st.binary(max_size=3))
    def test_only_the_empty_value_is_empty(self, value):
        self.assertEqual(b"" <= value < at_edge(b"", BEHIND), not value)
