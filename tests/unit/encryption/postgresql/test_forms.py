"""The forms of values that are compared, as arrays."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import arrays, types
from acra_twisted.encryption.postgresql.forms import (
    array_binary,
    array_literal,
    bytes_literal,
    bytes_literal_by_python,
    element_type,
    spread,
    stored_binary,
    stored_literal,
)
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED
from tests.support.planning import setting

EMAIL = setting("people", "email", kind=SEARCHABLE, data_type="str")


def tokens(token_type):
    return setting("people", "phone", kind=TOKENIZED, token_type=token_type, consistent=True)


class Forms(SynchronousTestCase):
    def test_every_value_has_equally_many(self):
        known = {b"a": [b"1", b"2"], b"": [b""]}
        found = spread([b"a", None, b""], known.__getitem__, 2)
        self.assertEqual(found, [b"1", b"2", None, None, b"", b""])
        self.assertEqual(spread([], known.__getitem__, 2), [])

    def test_literals(self):
        for column, forms, literal in (
            (EMAIL, [b"\x7fa", None, b""], rb""" E'{"\\\\x7f61",NULL,""}'"""),
            (tokens("str"), [b"a'\\\""], rb""" E'{"a''\\\\\\""}'"""),
            (tokens("int32"), [b"-5"], b""" E'{"-5"}'"""),
            (tokens("bytes"), [b"a"], rb""" E'{"\\\\x61"}'"""),
        ):
            self.assertEqual(array_literal(column, forms), literal)

    def test_parameters(self):
        for column, forms, element, packed in (
            (EMAIL, [b"\x7fa", None, b""], types.BYTEA, [b"\x7fa", None, b""]),
            (tokens("str"), [b"a"], types.TEXT, [b"a"]),
            (tokens("email"), [b"a"], types.TEXT, [b"a"]),
            (tokens("int32"), [b"-5", b""], types.INT4, [b"\xff\xff\xff\xfb", None]),
            (tokens("int64"), [b"5"], types.INT8, [b"\0" * 7 + b"\5"]),
            (tokens("bytes"), [b"a"], types.BYTEA, [b"a"]),
        ):
            self.assertEqual(element_type(column), element)
            self.assertEqual(array_binary(column, forms), arrays.to_array(packed, element))

    def test_stored_values(self):
        for column, stored, literal, binary in (
            (EMAIL, b"\x7fa", rb" E'\\x7f61'", b"\x7fa"),
            (EMAIL, b"", rb" E'\\x'", b""),
            (tokens("str"), b"a'\\", rb" E'a''\\'", b"a'\\"),
            (tokens("email"), b"a@b.de", b" E'a@b.de'", b"a@b.de"),
            (tokens("int32"), b"-5", b" E'-5'", b"\xff\xff\xff\xfb"),
            (tokens("int64"), b"5", b" E'5'", b"\0" * 7 + b"\5"),
            (tokens("bytes"), b"a", rb" E'\\x61'", b"a"),
        ):
            self.assertEqual(stored_literal(column, stored), literal)
            self.assertEqual(stored_binary(column, stored), binary)

    def test_one_form_is_an_array_of_its_own(self):
        for forms, literal in (
            ([b"\x7fa"], rb""" E'{"\\\\x7f61"}'"""),
            ([b""], b""" E'{""}'"""),
            ([None], b" E'{NULL}'"),
            ([], b" E'{}'"),
        ):
            self.assertEqual(array_literal(EMAIL, forms), literal)

    @given(st.binary(max_size=300))
    @example(bytes(range(256)))
    def test_bytes_as_a_literal_in_two_forms(self, data):
        """The form that is used here, and the interpreted one."""
        self.assertEqual(bytes_literal(data), b" E'\\\\x%b'" % data.hex().encode())
        self.assertEqual(bytes_literal_by_python(data), bytes_literal(data))

    @given(st.lists(st.none() | st.binary()))
    def test_no_form_ends_a_literal(self, forms):
        for column in (EMAIL, tokens("str")):
            literal = array_literal(column, forms)
            inside = literal.removeprefix(b" E")[1:-1].replace(b"''", b"")
            inside = inside.replace(b"\\\\", b"")
            self.assertEqual(inside.count(b"\\"), 0)
            self.assertNotIn(b"'", inside)
