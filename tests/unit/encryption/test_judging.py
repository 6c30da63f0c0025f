"""Stored values, judged by the keys of those who may have stored them."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.judging import CLEAR, CLOSED, FINE, OTHER, Judge, ReaderKeys
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import MASKED, SEARCHABLE, ColumnSetting, Masking

KEY, OTHER_KEY, SEARCH = (bytes((number,)) * 32 for number in range(3))
PLAIN = ColumnSetting("", "people", "name")
SEARCHED = ColumnSetting("", "people", "email", SEARCHABLE)
CARD = ColumnSetting("", "people", "card", MASKED, masking=Masking(b"xxxx", 4, True))
NUMBER = ColumnSetting("", "people", "age", data_type="int32")


def stored(setting, value, key=KEY, search=SEARCH):
    sealer = ColumnSealer(setting, block_seal(key), Prefixes(setting, [search]), None)
    return sealer.store(value, os.urandom).data


def judged(setting, value, *keys):
    prefixes = Prefixes(setting, [SEARCH]) if setting.kind == SEARCHABLE else None
    readers = [ReaderKeys(Opener([], [key]), prefixes) for key in keys]
    return Judge(setting, readers).judge(value)


class Judging(SynchronousTestCase):
    def test_values_that_are_as_they_should_be(self):
        for setting in (PLAIN, SEARCHED, CARD):
            value = stored(setting, b"4111222233334444")
            self.assertEqual(judged(setting, value, KEY), FINE)
            self.assertEqual(judged(setting, value, OTHER_KEY, KEY), FINE)

    def test_values_in_clear(self):
        for setting in (PLAIN, SEARCHED, CARD, NUMBER):
            for value in (b"4111", b"%%%", b"\x7f" * 40, bytes(200)):
                self.assertEqual(judged(setting, value, KEY), CLEAR)

    def test_values_that_no_key_opens(self):
        for setting in (PLAIN, SEARCHED, CARD):
            value = stored(setting, b"4111222233334444")
            self.assertEqual(judged(setting, value, OTHER_KEY), CLOSED)
            spoilt = bytearray(value)
            spoilt[value.rindex(b"%%%") + 100] ^= 1
            self.assertEqual(judged(setting, bytes(spoilt), KEY), CLOSED)

    def test_a_prefix_that_is_another_values(self):
        value = stored(SEARCHED, b"anna")
        self.assertEqual(judged(SEARCHED, b"\x7f" + bytes(32) + value[33:], KEY), CLOSED)
        self.assertEqual(judged(SEARCHED, stored(SEARCHED, b"anna", search=KEY), KEY), CLOSED)

    def test_a_value_that_is_none_of_the_columns_type(self):
        self.assertEqual(judged(NUMBER, stored(PLAIN, b"-17"), KEY), FINE)
        for value in (b"anna", b"2147483648"):
            self.assertEqual(judged(NUMBER, stored(PLAIN, value), KEY), CLOSED)

    def test_values_in_the_form_of_another_column(self):
        plain, searched = stored(PLAIN, b"anna"), stored(SEARCHED, b"anna")
        self.assertEqual(judged(SEARCHED, plain, KEY), OTHER)
        self.assertEqual(judged(PLAIN, searched, KEY), OTHER)
        for value in (b"clear" + plain, plain + b"clear", plain[:-1], plain + plain):
            self.assertEqual(judged(PLAIN, value, KEY), OTHER)

    def test_without_keys_the_form_alone_counts(self):
        self.assertEqual(judged(PLAIN, stored(PLAIN, b"anna")), FINE)
        self.assertEqual(judged(PLAIN, b"anna"), CLEAR)
        self.assertEqual(judged(PLAIN, stored(SEARCHED, b"anna")), OTHER)

    @given(st.binary(min_size=1), st.integers(0, 400), st.integers(0, 400))
    def test_any_bytes_are_judged(self, more, begin, end):
        for setting in (PLAIN, SEARCHED, CARD, NUMBER):
            value = stored(setting, b"17")
            for some in (more, value[begin:end] or b"-", value[:begin] + more + value[begin:]):
                self.assertIn(judged(setting, some, KEY), (FINE, CLEAR, CLOSED, OTHER))
