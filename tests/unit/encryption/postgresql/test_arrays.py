"""Arrays of values that are compared."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql.arrays import (
    MOST,
    described_array,
    from_array,
    most_elements,
    to_array,
    to_array_text,
)
from acra_twisted.encryption.postgresql.plaintexts import Way
from acra_twisted.encryption.settings import DATA_TYPES

STR, INT32, BYTES = Way("str"), Way("int32"), Way("bytes")
ELEMENTS = st.lists(
    st.one_of(st.none(), st.text('aNUL\\"{}, ,Ż\t', max_size=6).map(str.encode)), max_size=5
)


class Texts(SynchronousTestCase):
    def test_elements(self):
        for text, found in (
            (b"{}", []),
            (b" { } ", []),
            (b"{a,b}", [b"a", b"b"]),
            (b'{ a b , "c, d" ,"e\\"f\\\\" }', [b"a b", b"c, d", b'e"f\\']),
            (b'{NULL,null,"NULL",\\NULL}', [None, None, b"NULL", b"NULL"]),
            (b'{"",\\ ,a\\ }', [b"", b" ", b"a "]),
        ):
            self.assertEqual(from_array(text, 0, 0, STR), found, text)

    def test_texts_that_are_no_arrays(self):
        for text in (
            b"",
            b"a",
            b"{",
            b"{a",
            b"{a}}",
            b"{a,}",
            b"{,}",
            b"{{a}}",
            b'{"a}',
            b'{a"b"}',
            b"{a} b",
            b"[1:1]={a}",
            b'{"a"b}',
            b"{a\\}",
        ):
            self.assertRaises(ValueRefusedError, from_array, text, 0, 0, STR)

    def test_elements_are_values_of_their_type(self):
        self.assertEqual(from_array(b"{1, 0x1F}", 1007, 0, INT32), [b"1", b"31"])
        self.assertEqual(from_array(b'{"\\\\x4142"}', 1001, 0, BYTES), [b"AB"])
        self.assertEqual(from_array("{Ż}".encode("iso8859_2"), 0, 0, STR, "LATIN2"), ["Ż".encode()])
        self.assertEqual(from_array(b"{abc}", 0, 0, Way("str", "varchar", 2)), [b"ab"])
        self.assertEqual(from_array(b"{007,null}", 1007, 0, STR), [b"7", None])
        self.assertRaises(ValueRefusedError, from_array, b"{x}", 1007, 0, INT32)
        self.assertRaises(ValueRefusedError, from_array, b"{1}", 1115, 0, STR)

    @given(ELEMENTS)
    def test_what_is_written_is_read(self, elements):
        text = to_array_text(elements)
        self.assertEqual(from_array(text, 0, 0, STR), elements)
        self.assertLessEqual(len(elements), most_elements(text, 0))

    def test_there_are_not_too_many(self):
        for count in (MOST, MOST + 1, 2 * MOST):
            text = b"{%b}" % b",".join([b"NULL"] * count)
            data = to_array([None] * count)
            # One that says less than there is.
            liar = data[:12] + struct.pack(">i", 3) + data[16:]
            self.assertRaises(ValueRefusedError, from_array, liar, 1001, 1, BYTES)
            if count == MOST:
                self.assertEqual(len(from_array(text, 0, 0, STR)), MOST)
                self.assertEqual(len(from_array(data, 1001, 1, BYTES)), MOST)
                continue
            for value, oid, form in ((text, 0, 0), (data, 1001, 1)):
                with self.assertRaises(ValueRefusedError) as caught:
                    from_array(value, oid, form, BYTES)
                self.assertEqual(caught.exception.sqlstate, b"54000")

    @given(st.text('{}",\\ aN', max_size=20))
    def test_any_text_is_read_or_refused(self, text):
        try:
            found = from_array(text.encode(), 0, 0, STR)
        except ValueRefusedError:
            return
        self.assertEqual(from_array(to_array_text(found), 0, 0, STR), found)


class Binary(SynchronousTestCase):
    @given(ELEMENTS)
    def test_what_is_written_is_read(self, elements):
        data = to_array(elements, 25)
        self.assertEqual(from_array(data, 1009, 1, STR), elements)
        self.assertEqual(most_elements(data, 1), len(elements))
        self.assertEqual(most_elements(None, 1), 0)
        self.assertEqual(from_array(to_array(elements), 1001, 1, BYTES), elements)

    def test_elements_have_a_type_of_their_own(self):
        data = to_array([b"\0\0\0\5", None], 23)
        self.assertEqual(from_array(data, 0, 1, INT32), [b"5", None])
        self.assertEqual(from_array(data, 1007, 1, STR), [b"5", None])
        self.assertRaises(ValueRefusedError, from_array, data, 0, 1, BYTES)

    def test_data_that_are_no_arrays(self):
        whole = to_array([b"ab"], 25)
        for data in (
            b"",
            whole[:-1],
            whole + b"x",
            whole[:12],
            struct.pack(">iiI", 2, 0, 25) + bytes(16),
            struct.pack(">iiIii", 1, 0, 25, 1 << 30, 1),
            struct.pack(">iiIii", 1, 0, 25, 1, 1) + b"\xff\xff\xff\xfe",
            struct.pack(">iiIii", 1, 0, 25, 0, 1) + whole[20:],
        ):
            self.assertRaises(ValueRefusedError, from_array, data, 0, 1, STR)

    @given(st.binary(max_size=60))
    def test_any_bytes_are_read_or_refused(self, data):
        try:
            from_array(data, 0, 1, STR)
        except ValueRefusedError:
            pass


class Described(SynchronousTestCase):
    def test_every_type_has_an_array(self):
        self.assertEqual(
            [described_array(name).oid for name in DATA_TYPES],
            [1001, 1001, 1009, 1007, 1016, 1000, 1005, 1022, 2951, 1182],
        )
