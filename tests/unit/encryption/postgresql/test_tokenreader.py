"""Cells with tokens."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.fates import DETOKENIZED, FAILED, PLAINTEXT
from acra_twisted.encryption.postgresql import types
from acra_twisted.encryption.postgresql.tokenreader import TokenReader
from acra_twisted.encryption.settings import DEFAULT_VALUE, ERROR, TOKENIZED
from tests.support.planning import setting

DATA_TYPES = {"email": "str"}


def column(token_type, **more):
    data_type = DATA_TYPES.get(token_type, token_type)
    return setting(
        "people", "phone", kind=TOKENIZED, token_type=token_type, data_type=data_type, **more
    )


class Reading(SynchronousTestCase):
    def read(self, one, kind, form, cell, values, encoding="UTF8"):
        reader = TokenReader(one, kind, form, encoding)
        reader.note(cell)
        self.tokens = reader.tokens
        reader.values = values
        return reader.read(cell)

    def test_all_types_in_both_formats(self):
        for token_type, kind, form, cell, token, value, shown in (
            ("int32", types.INT4, 0, b"-5", b"-5", b"70", b"70"),
            ("int32", types.INT4, 1, b"\xff\xff\xff\xfb", b"-5", b"70", b"\0\0\0\x46"),
            ("int32", types.INT8, 1, b"\xff" * 7 + b"\xfb", b"-5", b"70", b"\0\0\0\x46"),
            ("int64", types.INT8, 0, b"5", b"5", b"-1", b"-1"),
            ("int64", types.INT8, 1, b"\0" * 7 + b"\5", b"5", b"-1", b"\xff" * 8),
            ("str", types.TEXT, 0, b"Ab1", b"Ab1", b"Zap", b"Zap"),
            ("str", types.VARCHAR, 1, b"Ab1", b"Ab1", b"Zap", b"Zap"),
            ("email", types.TEXT, 0, b"a@b.de", b"a@b.de", b"z@x.us", b"z@x.us"),
            ("bytes", types.BYTEA, 0, b"\\x00ff", b"\0\xff", b"ab", b"\\x6162"),
            ("bytes", types.BYTEA, 0, b"\\000a", b"\0a", b"ab", b"\\x6162"),
            ("bytes", types.BYTEA, 1, b"\0\xff", b"\0\xff", b"ab", b"ab"),
        ):
            found = self.read(column(token_type), kind, form, cell, {token: value})
            self.assertEqual((self.tokens, found), ([token], shown))

    def test_characters_are_in_the_client_s_encoding(self):
        values = {b"Ab": "\xfc".encode()}
        self.assertEqual(self.read(column("str"), types.TEXT, 0, b"Ab", values, "LATIN1"), b"\xfc")

    def test_what_is_no_token_of_the_client_s(self):
        for more, shown in (
            ({}, b"7"),
            ({"on_failure": DEFAULT_VALUE, "default": b"0"}, b"0"),
        ):
            self.assertEqual(self.read(column("int32", **more), types.INT4, 0, b"7", {}), shown)
        failing = column("int32", on_failure=ERROR)
        self.assertRaises(ValueRefusedError, self.read, failing, types.INT4, 0, b"7", {})

    def test_a_token_that_must_not_be_read_is_never_taken_for_its_value(self):
        for more in ({}, {"on_failure": ERROR}):
            error = self.assertRaises(
                ValueRefusedError,
                *(self.read, column("int32", **more), types.INT4, 0, b"7", {b"7": None}),
            )
            self.assertIn("people.phone", str(error))
            self.assertNotIn("7", str(error))
        standing = column("int32", on_failure=DEFAULT_VALUE, default=b"0")
        self.assertEqual(self.read(standing, types.INT4, 0, b"7", {b"7": None}), b"0")

    def test_the_fates_of_tokens_are_counted(self):
        setting = column("int32", on_failure=DEFAULT_VALUE, default=b"0")
        for values, fate in (({b"7": b"1"}, DETOKENIZED), ({b"7": None}, FAILED), ({}, FAILED)):
            reader = TokenReader(setting, types.INT4, 0)
            reader.note(b"7")
            reader.values = values
            reader.read(b"7")
            self.assertEqual(reader.fates.counts(1), {(setting, fate): 1})
        reader = TokenReader(column("int32"), types.INT4, 0)
        reader.note(b"7")
        reader.read(b"7")
        self.assertEqual(reader.fates.counts(1), {(column("int32"), PLAINTEXT): 1})

    def test_what_the_type_does_not_have(self):
        for cell, kind, form in (
            (b"x", types.TEXT, 0),
            (b"\0\0", types.INT4, 1),
            (b"9" * 12, types.INT8, 0),
        ):
            self.assertRaises(ValueRefusedError, self.read, column("int32"), kind, form, cell, {})
            self.assertEqual(self.tokens, [])

    @given(st.binary(max_size=20), st.sampled_from((types.INT4, types.BYTEA, 0)), st.booleans())
    def test_any_cell_is_read_or_refused(self, cell, kind, binary):
        for token_type in ("int32", "str", "bytes"):
            try:
                self.read(column(token_type), kind, int(binary), cell, {})
            except ValueRefusedError as error:
                self.assertIn("people.phone", str(error))
